"""Access tokens of version 2, which name no key: if one of the keys signed it, the core says what becomes of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite.exceptions import CoreResponseError, CoreUnavailableError
from supertokens_lite.framework import BaseResponse, PlainRequest
from supertokens_lite.recipe.session.exceptions import TryRefreshTokenError, UnauthorisedError
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.types import Refusal
from tests.apps import build_app
from tests.conftest import Drive
from tests.protocol.signing import Signer
from tests.servers import Fault, Reply, Seen, Server, serve, session_core

HEADER = {"alg": "RS256", "typ": "JWT", "version": "2"}
KEYS = "/.well-known/jwks.json"
VERIFY = "/recipe/session/verify"
NOW_S = int(time.time())
SIGNER = Signer()
STRANGER = Signer()
JWKS = {"keys": [Signer("s-1").jwk, SIGNER.jwk]}


def build_v2(header: dict[str, Any] = HEADER, /, by: Signer = SIGNER, **changes: Any) -> str:
    """Build a token as cores of old did; a change to None leaves a member out."""
    payload = {
        "sessionHandle": "h",
        "userId": "ada",
        "refreshTokenHash1": "0" * 64,
        "userData": {"role": "editor", "text": "äöü?>"},
        "expiryTime": (NOW_S + 3600) * 1000 + 123,
        "timeCreated": NOW_S * 1000 + 456,
    } | changes
    said = {name: value for name, value in payload.items() if value is not None}
    parts = (json.dumps(header, separators=(",", ":")), json.dumps(said, ensure_ascii=False))
    signed = ".".join(base64.b64encode(part.encode()).decode() for part in parts)
    return f"{signed}.{base64.b64encode(by.private.sign(signed.encode(), PKCS1v15(), SHA256())).decode()}"


SESSION = {
    "handle": "h",
    "userId": "ada",
    "recipeUserId": "ada-1",
    "userDataInJWT": {"role": "editor"},
    "tenantId": "public",
}
OK: dict[str, Any] = {"status": "OK", "session": SESSION}


def answering(body: Any, status: int = 200) -> Callable[[Seen], Reply | Fault]:
    """Give the keys, and answer every other call with this."""
    return knowing_keys(lambda _: Reply(status, json.dumps(body).encode()))


def knowing_keys(handler: Callable[[Seen], Reply | Fault]) -> Callable[[Seen], Reply | Fault]:
    """Give the keys, and leave every other call to `handler`."""
    keys = Reply(body=json.dumps(JWKS).encode())
    return session_core(lambda seen: keys if seen.target == KEYS else handler(seen))


def ask(drive: Drive, server: Server, test: Callable[[Supertokens], Any], **recipe: Any) -> None:
    """Run a test with an SDK that has just been started."""

    async def scenario() -> None:
        async with build_app(server.url, max_retries=0, cdi_version="5.4", recipe=recipe) as app:
            await test(app)

    drive(scenario)


@pytest.mark.parametrize("check_database", [False, True])
@pytest.mark.usefixtures("transport")
def test_the_core_decides_in_one_call(drive: Drive, check_database: bool) -> None:
    """Once the keys are there the core gets it as it is, each time."""
    token = build_v2()

    async def test(app: Supertokens) -> None:
        for number in (1, 2):
            session = await app.session.get_session_without_request_response(token, check_database=check_database)
            assert session.verified_by == "core"
            assert session.get_handle() == "h"
            assert session.get_user_id() == "ada"
            assert session.get_recipe_user_id().get_as_string() == "ada-1"
            assert session.get_tenant_id() == "public"
            assert not session.access_token_updated
            payload = session.get_access_token_payload()
            assert payload["role"] == "editor"
            assert (payload["iat"], payload["exp"]) == (NOW_S, NOW_S + 3600)
            front = json.loads(base64.b64decode(session.front_token))
            assert (front["uid"], front["ate"], front["up"]) == ("ada", (NOW_S + 3600) * 1000, payload)
            assert [seen.target for seen in server.seen] == [KEYS] + [VERIFY] * number
        for seen in server.calls(VERIFY):
            assert seen.method == "POST"
            assert json.loads(seen.body) == {
                "accessToken": token,
                "doAntiCsrfCheck": False,
                "enableAntiCsrf": False,
                "checkDatabase": check_database,
            }

    with serve(answering(OK)) as server:
        ask(drive, server, test)


@pytest.mark.usefixtures("transport")
def test_a_new_token_that_comes_with_the_answer(drive: Drive) -> None:
    """It is of version 2 again, and goes to the client with all that belongs to it."""
    token, newer = build_v2(), build_v2(userData={"role": "admin"}, timeCreated=(NOW_S + 60) * 1000)

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", "https://api.example.com/", {"authorization": f"Bearer {token}"})
        session = await app.session.get_session(request)
        assert session.access_token_updated
        assert session.get_access_token() == newer
        assert session.get_access_token_payload()["role"] == "admin"
        response = BaseResponse()
        for mutate in session.response_mutators:
            mutate(response, {})
        assert response.get_header("st-access-token") == newer
        assert response.get_header("front-token") == session.front_token

    with serve(answering(OK | {"accessToken": {"token": newer, "expiry": 1, "createdTime": 1}})) as server:
        ask(drive, server, test)


@pytest.mark.usefixtures("transport")
def test_its_anti_csrf_token_is_the_core_s_to_look_at(drive: Drive) -> None:
    """The core is told what was shown and whether to look."""
    token = build_v2(antiCsrfToken="right")

    async def test(app: Supertokens) -> None:
        verify = app.session.get_session_without_request_response
        assert (await verify(token, "right")).anti_csrf_token == "right"
        await verify(token)
        await verify(token, "x", anti_csrf_check=False)
        names = ("antiCsrfToken", "doAntiCsrfCheck", "enableAntiCsrf")
        bodies = [json.loads(seen.body) for seen in server.calls(VERIFY)]
        assert [tuple(body.get(name) for name in names) for body in bodies] == [
            ("right", True, True),
            (None, True, True),
            ("x", False, True),
        ]

    with serve(answering(OK)) as server:
        ask(drive, server, test, anti_csrf="VIA_TOKEN")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ({"status": "TRY_REFRESH_TOKEN", "message": "Access token expired"}, TryRefreshTokenError, "refused_by_core"),
        ({"status": "UNAUTHORISED", "message": "Session missing in db"}, UnauthorisedError, "session_ended"),
        ({"status": "TRY_REFRESH_TOKEN"}, TryRefreshTokenError, "refused_by_core"),
        ({"status": "UNAUTHORISED"}, UnauthorisedError, "session_ended"),
    ],
)
@pytest.mark.usefixtures("transport")
def test_what_the_core_refuses(drive: Drive, answer: Any, kind: type[Any], reason: str) -> None:
    """Its word counts, whether a session is needed or not."""

    async def test(app: Supertokens) -> None:
        for required in (True, False):
            with pytest.raises(kind) as caught:
                await app.session.get_session_without_request_response(build_v2(), session_required=required)
            assert caught.value.reason is Refusal(reason)
            assert build_v2() not in str(caught.value)

    with serve(answering(answer)) as server:
        ask(drive, server, test)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "WHATEVER", "session": SESSION},
        {"session": SESSION},
        {"status": "OK"},
        {"status": "OK", "session": {}},
        {"status": None},
        [],
        OK | {"accessToken": {"token": "x"}},
        OK | {"accessToken": {"token": build_v2(userData=None)}},
        OK | {"accessToken": {"token": build_v2(expiryTime="soon")}},
    ],
)
@pytest.mark.usefixtures("transport")
def test_what_the_core_does_not_say(drive: Drive, answer: Any) -> None:
    """An answer that the protocol does not have says nothing about the session."""

    async def test(app: Supertokens) -> None:
        with pytest.raises(CoreResponseError, match="session/verify"):
            await app.session.get_session_without_request_response(build_v2(), session_required=False)

    with serve(answering(answer)) as server:
        ask(drive, server, test)


@pytest.mark.parametrize("gives_keys", [False, True])
@pytest.mark.usefixtures("transport")
def test_a_core_that_is_away(drive: Drive, gives_keys: bool) -> None:
    """No answer is no answer."""

    async def test(app: Supertokens) -> None:
        for required in (True, False):
            with pytest.raises(CoreUnavailableError):
                await app.session.get_session_without_request_response(build_v2(), session_required=required)

    with serve((knowing_keys if gives_keys else session_core)(lambda _: Fault("reset"))) as server:
        ask(drive, server, test)


LONG_AGO = (NOW_S - 60) * 1000


def signed_by(other: str, token: str) -> str:
    """Give a token with the signature of another one."""
    return f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}"


@pytest.mark.parametrize(
    ("forgeries", "reason"),
    [
        ([build_v2(by=STRANGER, sessionHandle=f"h{number}") for number in range(20)], Refusal.BAD_SIGNATURE),
        ([build_v2().rpartition(".")[0] + end for end in (".", ".AAAA", ".QUJD")], Refusal.BAD_SIGNATURE),
        ([signed_by(build_v2(), build_v2(userId="root"))], Refusal.BAD_SIGNATURE),
        ([signed_by(build_v2(expiryTime=LONG_AGO), build_v2())], Refusal.BAD_SIGNATURE),
        ([build_v2(expiryTime=LONG_AGO), build_v2(expiryTime=0), build_v2(expiryTime=-1)], Refusal.EXPIRED),
        ([build_v2(by=STRANGER, expiryTime=LONG_AGO)], Refusal.EXPIRED),
    ],
)
@pytest.mark.usefixtures("transport")
def test_inventions_do_not_reach_the_core(drive: Drive, forgeries: list[str], reason: Refusal) -> None:
    """What no key signed, or has expired, costs no call, however many there are and whatever is asked of them."""

    async def test(app: Supertokens) -> None:
        for token in forgeries:
            for required, check_database in ((True, False), (False, False), (True, True)):
                with pytest.raises(TryRefreshTokenError) as caught:
                    await app.session.get_session_without_request_response(
                        token, session_required=required, check_database=check_database
                    )
                assert caught.value.reason is reason
                assert token not in str(caught.value)
        assert [seen.target for seen in server.seen] == [KEYS]

    with serve(answering(OK)) as server:
        ask(drive, server, test)


@pytest.mark.usefixtures("transport")
def test_keys_that_were_given(drive: Drive) -> None:
    """Any of the keys that were given at the start may have signed it, and nothing is fetched."""

    async def test(app: Supertokens) -> None:
        assert (await app.session.get_session_without_request_response(build_v2())).verified_by == "core"
        with pytest.raises(TryRefreshTokenError):
            await app.session.get_session_without_request_response(build_v2(by=STRANGER))
        for misspelt in (build_v2() + "=", build_v2().rpartition(".")[0] + ".a signature?"):
            with pytest.raises(UnauthorisedError):
                await app.session.get_session_without_request_response(misspelt)
        assert [seen.target for seen in server.seen] == [VERIFY]

    with serve(answering(OK)) as server:
        ask(drive, server, test, static_jwks=JWKS)


@pytest.mark.parametrize(
    "token",
    [
        build_v2(HEADER | {"version": "1"}),
        build_v2(HEADER | {"kid": "d-1"}),
        build_v2({"typ": "JWT", "alg": "RS256", "version": "2"}),
        build_v2(userId=None),
        build_v2(userId=7),
        build_v2(userData=[]),
        build_v2(timeCreated="1"),
        build_v2(timeCreated=10**400),
        build_v2(expiryTime=10**400),
        build_v2(expiryTime="1"),
        build_v2().replace("=", ""),
        build_v2() + ".x",
    ],
)
def test_what_only_looks_like_one(drive: Drive, token: str) -> None:
    """What is not quite one is no session's, and nobody is asked."""

    async def test(app: Supertokens) -> None:
        with pytest.raises(UnauthorisedError) as caught:
            await app.session.get_session_without_request_response(token)
        assert not caught.value.clear_tokens
        assert await app.session.get_session_without_request_response(token, session_required=False) is None
        assert server.seen == []

    with serve(answering(OK)) as server:
        ask(drive, server, test)
