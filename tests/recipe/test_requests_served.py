"""Sessions while their requests are served: what changes them reaches the client."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens, get_request_from_user_context
from supertokens_lite._protocol.messages import BaseRequest
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.recipe.session.claims import PrimitiveClaim
from supertokens_lite.recipe.session.exceptions import (
    InvalidClaimsError,
)
from tests.apps import override
from tests.conftest import Drive
from tests.doors import (
    COOKIES,
    HEADERS,
    REFRESH,
    Calls,
    Client,
    build,
    cleared,
    content,
    cookies,
    log_in,
    serve,
    serve_session,
)


@pytest.mark.parametrize("mode", ["cookie", "header"])
def test_the_life_of_a_session(drive: Drive, core_uri: str, user: RecipeUserId, mode: str) -> None:
    """Created, verified, refreshed, verified, signed out: on the wire, however tokens travel."""

    async def test(app: Supertokens) -> None:
        client = Client(mode)
        handle = await log_in(app, client, user, role="admin")
        assert content(await serve_session(app, client.request("POST"))) == handle
        access = "sAccessToken" if mode == "cookie" else "st-access-token"
        refresh = "sRefreshToken" if mode == "cookie" else "st-refresh-token"
        before = client.token(access), client.token(refresh)
        answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert (answer.status, answer.content, cleared(answer)) == (200, b"{}", set())
        assert client.token(access) not in before
        assert client.token(refresh) not in before
        answer = client.take(await serve_session(app, client.request("POST"), check_database=True))
        assert content(answer) == handle
        answer = client.take(await serve(app, client.request("POST", "/auth/signout")))
        assert (answer.status, answer.content) == (200, b'{"status":"OK"}')
        assert cleared(answer) == (COOKIES if mode == "cookie" else HEADERS)
        assert answer.get_header("front-token") == "remove"
        assert client.cookies == {}
        assert await app.session.get_session_information(handle) is None
        answer = await serve_session(app, client.request())
        assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})

    with build(core_uri) as app:
        drive(test, app)


def test_what_is_merged_reaches_the_client(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """An access token that changes while a request is served goes on its answer, the way the tokens travel."""

    async def test(app: Supertokens) -> None:
        for mode, name in (("cookie", "sAccessToken"), ("header", "st-access-token")):
            client = Client(mode)
            await log_in(app, client, user)
            before = client.token(name)

            async def handler(request: BaseRequest) -> None:
                session = await app.session.get_session(request)
                await session.merge_into_access_token_payload({"a": 1})
                await session.merge_into_access_token_payload({"b": 2})

            answer = client.take(await serve(app, client.request("POST"), handler))
            assert client.token(name) != before
            session = await app.session.get_session(client.request())
            assert session.get_access_token_payload()["a"] == 1
            assert session.get_access_token_payload()["b"] == 2
            assert answer.get_header("front-token") == session.front_token
            assert client.token("sRefreshToken" if mode == "cookie" else "st-refresh-token")

    with build(core_uri) as app:
        drive(test, app)


def test_a_session_that_the_application_ends(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """The client forgets its tokens, also those that had just changed."""

    async def test(app: Supertokens) -> None:
        for mode, names in (("cookie", COOKIES), ("header", HEADERS)):
            client = Client(mode)
            await log_in(app, client, user)

            async def handler(request: BaseRequest) -> None:
                session = await app.session.get_session(request)
                await session.merge_into_access_token_payload({"a": 1})
                await session.revoke_session()

            answer = client.take(await serve(app, client.request("POST"), handler))
            assert answer.status == 200
            assert cleared(answer) == names
            assert answer.get_header("front-token") == "remove"

    with build(core_uri) as app:
        drive(test, app)


def test_a_core_that_promotes(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Below CDI 5.6 the first verification after a refresh asks the core, and its new access token is handed on."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        client.take(await serve(app, client.request("POST", REFRESH)))
        before = client.token("sAccessToken")
        asked = len(calls.about_sessions())
        answer = client.take(await serve_session(app, client.request()))
        assert answer.status == 200
        assert calls.about_sessions()[asked:] == [("POST", "/recipe/session/verify")]
        assert client.token("sAccessToken") != before
        assert set(cookies(answer)) == {"sAccessToken"}
        answer = client.take(await serve_session(app, client.request()))
        assert len(calls.about_sessions()) == asked + 1
        assert cookies(answer) == {}

    with build(core_uri, core={"network_interceptor": calls, "cdi_version": "5.4"}) as app:
        drive(test, app)


def test_claims_of_other_recipes_in_new_sessions(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """They are built from what the caller gives, can't displace the core's own, and the issuer is the API."""
    seen: list[Any] = []

    async def fetch_value(
        user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, payload: dict[str, Any], user_context: Any
    ) -> str:
        seen.append((user_id, recipe_user_id, tenant_id, payload["mine"]))
        return "gold"

    async def test(app: Supertokens) -> None:
        recipe = app.recipe_modules[0]
        recipe.add_claim_from_other_recipe(PrimitiveClaim("level", fetch_value))
        recipe.add_claim_from_other_recipe(PrimitiveClaim("stt", lambda *_: 1))
        given = {"mine": 1, "iss": "https://evil.example", "sub": "eve", "stt": 1, "tId": "t2", "exp": 1}
        session = await app.session.create_new_session(Client().request("POST"), "public", user, given)
        payload = session.get_access_token_payload()
        assert payload["level"]["v"] == "gold"
        assert payload["mine"] == 1
        assert payload["iss"] == "https://api.example.com/auth"
        assert payload["sub"] == user.get_as_string()
        assert payload["tId"] == "public"
        assert "stt" not in payload
        assert given["sub"] == "eve"
        assert seen == [(user.get_as_string(), user, "public", 1)]

    with build(core_uri) as app:
        drive(test, app)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_validators_of_a_session(drive: Drive, core_uri: str, user: RecipeUserId, kind: str) -> None:
    """Those of all recipes look at every session; a call may choose others; signing out needs none."""
    level = PrimitiveClaim[str]("level", lambda *_: None)

    def only(validators: Any, session: Any, user_context: Any) -> Any:
        assert [validator.id for validator in validators] == ["level"]
        assert session.get_user_id() == user.get_as_string()
        assert get_request_from_user_context(user_context) is not None
        return []

    async def only_later(validators: Any, session: Any, user_context: Any) -> Any:
        return only(validators, session, user_context)

    async def test(app: Supertokens) -> None:
        client = Client()
        handle = await log_in(app, client, user)
        assert (await serve_session(app, client.request())).status == 200
        app.recipe_modules[0].add_claim_validator_from_other_recipe(level.validators.has_value("gold"))
        request = client.request()
        answer = await serve_session(app, request)
        assert answer.status == 403
        assert content(answer) == {
            "message": "invalid claim",
            "claimValidationErrors": [
                {
                    "id": "level",
                    "reason": {"message": "value does not exist", "expectedValue": "gold", "actualValue": None},
                }
            ],
        }
        assert cleared(answer) == set()
        assert request.get_session() is None
        chosen = only if kind == "def" else only_later
        answer = await serve_session(app, client.request(), override_global_claim_validators=chosen)
        assert content(answer) == handle
        with pytest.raises(InvalidClaimsError):
            await app.session.get_session_without_request_response(str(client.token("sAccessToken")))
        assert (await serve(app, client.request("POST", "/auth/signout"))).status == 200

    with build(core_uri) as app:
        drive(test, app)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_validators_of_the_implementation(drive: Drive, core_uri: str, user: RecipeUserId, kind: str) -> None:
    """An override of the global validators is asked although no recipe adds any; a claim is fetched on the way."""
    level = PrimitiveClaim[str]("level", lambda *_: "gold")

    def chosen(default: Any, *args: Any, **kwargs: Any) -> Any:
        return [*default(*args, **kwargs), level.validators.has_value("gold")]

    async def chosen_later(default: Any, *args: Any, **kwargs: Any) -> Any:
        return chosen(default, *args, **kwargs)

    changes = override(get_global_claim_validators=chosen if kind == "def" else chosen_later)

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        before = client.token("sAccessToken")
        answer = client.take(await serve_session(app, client.request()))
        assert answer.status == 200
        assert client.token("sAccessToken") != before
        again = client.take(await serve_session(app, client.request()))
        assert cookies(again) == {}

    with build(core_uri, **changes) as app:
        drive(test, app)


def test_large_tokens(drive: Drive, core_uri: str, user: RecipeUserId, caplog: pytest.LogCaptureFixture) -> None:
    """From three quarters of what browsers keep the log names the claim; over the limit nothing is sent."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        request = Client().request("POST")
        await app.session.create_new_session(request, "public", user, {"biography": "secret " * 250})
        assert "'biography' (1764 bytes)" in caplog.text
        asked = len(calls.about_sessions())
        with pytest.raises(BadInputError, match=r"max_access_token_bytes is 3500; .*'biography' \(2464 bytes\)"):
            await app.session.create_new_session(request, "public", user, {"biography": "secret " * 350})
        with pytest.raises(BadInputError, match="biography"):
            await app.session.create_new_session_without_request_response(
                "public", user, {"biography": "secret " * 350}
            )
        assert len(calls.about_sessions()) == asked
        assert "secret" not in caplog.text

    with build(core_uri, core={"network_interceptor": calls}, max_access_token_bytes=3500) as app:
        drive(test, app)
