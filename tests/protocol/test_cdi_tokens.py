"""What the core says of tokens: calls that are built, replies that are read; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol import cdi_tokens
from supertokens_lite._protocol.cdi import Created
from supertokens_lite._protocol.cdi_tokens import Refused, Theft, Verified, read_refreshed, read_verified
from tests.protocol.values import JSON, OBJECTS, REPLIES, TEXT

OPTIONAL_TEXT = st.none() | TEXT
STATUSES = st.sampled_from(("OK", "UNAUTHORISED", "TRY_REFRESH_TOKEN", "TOKEN_THEFT_DETECTED")) | JSON
ANSWERS = st.builds(lambda reply, status: {**reply, "status": status}, REPLIES, STATUSES)
SUBTYPES = st.sampled_from((None, "RECENT_PREV", "ORPHANED_BRANCH", "STALE_LINEAGE"))
IDENTITIES = st.tuples(TEXT, TEXT, TEXT)

Identity = tuple[str, str, str]


def _session(identity: Identity, **members: Any) -> dict[str, Any]:
    return {"handle": identity[0], "userId": identity[1], "recipeUserId": identity[2], **members}


def _without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in members.items() if each != name}


@given(TEXT, OPTIONAL_TEXT, st.booleans(), st.booleans(), st.booleans())
def test_the_call_that_verifies(token: str, csrf: str | None, check: bool, enable: bool, database: bool) -> None:
    """All that the protocol requires is sent, what is optional only if there is something to say; it may come twice."""
    call = cdi_tokens.verify(
        token, anti_csrf_token=csrf, check_anti_csrf=check, enable_anti_csrf=enable, check_database=database
    )
    assert call[:3] == ("POST", "/recipe/session/verify", None)
    body = {"accessToken": token, "doAntiCsrfCheck": check, "enableAntiCsrf": enable, "checkDatabase": database}
    assert call.body == (body if csrf is None else {**body, "antiCsrfToken": csrf})
    assert call.repeatable


@given(TEXT, OPTIONAL_TEXT, st.booleans(), st.booleans())
def test_the_call_that_refreshes(token: str, csrf: str | None, enable: bool, dynamic: bool) -> None:
    """The key kind is always named, for it is required from CDI 5.0 on; the call must not come twice."""
    call = cdi_tokens.refresh(token, anti_csrf_token=csrf, enable_anti_csrf=enable, use_dynamic_key=dynamic)
    assert call[:3] == ("POST", "/recipe/session/refresh", None)
    body = {"refreshToken": token, "enableAntiCsrf": enable, "useDynamicSigningKey": dynamic}
    assert call.body == (body if csrf is None else {**body, "antiCsrfToken": csrf})
    assert not call.repeatable


@pytest.mark.parametrize("read", [read_verified, read_refreshed])
def test_any_reply_can_be_read(read: Callable[[dict[str, Any]], Any]) -> None:
    """A reply is read, or refused with one of the three errors that the querier translates."""

    @given(ANSWERS)
    @example({})
    @example({"status": ["OK"]})
    @example({"status": "OK", "session": "text", "accessToken": "text", "refreshToken": [1]})
    @example({"status": "TOKEN_THEFT_DETECTED", "session": [1]})
    def check(reply: dict[str, Any]) -> None:
        try:
            read(reply)
        except (KeyError, TypeError, ValueError):
            return

    check()


@given(IDENTITIES, TEXT, OBJECTS, st.none() | TEXT, st.sampled_from((None, False, True)))
def test_a_token_that_is_good(
    identity: Identity, tenant: str, payload: dict[str, Any], newer: str | None, update: bool | None
) -> None:
    """The session comes out under our names, with a newer token (below 5.6) or word of a newer payload (from 5.6)."""
    session = _session(identity, tenantId=tenant, userDataInJWT=payload)
    reply: dict[str, Any] = {"status": "OK", "session": session}
    if newer is not None:
        reply["accessToken"] = {"token": newer, "expiry": 2, "createdTime": 1}
    if update is not None:
        reply["payloadUpdateAvailable"] = update
    expected = Verified(*identity, tenant, payload, newer, update is True)
    assert read_verified(reply) == expected
    assert repr(expected) == f"Verified({identity[0]!r})"
    older = {**reply, "session": _without(session, "recipeUserId")}
    assert read_verified(older) == expected._replace(recipe_user_id=identity[1])
    for name in ("handle", "userId", "tenantId", "userDataInJWT"):
        with pytest.raises(KeyError, match=name):
            read_verified({**reply, "session": _without(session, name)})
        with pytest.raises(TypeError, match="not a"):
            read_verified({**reply, "session": {**session, name: 1}})


@given(st.none() | TEXT, st.booleans())
def test_a_token_that_the_core_does_not_take(message: str | None, try_refresh: bool) -> None:
    """The core says whether the session is over; its message is kept, if it has one."""
    reply = {"status": "TRY_REFRESH_TOKEN" if try_refresh else "UNAUTHORISED"}
    if message is not None:
        reply["message"] = message
    assert read_verified(reply) == Refused(message or "", try_refresh)


@given(IDENTITIES, TEXT, st.none() | TEXT)
def test_a_token_that_was_exchanged(identity: Identity, tenant: str, csrf: str | None) -> None:
    """The session comes out with its new tokens, as when it was created."""
    reply = {
        "status": "OK",
        "session": _session(identity, tenantId=tenant, userDataInJWT={}),
        "accessToken": {"token": "access", "expiry": 2, "createdTime": 1},
        "refreshToken": {"token": "refresh", "expiry": 4, "createdTime": 3},
    }
    if csrf is not None:
        reply["antiCsrfToken"] = csrf
    assert read_refreshed(reply) == Created(*identity, tenant, "access", ("refresh", 4, 3), csrf)


@given(IDENTITIES, SUBTYPES)
def test_a_token_that_came_again(identity: Identity, subtype: str | None) -> None:
    """A theft names the session and, from CDI 5.6 on, how the token was reused."""
    reply: dict[str, Any] = {"status": "TOKEN_THEFT_DETECTED", "session": _session(identity)}
    if subtype is not None:
        reply["recentTokenReuseSubtype"] = subtype
    expected = Theft(*identity, subtype)
    assert read_refreshed(reply) == expected
    older = {**reply, "session": _without(_session(identity), "recipeUserId")}
    assert read_refreshed(older) == expected._replace(recipe_user_id=identity[1])


@given(TEXT, SUBTYPES)
def test_a_refresh_token_that_the_core_does_not_take(message: str, subtype: str | None) -> None:
    """A refusal ends the session for its client; a core that is set to refuse a reuse says which it was."""
    reply: dict[str, Any] = {"status": "UNAUTHORISED", "message": message}
    if subtype is not None:
        reply["recentTokenReuseSubtype"] = subtype
    assert read_refreshed(reply) == Refused(message, try_refresh=False, subtype=subtype)


@given(JSON.filter(lambda status: status not in ("OK", "UNAUTHORISED", "TRY_REFRESH_TOKEN", "TOKEN_THEFT_DETECTED")))
def test_any_other_status_is_no_answer(status: object) -> None:
    """What the protocol does not have is neither a refusal nor a theft."""
    for read in (read_verified, read_refreshed):
        with pytest.raises(ValueError, match="status"):
            read({"status": status, "message": "m", "session": {"handle": "h", "userId": "u"}})


@pytest.mark.parametrize(
    ("read", "status"), [(read_verified, "TOKEN_THEFT_DETECTED"), (read_refreshed, "TRY_REFRESH_TOKEN")]
)
def test_the_answers_of_one_call_are_none_of_the_other(read: Callable[[dict[str, Any]], Any], status: str) -> None:
    """A verification can't detect a theft, and a refresh can't ask for one."""
    with pytest.raises(ValueError, match="status"):
        read({"status": status, "message": "m", "session": {"handle": "h", "userId": "u"}})
