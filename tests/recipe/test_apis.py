"""The endpoints that a browser calls, and what verifies sessions for an application's own."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, PlainRequest
from supertokens_lite.exceptions import ConfigurationError, CoreError
from supertokens_lite.recipe.session import SessionContainer, SessionOverrideConfig
from supertokens_lite.recipe.session.apis import APIImplementation
from supertokens_lite.recipe.session.claims import PrimitiveClaim
from supertokens_lite.recipe.session.exceptions import InvalidClaimsError, TryRefreshTokenError, UnauthorisedError
from supertokens_lite.recipe.session.interfaces import (
    APIInterface,
    APIOptions,
    GeneralErrorResponse,
    SignOutOkayResponse,
)
from tests.conftest import Drive
from tests.doors import (
    API,
    AWAY,
    REFRESH,
    Calls,
    Client,
    build,
    cleared,
    content,
    jwks,
    log_in,
    mint,
    serve,
    serve_session,
)


def overriding(**functions: Any) -> SessionOverrideConfig:
    """Replace functions of the endpoints."""

    def apis(original: APIInterface) -> APIInterface:
        for name, function in functions.items():
            setattr(original, name, function)
        return original

    return SessionOverrideConfig(apis=apis)


PLACES = [
    ({}, "/auth"),
    ({"api_base_path": "/"}, ""),
    ({"api_base_path": "/v1/a+b"}, "/v1/a+b"),
    ({"api_gateway_path": "/gateway"}, "/gateway/auth"),
    ({"api_gateway_path": "/gateway"}, "/auth"),
    ({"api_gateway_path": "/gateway", "api_base_path": "/"}, "/gateway"),
    ({"api_gateway_path": "/gateway", "api_base_path": "/"}, ""),
]


@pytest.mark.parametrize(("info", "base"), PLACES)
def test_where_the_endpoints_are(drive: Drive, info: dict[str, str], base: str) -> None:
    """Below the base path, with what a gateway puts before it or without, and with a tenant or without."""

    async def test(app: Supertokens) -> None:
        for path in ("/session/refresh", "/signout"):
            for before in ("", "/public", "/t-1", "/session", "/gateway-1"):
                for after in ("", "/", "?rid=session"):
                    request = PlainRequest("POST", base + before + path + after)
                    answer = await serve(app, request)
                    assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})
        for path in ("/jwt/jwks.json", "/.well-known/openid-configuration"):
            assert (await serve(app, PlainRequest("GET", base + path))).status == 200

    with build(AWAY, info=info, static_jwks=jwks()) as app:
        drive(test, app)


OTHERS = [
    ("GET", REFRESH),
    ("OPTIONS", REFRESH),
    ("PUT", "/auth/signout"),
    ("POST", "/auth"),
    ("POST", "/"),
    ("POST", ""),
    ("POST", "/session/refresh"),
    ("POST", "/authsession/refresh"),
    ("POST", "/Auth/session/refresh"),
    ("POST", "/api/auth/session/refresh"),
    ("POST", "/auth/session/refresh/more"),
    ("POST", "/auth//session/refresh"),
    ("POST", "/auth/t_1/session/refresh"),
    ("POST", "/auth/t1/t2/session/refresh"),
    ("POST", "/auth/session"),
    ("POST", "/auth/jwt/jwks.json"),
    ("GET", "/auth/t1/jwt/jwks.json"),
    ("HEAD", "/auth/jwt/jwks.json"),
    ("GET", "/auth/.well-known/openid-configuration/x"),
    ("GET", "/auth/%2ewell-known/openid-configuration"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_what_is_the_application_s(drive: Drive, method: str, path: str) -> None:
    """Other methods and other paths are left alone, and nothing is put on the response."""

    async def test(app: Supertokens) -> None:
        response = BaseResponse()
        assert await app.middleware(PlainRequest(method, path), response, {}) is None
        assert (response.status, response.content, response.headers) == (None, None, [])

    with build(AWAY) as app:
        drive(test, app)


def test_what_a_gateway_s_path_looks_like(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """The browser sends the refresh token to the path before the gateway, and the API answers behind it."""

    async def test(app: Supertokens) -> None:
        client = Client()
        handle = await log_in(app, client, user)
        assert ("sRefreshToken", "", "/gateway/auth/session/refresh") in client.cookies
        behind = client.request("POST", "/gateway/auth/session/refresh")
        answer = await serve(app, PlainRequest("POST", REFRESH, {"cookie": behind.get_header("cookie") or ""}))
        assert client.take(answer).status == 200
        assert content(await serve_session(app, client.request())) == handle

    with build(core_uri, info={"api_gateway_path": "/gateway"}) as app:
        drive(test, app)


FLAGS = [
    ("disable_refresh_post", "POST", REFRESH),
    ("disable_signout_post", "POST", "/auth/signout"),
    ("disable_jwks_get", "GET", "/auth/jwt/jwks.json"),
    ("disable_open_id_discovery_configuration_get", "GET", "/auth/.well-known/openid-configuration"),
]


@pytest.mark.parametrize(("flag", "method", "path"), FLAGS)
def test_endpoints_that_are_switched_off(drive: Drive, flag: str, method: str, path: str) -> None:
    """An override's flag leaves an endpoint to the application, from the next request on."""
    kept: list[APIInterface] = []

    def apis(original: APIInterface) -> APIInterface:
        kept.append(original)
        setattr(original, flag, True)
        return original

    async def test(app: Supertokens) -> None:
        for is_off in (True, False, True):
            setattr(kept[0], flag, is_off)
            for _, other_method, other in FLAGS:
                answer = await serve(app, PlainRequest(other_method, other))
                assert (answer.status == 404) == (is_off and other == path)

    with build(AWAY, static_jwks=jwks(), override=SessionOverrideConfig(apis=apis)) as app:
        drive(test, app)


def test_the_public_keys(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """They are for everyone, may be kept for as long as the core says, and cost a call only once in a while."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        await serve_session(app, client.request())
        asked = len(calls.sent)
        answer = await serve(app, PlainRequest("GET", "/auth/jwt/jwks.json"))
        assert len(calls.sent) == asked
        keys = content(answer)["keys"]
        assert [set(key) for key in keys] == [{"kty", "kid", "n", "e", "alg", "use"}] * len(keys)
        assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {("RSA", "RS256", "sig")}
        said = await app.session.get_jwks()
        assert {key["kid"] for key in keys} == {key.kid for key in said.keys}
        assert answer.get_header("access-control-allow-origin") == "*"
        max_age, _, rest = (answer.get_header("cache-control") or "").partition(", ")
        assert rest == "must-revalidate"
        assert 0 <= said.validity_in_secs - int(max_age.removeprefix("max-age=")) <= 60
        assert answer.get_header("content-type") == "application/json; charset=utf-8"

    with build(core_uri, core={"network_interceptor": calls}) as app:
        drive(test, app)


def test_no_private_part_of_a_key_is_given_away(drive: Drive) -> None:
    """Of a key that was given by mistake as a whole only the public members are shown."""
    document = jwks()
    document["keys"][0] |= {"d": "private", "p": "private", "x": 1}
    del document["keys"][0]["use"]

    async def test(app: Supertokens) -> None:
        answer = await serve(app, PlainRequest("GET", "/auth/jwt/jwks.json"))
        assert content(answer) == jwks()

    with build(AWAY, static_jwks=document) as app:
        drive(test, app)


def test_the_public_keys_of_a_core_that_is_away(drive: Drive) -> None:
    """Where none were ever fetched the answer is that they can't be had now."""

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", "/auth/jwt/jwks.json")
        with pytest.raises(CoreError):
            await app.middleware(request, BaseResponse(), {})
        answer = await serve(app, request)
        assert (answer.status, content(answer)) == (503, {"message": "service unavailable"})

    with build(AWAY, core={"max_retries": 0}) as app:
        drive(test, app)


def test_discovery(drive: Drive) -> None:
    """It says where the keys are without asking anyone."""

    async def test(app: Supertokens) -> None:
        answer = await serve(app, PlainRequest("GET", "/auth/.well-known/openid-configuration"))
        issuer = "https://api.example.com/auth"
        assert content(answer) == {
            "status": "OK",
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwt/jwks.json",
            "authorization_endpoint": f"{issuer}/oauth/auth",
            "token_endpoint": f"{issuer}/oauth/token",
            "userinfo_endpoint": f"{issuer}/oauth/userinfo",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "token_introspection_endpoint": f"{issuer}/oauth/introspect",
            "end_session_endpoint": f"{issuer}/oauth/end_session",
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "id_token token"],
        }
        assert answer.get_header("access-control-allow-origin") == "*"
        assert answer.get_header("cache-control") == "max-age=3600"
        assert content(answer) == {"status": "OK"} | vars(await app.session.get_open_id_discovery_configuration())

    with build(AWAY) as app:
        drive(test, app)


def test_signing_out_of_a_session_that_is_gone(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """The client forgets its tokens all the same; without any there is nothing to forget."""

    async def test(app: Supertokens) -> None:
        client = Client()
        await app.session.revoke_session(await log_in(app, client, user))
        answer = client.take(await serve(app, client.request("POST", "/auth/signout")))
        assert (answer.status, content(answer)) == (200, {"status": "OK"})
        assert cleared(answer) == {"sAccessToken", "sRefreshToken"}
        answer = await serve(app, client.request("POST", "/auth/signout"))
        assert (answer.status, content(answer), cleared(answer)) == (401, {"message": "unauthorised"}, set())
        assert answer.get_header("front-token") is None

    with build(core_uri) as app:
        drive(test, app)


def test_signing_out_with_an_expired_token(drive: Drive) -> None:
    """The client refreshes first."""

    async def test(app: Supertokens) -> None:
        request = PlainRequest("POST", "/auth/signout", {"authorization": f"Bearer {mint(age_s=7200)}"})
        answer = await serve(app, request)
        assert (answer.status, content(answer)) == (401, {"message": "try refresh token"})

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_overrides_of_the_endpoints(drive: Drive, core_uri: str, user: RecipeUserId, kind: str) -> None:
    """Refresh and sign-out can be replaced, by either kind of function, and see request, settings and response."""
    seen: list[APIOptions] = []

    def signout_post(session: SessionContainer, api_options: APIOptions, user_context: Any) -> Any:
        seen.append(api_options)
        assert user_context["_default"]["request"] is api_options.request
        if session.get_access_token_payload().get("stays"):
            return GeneralErrorResponse("you stay")
        assert api_options.response is not None
        api_options.response.set_header("x-bye", session.get_user_id())
        return SignOutOkayResponse()

    async def signout_post_later(*args: Any) -> Any:
        return signout_post(*args)

    def apis(original: APIInterface) -> APIInterface:
        assert isinstance(original, APIImplementation)
        refresh_post = original.refresh_post

        async def replaced(api_options: APIOptions, user_context: dict[str, Any]) -> SessionContainer:
            seen.append(api_options)
            session = await refresh_post(api_options, user_context)
            await session.merge_into_access_token_payload({"refreshed": True}, user_context)
            return session

        original.refresh_post = replaced  # type: ignore[method-assign]
        original.signout_post = signout_post if kind == "def" else signout_post_later  # type: ignore[method-assign,assignment]
        return original

    async def test(app: Supertokens) -> None:
        recipe = app.recipe_modules[0]
        client = Client()
        await log_in(app, client, user)
        client.take(await serve(app, client.request("POST", REFRESH)))
        session = await app.session.get_session(client.request())
        assert session.get_access_token_payload()["refreshed"] is True
        answer = await serve(app, client.request("POST", "/auth/signout"))
        assert (answer.status, answer.content) == (200, b'{"status":"OK"}')
        assert answer.get_header("x-bye") == user.get_as_string()
        await log_in(app, client, user, stays=True)
        answer = await serve(app, client.request("POST", "/auth/signout"))
        assert answer.status == 200
        assert answer.content == b'{"status":"GENERAL_ERROR","message":"you stay"}'
        assert cleared(answer) == set()
        for options in seen:
            assert options.recipe_id == "session"
            assert options.config is recipe.config
            assert options.recipe_implementation is recipe.recipe_implementation
        assert len(seen) == 3

    with build(core_uri, override=SessionOverrideConfig(apis=apis)) as app:
        drive(test, app)


def test_an_override_that_gives_nothing() -> None:
    """One that forgets to return the interface is named."""
    with pytest.raises(ConfigurationError, match=r"override\.apis gave None"):
        build("sqlite:///:memory:", override=SessionOverrideConfig(apis=lambda original: None))  # type: ignore[arg-type,return-value]


async def verify(app: Supertokens, request: BaseRequest, required: bool = True, **options: Any) -> Any:
    """Verify as a framework's door does."""
    given: dict[str, Any] = {"anti_csrf_check": None, "check_database": False, "override_global_claim_validators": None}
    return await app.recipe_modules[0].verify_session(
        request, session_required=required, user_context={}, **(given | options)
    )


def test_verifying_for_the_application(drive: Drive) -> None:
    """A good token gives the session; none gives None where none is required."""

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"})
        session = await verify(app, request)
        assert session.get_handle() == "h"
        assert request.get_session() is session
        nobody = PlainRequest("GET", API)
        assert await verify(app, nobody, False) is None
        with pytest.raises(UnauthorisedError):
            await verify(app, nobody)
        with pytest.raises(TryRefreshTokenError):
            await verify(app, PlainRequest("GET", API, {"authorization": f"Bearer {mint(age_s=9999)}"}), False)
        with pytest.raises(CoreError):
            await verify(app, request, check_database=True)

    with build(AWAY, static_jwks=jwks(), core={"max_retries": 0}) as app:
        drive(test, app)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_verifying_what_has_no_session(drive: Drive, method: str) -> None:
    """Such requests have none, whatever comes with them; where one is required they are verified like any other."""

    async def test(app: Supertokens) -> None:
        good = PlainRequest(method, API, {"authorization": f"Bearer {mint()}"})
        bad = PlainRequest(method, API, {"authorization": f"Bearer {mint(age_s=9999)}"})
        for request in (good, bad, PlainRequest(method, API)):
            assert await verify(app, request, False) is None
            assert request.get_session() is None
        assert (await verify(app, good)).get_handle() == "h"
        with pytest.raises(UnauthorisedError) as caught:
            await verify(app, PlainRequest(method, API))
        assert not caught.value.clear_tokens

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


@pytest.mark.parametrize("path", [REFRESH, "/gateway" + REFRESH, "/auth/t1/session/refresh"])
def test_verifying_at_the_refresh_endpoint(drive: Drive, core_uri: str, user: RecipeUserId, path: str) -> None:
    """An application that answers there itself gets a refreshed session, if the method is POST."""

    async def test(app: Supertokens) -> None:
        client = Client("header")
        handle = await log_in(app, client, user)
        session = await verify(app, client.request("POST", path))
        assert session.get_handle() == handle
        assert session.refresh_token is not None
        with pytest.raises(UnauthorisedError):
            await verify(app, client.request("GET", path))

    with build(core_uri, info={"api_gateway_path": "/gateway"}) as app:
        drive(test, app)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_override_of_verifying(drive: Drive, kind: str) -> None:
    """What a framework's door does goes through the endpoints' interface, without a response."""

    def verify_session(api_options: APIOptions, *args: Any) -> Any:
        assert api_options.response is None
        assert args[:4] == (True, False, True, None)
        assert args[4]["_default"]["request"] is api_options.request
        return None

    async def verify_session_later(*args: Any) -> Any:
        return verify_session(*args)

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API)
        assert await verify(app, request, False, anti_csrf_check=True, check_database=True) is None

    changed = verify_session if kind == "def" else verify_session_later
    with build(AWAY, override=overriding(verify_session=changed)) as app:
        drive(test, app)


def test_validators_of_one_endpoint(drive: Drive) -> None:
    """The endpoint's own choice of validators counts."""
    level = PrimitiveClaim[str]("level", lambda *_: None)

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"})
        with pytest.raises(InvalidClaimsError):
            await verify(app, request, override_global_claim_validators=lambda *_: [level.validators.has_value("gold")])

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


def test_the_middleware_in_blocking_code(core_uri: str, user: RecipeUserId) -> None:
    """It needs no event loop."""
    with build(core_uri) as app:
        client = Client()
        request = client.request("POST", "/login")
        session = app.session.blocking.create_new_session(request, "public", user)
        response = BaseResponse()
        for change in session.response_mutators:
            change(response, {})
        client.take(response)
        answer = run(app.middleware(client.request("POST", REFRESH), BaseResponse(), {}))
        assert client.take(answer).status == 200
        assert app.session.blocking.get_session(client.request()).get_handle() == session.get_handle()
        nobody = PlainRequest("POST", REFRESH)
        with pytest.raises(UnauthorisedError) as caught:
            run(app.middleware(nobody, BaseResponse(), {}))
        answer = run(app.handle_supertokens_error(nobody, caught.value, BaseResponse(), {}))
        assert answer is not None
        assert answer.status == 401


def test_a_context_is_made_where_none_is_given(drive: Drive, core_uri: str) -> None:
    """What a caller passes to the middleware has the request in it afterwards."""

    async def test(app: Supertokens) -> None:
        context: dict[str, Any] = {}
        request = PlainRequest("GET", "/auth/.well-known/openid-configuration")
        assert await app.middleware(request, BaseResponse(), context) is not None
        assert context["_default"]["request"] is request

    with build(core_uri) as app:
        drive(test, app)
