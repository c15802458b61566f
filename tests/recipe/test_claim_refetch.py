"""When claims are fetched anew, and what that leaves alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.recipe.session.claims import (
    SessionClaim,
    SessionClaimValidator,
    failed_claims,
)
from supertokens_lite.recipe.session.exceptions import ClaimValidationError
from supertokens_lite.recipe.session.results import ClaimValidationResult
from tests.claims import (
    EACH_MAKER,
    MAKERS,
    NOW_MS,
    OWN,
    USER,
    VALUES,
    Clock,
    Fetcher,
    Many,
    One,
    Wild,
    check,
    many,
    one,
    refetch,
    stored,
)
from tests.conftest import Drive
from tests.protocol.values import JSON, OBJECTS, TEXT


@EACH_MAKER
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_is_absent_is_fetched(maker: str, kind: str, drive: Drive) -> None:
    """A claim that is absent is fetched by either kind of function and put in with its time; then it passes."""
    validator = MAKERS[maker](None, 60)
    claim: Any = validator.claim
    fetcher = claim.fetch_value
    if kind == "async def":

        async def awaited(*args: Any) -> Any:
            return fetcher(*args)

        awaited.clock = fetcher.clock  # type: ignore[attr-defined]
        claim.fetch_value = awaited
    payload, said = drive(check, OWN | {"mine": [1]}, validator)
    assert payload == OWN | {"mine": [1], "c": {"v": VALUES.get(maker, ["a"]), "t": NOW_MS}}
    assert said == []
    assert fetcher.calls == [("ada", USER, "public", OWN | {"mine": [1]}, {})]


def test_what_is_fresh_is_not_fetched(drive: Drive) -> None:
    """Nothing is fetched for a value that is there and young, wrong or not; the payload comes back itself."""
    claim = one("new")
    payload = stored("old", 10)
    assert drive(refetch, payload, claim.validators.has_value("new", 10), claim.validators.has_value("x")) is payload
    assert claim.fetch_value.calls == []


def test_no_value_leaves_what_is_there(drive: Drive) -> None:
    """When fetching gives None the payload stays as it is, and what is too old or absent does not pass."""
    claim = one(None)
    old = stored("a", 61)
    payload, said = drive(check, old, claim.validators.has_value("a", 60))
    assert payload is old
    assert said[0]["reason"]["message"] == "expired"
    payload, said = drive(check, {}, claim.validators.has_value("a"))
    assert payload == {}
    assert said[0]["reason"]["message"] == "value does not exist"


def test_a_claim_is_fetched_once_for_all_its_validators(drive: Drive) -> None:
    """Several validators of a claim have it fetched once; each still looks at it."""
    for value in (["a"], None):
        claim = many(value)
        validators = (claim.validators.includes("a", 0), claim.validators.excludes("a", 0, "not-a"))
        _, said = drive(check, stored(["z"], 5), *validators)
        assert len(claim.fetch_value.calls) == 1
        assert [each["id"] for each in said] == (["not-a"] if value else ["c", "not-a"])


def test_what_was_fetched_for_a_request_is_young_enough_for_it(drive: Drive) -> None:
    """A value fetched for a request passes its maximal age however long fetching it, or others, took."""
    clock = Clock()
    claim = One("c", Fetcher("a", clock, takes_ms=1500), None)
    other = Many("d", Fetcher(["b"], clock, takes_ms=3000), 1)
    validators = claim.validators.has_value("a", 0), other.validators.includes("b")
    payload, said = drive(check, {}, *validators)
    assert said == []
    clock.now += 1
    [error] = drive(failed_claims, payload, [validators[0]], {})
    assert error.reason == {"message": "expired", "ageInSeconds": 3.001, "maxAgeInSeconds": 0}


def test_what_was_fetched_before_is_fetched_again_for_the_same_request(drive: Drive) -> None:
    """A later check of the same request fetches what has grown too old, and does not pass once there is no value."""
    claim = one("a")
    fetcher: Any = claim.fetch_value
    validator = claim.validators.has_value("a", 1)
    context: dict[str, Any] = {}

    async def scenario() -> None:
        payload = await refetch({}, validator, context=context)
        fetcher.clock.now += 1001
        fetcher.value = None
        assert await refetch(payload, validator, context=context) is payload
        assert len(fetcher.calls) == 2
        [error] = await failed_claims(payload, [validator], context)
        assert (error.reason or {})["message"] == "expired"

    drive(scenario)


def test_what_was_fetched_for_one_payload_is_nothing_to_another(drive: Drive) -> None:
    """A context in which a claim was fetched does not make the claim of another payload any younger."""
    claim = one("a")
    validator = claim.validators.has_value("a", 60)
    context: dict[str, Any] = {}

    async def scenario() -> None:
        await refetch({}, validator, context=context)
        [error] = await failed_claims(stored("a", 61), [validator], context)
        assert (error.reason or {})["message"] == "expired"

    drive(scenario)


class Answers(SessionClaimValidator):
    """A validator that says whether to fetch as it is told, by either kind of function."""

    def __init__(self, claim: SessionClaim[Any] | None, answer: bool, is_async: bool) -> None:
        super().__init__("answers")
        self.claim = claim
        self.answer = answer
        self.is_async = is_async
        self.asked = 0

    async def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> ClaimValidationResult:
        return ClaimValidationResult(False)

    def should_refetch(self, payload: dict[str, Any], user_context: dict[str, Any]) -> Any:
        self.asked += 1

        async def later() -> bool:
            return self.answer

        return later() if self.is_async else self.answer


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("answer", [False, True])
def test_should_refetch_may_be_either_kind(answer: bool, is_async: bool, drive: Drive) -> None:
    """What `should_refetch` says is awaited where it has to be: an `async def` that says no is not a yes."""
    claim = one("a")
    validator = Answers(claim, answer, is_async)
    payload = drive(refetch, {}, validator)
    assert validator.asked == 1
    assert len(claim.fetch_value.calls) == int(answer)
    assert payload == (stored("a") if answer else {})


def test_without_a_claim_nothing_is_asked(drive: Drive) -> None:
    """A validator without a claim is not asked whether to fetch; what it says without a reason goes without one."""
    validator = Answers(None, True, False)
    payload, said = drive(check, {"a": 1}, validator)
    assert (payload, said, validator.asked) == ({"a": 1}, [{"id": "answers"}], 0)


def test_a_claim_without_a_rule_is_told(drive: Drive) -> None:
    """A validator that has a claim and no rule for fetching it raises an error that names it."""

    class Forgotten(SessionClaimValidator):
        async def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> ClaimValidationResult:
            return ClaimValidationResult(True)

    validator = Forgotten("f")
    assert drive(check, {}, validator) == ({}, [])
    validator.claim = one("a")
    with pytest.raises(NotImplementedError, match="Forgotten has a claim and needs a should_refetch"):
        drive(refetch, {}, validator)


def test_validate_may_be_a_plain_def(drive: Drive) -> None:
    """A validator's `validate` may be a plain function; what fails comes in the order of the validators."""

    class Plain(SessionClaimValidator):
        def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> Any:
            return ClaimValidationResult(payload["n"] == 1, {"n": payload["n"]})

    validators = [Plain("first"), Answers(None, False, False), Plain("last")]
    assert [error.id_ for error in drive(failed_claims, {"n": 1}, validators, {})] == ["answers"]
    said = drive(failed_claims, {"n": 2}, validators, {})
    expected = [("first", {"n": 2}), ("answers", None), ("last", {"n": 2})]
    assert said == [ClaimValidationError(id_, reason) for id_, reason in expected]


def fetch_and_spoil(*args: Any) -> str:
    """Fetch a value, and change the payload meanwhile."""
    args[3].clear()
    return "fetched"


@given(
    st.dictionaries(st.sampled_from(sorted(PROTECTED_CLAIMS)), JSON),
    OBJECTS,
    TEXT.filter(lambda key: key not in PROTECTED_CLAIMS),
)
def test_a_refetch_leaves_everything_else_alone(own: dict[str, Any], mine: dict[str, Any], key: str) -> None:
    """Whatever a claim does to what it gets: only its own key is new, and the payload given in is as it was."""
    given_in = mine | own
    before = copy.deepcopy(given_in)
    after = run(refetch(given_in, Answers(Wild(key, fetch_and_spoil), True, True)))
    assert given_in == before
    assert after == before | {key: "fetched"}
    built = run(Wild("k", fetch_and_spoil).build("ada", USER, "public", given_in, {}))
    assert given_in == before
    assert built["k"] == "fetched"
