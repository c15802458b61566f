"""The core's protocol from our side: calls that are built, replies that are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol import cdi, cdi_many
from supertokens_lite.types import CoreCall
from tests.protocol.values import OBJECTS, REPLIES, TEXT

READERS: list[Callable[[dict[str, Any]], Any]] = [
    cdi.has_gone,
    cdi.read_created,
    cdi.read_done,
    cdi.read_found,
    cdi.read_handles,
    cdi.read_info,
    cdi.read_jwks,
    cdi.read_jwt,
    cdi.read_many_found,
    cdi.read_regenerated,
    cdi.read_replaced,
    cdi.read_revoked,
    cdi.read_versioned,
    cdi.read_versioned_members,
    cdi_many.read_listed_sessions,
    cdi_many.read_listed_users,
    cdi_many.read_many_versioned,
    cdi_many.read_updated,
]

CALLS: list[CoreCall] = [
    cdi.create_session(tenant_id="t1", user_id="u", payload={}, data={}, enable_anti_csrf=False, use_dynamic_key=True),
    cdi.get_session("h"),
    cdi.list_handles("u", tenant_id=None, linked=True),
    cdi.remove_by_user("u", tenant_id="t1", linked=False),
    cdi.remove_handles(["h"]),
    cdi.put_data("h", {}),
    cdi.put_payload("h", {}),
    cdi.regenerate("token", None),
    cdi.create_jwt({}, validity_s=1, domain="d", use_static_key=True),
    cdi.get_jwks(),
    cdi.read_versioned_data("h"),
    cdi.put_data_if("h", {}, 1),
    cdi.read_many(["h"]),
    cdi_many.update_many([cdi_many.Update("h", {}, 1), cdi_many.Update("i", {}, None)]),
    cdi_many.list_sessions(limit=1, cursor="c", tenant_id="t1"),
    cdi_many.list_users(limit=1, cursor="c", tenant_id="t1"),
]


@pytest.mark.parametrize("read", READERS, ids=lambda read: str(read.__name__))
def test_any_reply_can_be_read(read: Callable[[dict[str, Any]], Any]) -> None:
    """A reply is read, or refused with one of the three errors that the querier translates."""

    @given(REPLIES)
    @example({})
    @example({"status": "OK"})
    @example({"status": ["OK"]})
    @example({"status": "OK", "session": "text", "accessToken": "text", "refreshToken": [1]})
    def check(reply: dict[str, Any]) -> None:
        try:
            read(reply)
        except (KeyError, TypeError, ValueError):
            return

    check()


def test_every_reader_is_tested() -> None:
    """No function that reads a reply is left out above, and none that builds a call."""
    names = {*cdi.__all__, *cdi_many.__all__}
    reading = {name for name in names if name.startswith("read_")} - {"read_versioned_data", "read_many"}
    assert {read.__name__ for read in READERS} == reading | {"has_gone"}
    others = {"has_gone", "is_tenant_unknown", "max_age_s"}
    building = {name for name in names if name.islower()} - reading - others
    assert len(CALLS) == len(building)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_what_may_be_sent_again(call: CoreCall) -> None:
    """No POST may be sent again in doubt but our own core's read; nor a write that names the version it replaces."""
    expected = call.method == "GET" or call.path in (
        "/recipe/session/data",
        "/recipe/jwt/data",
        "/lite/v1/sessions/read",
    )
    assert call.repeatable is expected
    assert (call.body is None) == (call.method == "GET")
    assert call.path.startswith("/")


def test_many_replacements_may_be_sent_again() -> None:
    """Updates of many sessions that name no version do the same when they are sent twice."""
    assert cdi_many.update_many([cdi_many.Update("h", {}, None)]).repeatable


INFORMATION = st.fixed_dictionaries(
    {
        "sessionHandle": TEXT,
        "userId": TEXT,
        "recipeUserId": TEXT,
        "userDataInDatabase": OBJECTS,
        "expiry": st.integers(),
        "userDataInJWT": OBJECTS,
        "timeCreated": st.integers(),
        "tenantId": TEXT,
    }
)


@given(INFORMATION)
def test_a_session_is_read(session: dict[str, Any]) -> None:
    """Every member comes out under our name; before CDI 4.0 the user is the login method's user too."""
    found = cdi.read_found({"status": "OK", **session})
    assert found is not None
    assert list(found) == [
        session["sessionHandle"],
        session["userId"],
        session["recipeUserId"],
        session["userDataInDatabase"],
        session["expiry"],
        session["userDataInJWT"],
        session["timeCreated"],
        session["tenantId"],
    ]
    assert cdi.read_many_found({"sessions": [session, None]}) == [found, None]
    older = {name: value for name, value in session.items() if name != "recipeUserId"}
    assert cdi.read_found({"status": "OK", **older}) == found._replace(recipe_user_id=session["userId"])
    assert cdi.read_found({"status": "UNAUTHORISED", "message": "Session does not exist."}) is None


@given(TEXT, st.one_of(st.none(), st.from_regex(r"[a-z0-9-]+", fullmatch=True)), st.booleans())
def test_calls_by_user(user_id: str, tenant_id: str | None, linked: bool) -> None:
    """A tenant comes first in the path; without one all tenants are meant; booleans in a query are words."""
    prefix = "" if tenant_id is None else f"/{tenant_id}"
    listing = cdi.list_handles(user_id, tenant_id=tenant_id, linked=linked)
    assert listing[:3] == (
        "GET",
        f"{prefix}/recipe/session/user",
        {
            "userId": user_id,
            "fetchAcrossAllTenants": str(tenant_id is None).lower(),
            "fetchSessionsForAllLinkedAccounts": str(linked).lower(),
        },
    )
    removing = cdi.remove_by_user(user_id, tenant_id=tenant_id, linked=linked)
    assert removing[:4] == (
        "POST",
        f"{prefix}/recipe/session/remove",
        None,
        {"userId": user_id, "revokeAcrossAllTenants": tenant_id is None, "revokeSessionsForLinkedAccounts": linked},
    )


def test_null_is_never_sent() -> None:
    """What is optional is left out, not null."""
    for call in CALLS:
        assert None not in (call.body or {}).values()
        assert None not in (call.query or {}).values()
        assert unquote(call.path) == call.path
    assert cdi.regenerate("token", {"a": None}).body == {"accessToken": "token", "userDataInJWT": {"a": None}}


@given(
    st.integers(0, 10**10 - 1), st.sampled_from(["", "public, ", "s-maxage=5, "]), st.sampled_from(["", ", x", ";y"])
)
def test_the_age_that_a_header_allows(seconds: int, before: str, after: str) -> None:
    """`max-age` is found among other directives, in any case."""
    assert cdi.max_age_s(f"{before}max-age={seconds}{after}") == seconds
    assert cdi.max_age_s(f"{before}Max-Age = {seconds}{after}") == seconds


@given(st.one_of(st.none(), st.text(), st.text().map("max-age={}".format)))
def test_any_header_can_be_read(header: str | None) -> None:
    """Any header gives a number of seconds or none."""
    found = cdi.max_age_s(header)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("status", "excerpt", "expected"),
    [
        (400, "AppId or tenantId not found => Tenant with the following", True),
        (500, "AppId or tenantId not found", False),
        (400, "Field name 'sessionHandle' is invalid in JSON input", False),
    ],
)
def test_a_tenant_that_does_not_exist(status: int, excerpt: str, expected: bool) -> None:
    """Only the core's own sentence with its status means that."""
    assert cdi.is_tenant_unknown(status, excerpt) is expected
