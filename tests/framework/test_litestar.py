"""Litestar's door: dependencies, guards, OpenAPI, CORS, streams and websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from litestar import Litestar, Request, Response, Router, WebSocket, get, post, websocket
from litestar.config.cors import CORSConfig
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath
from litestar.response import Stream

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import ClosedError, ConfigurationError, GeneralError
from supertokens_lite.framework.litestar import SupertokensPlugin, lifespan
from supertokens_lite.recipe.session import InputErrorHandlers, SessionContainer, SessionOverrideConfig
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.litestar import verify_session
from tests.doors import COOKIES, REFRESH, Client, build, content, cookies
from tests.framework.asgi_calls import connect_to, send_to
from tests.framework.loaded import frameworks_of

Begin = Callable[..., Supertokens]

WITH_SESSION: Any = {"session": Provide(verify_session())}
MAYBE_SESSION: Any = {"session": Provide(verify_session(session_required=False))}


@post("/login")
async def login(request: Request[Any, Any, Any]) -> str:
    return (await create_new_session(request, "public", RecipeUserId("ada"))).get_handle()


@get("/me", dependencies=WITH_SESSION)
async def me(session: NamedDependency[SessionContainer]) -> str:
    return session.get_user_id()


def build_small(*handlers: Any, supertokens: Supertokens | None = None, **options: Any) -> Litestar:
    """Build an application with a login."""
    plugins = [SupertokensPlugin(supertokens)]
    return Litestar([login, me, *handlers], plugins=plugins, logging_config=None, **options)


def log_in(app: Litestar, client: Client) -> Client:
    assert client.take(send_to(app, client.request("POST", "/login"))).status == 201
    return client


def test_optional_and_several_dependencies(begin: Begin) -> None:
    """A handler may take the session as one that may be missing, beside other dependencies that fail with ours."""
    begin()

    async def other() -> int:
        return 1

    @get("/maybe", dependencies=MAYBE_SESSION)
    async def maybe(session: NamedDependency[SessionContainer | None]) -> Response[Any]:
        return Response(None if session is None else session.get_user_id())

    @get("/both", dependencies={**WITH_SESSION, "other": Provide(other)})
    async def both(session: NamedDependency[SessionContainer], other: NamedDependency[int]) -> str:
        return f"{session.get_user_id()} {other}"

    app = build_small(maybe, both)
    client = Client()
    assert content(send_to(app, client.request("GET", "/maybe"))) is None
    assert send_to(app, client.request("GET", "/both")).status == 401
    log_in(app, client)
    assert send_to(app, client.request("GET", "/maybe")).content == b"ada"
    assert send_to(app, client.request("GET", "/both")).content == b"ada 1"


def test_guards(begin: Begin) -> None:
    """A guard lets nobody in without a session to what a router has, and its handlers find the session."""
    begin()

    @get("/name")
    async def name(request: Request[Any, Any, Any]) -> str:
        user: str = request.state.supertokens.get_user_id()
        return user

    app = build_small(Router("/inner", guards=[verify_session().guard], route_handlers=[name]))
    client = Client()
    assert send_to(app, client.request("GET", "/inner/name")).status == 401
    assert send_to(app, log_in(app, client).request("GET", "/inner/name")).content == b"ada"


def test_openapi_shows_a_security_scheme(begin: Begin) -> None:
    """The documentation knows which operations want a session, and shows no endpoint of ours."""
    begin()

    @get("/guarded", guards=[verify_session().guard], security=[{"Key": []}])
    async def guarded() -> str:
        return ""

    @get("/open", dependencies=WITH_SESSION)
    async def unused() -> str:
        return ""

    key = Components(security_schemes={"Key": SecurityScheme("apiKey", name="key", security_scheme_in="header")})
    app = build_small(guarded, unused, openapi_config=OpenAPIConfig("Shop", "1", components=key))
    schema = app.openapi_schema.to_schema()
    assert set(schema["components"]["securitySchemes"]) == {"Key", "Session"}
    assert schema["components"]["securitySchemes"]["Session"]["scheme"] == "bearer"
    assert schema["paths"]["/me"]["get"]["security"] == [{"Session": []}]
    assert schema["paths"]["/guarded"]["get"]["security"] == [{"Key": []}, {"Session": []}]
    assert "security" not in schema["paths"]["/open"]["get"]
    assert set(schema["paths"]) == {"/login", "/me", "/guarded", "/open"}
    assert "parameters" not in schema["paths"]["/me"]["get"]
    assert "Session" not in str(Litestar([], logging_config=None).openapi_schema.to_schema())


def test_an_application_without_openapi(begin: Begin) -> None:
    """An application that has no documentation is served too."""
    begin()
    app = build_small(openapi_config=None)
    assert send_to(app, log_in(app, Client()).request("GET", "/me")).content == b"ada"


def test_handlers_of_the_application(begin: Begin) -> None:
    """What is not our error goes to the application's handlers; ours does not, unless they name it."""
    begin()

    @get("/broken")
    async def broken() -> None:
        raise ConfigurationError("nothing works")

    @get("/refused")
    async def refused() -> None:
        raise UnauthorisedError("no")

    def hide(request: Any, error: Exception) -> Response[str]:
        return Response("hidden", status_code=418)

    app = build_small(broken, refused, exception_handlers={Exception: hide})
    assert send_to(app, Client().request("GET", "/broken")).status == 418
    assert send_to(app, Client().request("GET", "/refused")).status == 401
    named = build_small(broken, refused, exception_handlers={UnauthorisedError: hide})
    assert send_to(named, Client().request("GET", "/refused")).status == 418


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))

    @post("/raised")
    async def raised(request: Request[Any, Any, Any]) -> None:
        await create_new_session(request, "public", RecipeUserId("ada"))
        raise UnauthorisedError("no", clear_tokens=False)

    response = send_to(build_small(raised), Client("cookie").request("POST", "/raised"))
    assert response.status == 401
    assert [value for name, value in response.headers if name == "front-token"] == ["handled"]
    assert set(cookies(response)) == COOKIES


def test_cors_is_outside(begin: Begin) -> None:
    """Answers of our endpoints have the headers that the application's CORS settings want."""
    begin()
    app = build_small(cors_config=CORSConfig(allow_origins=["https://example.com"], allow_credentials=True))
    client = log_in(app, Client())
    for method, path in (("POST", REFRESH), ("GET", "/auth/jwt/jwks.json"), ("GET", "/me")):
        response = client.take(send_to(app, client.request(method, path, origin="https://example.com")))
        assert response.status == 200
        assert "access-control-allow-credentials" in dict(response.headers)
    preflight = Client().request("OPTIONS", REFRESH, origin="https://example.com", access_control_request_method="POST")
    assert send_to(app, preflight).status == 204
    refused = send_to(app, Client().request("GET", "/me", origin="https://example.com"))
    assert (refused.status, "access-control-allow-credentials" in dict(refused.headers)) == (401, True)


def test_paths_beside_the_endpoints(begin: Begin) -> None:
    """The application's own routes stay its own, below the base path too, and what nobody has is not found."""

    def apis(original: Any) -> Any:
        original.disable_signout_post = True
        return original

    begin(override=SessionOverrideConfig(apis=apis))

    @post("/auth/signout")
    async def own_signout() -> str:
        return "own"

    @get(REFRESH)
    async def page() -> str:
        return "page"

    @get("/auth/session/{number:int}")
    async def own(number: FromPath[int]) -> str:
        return str(number)

    @get("/authors")
    async def authors() -> str:
        return "authors"

    app = build_small(own, own_signout, page, authors)
    for method, path, said in (
        ("GET", "/auth/session/5", b"5"),
        ("GET", "/authors", b"authors"),
        ("GET", REFRESH, b"page"),
    ):
        assert send_to(app, Client().request(method, path)).content == said
    assert send_to(app, Client().request("POST", "/auth/signout")).content == b"own"
    client = log_in(app, Client())
    assert client.take(send_to(app, client.request("POST", "/auth/public/session/refresh"))).status == 401
    assert client.take(send_to(app, client.request("POST", REFRESH + "/"))).status == 401
    for method, path, status in (
        ("PUT", REFRESH, 405),
        ("GET", "/auth/public/session/refresh", 404),
        ("GET", "/auth/other", 404),
        ("POST", "/auth/no%20tenant/session/refresh", 404),
    ):
        assert send_to(app, Client().request(method, path)).status == status


@pytest.mark.parametrize("gateway", ["", "/shop"])
def test_an_application_below_a_path(core_uri: str, gateway: str) -> None:
    """Mounted below a path, endpoints are where they were, and the settings may say so."""
    with build(core_uri, info={"api_gateway_path": gateway}) as supertokens:
        app = build_small(supertokens=supertokens)
        request = Client().request("GET", "/shop/auth/jwt/jwks.json")
        assert send_to(app, request, root_path="/shop").status == 200
        assert send_to(app, Client().request("GET", "/auth/jwt/jwks.json")).status == 200


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """An application that is built before `init` says that it is missing; `verify_session()` may be called."""
    with pytest.raises(GeneralError, match="Initialisation not done"):
        build_small()


def test_a_missing_plugin(begin: Begin) -> None:
    """Without the plugin the error says which line to add."""
    begin()
    errors: list[Exception] = []

    def note(request: Any, error: Exception) -> Response[str]:
        errors.append(error)
        return Response("", status_code=500)

    app = Litestar([me], logging_config=None, exception_handlers={ConfigurationError: note})
    assert send_to(app, Client().request("GET", "/me")).status == 500
    assert "plugins=[SupertokensPlugin()]), from supertokens_lite.framework.litestar" in str(errors[0])


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    events: list[Any] = []

    @get("/stream", dependencies=WITH_SESSION)
    async def stream(session: NamedDependency[SessionContainer]) -> Stream:
        await session.merge_into_access_token_payload({"n": 1})

        async def parts() -> AsyncGenerator[bytes, None]:
            for number in range(3):
                events.append(number)
                yield b"%d" % number

        return Stream(parts())

    app = build_small(stream)
    client = log_in(app, Client())

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            events.append(message.get("body", "head"))
            await send(message)

        await app(scope, receive, note)

    response = send_to(noting, client.request("GET", "/stream"))
    assert "sAccessToken" in cookies(response)
    assert events == ["head", 0, b"0", 1, b"1", 2, b"2", b""]


def test_websockets(begin: Begin) -> None:
    """A websocket is verified by the same dependency; one without a session, or of another's page, is closed."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")

    @websocket("/ws", dependencies=WITH_SESSION)
    async def talk(socket: WebSocket[Any, Any, Any], session: NamedDependency[SessionContainer]) -> None:
        await socket.accept()
        await socket.send_text(session.get_user_id())
        await socket.close()

    app = build_small(talk)
    cookie = f"sAccessToken={log_in(app, Client()).token('sAccessToken')}"
    [closed] = connect_to(app, "/ws")
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    heard = connect_to(app, "/ws", cookie=cookie, origin="https://example.com")
    assert [each["type"] for each in heard] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert heard[1]["text"] == "ada"
    [refused] = connect_to(app, "/ws", cookie=cookie, origin="https://evil.com")
    assert (refused["type"], refused["code"]) == ("websocket.close", 1008)


def test_lifespan_closes(begin: Begin) -> None:
    """The helper closes the connections when the application ends."""
    supertokens = begin()
    app = build_small(lifespan=[lifespan])

    async def scenario() -> None:
        async with app.lifespan():
            assert await supertokens.session.get_session_information("h") is None
        with pytest.raises(ClosedError):
            await supertokens.session.get_session_information("h")

    asyncio.run(scenario())


def test_no_other_framework_is_imported() -> None:
    """Litestar's door imports Litestar only."""
    door = frameworks_of("supertokens_lite.framework.litestar", "supertokens_lite.recipe.session.framework.litestar")
    assert door == {"litestar"}
