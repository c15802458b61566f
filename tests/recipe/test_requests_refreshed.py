"""Sessions refreshed by their requests, on the wire."""

from __future__ import annotations

import logging

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import PlainRequest
from supertokens_lite.recipe.session.exceptions import (
    ClearDuplicateSessionCookiesError,
    UnauthorisedError,
)
from supertokens_lite.types import Refusal
from tests.conftest import Drive
from tests.doors import (
    API,
    COOKIES,
    HEADERS,
    PLACES_OF_TOKENS,
    REFRESH,
    Client,
    allowing,
    build,
    cleared,
    content,
    log_in,
    serve,
    serve_session,
)


def test_a_session_that_was_ended_elsewhere(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Where the database is looked at, and at a refresh, it is over, and what the client sent is cleared."""

    async def test(app: Supertokens) -> None:
        for mode, names in (("cookie", COOKIES), ("header", HEADERS)):
            client = Client(mode)
            await app.session.revoke_session(await log_in(app, client, user))
            for path, options in (("/", {"check_database": True}), (REFRESH, {})):
                answer = await serve_session(app, client.request("POST", path), **options)
                assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})
                assert cleared(answer) == names
                assert answer.get_header("front-token") == "remove"
                assert "anti-csrf" in answer.removed

    with build(core_uri) as app:
        drive(test, app)


@pytest.mark.parametrize("name", ["sAccessToken", "sRefreshToken"])
def test_doubled_cookies_at_a_refresh_with_an_older_domain(
    drive: Drive, core_uri: str, user: RecipeUserId, name: str
) -> None:
    """The cookie of the older domain goes, and the next refresh works."""

    async def test(app: Supertokens) -> None:
        client = Client()
        handle = await log_in(app, client, user)
        path = "/" if name == "sAccessToken" else REFRESH
        older = (name, "", path)
        client.cookies = {older: "old=old", **client.cookies}
        with pytest.raises(ClearDuplicateSessionCookiesError):
            await app.session.refresh_session(client.request("POST", REFRESH))
        answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert answer.status == 200
        assert content(answer) == {"message": "cookies of the older domain were cleared; the request can be sent again"}
        assert cleared(answer) == {name}
        assert older not in client.cookies
        assert answer.get_header("front-token") is None
        answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert (answer.status, answer.content) == (200, b"{}")
        assert content(await serve_session(app, client.request())) == handle

    with build(core_uri, cookie_domain=".example.com", older_cookie_domain="") as app:
        drive(test, app)


@pytest.mark.parametrize("name", ["sAccessToken", "sRefreshToken"])
@pytest.mark.parametrize("domain", [".example.com", None])
def test_doubled_cookies_at_a_refresh_without_an_older_domain(
    drive: Drive,
    core_uri: str,
    user: RecipeUserId,
    caplog: pytest.LogCaptureFixture,
    name: str,
    domain: str | None,
) -> None:
    """The session is over, all cookies that can be known go, and the log names the setting that would help."""

    async def test(app: Supertokens) -> None:
        client = Client()
        handle = await log_in(app, client, user)
        secret = "secret-of-the-cookie"
        client.cookies[(name, "elsewhere.example.com", "/")] = secret
        with caplog.at_level(logging.WARNING, "supertokens_lite"):
            answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})
        assert cleared(answer) == COOKIES | ({f"{each}@example.com" for each in COOKIES} if domain else set())
        assert answer.get_header("front-token") == "remove"
        assert [key for key in client.cookies if key[1] != "elsewhere.example.com"] == []
        hints = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(hints) == 1
        assert "older_cookie_domain" in hints[0]
        assert name in hints[0]
        assert secret not in caplog.text
        assert await app.session.get_session_information(handle) is not None

    with build(core_uri, cookie_domain=domain) as app:
        drive(test, app)


def test_doubled_cookies_don_t_matter_to_who_sends_headers(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """A refresh by header goes through, and the cookies are dropped."""

    async def test(app: Supertokens) -> None:
        client = Client("header")
        await log_in(app, client, user)
        request = client.request("POST", REFRESH, cookie="sRefreshToken=a; sRefreshToken=b; sAccessToken=c")
        answer = await serve(app, request)
        assert (answer.status, answer.content) == (200, b"{}")
        assert cleared(answer) == COOKIES
        assert answer.get_header("st-refresh-token")

    with build(core_uri) as app:
        drive(test, app)


@pytest.mark.parametrize(("allowed", "by_header", "by_cookie", "method"), PLACES_OF_TOKENS)
def test_where_the_refresh_token_is_taken_from(
    drive: Drive,
    core_uri: str,
    user: RecipeUserId,
    allowed: str,
    by_header: bool,
    by_cookie: bool,
    method: str | None,
) -> None:
    """As with the access token; afterwards the tokens that travel otherwise go."""

    async def test(app: Supertokens) -> None:
        made = {}
        for each in ("header", "cookie"):
            session = await app.session.create_new_session_without_request_response("public", user)
            assert session.refresh_token is not None
            made[each] = session.get_handle(), session.refresh_token.token
        headers = {}
        if by_header:
            headers["authorization"] = f"Bearer {made['header'][1]}"
        if by_cookie:
            headers["cookie"] = f"sRefreshToken={made['cookie'][1].replace('+', '%2B').replace('=', '%3D')}"
        request = PlainRequest("POST", API + REFRESH, headers)
        answer = await serve(app, request)
        session = request.get_session()  # type: ignore[assignment]
        if method is None:
            assert (answer.status, content(answer)) == (401, {"message": "unauthorised"})
            assert answer.get_header("front-token") == "remove"
            assert session is None
            return
        assert (answer.status, answer.content) == (200, b"{}")
        assert session is not None
        assert session.get_handle() == made[method][0]
        names = {"header": COOKIES if by_cookie else set(), "cookie": HEADERS if by_header else set()}
        assert cleared(answer) == names[method]

    with build(core_uri, **allowing(allowed)) as app:
        drive(test, app)


def test_no_refresh_token(drive: Drive, core_uri: str) -> None:
    """The session is over, and the message says where the cookie may have gone."""

    async def test(app: Supertokens) -> None:
        for cookie, told, gone in (
            ("", "there is no refresh token", set()),
            ("sRefreshToken=", "there is no refresh token", COOKIES),
            ("sAccessToken=x", "api_base_path", COOKIES),
        ):
            request = Client().request("POST", REFRESH, cookie=cookie)
            with pytest.raises(UnauthorisedError, match=told) as caught:
                await app.session.refresh_session(request)
            assert caught.value.reason is Refusal.NO_REFRESH_TOKEN
            answer = await serve(app, request)
            assert answer.status == 401
            assert cleared(answer) == (gone or COOKIES)
        request = Client("header").request("POST", REFRESH)
        assert cleared(await serve(app, request)) == HEADERS

    with build(core_uri) as app:
        drive(test, app)


def test_a_stolen_refresh_token(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """Who comes with a refresh token that was replaced and whose successor was used ends the session."""

    async def test(app: Supertokens) -> None:
        thief, owner = Client(), Client()
        handle = await log_in(app, owner, user)
        thief.cookies = dict(owner.cookies)
        for _ in range(2):
            owner.take(await serve(app, owner.request("POST", REFRESH)))
            owner.take(await serve_session(app, owner.request(), check_database=True))
        answer = await serve(app, thief.request("POST", REFRESH))
        assert (answer.status, content(answer)) == (401, {"message": "token theft detected"})
        assert cleared(answer) == COOKIES
        assert answer.get_header("front-token") == "remove"
        assert await app.session.get_session_information(handle) is None

    for version in ("5.4", "5.6"):
        with build(core_uri, core={"cdi_version": version}) as app:
            drive(test, app)


def test_cookies_of_an_old_version(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """A client that has one is sent to refresh, which takes it away, whether it works or not."""

    async def test(app: Supertokens) -> None:
        client = Client()
        await log_in(app, client, user)
        client.cookies[("sIdRefreshToken", "", "/")] = "x"
        answer = await serve_session(app, client.request(), session_required=False)
        assert (answer.status, content(answer), cleared(answer)) == (401, {"message": "try refresh token"}, set())
        answer = client.take(await serve(app, client.request("POST", REFRESH)))
        assert (answer.status, cleared(answer)) == (200, {"sIdRefreshToken"})
        assert (await serve_session(app, client.request())).status == 200
        for cookie in ("sIdRefreshToken=x", "sIdRefreshToken=x; sRefreshToken=y"):
            answer = await serve(app, Client().request("POST", REFRESH, cookie=cookie))
            assert (answer.status, cleared(answer)) == (401, COOKIES | {"sIdRefreshToken"})

    with build(core_uri) as app:
        drive(test, app)
