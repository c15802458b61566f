"""Sessions created and verified by their requests, on the wire."""

from __future__ import annotations

import time
from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, PlainRequest
from supertokens_lite.exceptions import BadInputError, ConfigurationError, CoreError
from supertokens_lite.recipe.session import SessionOverrideConfig
from supertokens_lite.recipe.session.exceptions import (
    TryRefreshTokenError,
    UnauthorisedError,
)
from supertokens_lite.types import Refusal
from tests.apps import override
from tests.conftest import Drive
from tests.doors import (
    API,
    AWAY,
    COOKIES,
    HEADERS,
    PLACES_OF_TOKENS,
    REFRESH,
    Calls,
    Client,
    allowing,
    attributes,
    build,
    cleared,
    content,
    cookies,
    jwks,
    log_in,
    mint,
    serve,
    serve_session,
)

CREATE = [
    ("any", "cookie", "cookie"),
    ("any", "Cookie", "cookie"),
    ("any", "header", "header"),
    ("any", None, "header"),
    ("any", "nonsense", "header"),
    ("cookie", "header", "cookie"),
    ("cookie", None, "cookie"),
    ("header", "cookie", "header"),
]


@pytest.mark.parametrize(("allowed", "wish", "method"), CREATE)
def test_how_the_tokens_of_a_new_session_travel(
    drive: Drive, core_uri: str, user: RecipeUserId, allowed: str, wish: str | None, method: str
) -> None:
    """The setting decides, then the client's wish; who wishes nothing gets headers."""

    async def test(app: Supertokens) -> None:
        client = Client(wish)
        handle = await log_in(app, client, user)
        assert set(client.headers) - {"front-token"} == (HEADERS if method == "header" else set())
        assert {name for name, _, _ in client.cookies} == (COOKIES if method == "cookie" else set())
        assert client.headers["front-token"]
        answer = await serve_session(app, client.request())
        assert content(answer) == handle

    with build(core_uri, **allowing(allowed)) as app:
        drive(test, app)


def test_the_cookies_of_a_session(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Both are kept from scripts; the refresh token goes to its endpoint only; the access token's lasts for a year."""

    async def test(app: Supertokens) -> None:
        client = Client()
        request = client.request("POST", "/login")

        async def handler(request: BaseRequest) -> None:
            await app.session.create_new_session(request, "public", user)

        response = await serve(app, request, handler)
        found = cookies(response)
        assert attributes(found["sAccessToken"]) == "Path=/; HttpOnly; Secure; SameSite=Lax"
        assert attributes(found["sRefreshToken"]) == "Path=/auth/session/refresh; HttpOnly; Secure; SameSite=Lax"
        session = request.get_session()
        assert session is not None
        assert session.refresh_token is not None
        made_ms = session.get_access_token_payload()["iat"] * 1000
        for name, expires_ms in (
            ("sAccessToken", made_ms + 31_536_000_000),
            ("sRefreshToken", session.refresh_token.expiry),
        ):
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(expires_ms // 1000))
            assert f"Expires={date}" in found[name]
        assert response.get_header("access-control-expose-headers") == "front-token"
        assert response.get_header("front-token") == session.front_token

    with build(core_uri) as app:
        drive(test, app)


def test_the_headers_of_a_session(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """All tokens go in headers that scripts of the website may read, and no cookie is set."""

    async def test(app: Supertokens) -> None:
        client = Client("header")

        async def handler(request: BaseRequest) -> None:
            await app.session.create_new_session(request, "public", user)

        response = await serve(app, client.request("POST", "/login"), handler)
        names = [name.lower() for name, _ in response.headers]
        assert sorted(names) == [
            "access-control-expose-headers",
            "content-length",
            "content-type",
            "front-token",
            "st-access-token",
            "st-refresh-token",
        ]
        exposed = response.get_header("access-control-expose-headers")
        assert exposed is not None
        assert set(exposed.split(",")) == {"front-token", *HEADERS}

    with build(core_uri, anti_csrf="VIA_TOKEN") as app:
        drive(test, app)


def test_settings_of_cookies(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Domain, security and SameSite are as set, and the access token can be exposed as well."""

    async def test(app: Supertokens) -> None:
        client = Client()

        async def handler(request: BaseRequest) -> None:
            await app.session.create_new_session(request, "public", user)

        response = await serve(app, client.request("POST", "/login"), handler)
        found = cookies(response)["sAccessToken@example.com"]
        assert attributes(found) == "Domain=.example.com; Path=/; HttpOnly; SameSite=Strict"
        assert response.get_header("st-access-token") == found.partition("=")[2].partition(";")[0]

    with build(
        core_uri,
        cookie_domain=".example.com",
        cookie_secure=False,
        cookie_same_site="strict",
        expose_access_token_to_frontend_in_cookie_based_auth=True,
    ) as app:
        drive(test, app)


@pytest.mark.parametrize(("before", "after"), [("cookie", "header"), ("header", "cookie")])
def test_a_new_session_drops_the_tokens_that_travel_otherwise(
    drive: Drive, core_uri: str, user: RecipeUserId, before: str, after: str
) -> None:
    """A client that changes how its tokens travel keeps none of the old ones."""

    async def test(app: Supertokens) -> None:
        client = Client(before)
        await log_in(app, client, user)
        client.mode = after
        handle = await log_in(app, client, user)
        assert bool(client.cookies) == (after == "cookie")
        assert bool(client.headers.get("st-access-token")) == (after == "header")
        assert content(await serve_session(app, client.request())) == handle

    with build(core_uri) as app:
        drive(test, app)


def test_a_foreign_bearer_costs_a_login_no_headers(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """An app with cookies gets no empty headers because some other service's token comes along."""

    async def test(app: Supertokens) -> None:
        request = Client().request("POST", "/login", authorization="Bearer abc")
        await app.session.create_new_session(request, "public", user)
        response = await serve(app, request)
        assert not cleared(response)

    with build(core_uri) as app:
        drive(test, app)


@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize(("allowed", "by_header", "by_cookie", "method"), PLACES_OF_TOKENS)
def test_where_the_access_token_is_taken_from(
    drive: Drive, allowed: str, by_header: bool, by_cookie: bool, method: str | None, overridden: bool
) -> None:
    """The setting decides, then the header comes first; an override makes no difference."""

    async def test(app: Supertokens) -> None:
        headers = {}
        if by_header:
            headers["authorization"] = f"bEaReR {mint('header')}"
        if by_cookie:
            headers["cookie"] = f"sAccessToken={mint('cookie')}"
        request = PlainRequest("GET", API, headers)
        session = await app.session.get_session(request, session_required=False)
        assert (session and session.get_handle()) == method
        if session is not None:
            assert request.get_session() is session
            assert session.req_res_info is not None
            assert session.req_res_info.transfer_method == method

    async def get_session(default: Any, *args: Any, **kwargs: Any) -> Any:
        return await default(*args, **kwargs)

    changes = override(get_session=get_session) if overridden else {}
    with build(AWAY, static_jwks=jwks(), **allowing(allowed), **changes) as app:
        drive(test, app)


FOREIGN = ["abc", "a.b.c", mint(sessionHandle=7), mint(kid="other", sessionHandle=7), "é"]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_bearer_does_not_hide_the_cookie(drive: Drive, foreign: str) -> None:
    """A token of some other service in the header is left to whom it belongs."""

    async def test(app: Supertokens) -> None:
        request = PlainRequest(
            "GET", API, {"authorization": f"Bearer {foreign}", "cookie": f"sAccessToken={mint('cookie')}"}
        )
        session = await app.session.get_session(request)
        assert session.get_handle() == "cookie"

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_bearer_is_no_session(drive: Drive, foreign: str, static: bool) -> None:
    """Nothing is asked about it, whether there are keys or not: it is as if there were none."""

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API, {"authorization": f"Bearer {foreign}"})
        assert await app.session.get_session(request, session_required=False) is None
        with pytest.raises(UnauthorisedError) as caught:
            await app.session.get_session(request)
        assert not caught.value.clear_tokens
        answer = await serve_session(app, request)
        assert (answer.status, content(answer), cleared(answer)) == (401, {"message": "unauthorised"}, set())

    with build(AWAY, static_jwks=jwks() if static else None) as app:
        drive(test, app)


def test_an_override_learns_that_there_is_no_token(drive: Drive) -> None:
    """An override that gives sessions of its own sees None where the token is not one of a session."""
    seen: list[Any] = []

    async def get_session(default: Any, access_token: str | None, *args: Any, **kwargs: Any) -> Any:
        seen.append(access_token)
        return await default(mint("own") if access_token is None else access_token, *args, **kwargs)

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API, {"authorization": "Bearer abc"})
        session = await app.session.get_session(request)
        assert session.get_handle() == "own"
        assert session.req_res_info is not None
        assert session.req_res_info.transfer_method == "header"
        assert seen == [None]

    with build(AWAY, static_jwks=jwks(), **override(get_session=get_session)) as app:
        drive(test, app)


@pytest.mark.parametrize("required", [True, False])
def test_two_access_cookies_are_refused(drive: Drive, required: bool) -> None:
    """Nothing says which of them is meant; a refresh finds out."""

    async def test(app: Supertokens) -> None:
        values = [mint("one"), mint("two")]
        for pair in (values, values[::-1], [values[0], ""], ["", values[0]], ["x", values[0]], [values[0]] * 2):
            cookie = "; ".join(f"sAccessToken={value}" for value in pair)
            request = PlainRequest("GET", API, {"cookie": cookie})
            with pytest.raises(TryRefreshTokenError) as caught:
                await app.session.get_session(request, session_required=required)
            assert caught.value.reason is Refusal.DUPLICATE_COOKIES
        cookie = "; ".join(f"sAccessToken={value}" for value in values)
        by_header = PlainRequest("GET", API, {"cookie": cookie, "authorization": f"Bearer {mint('header')}"})
        assert (await app.session.get_session(by_header)).get_handle() == "header"
        nonsense = PlainRequest("GET", API, {"cookie": "sAccessToken=x; sAccessToken=y"})
        assert await app.session.get_session(nonsense, session_required=False) is None

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


def test_an_expired_token_is_to_be_refreshed_even_if_no_session_is_required(drive: Drive) -> None:
    """Who had a session gets it back by a refresh, rather than be taken for a stranger."""

    async def test(app: Supertokens) -> None:
        for headers in (
            {"authorization": f"Bearer {mint(age_s=7200)}"},
            {"cookie": f"sAccessToken={mint(age_s=7200)}"},
        ):
            answer = await serve_session(app, PlainRequest("GET", API, headers), session_required=False)
            assert (answer.status, content(answer)) == (401, {"message": "try refresh token"})
            assert not cleared(answer)

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


def test_no_token_at_all(drive: Drive) -> None:
    """Without a session there is none, and the client keeps what it has."""

    async def test(app: Supertokens) -> None:
        for headers in ({}, {"cookie": "sAccessToken="}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}):
            request = PlainRequest("POST", API, headers)
            request.set_session(await app.session.get_session_without_request_response(mint()))
            assert await app.session.get_session(request, session_required=False) is None
            assert request.get_session() is None
            with pytest.raises(UnauthorisedError) as caught:
                await app.session.get_session(request)
            assert caught.value.reason is Refusal.NO_TOKEN
            assert not caught.value.clear_tokens

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


def test_the_age_of_a_token(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """An access token that is older than the caller likes is shown to the core."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        client = Client()
        handle = await log_in(app, client, user)
        request = client.request()
        asked = len(calls.about_sessions())
        session = await app.session.get_session(request, max_token_age_s=3600)
        assert session.verified_by == "local"
        assert len(calls.about_sessions()) == asked
        session = await app.session.get_session(request, max_token_age_s=-5)
        assert session.verified_by == "core"
        assert calls.about_sessions()[asked:] == [("POST", "/recipe/session/verify")]
        await app.session.revoke_session(handle)
        with pytest.raises(UnauthorisedError):
            await app.session.get_session(request, max_token_age_s=-5)
        assert await app.session.get_session(PlainRequest("GET", API), False, max_token_age_s=-5) is None
        foreign = PlainRequest("GET", API, {"authorization": "Bearer x"})
        assert await app.session.get_session(foreign, False, max_token_age_s=-5) is None

    with build(core_uri, core={"network_interceptor": calls, "cdi_version": "5.6"}) as app:
        drive(test, app)


def test_a_core_that_is_away(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is known about any session: 503, and the client keeps its tokens."""

    async def test(app: Supertokens, static: Supertokens) -> None:
        for mode in ("cookie", "header"):
            client = Client(mode)
            client.headers = {"st-access-token": mint(), "st-refresh-token": "x"} if mode == "header" else {}
            client.cookies = (
                {("sAccessToken", "", "/"): mint(), ("sRefreshToken", "", REFRESH): "x"} if mode == "cookie" else {}
            )
            for sdk, path, options in (
                (app, "/", {}),
                (static, "/", {"check_database": True}),
                (static, "/", {"max_token_age_s": -1}),
                (static, "/", {"session_required": False, "check_database": True}),
                (app, REFRESH, {}),
                (app, "/auth/signout", {}),
                (static, "/auth/signout", {}),
            ):
                answer = await serve_session(sdk, client.request("POST", path), **options)
                assert (answer.status, answer.content) == (503, b'{"message":"service unavailable"}')
                assert answer.get_header("retry-after") == "1"
                assert cleared(answer) == set()
                assert answer.get_header("front-token") is None
            assert (await serve_session(static, client.request("POST"))).status == 200

    core = {"max_retries": 0}
    with build(AWAY, core=core) as app, build(AWAY, core=core, static_jwks=jwks()) as static:
        drive(test, app, static)
    assert mint() not in caplog.text


def test_what_is_no_request(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Something else is refused, and the error says what is accepted; what a door attached to its own is found."""

    class Native:
        def __init__(self, attached: Any = None) -> None:
            self.scope = {REQUEST_KEY: attached}

    async def test(app: Supertokens) -> None:
        wrong: list[Any] = [None, "GET", {}, Native()]
        for request in wrong:
            with pytest.raises(BadInputError, match="must be a BaseRequest, like PlainRequest"):
                await app.session.get_session(request)
            with pytest.raises(BadInputError, match="must be a BaseRequest"):
                await app.session.create_new_session(request, "public", user)
            with pytest.raises(BadInputError, match="must be a BaseRequest"):
                await app.session.refresh_session(request)
        attached = PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"})
        assert (await app.session.get_session(Native(attached))).get_handle() == "h"

    with build(AWAY, static_jwks=jwks()) as app:
        drive(test, app)


def test_a_transfer_method_that_is_none(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """A function that gives something else is named in the error."""

    async def test(app: Supertokens) -> None:
        with pytest.raises(ConfigurationError, match="get_token_transfer_method gave str 'both'"):
            await app.session.create_new_session(PlainRequest("POST", "/login"), "public", user)

    with build(core_uri, **allowing("both")) as app:
        drive(test, app)


def test_an_override_of_the_endpoints_is_not_needed_for_sessions(drive: Drive, core_uri: str) -> None:
    """Verifying in an application's own code does not go through the endpoints' interface."""

    def apis(original: Any) -> Any:
        async def verify_session(*args: Any, **kwargs: Any) -> Any:
            raise CoreError("not asked for")

        original.verify_session = verify_session
        return original

    async def test(app: Supertokens) -> None:
        request = PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"})
        assert (await app.session.get_session(request)).get_handle() == "h"

    with build(AWAY, static_jwks=jwks(), override=SessionOverrideConfig(apis=apis)) as app:
        drive(test, app)
