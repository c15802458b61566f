"""aiohttp's door: streams, redirects, classes, websockets, and requests that other middlewares made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientError, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import BadInputError, ClosedError, ConfigurationError, GeneralError
from supertokens_lite.framework.aiohttp import SESSION, lifespan, setup
from supertokens_lite.recipe.session import InputErrorHandlers
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.aiohttp import verify_session
from tests.doors import COOKIES, REFRESH, Client, build, cookies
from tests.framework.aiohttp_site import build_app, send_to
from tests.framework.loaded import frameworks_of
from tests.framework.views import noting_bodies

Begin = Callable[..., Supertokens]
HEADER_MODE = {"st-auth-mode": "header"}


async def login(request: web.Request) -> web.Response:
    return web.Response(text=(await create_new_session(request, "public", RecipeUserId("ada"))).get_handle())


@verify_session()
async def me(request: web.Request) -> web.Response:
    return web.Response(text=request[SESSION].get_user_id())


def build_small(*middlewares: Any) -> web.Application:
    """Build an application with a login."""
    app = web.Application()
    setup(app)
    app.middlewares.extend(middlewares)
    app.router.add_post("/login", login)
    app.router.add_get("/me", me)
    return app


@asynccontextmanager
async def browse(
    app: web.Application,
) -> AsyncGenerator[tuple[TestClient[web.Request, web.Application], dict[str, str]], None]:
    """Give a client of an application that runs, and the headers of a session."""
    async with TestClient(TestServer(app)) as client:
        made = await client.post("/login", headers=HEADER_MODE)
        yield client, {"authorization": f"Bearer {made.headers['st-access-token']}"}


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    app = build_small()

    async def scenario() -> None:
        read = asyncio.Event()

        @verify_session()
        async def stream(request: web.Request) -> web.StreamResponse:
            await request[SESSION].merge_into_access_token_payload({"n": 1})
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await read.wait()  # the client has it, while this is still going on
            await response.write(b"second")
            return response

        app.router.add_get("/stream", stream)
        async with browse(app) as (client, headers), client.get("/stream", headers=headers) as answer:
            assert answer.headers["st-access-token"]
            assert await answer.content.readexactly(5) == b"first"
            read.set()
            assert await answer.read() == b"second"

    asyncio.run(scenario())


def test_an_error_in_the_middle_of_a_stream(begin: Begin) -> None:
    """Once a head was sent, an error is the server's to deal with."""
    begin()
    app = build_small()
    seen: list[Exception] = []

    @web.middleware
    async def note(request: web.Request, handler: Any) -> Any:
        try:
            return await handler(request)
        except BadInputError as error:
            seen.append(error)
            raise

    async def stream(request: web.Request) -> web.StreamResponse:
        await web.StreamResponse().prepare(request)
        raise BadInputError("is bad", "this")

    app.middlewares.insert(0, note)
    app.router.add_get("/stream", stream)

    async def scenario() -> None:
        async with browse(app) as (client, _):
            with pytest.raises(ClientError):
                await (await client.get("/stream")).read()

    asyncio.run(scenario())
    assert len(seen) == 1


def test_an_answer_that_is_raised(begin: Begin) -> None:
    """A redirect that a handler raises takes the tokens along."""
    begin()

    async def enter(request: web.Request) -> web.Response:
        await create_new_session(request, "public", RecipeUserId("ada"))
        raise web.HTTPFound("/welcome")

    def make() -> web.Application:
        app = build_app()
        app.router.add_post("/enter", enter)
        return app

    response = send_to(make, Client().request("POST", "/enter"))
    assert response.status == 302
    assert set(cookies(response)) == COOKIES


def test_a_request_of_another_middleware(begin: Begin) -> None:
    """A middleware inside that makes a request of its own takes the session along."""
    begin()

    @web.middleware
    async def clone(request: web.Request, handler: Any) -> Any:
        return await handler(request.clone(remote="10.0.0.1"))

    async def scenario() -> None:
        async with browse(build_small(clone)) as (client, headers):
            assert await (await client.get("/me", headers=headers)).text() == "ada"
            assert (await client.get("/me")).status == 401

    asyncio.run(scenario())


def test_methods_of_objects(begin: Begin) -> None:
    """Handlers that are methods of an object are verified too."""
    begin()

    class Shop:
        @verify_session(session_required=False)
        async def page(self, request: web.Request) -> web.Response:
            return web.Response(text=str(request[SESSION]))

    app = build_small()
    app.router.add_get("/page", Shop().page)

    async def scenario() -> None:
        async with browse(app) as (client, _):
            assert await (await client.get("/page")).text() == "None"

    asyncio.run(scenario())


def test_websockets(begin: Begin) -> None:
    """A websocket is let in with a session, unless it is of another website's page."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    app = build_small()

    @verify_session()
    async def talk(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request[SESSION].get_user_id())
        return socket

    app.router.add_get("/ws", talk)

    async def scenario() -> None:
        async with browse(app) as (client, headers):
            cookie = {"cookie": f"sAccessToken={headers['authorization'].removeprefix('Bearer ')}"}
            for sent, status in (({}, 401), (cookie | {"origin": "https://evil.com"}, 403)):
                with pytest.raises(WSServerHandshakeError) as refused:
                    await client.ws_connect("/ws", headers=sent)
                assert refused.value.status == status
            async with client.ws_connect("/ws", headers=cookie | {"origin": "https://example.com"}) as socket:
                assert await socket.receive_str() == "ada"

    asyncio.run(scenario())


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))

    async def both(request: web.Request) -> web.StreamResponse:
        await create_new_session(request, "public", RecipeUserId("ada"))
        if request.path == "/decorated":
            return await me(request)
        raise UnauthorisedError("no", clear_tokens=False)

    def make() -> web.Application:
        app = build_app()
        app.router.add_post("/decorated", both)
        app.router.add_post("/raised", both)
        return app

    for path in ("/decorated", "/raised"):
        response = send_to(make, Client("cookie").request("POST", path))
        assert response.status == 401
        assert [value for name, value in response.headers if name == "front-token"] == ["handled"]
        assert set(cookies(response)) == COOKIES


def test_overrides_read_bodies(begin: Begin) -> None:
    """An override of an endpoint reads JSON and forms."""
    read: list[Any] = []
    begin(override=noting_bodies(read))

    async def scenario() -> None:
        async with TestClient(TestServer(build_app())) as client:
            for body in ({"json": {"a": 1}}, {"data": {"a": "1"}}, {"data": b"{"}):
                assert (await client.post(REFRESH, **body)).status == 401

    asyncio.run(scenario())
    assert read == [{"a": 1}, {"a": "1"}, {}]


def test_an_sdk_of_its_own(core_uri: str) -> None:
    """An application may have an SDK object of its own, and no default one."""
    with build(core_uri, info={"api_base_path": "/own"}) as supertokens:
        found = send_to(partial(build_app, supertokens), Client().request("GET", "/own/jwt/jwks.json"))
        assert found.status == 200


def _note_error(app: web.Application, errors: list[Exception]) -> web.Application:
    @web.middleware
    async def note(request: web.Request, handler: Any) -> Any:
        try:
            return await handler(request)
        except GeneralError as error:
            errors.append(error)
            return web.Response(status=500)

    app.middlewares.insert(0, note)
    return app


def test_a_missing_middleware(begin: Begin) -> None:
    """Without the middleware the error says which line to add."""
    begin()
    errors: list[Exception] = []

    def make() -> web.Application:
        app = _note_error(web.Application(), errors)
        app.router.add_get("/me", me)
        return app

    assert send_to(make, Client().request("GET", "/me")).status == 500
    [error] = errors
    assert isinstance(error, ConfigurationError)
    assert "setup(app), from supertokens_lite.framework.aiohttp" in str(error)


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """A request that comes before `init` says that it is missing, whatever it is for."""
    errors: list[Exception] = []
    for target in ("/me", "/late", REFRESH):
        make = partial(_note_error, build_app(), errors)
        assert send_to(make, Client().request("GET", target)).status == 500
    assert ["Initialisation not done" in str(error) for error in errors] == [True] * 3


def test_lifespan_closes(begin: Begin) -> None:
    """The helper closes the connections when the application ends."""
    supertokens = begin()
    app = build_small()
    app.cleanup_ctx.append(lifespan)

    async def scenario() -> None:
        async with browse(app) as (client, headers):
            assert (await client.get("/me", headers=headers)).status == 200
        with pytest.raises(ClosedError):
            await supertokens.session.get_session_information("h")

    asyncio.run(scenario())


def test_no_other_framework_is_imported() -> None:
    """aiohttp's door imports aiohttp only."""
    door = frameworks_of("supertokens_lite.framework.aiohttp", "supertokens_lite.recipe.session.framework.aiohttp")
    assert door == {"aiohttp"}
