"""What every framework's door has to do, through the test clients of the frameworks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest, get_request_from_user_context
from supertokens_lite.recipe.session import InputErrorHandlers, SessionOverrideConfig
from tests.apps import override
from tests.doors import (
    API,
    AWAY,
    COOKIES,
    EPOCH,
    HEADERS,
    REFRESH,
    Client,
    attributes,
    cleared,
    content,
    cookies,
    jwks,
    mint,
)
from tests.framework.views import FIXED_COOKIES, SHARED

Begin = Callable[..., Supertokens]
Door = Callable[[PlainRequest], BaseResponse]

SESSION_HEADERS = {"front-token", "st-access-token", "st-refresh-token", "anti-csrf"}


def enter(door: Door, client: Client, user: str = "ada") -> Any:
    """Log in; give what the application said."""
    response = client.take(door(client.request("POST", "/login", x_user=user)))
    assert response.status == 200
    return content(response)


def ask(door: Door, client: Client, path: str, method: str = "GET", **headers: str) -> BaseResponse:
    """Send a request, and keep what the answer sets."""
    return client.take(door(client.request(method, path, **headers)))


def header(response: BaseResponse, name: str) -> list[str]:
    """Give all values of a header."""
    return [value for given, value in response.headers if given.lower() == name]


@pytest.mark.parametrize("mode", ["cookie", "header"])
def test_a_session_from_its_beginning_to_its_end(begin: Begin, door: Door, mode: str) -> None:
    """Log in, call, refresh, call, sign out: tokens come, change and go, the way the client wants them."""
    begin()
    client = Client(mode)
    made = enter(door, client)
    name, refresh = ("sAccessToken", "sRefreshToken") if mode == "cookie" else ("st-access-token", "st-refresh-token")
    first, second = client.token(name), client.token(refresh)
    assert first
    assert second
    assert content(ask(door, client, "/me")) == made
    refreshed = ask(door, client, REFRESH, "POST")
    assert (refreshed.status, content(refreshed)) == (200, {})
    assert client.token(name) not in (None, first)
    assert client.token(refresh) not in (None, second)
    assert content(ask(door, client, "/me")) == made
    left = ask(door, client, "/auth/signout", "POST")
    assert (left.status, content(left), header(left, "front-token")) == (200, {"status": "OK"}, ["remove"])
    assert cleared(left) == (COOKIES if mode == "cookie" else HEADERS)
    refused = ask(door, client, "/me")
    assert (refused.status, content(refused)) == (401, {"message": "unauthorised"})


def test_the_answer_of_an_application_is_kept(begin: Begin, door: Door) -> None:
    """What the application sets stays beside what the session wants, once each."""
    begin()
    response = door(Client().request("POST", "/login"))
    assert [value.split("=")[0] for value in header(response, "set-cookie")] == [
        "theme",
        "sAccessToken",
        "sRefreshToken",
    ]
    assert header(response, "access-control-expose-headers") == ["x-total,front-token"]
    assert header(response, "content-type") == ["application/json"]
    assert header(response, "x-kept") == ["app"]


def test_the_bytes_of_cookies(begin: Begin, door: Door) -> None:
    """Cookies go out as they were recorded, several of one name and all, whatever time zone the machine is in."""
    begin()
    client = Client("cookie")
    enter(door, client)
    response = door(client.request("GET", "/fixed"))
    assert header(response, "set-cookie")[1:] == FIXED_COOKIES
    assert header(response, "x-kept") == ["session"]
    assert header(response, "x-removed") == []


def test_the_attributes_of_session_cookies(begin: Begin, door: Door) -> None:
    """The cookies of a session have the one form that they have everywhere."""
    begin()
    found = cookies(door(Client().request("POST", "/login")))
    assert attributes(found["sAccessToken"]) == "Path=/; HttpOnly; Secure; SameSite=Lax"
    assert attributes(found["sRefreshToken"]) == f"Path={REFRESH}; HttpOnly; Secure; SameSite=Lax"


def test_a_call_that_changes_nothing(begin: Begin, door: Door) -> None:
    """Where nothing changes, nothing of a session is on the answer."""
    begin()
    client = Client()
    enter(door, client)
    response = door(client.request("GET", "/me"))
    assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)
    assert [value.split("=")[0] for value in header(response, "set-cookie")] == ["theme"]


def test_new_payload(begin: Begin, door: Door) -> None:
    """A view that changes the payload has a new access token sent along."""
    begin()
    client = Client()
    enter(door, client)
    before = client.token("sAccessToken")
    response = ask(door, client, "/merge")
    assert set(cookies(response)) == {"theme", "sAccessToken"}
    assert client.token("sAccessToken") != before
    assert ask(door, client, "/me").status == 200


def test_session_data(begin: Begin, door: Door) -> None:
    """A view reads and writes session data."""
    begin()
    client = Client("header")
    enter(door, client)
    assert [content(ask(door, client, "/data")) for _ in range(2)] == [{"visits": 2}, {"visits": 3}]


def test_a_session_that_a_view_ends(begin: Begin, door: Door) -> None:
    """A view that ends its session has the client's tokens cleared."""
    begin()
    client = Client()
    enter(door, client)
    response = ask(door, client, "/revoke")
    assert (response.status, cleared(response)) == (200, COOKIES)
    assert ask(door, client, "/optional").status == 200


def test_an_optional_session(begin: Begin, door: Door) -> None:
    """Without a session a view that needs none is called, with None; with one, it gets it."""
    begin()
    client = Client()
    assert content(ask(door, client, "/optional")) is None
    assert content(ask(door, client, "/optional", "OPTIONS")) is None
    made = enter(door, client)
    assert content(ask(door, client, "/optional")) == made


def test_a_view_that_asks_itself(begin: Begin, door: Door) -> None:
    """A view that asks for the session with the framework's own request sees it where the decorator puts it."""
    begin()
    client = Client()
    assert content(ask(door, client, "/quiet")) is None
    handle = enter(door, client)["handle"]
    assert content(ask(door, client, "/quiet")) == content(ask(door, client, "/late")) == handle


def test_no_session(begin: Begin, door: Door) -> None:
    """Without a session a view that needs one is not called; verified by it or by the decorator, the answer is one."""
    begin()
    for path in ("/me", "/late"):
        response = door(Client().request("GET", path))
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert header(response, "content-type") == ["application/json; charset=utf-8"]
        assert header(response, "content-length") == ["26"]
        assert header(response, "set-cookie") == []


def test_a_session_that_was_ended_elsewhere(begin: Begin, door: Door) -> None:
    """A session that the core does not know any more is answered with 401, and its cookies are cleared."""
    supertokens = begin()
    client = Client()
    supertokens.session.blocking.revoke_session(enter(door, client)["handle"])
    response = door(client.request("GET", "/checked"))
    assert (response.status, content(response)) == (401, {"message": "unauthorised"})
    assert cleared(response) == COOKIES
    assert header(response, "front-token") == ["remove"]
    assert all(EPOCH in value for value in header(response, "set-cookie"))


def test_claims(begin: Begin, door: Door) -> None:
    """A claim that fails is answered with 403 and its reason, and nothing is cleared."""
    begin()
    client = Client()
    enter(door, client)
    response = ask(door, client, "/admin")
    said = content(response)
    assert (response.status, said["message"]) == (403, "invalid claim")
    assert [each["id"] for each in said["claimValidationErrors"]] == ["role"]
    assert client.token("sAccessToken")


def test_doubled_cookies(begin: Begin, door: Door) -> None:
    """Access tokens of two domains are answered with a wish to refresh, which clears those of the older domain."""
    begin(older_cookie_domain="")
    client = Client()
    enter(door, client)
    request = client.request("GET", "/me")
    doubled = f"sAccessToken={mint()}; {request.get_header('cookie')}"
    response = door(client.request("GET", "/me", cookie=doubled))
    assert (response.status, content(response)) == (401, {"message": "try refresh token"})
    sent = client.request("POST", REFRESH).get_header("cookie")
    response = door(client.request("POST", REFRESH, cookie=f"sRefreshToken=old; {sent}"))
    assert response.status == 200
    assert "cleared" in content(response)["message"]
    assert cleared(response) == {"sRefreshToken"}


@pytest.mark.parametrize(("rid", "status"), [("anti-csrf", 200), ("", 401)])
def test_requests_of_other_sites(begin: Begin, door: Door, rid: str, status: int) -> None:
    """Where a header has to show that a request is of the website, one without it is refused."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    client = Client()
    enter(door, client)
    assert ask(door, client, "/me", "POST", rid=rid).status == status


def test_a_core_that_is_away(begin: Begin, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A core that can't be reached is answered with 503 and nothing is cleared, in views and at the endpoints."""
    begin(AWAY, static_jwks=jwks())
    client = Client("header")
    client.headers["st-access-token"] = mint()
    client.headers["st-refresh-token"] = "r"
    assert content(ask(door, client, "/me"))["user"] == "ada"
    with caplog.at_level(logging.INFO, "supertokens_lite.session"):
        for path, method in (("/data", "GET"), ("/checked", "GET"), (REFRESH, "POST"), ("/auth/signout", "POST")):
            response = door(client.request(method, path))
            assert (response.status, content(response)) == (503, {"message": "service unavailable"})
            assert header(response, "retry-after") == ["1"]
            assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)
            assert header(response, "set-cookie") == []
    said = [record.getMessage() for record in caplog.records if record.name == "supertokens_lite.session"]
    assert len(said) == 4
    assert all("core_unavailable" in message for message in said)


def test_bad_input_and_bad_settings(begin: Begin, door: Door) -> None:
    """Bad input is answered with 400; a fault of the application is left to the framework, which says 500."""
    begin()
    client = Client()
    enter(door, client)
    response = door(client.request("GET", "/bad"))
    assert (response.status, content(response)) == (400, {"message": "this: is bad"})
    assert door(client.request("GET", "/broken")).status == 500


def test_answers_of_an_application_of_its_own(begin: Begin, door: Door) -> None:
    """An application may answer without a body, and with a status that nobody knows."""

    def redirect(request: Any, message: str, response: Any) -> Any:
        return response.redirect("/welcome")

    begin(session_expired_status_code=440, error_handlers=InputErrorHandlers(on_unauthorised=redirect))
    response = door(Client().request("GET", "/me"))
    assert (response.status, response.content, header(response, "location")) == (302, b"", ["/welcome"])
    assert header(response, "content-type") == []
    cookie = f"sAccessToken={mint()}"
    assert door(Client().request("GET", "/late", cookie=f"{cookie}; {cookie}")).status == 440


def test_public_keys(begin: Begin, door: Door) -> None:
    """The public keys are served, with how long they may be kept, and say where they are."""
    begin()
    response = door(PlainRequest("GET", API + "/auth/jwt/jwks.json"))
    assert content(response)["keys"]
    assert "must-revalidate" in header(response, "cache-control")[0]
    found = door(PlainRequest("GET", API + "/auth/.well-known/openid-configuration"))
    assert content(found)["jwks_uri"] == API + "/auth/jwt/jwks.json"
    assert door(PlainRequest("GET", API + "/auth/other")).status == 404


def test_an_endpoint_reads_the_request(begin: Begin, door: Door) -> None:
    """An override of an endpoint reads the URL, the query and a body that is not there."""
    seen: list[Any] = []

    def apis(original: Any) -> Any:
        default = original.refresh_post

        async def refresh_post(api_options: Any, user_context: Any) -> Any:
            request = api_options.request
            scheme, _, rest = request.get_original_url().partition("://")
            seen.append((request.get_query_params(), scheme, rest[rest.find("/") :], await request.json()))
            return await default(api_options, user_context)

        original.refresh_post = refresh_post
        return original

    begin(override=SessionOverrideConfig(apis=apis))
    client = Client("header")
    enter(door, client)
    request = client.request("POST", REFRESH)
    request._url += "?a=1&a=2&b="
    assert door(request).status == 200
    assert seen == [({"a": "2", "b": ""}, "https", REFRESH + "?a=1&a=2&b=", {})]


def test_requests_share_nothing(request: pytest.FixtureRequest, begin: Begin, door: Door) -> None:
    """Of 200 requests, ten at a time under way, each meets its own session, request and user context."""
    one_thread = request.node.callspec.params["door"] == "django on asgi, blocking views"  # Django has it so
    together = threading.Barrier(1 if one_thread else 10, timeout=60)
    contexts: list[Any] = []

    async def get_session(default: Any, *args: Any) -> Any:
        found = await default(*args)
        together.wait()  # all ten have been verified, none has been answered
        context = args[-1]
        request = get_request_from_user_context(context)
        contexts.append(context)
        assert request is not None
        assert request.get_header("x-user") == found.get_user_id()
        assert request.get_session() is None
        return found

    begin(**override(get_session=get_session))
    clients = {f"user-{number}": Client("header" if number % 2 else "cookie") for number in range(20)}
    handles = {user: enter(door, client, user)["handle"] for user, client in clients.items()}

    def call(user: str) -> tuple[str, Any]:
        return user, content(door(clients[user].request("GET", "/me", x_user=user)))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(call, list(clients) * 10))
    assert answers == [(user, {"handle": handles[user], "user": user}) for user in list(clients) * 10]
    assert len({id(context) for context in contexts}) == 200
    assert all(context["shop"] == "books" for context in contexts)
    assert SHARED == {"shop": "books"}
