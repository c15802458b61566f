"""Replies of a core that are not what its protocol says: one error that names the core, never a bare KeyError."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from supertokens_lite import Supertokens
from supertokens_lite.exceptions import CoreResponseError
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.types import RecipeUserId
from tests.apps import USER, build_app
from tests.conftest import Drive
from tests.servers import INFORMATION, Reply, Seen, serve, session_core

pytestmark = pytest.mark.usefixtures("transport")

Call = Callable[[Supertokens], Awaitable[Any]]


def jwt(payload: object) -> str:
    """Build what looks like a JWT."""
    return f"e30.{base64.urlsafe_b64encode(json.dumps(payload).encode()).decode()}.x"


SESSION = {"handle": "h", "userId": "u", "recipeUserId": "u", "userDataInJWT": {}, "tenantId": "public"}
ACCESS = {"token": jwt({"exp": 1}), "expiry": 1, "createdTime": 1}
CREATED = {"status": "OK", "session": SESSION, "accessToken": ACCESS, "refreshToken": {**ACCESS, "token": "r"}}
KEY = {"kty": "RSA", "kid": "k", "n": "n", "e": "e", "alg": "RS256", "use": "sig"}


def held(app: Supertokens) -> SessionContainer:
    """Give a session object as if it had been created."""
    recipe = app.recipe_modules[0]
    token = jwt({"exp": 1})
    return SessionContainer(
        recipe.recipe_implementation,
        recipe.config,
        token,
        "",
        None,
        None,
        "h",
        "u",
        RecipeUserId("u"),
        {"exp": 1},
        None,
        True,
        "public",
    )


CALLS: dict[str, tuple[Call, dict[str, Any]]] = {
    "create": (lambda app: app.session.create_new_session_without_request_response("public", USER), CREATED),
    "information": (lambda app: app.session.get_session_information("h"), INFORMATION),
    "update": (lambda app: app.session.update_session_data_in_database("h", {}), {"status": "OK"}),
    "merge": (lambda app: app.session.merge_into_access_token_payload("h", {}), INFORMATION),
    "handles": (lambda app: app.session.get_all_session_handles_for_user("u"), {"status": "OK", "sessionHandles": []}),
    "revoke": (lambda app: app.session.revoke_session("h"), {"status": "OK", "sessionHandlesRevoked": ["h"]}),
    "revoke_all": (
        lambda app: app.session.revoke_all_sessions_for_user("u"),
        {"status": "OK", "sessionHandlesRevoked": []},
    ),
    "revoke_many": (
        lambda app: app.session.revoke_multiple_sessions(["h"]),
        {"status": "OK", "sessionHandlesRevoked": []},
    ),
    "jwt": (lambda app: app.session.create_jwt({}), {"status": "OK", "jwt": "a.b.c"}),
    "jwks": (lambda app: app.session.get_jwks(), {"keys": [KEY]}),
    "regenerate": (
        lambda app: held(app).merge_into_access_token_payload({}),
        {"status": "OK", "session": SESSION, "accessToken": ACCESS},
    ),
    "modify": (lambda app: app.session.modify_session_data_in_database("h", lambda _: None), INFORMATION),
}

OPTIONAL = {"recipeUserId", "antiCsrfToken"}
UNREAD = {
    "create-status",
    "create.session-userDataInJWT",
    "create.session.userDataInJWT=3",
    "create.accessToken-expiry",
    "create.accessToken-createdTime",
    "create=status",
    "handles-status",
    "handles=status",
    "jwks=status",
    "regenerate-accessToken",
    "revoke-status",
    "revoke=status",
    "revoke_all-status",
    "revoke_all=status",
    "revoke_many-status",
    "revoke_many=status",
}
"""What nobody needs, so that nobody misses it."""


def broken(value: Any, path: str) -> list[tuple[str, Any]]:
    """Give a reply with each of its members missing or of another kind."""
    variants: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for member, inner in value.items():
            rest = {other: kept for other, kept in value.items() if other != member}
            if member not in OPTIONAL:
                variants.append((f"{path}-{member}", rest))
            if isinstance(inner, (dict, list)):
                variants.append((f"{path}.{member}=3", {**rest, member: 3}))
                variants += [(where, {**rest, member: bad}) for where, bad in broken(inner, f"{path}.{member}")]
    elif isinstance(value, list) and value:
        variants.append((f"{path}[0]=3", [3]))
        variants += [(where, [bad]) for where, bad in broken(value[0], f"{path}[0]")]
    return variants


BROKEN = [
    pytest.param(name, body, id=where)
    for name, (_, reply) in CALLS.items()
    for where, body in [
        *broken(reply, name),
        (f"{name}=[]", []),
        (f"{name}=status", {**reply, "status": "WHATEVER"}),
    ]
    if where not in UNREAD
]


@pytest.mark.parametrize(("name", "body"), BROKEN)
def test_a_reply_that_lacks_something(name: str, body: Any) -> None:
    """Whatever is missing or of the wrong kind, the error says which core and which call."""
    with (
        serve(session_core(lambda _: Reply(body=json.dumps(body).encode()))) as server,
        build_app(server.url, max_retries=0) as app,
        pytest.raises(CoreResponseError, match="not what the protocol says") as caught,
    ):
        app._drive(_as_coroutine(CALLS[name][0], app))
    assert caught.value.host == server.url
    assert caught.value.status == 200


async def _as_coroutine(call: Call, app: Supertokens) -> Any:
    return await call(app)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "merge"])
def test_a_whole_reply(name: str, drive: Drive) -> None:
    """The same replies with nothing missing are read."""
    call, body = CALLS[name]
    with serve(session_core(lambda _: Reply(body=json.dumps(body).encode()))) as server:

        async def scenario() -> None:
            with build_app(server.url, max_retries=0) as app:
                await call(app)
                await app.aclose()

        drive(scenario)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "a.b.c", "a.é.c", jwt([]), jwt({}), jwt({"exp": "soon"}), jwt({"exp": None}), 7, None],
)
def test_an_access_token_that_can_not_be_read(token: Any) -> None:
    """A created or regenerated session whose access token is none is an error of the core."""
    access = {**ACCESS, "token": token}

    def answer(seen: Seen) -> Reply:
        return Reply(body=json.dumps({**CREATED, "accessToken": access}).encode())

    with serve(session_core(answer)) as server, build_app(server.url) as app:
        with pytest.raises(CoreResponseError):
            app.session.blocking.create_new_session_without_request_response("public", USER)
        with pytest.raises(CoreResponseError):
            held(app).sync_merge_into_access_token_payload({})


def test_compare_and_set_replies() -> None:
    """What our core's own calls answer is checked as strictly."""
    versioned = {"status": "OK", "userDataInDatabase": {}, "version": 1}
    for first, second in [
        ({**versioned, "version": None}, {}),
        ({**versioned, "userDataInDatabase": []}, {}),
        ({"status": "OK"}, {}),
        (versioned, {}),
        (versioned, {"status": "CONFLICT"}),
        (versioned, {"status": "WHATEVER"}),
    ]:

        def answer(seen: Seen, first: Any = first, second: Any = second) -> Reply:
            return Reply(body=json.dumps(first if seen.method == "GET" else second).encode())

        with (
            serve(session_core(answer, extensions=True)) as server,
            build_app(server.url, max_retries=0) as app,
            pytest.raises(CoreResponseError, match="lite/v1/session/data"),
        ):
            app.session.blocking.modify_session_data_in_database("h", lambda data: data)


def test_a_batch_that_lacks_something() -> None:
    """Sessions that are read many at a time are checked too."""
    answers: list[Any] = [None, {}, [3], [{}], [{**INFORMATION, "userDataInDatabase": None}]]
    for sessions in answers:

        def answer(seen: Seen, sessions: Any = sessions) -> Reply:
            return Reply(body=json.dumps({"status": "OK", "sessionHandles": ["h"], "sessions": sessions}).encode())

        with (
            serve(session_core(answer, extensions=True)) as server,
            build_app(server.url) as app,
            pytest.raises(CoreResponseError, match="lite/v1/sessions/read"),
        ):
            app.session.blocking.list_sessions_for_user("u")


@pytest.mark.parametrize("extensions", [True, False])
def test_sessions_of_one_millisecond(drive: Drive, extensions: bool) -> None:
    """Sessions that the clock can't tell apart are listed as the core lists their handles."""
    handles = [f"h{number}" for number in (5, 3, 8, 1, 9, 2)]
    sessions = [
        {**INFORMATION, "sessionHandle": handle, "timeCreated": 2 - index // 3} for index, handle in enumerate(handles)
    ]

    def answer(seen: Seen) -> Reply:
        one = next((each for each in sessions if seen.target.endswith(f"={each['sessionHandle']}")), {})
        return Reply(body=json.dumps({"status": "OK", "sessionHandles": handles, "sessions": sessions, **one}).encode())

    with serve(session_core(answer, extensions=extensions)) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                found = await app.session.list_sessions_for_user("u")
                assert [each.session_handle for each in found] == handles[3:] + handles[:3]
                await app.aclose()

        drive(scenario)
