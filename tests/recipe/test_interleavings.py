"""Everything that can happen to a session, in any order, against a small model of what the protocol promises.

Several clients hold tokens of a few sessions, some of them outdated, and use them at any time, in every facade; now and
then an answer gets lost, and time passes. After each step the SDK has said what the model says, made the calls that the
model makes, and the core holds what the model holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from supertokens_lite import RecipeUserId
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreUnavailableError
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.exceptions import TokenTheftError, TryRefreshTokenError, UnauthorisedError
from supertokens_lite.types import Refusal
from tests.clocked import Clocked
from tests.conftest import DRIVERS
from tests.embedded.client import Clock, claims_of

ACCESS_S = 100
SESSION_MS = 300_000
GRACE_MS = 30_000
LEEWAY_MS = 5_000
CONFIG = {
    "access_token_validity": ACCESS_S,
    "access_token_validity_jitter": 0,
    "refresh_token_validity": SESSION_MS // 60_000,
    "refresh_token_rotation_grace_period": GRACE_MS // 1000,
}
BEGINNING_MS = 1_790_000_000_000
TIMES_MS = (1, 1, 999, 1000, 1000, 2000, 5_000, 5_000, 29_000, 30_000, 60_000, 94_999, 95_000, 100_000, 300_000)

VERIFY = ("POST", "/recipe/session/verify")
REFRESH = ("POST", "/recipe/session/refresh")
REGENERATE = ("POST", "/recipe/session/regenerate")
REMOVE = ("POST", "/recipe/session/remove")

ENDED = "ended"
TOO_OLD = "too old"
REFUSED = "refused by the core"
THEFT = "theft"
LOST = "nothing is known"


KINDS = {
    ENDED: UnauthorisedError,
    TOO_OLD: TryRefreshTokenError,
    REFUSED: TryRefreshTokenError,
    THEFT: TokenTheftError,
    LOST: CoreUnavailableError,
}
REASONS = {
    ENDED: Refusal.SESSION_ENDED,
    TOO_OLD: Refusal.EXPIRED,
    REFUSED: Refusal.REFUSED_BY_CORE,
    THEFT: Refusal.TOKEN_THEFT,
    LOST: None,
}


@dataclass(eq=False)
class Refresh:
    """A refresh token, and the one that it was given for."""

    session: Stored
    parent: Refresh | None
    text: str = ""


@dataclass(eq=False)
class Access:
    """An access token, the refresh token beside it, and the one that was given for it, if it names that.

    Whoever holds it has the refresh token too.
    """

    session: Stored
    own: Refresh
    parent: Refresh | None
    expires_ms: int
    payload: dict[str, Any]
    text: str = ""


class Stored:
    """What the core holds of a session, and what the SDKs remember of it."""

    def __init__(self, handle: str, payload: dict[str, Any], expires_ms: int, data: dict[str, Any]) -> None:
        self.handle = handle
        self.payload = payload
        self.data = data
        self.expires_ms = expires_ms
        self.current = Refresh(self, None)
        self.previous: Refresh | None = None
        self.rotated_ms = 0
        self.is_there = True
        self.remembered: dict[Clocked, set[str]] = {}

    def is_found(self, now_ms: int) -> bool:
        """Tell whether tokens of it find it."""
        return self.is_there and self.expires_ms >= now_ms

    def is_live(self, now_ms: int) -> bool:
        """Tell whether its handle finds it."""
        return self.is_there and self.expires_ms > now_ms

    def rotate(self, newer: Refresh, older: Refresh, now_ms: int) -> None:
        """Have another refresh token take the place of the current one."""
        self.current, self.previous, self.rotated_ms, self.expires_ms = newer, older, now_ms, now_ms + SESSION_MS

    def forget(self, sdk: Clocked) -> None:
        """Have an SDK forget what it verified."""
        self.remembered.pop(sdk, None)


@dataclass
class Said:
    """What comes of a step: a refusal or none, the calls, the access token that is new, and who vouched for it."""

    refusal: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    access: Access | None = None
    by: str = "core"
    subtype: str | None = None


def mint(of: Refresh, parent: Refresh | None, now_ms: int) -> Access:
    """Make an access token as a core does."""
    expires_ms = (now_ms + ACCESS_S * 1000) // 1000 * 1000
    return Access(of.session, of, parent, expires_ms, dict(of.session.payload))


def say_verified(sdk: Clocked, token: Access, check_database: bool, now_ms: int) -> Said:
    """Verify an access token. Source: CDI 5.4 and 5.6, POST /recipe/session/verify."""
    stored = token.session
    if now_ms - LEEWAY_MS >= token.expires_ms:
        return Said(TOO_OLD)
    remembered = stored.remembered.setdefault(sdk, set())
    by = "cache" if token.text in remembered and now_ms < token.expires_ms else "local"
    if now_ms < token.expires_ms:
        remembered.add(token.text)
    promotes = sdk.cdi_version < "5.6"
    if not (check_database or (promotes and token.parent is not None)):
        return Said(by=by)
    if token.expires_ms < now_ms:
        return Said(REFUSED, [VERIFY])
    if not stored.is_found(now_ms):
        stored.forget(sdk)
        return Said(ENDED, [VERIFY])
    is_stale = check_database and stored.payload != token.payload
    if promotes:
        if token.parent is stored.current:
            stored.rotate(token.own, stored.current, now_ms)
        elif not is_stale and (token.parent is None or token.own is not stored.current):
            return Said(calls=[VERIFY])
        return Said(calls=[VERIFY], access=mint(token.own, None, now_ms))
    if not {token.own, token.parent} & {stored.current, stored.previous} - {None}:
        return Said(REFUSED, [VERIFY])
    if not is_stale:
        return Said(calls=[VERIFY])
    if not stored.is_live(now_ms):
        return Said(ENDED, [VERIFY, REGENERATE])
    anew = Access(stored, token.own, token.parent, token.expires_ms, dict(stored.payload))
    return Said(calls=[VERIFY, REGENERATE], access=anew)


def say_refreshed(sdk: Clocked, token: Refresh, now_ms: int) -> Said:
    """Exchange a refresh token. Source: CDI 5.4 and 5.6, POST /recipe/session/refresh."""
    stored = token.session
    if not stored.is_found(now_ms):
        return Said(ENDED, [REFRESH])
    child, is_child = Refresh(stored, token), token.parent is not None and token.parent is stored.current
    if sdk.cdi_version < "5.6":
        if is_child:
            stored.rotate(token, stored.current, now_ms)
        elif token is not stored.current:
            return Said(THEFT, [REFRESH, REMOVE])
        return Said(calls=[REFRESH], access=mint(child, token, now_ms))
    if token is stored.current or is_child:
        stored.rotate(child, token, now_ms)
    elif token is stored.previous and now_ms <= stored.rotated_ms + GRACE_MS:
        stored.current = child
    else:
        is_orphan = token.parent is not None and token.parent is stored.previous
        subtype = "RECENT_PREV" if token is stored.previous else "ORPHANED_BRANCH" if is_orphan else "STALE_LINEAGE"
        stored.is_there = False
        return Said(THEFT, [REFRESH], subtype=subtype)
    return Said(calls=[REFRESH], access=mint(child, None, now_ms))


def merge(payload: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """Merge claims; None deletes one."""
    return {name: value for name, value in (payload | update).items() if value is not None}


SDK = st.integers(0, 1)
FACADE = st.sampled_from(sorted(DRIVERS))
UPDATES = st.dictionaries(st.sampled_from("ab"), st.none() | st.integers(0, 2), min_size=1)
SELDOM = st.sampled_from([False, False, False, True])
WAYS_TO_END = st.sampled_from(["", "", "", "", "handle", "others"])
CLAIMS = st.dictionaries(st.sampled_from("ab"), st.integers(0, 2))


class Interleavings(RuleBasedStateMachine):
    """Does things to sessions.

    Args:
        core: the core.
        clock: its time.
        versions: the protocol versions to speak; with two of them there are two SDKs.
        user: whose sessions they are.
    """

    tokens = Bundle("tokens")

    def __init__(self, core: EmbeddedCore, clock: Clock, versions: tuple[str, ...], user: RecipeUserId) -> None:
        super().__init__()
        clock.ms = BEGINNING_MS
        self.clock = clock
        self.sdks = [Clocked(core, clock, version) for version in versions]
        self.user = user
        self.sessions: list[Stored] = []

    def do(self, facade: str, sdk: Clocked, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do something in one of the facades; give what comes out, an error that is expected at times too."""
        sdk.take()

        async def scenario() -> Any:
            try:
                return await function(*args, **options)
            except (TryRefreshTokenError, UnauthorisedError, TokenTheftError, CoreUnavailableError) as error:
                return error

        return DRIVERS[facade](scenario)

    def pick(self, number: int) -> Clocked:
        """Give one of the SDKs."""
        return self.sdks[number % len(self.sdks)]

    def compare(self, sdk: Clocked, outcome: Any, said: Said) -> list[Access]:
        """See that what came out is what the model says; give the access token that is new, if any."""
        assert sdk.take() == said.calls
        if said.refusal:
            assert type(outcome) is KINDS[said.refusal]
            assert getattr(outcome, "reason", None) is REASONS[said.refusal]
            assert getattr(outcome, "subtype", None) == said.subtype
            return []
        assert isinstance(outcome, SessionContainer)
        assert outcome.verified_by == said.by
        assert outcome.get_user_id() == self.user.get_as_string()
        assert outcome.get_access_token_payload() == claims_of(outcome.get_access_token())
        assert outcome.access_token_updated is (said.access is not None)
        return [] if said.access is None else [self.take_over(outcome, said.access)]

    def take_over(self, session: SessionContainer, token: Access) -> Access:
        """Compare the tokens of a session object with those that the model says it has, and give them their texts."""
        text = token.text = session.get_access_token()
        claims = claims_of(text)
        assert claims.keys() >= PROTECTED_CLAIMS
        assert claims["sessionHandle"] == session.get_handle() == token.session.handle
        assert claims["exp"] * 1000 == token.expires_ms
        assert claims["iat"] == self.clock.ms // 1000
        assert (claims["parentRefreshTokenHash1"] is None) == (token.parent is None)
        assert {name: value for name, value in claims.items() if name not in PROTECTED_CLAIMS} == token.payload
        assert (session.refresh_token is None) == bool(token.own.text)
        if session.refresh_token is not None:
            token.own.text = session.refresh_token.token
        return token

    @initialize(target=tokens)
    def begin(self) -> MultipleResults[Access]:
        """Have a session to begin with."""
        return self.create(0, "direct", {"a": 0})

    @rule(target=tokens, sdk=SDK, facade=FACADE, payload=CLAIMS)
    def create(self, sdk: int, facade: str, payload: dict[str, Any]) -> MultipleResults[Access]:
        """Create a session."""
        by, now_ms = self.pick(sdk), self.clock.ms
        create = by.session.create_new_session_without_request_response
        session = self.do(facade, by, create, "public", self.user, payload, {"made": now_ms})
        payload = payload | {"iss": "https://api.example.com/auth"}
        stored = Stored(session.get_handle(), payload, now_ms + SESSION_MS, {"made": now_ms})
        self.sessions.append(stored)
        said = Said(calls=[("POST", "/public/recipe/session")], access=mint(stored.current, None, now_ms))
        return multiple(*self.compare(by, session, said))

    @rule(target=tokens, sdk=SDK, facade=FACADE, token=tokens, check_database=st.booleans())
    def verify(self, sdk: int, facade: str, token: Access, check_database: bool) -> MultipleResults[Access]:
        """Use an access token."""
        return multiple(*self.use(self.pick(sdk), facade, token, check_database)[1])

    def use(self, by: Clocked, facade: str, token: Access, check_database: bool) -> tuple[Any, list[Access]]:
        """Verify an access token; give what comes out, and the access token that is new, if any."""
        verify = by.session.get_session_without_request_response
        found = self.do(facade, by, verify, token.text, check_database=check_database)
        return found, self.compare(by, found, say_verified(by, token, check_database, self.clock.ms))

    @rule(target=tokens, sdk=SDK, facade=FACADE, token=tokens, is_lost=SELDOM)
    def refresh(self, sdk: int, facade: str, token: Access, is_lost: bool) -> MultipleResults[Access]:
        """Use a refresh token; now and then the answer gets lost, and with it the tokens."""
        by, stored = self.pick(sdk), token.session
        if is_lost:
            by.lost.add(REFRESH[1])
        refresh = by.session.refresh_session_without_request_response
        outcome = self.do(facade, by, refresh, token.own.text)
        said = say_refreshed(by, token.own, self.clock.ms)
        if is_lost:
            said = Said(LOST, [REFRESH])
        elif said.refusal == THEFT:
            stored.is_there = False
            stored.forget(by)
        return multiple(*self.compare(by, outcome, said))

    @rule(sdk=SDK, facade=FACADE, token=tokens, data=CLAIMS)
    def update_data(self, sdk: int, facade: str, token: Access, data: dict[str, Any]) -> None:
        """Replace the data of a session by its handle."""
        by, stored = self.pick(sdk), token.session
        is_live = stored.is_live(self.clock.ms)
        assert self.do(facade, by, by.session.update_session_data_in_database, stored.handle, data) is is_live
        if is_live:
            stored.data = data

    @rule(sdk=SDK, facade=FACADE, token=tokens, update=UPDATES)
    def merge_by_handle(self, sdk: int, facade: str, token: Access, update: dict[str, Any]) -> None:
        """Merge claims into the payload of a session by its handle."""
        by, stored = self.pick(sdk), token.session
        is_live = stored.is_live(self.clock.ms)
        assert self.do(facade, by, by.session.merge_into_access_token_payload, stored.handle, update) is is_live
        if is_live:
            stored.payload = merge(stored.payload, update)

    @rule(target=tokens, sdk=SDK, facade=FACADE, token=tokens, update=UPDATES)
    def merge_by_object(self, sdk: int, facade: str, token: Access, update: dict[str, Any]) -> MultipleResults[Access]:
        """Merge claims into the payload of a session that was verified, whose object takes the new token over."""
        by, now_ms, stored = self.pick(sdk), self.clock.ms, token.session
        session, newer = self.use(by, facade, token, check_database=False)
        if not isinstance(session, SessionContainer):
            return multiple()
        token = newer[0] if newer else token
        outcome = self.do(facade, by, session.merge_into_access_token_payload, update)
        assert by.take() == [REGENERATE]
        if not stored.is_live(now_ms):
            assert type(outcome) is UnauthorisedError
            return multiple(*newer)
        assert outcome is None
        stored.payload = merge(token.payload, update)
        if token.expires_ms < now_ms:  # within the leeway: the next refresh brings the payload
            assert session.get_access_token() == token.text
            return multiple(*newer)
        merged = Access(stored, token.own, token.parent, token.expires_ms, stored.payload)
        return multiple(*newer, self.take_over(session, merged))

    @rule(sdk=SDK, facade=FACADE, token=tokens, way=WAYS_TO_END)
    def end(self, sdk: int, facade: str, token: Access, way: str) -> None:
        """End a session by its handle, or all others of its user; mostly neither."""
        by, stored, now_ms = self.pick(sdk), token.session, self.clock.ms
        if way == "handle":
            assert self.do(facade, by, by.session.revoke_session, stored.handle) is stored.is_there
            ended = [stored]
        else:
            session, _ = self.use(by, facade, token, check_database=False)
            if way != "others" or not isinstance(session, SessionContainer):
                return
            ended = [each for each in self.sessions if each is not stored and each.is_found(now_ms)]
            handles = self.do(facade, by, by.session.revoke_other_sessions, session)
            assert set(handles) == {each.handle for each in ended}
        for each in ended:
            each.is_there = False
            each.forget(by)

    @rule(ms=st.sampled_from(TIMES_MS))
    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.clock.move(ms)

    @invariant()
    def the_core_holds_what_the_model_holds(self) -> None:
        """Nothing else is in the database, and nothing else has moved a session's end."""
        blocking, now_ms = self.sdks[0].session.blocking, self.clock.ms
        for stored in self.sessions:
            found = blocking.get_session_information(stored.handle)
            assert (found is not None) is stored.is_live(now_ms)
            if found is not None:
                assert found.session_data_in_database == stored.data
                assert found.custom_claims_in_access_token_payload == stored.payload
                assert found.expiry == stored.expires_ms
        handles = blocking.get_all_session_handles_for_user(self.user.get_as_string())
        assert set(handles) == {stored.handle for stored in self.sessions if stored.is_found(now_ms)}


@pytest.mark.parametrize("versions", [("5.4",), ("5.6",), ("5.4", "5.6")], ids="+".join)
def test_interleavings(versions: tuple[str, ...]) -> None:
    """Whatever happens in whatever order, the protocol's promises hold, below 5.6, from then on, and mixed."""
    clock, numbers = Clock(BEGINNING_MS), itertools.count()
    core = EmbeddedCore(":memory:", clock=clock, config=CONFIG)

    class Machine(Interleavings):
        def __init__(self) -> None:
            super().__init__(core, clock, versions, RecipeUserId(f"user-{next(numbers)}"))

    try:
        run_state_machine_as_test(Machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
    finally:
        core.close()
