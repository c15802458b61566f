"""Sanic's door: views, streams, errors and websockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from sanic import Blueprint, Request, Sanic
from sanic.response import text
from sanic.views import HTTPMethodView
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import ClosedError, ConfigurationError, GeneralError
from supertokens_lite.framework.sanic import close
from supertokens_lite.recipe.session import InputErrorHandlers
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.sanic import verify_session
from tests.doors import COOKIES, REFRESH, Client, build, cookies
from tests.framework import asgi_calls
from tests.framework.loaded import frameworks_of
from tests.framework.sanic_site import build_app, send_to, serving
from tests.framework.views import noting_bodies

Begin = Callable[..., Supertokens]
Change = Callable[[Any], None]


def call(change: Change, request: Any) -> Any:
    """Send a request to the site, changed."""

    def make() -> Any:
        app = build_app()
        change(app)
        return app

    return send_to(make, request)


def log_in() -> Client:
    client = Client()
    client.take(send_to(build_app, client.request("POST", "/login")))
    return client


@verify_session()
async def me(request: Request) -> Any:
    return text(request.ctx.supertokens.get_user_id())


def test_views(begin: Begin) -> None:
    """Methods of a view are verified one by one, or all of them."""
    begin()

    class One(HTTPMethodView):
        @verify_session()
        async def get(self, request: Request, name: str) -> Any:
            return text(f"{name} {request.ctx.supertokens.get_user_id()}")

    class All(HTTPMethodView):
        decorators = [verify_session(session_required=False)]  # noqa: RUF012  # as Sanic has it

        def get(self, request: Request) -> Any:
            return text(str(request.ctx.supertokens))

    def change(app: Any) -> None:
        app.add_route(One.as_view(), "/one/<name>")
        app.add_route(All.as_view(), "/all")

    assert call(change, log_in().request("GET", "/one/x")).content == b"x ada"
    assert call(change, Client().request("GET", "/one/x")).status == 401
    assert call(change, Client().request("GET", "/all")).content == b"None"


def test_middlewares_of_the_application(begin: Begin) -> None:
    """What the application does with all responses is done with ours, and may still change the session."""
    begin()

    async def look(request: Request) -> None:
        assert not hasattr(request.ctx, "supertokens")

    async def add(request: Request, response: Any) -> None:
        response.headers["X-Everywhere"] = "1"
        if request.path == "/me":
            await request.ctx.supertokens.merge_into_access_token_payload({"seen": True})

    def change(app: Any) -> None:
        app.register_middleware(look, "request")
        app.register_middleware(add, "response")

    client = log_in()
    assert "sAccessToken" in cookies(client.take(call(change, client.request("GET", "/me"))))
    refreshed = call(change, client.request("POST", REFRESH))
    assert dict(refreshed.headers)["x-everywhere"] == "1"
    assert set(cookies(refreshed)) == COOKIES


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    events: list[Any] = []

    @verify_session()
    async def count(request: Request) -> None:
        await request.ctx.supertokens.merge_into_access_token_payload({"n": 1})
        response: Any = await request.respond(content_type="text/plain")
        for number in range(3):
            events.append(number)
            await response.send(b"%d" % number)
        await response.eof()

    app = build_app()
    app.add_route(count, "/numbers")

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            events.append(message.get("body", "head"))
            await send(message)

        await serving(app)(scope, receive, note)

    response = asgi_calls.send_to(noting, log_in().request("GET", "/numbers"))
    assert "sAccessToken" in cookies(response)
    assert events == [0, "head", b"0", 1, b"1", 2, b"2", b""]


def test_handlers_of_the_application(begin: Begin) -> None:
    """A request that is not let in is answered as always, whatever a blueprint does with errors of its handlers."""
    begin()

    async def hide(request: Request, error: Exception) -> Any:
        return text("hidden", status=418)

    async def broken(request: Request) -> None:
        raise ConfigurationError("nothing works")

    def change(app: Any) -> None:
        part: Any = Blueprint("hiding", url_prefix="/hiding")
        part.exception(Exception)(hide)
        part.add_route(me, "/me")
        part.add_route(broken, "/broken")
        app.blueprint(part)

    assert call(change, Client().request("GET", "/hiding/me")).status == 401
    assert call(change, Client().request("GET", "/hiding/broken")).status == 418


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))

    async def both(request: Request, kind: str) -> Any:
        await create_new_session(request, "public", RecipeUserId("ada"))
        if kind == "decorated":
            return await me(request)
        raise UnauthorisedError("no", clear_tokens=False)

    for kind in ("decorated", "raised"):
        response = call(
            lambda app: app.add_route(both, "/both/<kind>", methods=["POST"]),
            Client("cookie").request("POST", f"/both/{kind}"),
        )
        assert response.status == 401
        assert [value for name, value in response.headers if name == "front-token"] == ["handled"]
        assert set(cookies(response)) == COOKIES


def test_overrides_read_bodies(begin: Begin) -> None:
    """An override of an endpoint reads JSON and forms."""
    read: list[Any] = []
    begin(override=noting_bodies(read))
    form = "application/x-www-form-urlencoded"
    for body, kind in ((b'{"a":1}', "application/json"), (b"a=1", form), (b"{", "application/json")):
        request = Client().request("POST", REFRESH, content_type=kind)
        request._body = body
        assert send_to(build_app, request).status == 401
    assert read == [{"a": 1}, {"a": "1"}, {}]


def test_websockets(begin: Begin) -> None:
    """A websocket is served with a session only, unless it is of another website's page."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")

    @verify_session()
    async def talk(request: Request, link: Any) -> None:
        await link.send(request.ctx.supertokens.get_user_id())

    def connect(**headers: str) -> list[str]:
        app = build_app()
        app.add_websocket_route(talk, "/ws")
        return [each.get("text") for each in asgi_calls.connect_to(serving(app), "/ws", **headers) if "text" in each]

    cookie = f"sAccessToken={log_in().token('sAccessToken')}"
    assert connect() == []
    assert connect(cookie=cookie, origin="https://evil.com") == []
    assert connect(cookie=cookie, origin="https://example.com") == ["ada"]


def test_websockets_on_its_own_server(begin: Begin) -> None:
    """Sanic's own server has accepted a websocket when it is refused, and closes it with the code that says so."""
    begin()

    @verify_session()
    async def talk(request: Request, link: Any) -> None:
        await link.send(request.ctx.supertokens.get_user_id())

    app = build_app()
    app.add_websocket_route(talk, "/ws")
    token = log_in().token("sAccessToken")

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as place:
            address = f"ws://127.0.0.1:{place.getsockname()[1]}/ws"
            server = await app.create_server(sock=place, return_asyncio_server=True)
            await server.startup()
            async with connect(address, proxy=None) as refused:
                with pytest.raises(ConnectionClosedError) as closed:
                    await refused.recv()
            assert closed.value.rcvd == Close(1008, "no session")
            async with connect(address, additional_headers={"cookie": f"sAccessToken={token}"}, proxy=None) as served:
                assert await served.recv() == "ada"
            server.close()

    asyncio.run(scenario())


def test_an_sdk_of_its_own(core_uri: str) -> None:
    """An application may have an SDK object of its own, and no default one."""
    with build(core_uri, info={"api_base_path": "/own"}) as supertokens:
        found = send_to(lambda: build_app(supertokens), Client().request("GET", "/own/jwt/jwks.json"))
        assert found.status == 200


def test_a_missing_middleware(begin: Begin) -> None:
    """Without the middleware the error says which line to add."""
    begin()
    errors: list[Exception] = []

    async def note(request: Request, error: Exception) -> Any:
        errors.append(error)
        return text("", status=500)

    def make() -> Any:
        app: Any = Sanic("without", configure_logging=False)
        app.config.TOUCHUP = False
        app.add_route(me, "/me")
        app.error_handler.add(GeneralError, note)
        return app

    assert send_to(make, Client().request("GET", "/me")).status == 500
    with pytest.raises(ConfigurationError, match=r"Middleware\(app\), from supertokens_lite\.framework\.sanic"):
        raise errors[0]


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """A request that comes before `init` is answered with 500."""
    for target in ("/me", REFRESH):
        assert send_to(build_app, Client().request("GET", target)).status == 500


def test_closing(begin: Begin) -> None:
    """The helper closes the connections when the application ends."""
    supertokens = begin()

    async def scenario() -> None:
        await close(None)
        with pytest.raises(ClosedError):
            await supertokens.session.get_session_information("h")

    asyncio.run(scenario())


def test_no_other_framework_is_imported() -> None:
    """Sanic's door imports Sanic only."""
    door = frameworks_of("supertokens_lite.framework.sanic", "supertokens_lite.recipe.session.framework.sanic")
    assert door == {"sanic"}
