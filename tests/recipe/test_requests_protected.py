"""Requests that other sites may have sent, and cookies that travel between sites."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens, get_request_from_user_context
from supertokens_lite._protocol.messages import BaseRequest, PlainRequest
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.exceptions import (
    TryRefreshTokenError,
)
from supertokens_lite.types import Refusal
from tests.conftest import Drive
from tests.doors import (
    API,
    COOKIES,
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


def test_anti_csrf_by_token(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """What changes something has to repeat the token; who sends tokens in headers has none."""

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        assert client.headers["anti-csrf"]
        assert (await serve_session(app, client.request("POST"))).status == 200
        assert (await serve_session(app, client.request("GET", anti_csrf=""))).status == 200
        for method, wrong, options in (
            ("POST", "", {}),
            ("POST", "wrong", {}),
            ("HEAD", "", {}),
            ("GET", "", {"anti_csrf_check": True}),
        ):
            answer = await serve_session(app, client.request(method, anti_csrf=wrong), **options)
            assert (answer.status, content(answer), cleared(answer)) == (401, {"message": "try refresh token"}, set())
        unchecked = await serve_session(app, client.request("POST", anti_csrf=""), anti_csrf_check=False)
        assert unchecked.status == 200
        answer = await serve(app, client.request("POST", "/auth/signout", anti_csrf=""))
        assert answer.status == 401
        answer = await serve(app, client.request("POST", REFRESH, anti_csrf="wrong"))
        assert answer.status == 401
        before = client.headers["anti-csrf"]
        answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert answer.status == 200
        assert client.headers["anti-csrf"] != before
        assert (await serve_session(app, client.request("POST"))).status == 200
        by_header = Client("header")
        await log_in(app, by_header, user)
        assert "anti-csrf" not in by_header.headers
        assert (await serve_session(app, by_header.request("POST"))).status == 200
        assert by_header.take(await serve(app, by_header.request("POST", REFRESH))).status == 200
        assert "anti-csrf" not in by_header.headers
        assert (await serve(app, by_header.request("POST", "/auth/signout"))).status == 200

    with build(core_uri, anti_csrf="VIA_TOKEN") as app:
        drive(test, app)


@pytest.mark.parametrize("automatic", [False, True])
def test_anti_csrf_by_header(drive: Drive, core_uri: str, user: RecipeUserId, automatic: bool) -> None:
    """What changes something needs a header that other sites can't set, whatever it says; a refresh always does."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        assert "anti-csrf" not in client.headers
        assert (await serve_session(app, client.request("POST", rid="anything"))).status == 200
        assert (await serve_session(app, client.request("GET", rid=""))).status == 200
        for method, is_checked in (("POST", None), ("HEAD", None), ("GET", True)):
            request = client.request(method, rid="")
            answer = await serve_session(app, request, anti_csrf_check=is_checked)
            assert (answer.status, content(answer), cleared(answer)) == (401, {"message": "try refresh token"}, set())
            with pytest.raises(TryRefreshTokenError) as caught:
                await app.session.get_session(request, anti_csrf_check=is_checked)
            assert caught.value.reason is Refusal.CUSTOM_HEADER
        assert (await serve_session(app, client.request("POST", rid=""), anti_csrf_check=False)).status == 200
        nobody = PlainRequest("POST", API, {"cookie": "sAccessToken=x"})
        assert content(await serve_session(app, nobody)) == {"message": "unauthorised"}
        asked = len(calls.about_sessions())
        answer = await serve(app, client.request("POST", REFRESH, rid=""))
        assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})
        assert cleared(answer) == COOKIES
        assert len(calls.about_sessions()) == asked
        assert client.take(await serve(app, client.request("POST", REFRESH))).status == 200
        by_header = Client("header")
        await log_in(app, by_header, user)
        assert (await serve_session(app, by_header.request("POST", rid=""))).status == 200
        assert by_header.take(await serve(app, by_header.request("POST", REFRESH, rid=""))).status == 200
        assert (await serve(app, by_header.request("POST", "/auth/signout", rid=""))).status == 200

    settings: dict[str, Any] = {"anti_csrf": "VIA_CUSTOM_HEADER"}
    if automatic:
        settings = {"info": {"website_domain": "https://elsewhere.org"}}
    with build(core_uri, core={"network_interceptor": calls}, **settings) as app:
        drive(test, app)


def test_anti_csrf_off(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Nothing is asked of any request, by cookie or by header."""

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        assert (await serve_session(app, client.request("POST", rid=""), anti_csrf_check=True)).status == 200
        assert client.take(await serve(app, client.request("POST", REFRESH, rid=""))).status == 200
        assert (await serve(app, client.request("POST", "/auth/signout", rid=""))).status == 200

    with build(core_uri, anti_csrf="NONE") as app:
        drive(test, app)


def test_the_origin_decides_for_each_request(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Requests of different websites get different cookies and different protection, in any order."""

    def origin(request: BaseRequest | None, user_context: dict[str, Any]) -> str:
        assert request is None or get_request_from_user_context(user_context) is request
        return (request and request.get_header("origin")) or "https://example.com"

    async def test(app: Supertokens) -> None:
        for _ in range(2):
            for website, same_site, status in (
                ("https://elsewhere.org", "None", 401),
                ("https://shop.example.com", "Lax", 200),
                ("http://shop.example.com", "None", 401),
            ):
                client = Client()
                request = client.request("POST", "/login", origin=website)
                await app.session.create_new_session(request, "public", user)
                answer = client.take(await serve(app, request))
                assert f"SameSite={same_site}" in cookies(answer)["sAccessToken"]
                answer = await serve_session(app, client.request("POST", rid="", origin=website))
                assert answer.status == status

    with build(core_uri, info={"origin": origin}) as app:
        drive(test, app)


@pytest.mark.filterwarnings("ignore:session.init")
@pytest.mark.parametrize(
    ("api", "website", "mode", "works"),
    [
        ("http://api.example.com", "https://example.com", "cookie", False),
        ("http://api.example.com", "https://example.com", "header", True),
        ("http://localhost:3001", "https://example.com", "cookie", False),
        ("http://localhost:3001", "http://127.0.0.1:3000", "cookie", True),
        ("http://192.168.1.2", "http://localhost", "cookie", True),
        ("http://api.example.com", "http://example.com", "cookie", True),
        ("https://api.example.com", "https://elsewhere.org", "cookie", True),
    ],
)
def test_cookies_that_browsers_would_not_keep(
    drive: Drive, core_uri: str, user: RecipeUserId, api: str, website: str, mode: str, works: bool
) -> None:
    """A session whose cookies could not travel is not made; where an application is developed they may."""
    calls = Calls()

    async def test(app: Supertokens) -> None:
        request = PlainRequest("POST", "/login", {"st-auth-mode": mode})
        if works:
            await app.session.create_new_session(request, "public", user)
            assert request.get_session() is not None
            return
        with pytest.raises(ConfigurationError, match="https"):
            await app.session.create_new_session(request, "public", user)
        assert calls.about_sessions() == []

    with build(
        core_uri, core={"network_interceptor": calls}, info={"api_domain": api, "website_domain": website}
    ) as app:
        drive(test, app)
