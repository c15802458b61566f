"""Claims in payloads, and what each validator says of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import assert_type

from supertokens_lite import RecipeUserId
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.jsondata import check_object, merge_claims
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session.claims import (
    BooleanClaim,
    ClaimRegistry,
    PrimitiveArrayClaim,
    PrimitiveClaim,
    SessionClaimValidator,
    failed_claims,
)
from supertokens_lite.recipe.session.exceptions import ClaimValidationError
from supertokens_lite.recipe.session.results import ClaimsValidationResult, ClaimValidationResult
from tests.claims import (
    EACH_MAKER,
    MAKERS,
    NOW_MS,
    USER,
    VALUES,
    Fetcher,
    Flag,
    Many,
    One,
    Wild,
    asks_refetch,
    flag,
    many,
    one,
    stored,
)
from tests.conftest import Drive
from tests.protocol.values import FINITE, JSON, OBJECTS, TEXT

Case = tuple[str, SessionClaimValidator, str, Any, list[Any], list[Any]]
"""A name, a validator, the key of what is wanted in the reason, that, values that will do and values that won't."""

CASES: list[Case] = [
    ("has_value", one().validators.has_value("a"), "expectedValue", "a", ["a"], ["b", 1, True, ["a"], {"a": 1}, ""]),
    ("has_value 1", one().validators.has_value(1), "expectedValue", 1, [1, 1.0], [True, 0, "1", [1]]),
    ("has_value true", one().validators.has_value(True), "expectedValue", True, [True], [1, False, "true"]),
    ("has_value false", one().validators.has_value(False), "expectedValue", False, [False], [0, True, ""]),
    ("is_true", flag().validators.is_true(None), "expectedValue", True, [True], [False, 1, "yes"]),
    ("is_false", flag().validators.is_false(None), "expectedValue", False, [False], [True, 0, ""]),
    ("includes", many().validators.includes("a"), "expectedToInclude", "a", [["a"], ["b", "a"]], [[], ["b"], [["a"]]]),
    ("includes 1", many().validators.includes(1), "expectedToInclude", 1, [[1], [2, 1.0]], [[True], ["1"], [[1]]]),
    ("excludes", many().validators.excludes("a"), "expectedToNotInclude", "a", [[], ["b"], ["A"]], [["b", "a"]]),
    (
        "includes_all",
        many().validators.includes_all(["a", "b"]),
        "expectedToInclude",
        ["a", "b"],
        [["a", "b"], ["c", "b", "a", "a"]],
        [[], ["a"], ["b", "c"], ["ab"]],
    ),
    ("includes_all []", many().validators.includes_all([]), "expectedToInclude", [], [[], ["a"]], []),
    (
        "includes_any",
        many().validators.includes_any(["a", "b"]),
        "expectedToIncludeAtLeastOneOf",
        ["a", "b"],
        [["a"], ["c", "b"], ["a", "b"]],
        [[], ["c"]],
    ),
    ("includes_any []", many().validators.includes_any([]), "expectedToIncludeAtLeastOneOf", [], [], [[], ["a"]]),
    (
        "excludes_all",
        many().validators.excludes_all(["a", "b"]),
        "expectedToNotInclude",
        ["a", "b"],
        [[], ["c", {"a": 1}]],
        [["a"], ["c", "b"]],
    ),
    ("excludes_all []", many().validators.excludes_all([]), "expectedToNotInclude", [], [[], ["a"]], []),
]
ALL_CASES = pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])


@ALL_CASES
def test_what_each_validator_says_of_a_value(case: Case, drive: Drive) -> None:
    """A value that will do passes; another is named in the reason with what is wanted, whatever its type."""
    _, validator, label, wanted, good, bad = case

    async def scenario() -> None:
        for value in good:
            assert await failed_claims(stored(value), [validator], {}) == [], value
        for value in bad:
            [error] = await failed_claims(stored(value), [validator], {})
            reason = {"message": "wrong value", label: wanted, "actualValue": value}
            assert error.to_json() == {"id": "c", "reason": reason}

    drive(scenario)


@ALL_CASES
@pytest.mark.parametrize(
    "payload", [{}, {"c": None}, {"c": "a"}, {"c": []}, {"c": {}}, stored(None), {"d": 1}], ids=repr
)
def test_what_each_validator_says_of_nothing(case: Case, payload: dict[str, Any]) -> None:
    """What is absent, or was not put there by the claim, does not pass; those that exclude are no exception."""
    _, validator, label, wanted, _, _ = case
    [error] = run(failed_claims(payload, [validator], {}))
    reason = {"message": "value does not exist", label: wanted, "actualValue": None}
    assert error.to_json() == {"id": "c", "reason": reason}
    assert run(asks_refetch(validator, payload))


@pytest.mark.parametrize("value", ["abc", 1, True, {"a": 1}])
def test_a_list_that_is_none_does_not_exist(value: Any) -> None:
    """A list claim of which the payload has something else passes no validator."""
    validators = many().validators
    for validator in (validators.includes("a"), validators.excludes("x"), validators.excludes_all([])):
        [error] = run(failed_claims(stored(value), [validator], {}))
        assert (error.reason or {})["message"] == "value does not exist"


AGES = [  # the claim's default, the validator's own, the age of the value, the age that is too old
    (None, None, 10**9, None),
    (None, 60, 60, None),
    (None, 60, 60.001, 60),
    (60, None, 60, None),
    (60, None, 61.5, 60),
    (60, 120, 100, None),
    (120, 60, 100, 60),
    (60, 0, 0, None),
    (60, 0, 0.001, 0),
    (0, None, 0.001, 0),
    (0, 60, 30, None),
    (None, 0, -5, None),
]


@EACH_MAKER
@pytest.mark.parametrize(("default", "own", "age", "limit"), AGES)
def test_the_age_of_a_value(maker: str, default: int | None, own: int | None, age: float, limit: int | None) -> None:
    """An age given with the validator counts, 0 too; else the claim's default; at the limit a value is young enough."""
    validator = MAKERS[maker](default, own)
    payload = stored(VALUES.get(maker, ["a"]), age)
    failed = run(failed_claims(payload, [validator], {}))
    assert run(asks_refetch(validator, payload)) is bool(failed)
    reason = {"message": "expired", "ageInSeconds": age, "maxAgeInSeconds": limit}
    assert [error.to_json() for error in failed] == ([] if limit is None else [{"id": "c", "reason": reason}])


@EACH_MAKER
@pytest.mark.parametrize("time", [None, "1700000000000", True, float("inf"), [1]], ids=repr)
def test_an_age_that_is_not_known_is_too_old(maker: str, time: Any) -> None:
    """Where the age matters, a value without a time is fetched anew and does not pass; where it does not, it passes."""
    payload = {"c": {"v": VALUES.get(maker, ["a"]), "t": time}}
    aged, ageless = MAKERS[maker](None, 10**9), MAKERS[maker](None, None)
    [error] = run(failed_claims(payload, [aged, ageless], {}))
    assert error.reason == {"message": "expired", "ageInSeconds": None, "maxAgeInSeconds": 10**9}
    assert run(asks_refetch(aged, payload))
    assert not run(asks_refetch(ageless, payload))


@EACH_MAKER
def test_ids(maker: str) -> None:
    """A validator is called like its claim's key, or as it is told, and knows its claim."""
    for validator, id_ in ((MAKERS[maker](None, None), "c"), (MAKERS[maker](None, None, id_="mine"), "mine")):
        assert validator.id == id_
        assert validator.claim is not None
        assert validator.claim.key == "c"
        assert run(failed_claims({}, [validator], {}))[0].id_ == id_


def test_too_old_is_said_before_wrong(drive: Drive) -> None:
    """Of a value that is both, the age is told."""
    validator = one().validators.has_value("b", 1)
    [error] = drive(failed_claims, stored("a", 2), [validator], {})
    assert (error.reason or {})["message"] == "expired"


def test_items_have_to_be_plain() -> None:
    """A list given where one item belongs is refused when the validator is made."""
    validators = many().validators
    with pytest.raises(TypeError, match="an item of a claim is a string, a number or a boolean, not list"):
        validators.includes(["a"])
    with pytest.raises(TypeError, match="not dict"):
        validators.excludes_all([{"a": 1}])


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (many().validators.includes_all, "expectedToInclude"),
        (many().validators.includes_any, "expectedToIncludeAtLeastOneOf"),
        (many().validators.excludes_all, "expectedToNotInclude"),
    ],
)
def test_a_validator_keeps_its_own_list(make: Callable[[list[str]], SessionClaimValidator], label: str) -> None:
    """Changing the list that a validator was made from changes neither what it wants nor what it says."""
    wanted = ["a"]
    validator = make(wanted)
    before = run(failed_claims(stored(["a"]), [validator], {}))
    wanted[:] = ["b"]
    assert run(failed_claims(stored(["a"]), [validator], {})) == before
    [error] = run(failed_claims({}, [validator], {}))
    assert (error.reason or {})[label] == ["a"]


PLAIN: st.SearchStrategy[Any] = st.one_of(TEXT, st.integers(), FINITE, st.booleans())
KEYS = TEXT.filter(lambda key: key not in PROTECTED_CLAIMS)


@given(st.one_of(PLAIN.map(one), st.lists(PLAIN).map(many), st.booleans().map(flag)), KEYS, OBJECTS)
def test_a_claim_in_a_payload(claim: One | Many | Flag, key: str, payload: dict[str, Any]) -> None:
    """What is built and added can be read, is JSON, replaces only itself, and is gone once removed or merged away."""
    claim.key = key
    before = copy.deepcopy(payload)
    value = claim.fetch_value.value
    built = run(claim.build("ada", USER, "public", payload, {}))
    assert built == {key: {"v": value, "t": NOW_MS}}
    check_object(built, "built")
    added = claim.add_to_payload_(payload, value)
    assert added == payload | built == merge_claims(payload, built, frozenset())
    again = json.loads(json.dumps(added))
    assert claim.get_value_from_payload(again) == value
    assert claim.get_last_refetch_time(again) == NOW_MS
    removed = claim.remove_from_payload(added)
    assert removed == {name: each for name, each in payload.items() if name != key}
    assert merge_claims(added, claim.remove_from_payload_by_merge_({}), PROTECTED_CLAIMS) == {
        name: each for name, each in removed.items() if name not in PROTECTED_CLAIMS
    }
    assert claim.remove_from_payload_by_merge_(added) == added | {key: None}
    assert claim.get_value_from_payload(claim.remove_from_payload_by_merge_(added)) is None
    assert claim.remove_from_payload(removed) == removed
    assert payload == before


@given(JSON)
def test_reading_anything(value: Any) -> None:
    """Whatever lies under a claim's key, reading it and deciding on it raises nothing."""
    for payload in ({"c": value}, {"c": {"v": value, "t": value}}):
        for validator in (one().validators.has_value("a", 5), many().validators.includes("a", 5)):
            run(asks_refetch(validator, payload))
            run(failed_claims(payload, [validator], {}))


@pytest.mark.parametrize("key", sorted(PROTECTED_CLAIMS))
def test_the_cores_own_keys_are_refused(key: str) -> None:
    """A claim can't be made with a key of the core's own."""
    for kind in (PrimitiveClaim, BooleanClaim, PrimitiveArrayClaim, Wild):
        with pytest.raises(ConfigurationError, match=f"a claim can't have the key '{key}'"):
            kind(key, Fetcher())


def test_a_list_is_copied_and_has_to_be_one() -> None:
    """The payload has its own copy of a fetched list; a text or a set instead of a list is refused."""
    roles = ["a"]
    claim = many(roles)
    built = run(claim.build("ada", USER, "public", {}, {}))
    built["c"]["v"].append("admin")
    assert roles == ["a"]
    assert claim.add_to_payload_({}, ("a", "b"))["c"]["v"] == ["a", "b"]  # type: ignore[arg-type]
    for value in ("admin", {"admin"}, {"admin": 1}):
        with pytest.raises(BadInputError, match=r"c: must be a list, not (str|set|dict)"):
            claim.add_to_payload_({}, value)  # type: ignore[arg-type]


def test_the_time_is_the_time() -> None:
    """A claim has the time in whole milliseconds since the epoch."""
    before = datetime.now(timezone.utc).timestamp() * 1000
    now = PrimitiveClaim("c", Fetcher()).now_ms()
    assert isinstance(now, int)
    assert PrimitiveClaim("c", Fetcher()).get_last_refetch_time({"c": {"v": 1, "t": 1.7e12}}) == NOW_MS
    assert before - 1 <= now <= datetime.now(timezone.utc).timestamp() * 1000


def test_what_is_said_as_json() -> None:
    """A validator that agrees gives no reason; all that was said has the protocol's names."""
    assert ClaimValidationResult(True, {"a": 1}) == ClaimValidationResult(True)
    assert ClaimValidationResult(True).reason == {}
    assert ClaimValidationResult(is_valid=False).reason is None
    errors = [ClaimValidationError("a", {"message": "x"}), ClaimValidationError("b", None)]
    assert ClaimsValidationResult(errors, {"c": 1}).to_json() == {
        "status": "OK",
        "invalidClaims": [{"id": "a", "reason": {"message": "x"}}, {"id": "b"}],
        "accessTokenPayloadUpdate": {"c": 1},
    }
    assert ClaimsValidationResult([]).access_token_payload_update is None


def test_the_registry() -> None:
    """Claims and validators come back in order, in lists of the caller's own; a second claim of a key is refused."""
    registry = ClaimRegistry()
    claim, other = one(), Wild("w", Fetcher())
    validator = claim.validators.has_value("a")
    registry.add_claim(claim)
    registry.add_claim(other)
    registry.add_validator(validator)
    registry.add_validator(validator)
    for twice in (claim, many()):
        with pytest.raises(ConfigurationError, match="two recipes add a claim with the key 'c'"):
            registry.add_claim(twice)
    registry.list_claims().clear()
    registry.list_validators().clear()
    assert registry.list_claims() == [claim, other]
    assert registry.list_validators() == [validator, validator]


async def fetch_roles(
    user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, *_: dict[str, Any]
) -> list[str] | None:
    return [user_id]


def fetch_level(user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, *_: dict[str, Any]) -> int:
    return 3


def test_types_follow_from_what_is_fetched() -> None:
    """The type of a claim's value is that of what its function gives, awaited or not."""
    roles, level = PrimitiveArrayClaim("roles", fetch_roles), PrimitiveClaim("level", fetch_level)
    assert_type(roles, PrimitiveArrayClaim[list[str]])
    assert_type(level, PrimitiveClaim[int])
    assert_type(roles.get_value_from_payload({}), "list[str] | None")
    assert_type(level.get_value_from_payload({}), "int | None")
    assert_type(BooleanClaim("b", Fetcher()).validators.is_true(None), SessionClaimValidator)
    assert_type(roles.validators.includes("admin"), SessionClaimValidator)
    with pytest.raises(TypeError):
        roles.validators.includes_all([["admin"]])  # type: ignore[list-item]
