"""FastAPI's door, and that of every ASGI framework, with requests through the application as a server calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, WebSocket
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.framework.fastapi import get_middleware, lifespan, session_exception_handler
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.asyncio import create_new_session, get_session
from supertokens_lite.recipe.session.framework.fastapi import verify_session
from tests.framework.loaded import load_snippet

BASE = "http://localhost:8000"
COOKIES = {"st-auth-mode": "cookie"}


@pytest.fixture
def _default_instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a default instance for one test."""
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    info = InputAppInfo("Shop", BASE, website_domain="http://localhost:3000")
    Supertokens.reset()
    init(info, "fastapi", SupertokensConfig("sqlite:///:memory:"), [session.init()])
    yield
    Supertokens.reset()


pytestmark = pytest.mark.usefixtures("_default_instance")


def build_app(**options: Any) -> FastAPI:
    """Build an application with a login."""
    app = FastAPI(**options)
    app.add_middleware(get_middleware())

    @app.post("/login")
    async def login(request: Request, user: str = "ada") -> dict[str, str]:
        made = await create_new_session(request, "public", RecipeUserId(user), {"user": user}, {"visits": 0})
        return {"handle": made.get_handle()}

    @app.get("/me")
    async def me(made: Annotated[SessionContainer, Depends(verify_session())]) -> dict[str, Any]:
        return {"user": made.get_user_id(), "data": await made.get_session_data_from_database()}

    return app


@asynccontextmanager
async def client_of(app: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Give a client that keeps cookies."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


def test_the_page_word_for_word() -> None:
    """The first method of the page replaces session data from a verified request."""
    app = build_app()
    app.post("/update")(load_snippet("method1_fastapi").update_info)

    async def scenario() -> None:
        async with client_of(app) as client:
            await client.post("/login", headers=COOKIES)
            answer = await client.post("/update")
            assert (answer.status_code, answer.text) == (200, "success")
            assert (await client.get("/me")).json()["data"] == {"visits": 0, "newKey": "newValue"}

    asyncio.run(scenario())


def test_a_life_by_cookies() -> None:
    """Log in, call, refresh, sign out: cookies come, change and go."""

    async def scenario() -> None:
        async with client_of(build_app()) as client:
            answer = await client.post("/login", headers=COOKIES)
            assert set(client.cookies) == {"sAccessToken", "sRefreshToken"}
            assert answer.headers["front-token"]
            first = client.cookies["sAccessToken"]
            assert (await client.get("/me")).json()["user"] == "ada"
            answer = await client.post("/auth/session/refresh")
            assert (answer.status_code, answer.json()) == (200, {})
            assert client.cookies["sAccessToken"] != first
            answer = await client.get("/me")
            assert answer.status_code == 200
            answer = await client.post("/auth/signout")
            assert (answer.json(), answer.headers["front-token"]) == ({"status": "OK"}, "remove")
            assert not client.cookies
            answer = await client.get("/me")
            assert (answer.status_code, answer.json()) == (401, {"message": "unauthorised"})

    asyncio.run(scenario())


def test_a_life_by_headers() -> None:
    """Tokens travel in headers where the client wants it so."""

    async def scenario() -> None:
        async with client_of(build_app()) as client:
            answer = await client.post("/login", headers={"st-auth-mode": "header"})
            access, refresh = answer.headers["st-access-token"], answer.headers["st-refresh-token"]
            assert "set-cookie" not in answer.headers
            answer = await client.get("/me", headers={"authorization": f"Bearer {access}"})
            assert answer.json()["user"] == "ada"
            answer = await client.post("/auth/session/refresh", headers={"authorization": f"Bearer {refresh}"})
            assert answer.headers["st-access-token"] != access

    asyncio.run(scenario())


def test_cookies_are_the_same_bytes_everywhere() -> None:
    """What goes on the wire is what the response recorded, byte by byte."""
    recorded: list[tuple[str, str]] = []
    app = build_app()

    @app.post("/record")
    async def record(request: Request) -> Response:
        made = await create_new_session(request, "public", RecipeUserId("ada"))
        from supertokens_lite.framework import BaseResponse

        response = BaseResponse(None)
        for change in made.response_mutators:
            change(response, {})
        recorded.extend(response.headers)
        return PlainTextResponse("", headers={"set-cookie": "theme=dark"})

    async def scenario() -> None:
        async with client_of(app) as client:
            answer = await client.post("/record", headers=COOKIES)
            sent = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
            assert sent == ["theme=dark", *(value for name, value in recorded if name == "set-cookie")]
            assert len(sent) == 3

    asyncio.run(scenario())


def test_an_optional_session() -> None:
    """Without a session the dependency gives None."""
    app = build_app()

    @app.get("/maybe")
    async def maybe(made: Annotated[SessionContainer | None, Depends(verify_session(session_required=False))]) -> Any:
        return None if made is None else made.get_user_id()

    async def scenario() -> None:
        async with client_of(app) as client:
            assert (await client.get("/maybe")).json() is None
            await client.post("/login", headers=COOKIES)
            assert (await client.get("/maybe")).json() == "ada"

    asyncio.run(scenario())


def test_plain_functions_routers_and_sub_applications() -> None:
    """A session reaches `def` endpoints, routers and mounted applications."""
    app = build_app()
    router, inner = APIRouter(prefix="/router"), FastAPI()

    @router.get("/plain")
    def plain(made: Annotated[SessionContainer, Depends(verify_session())]) -> Any:
        return made.sync_get_session_data_from_database()

    @inner.get("/state")
    async def state(request: Request, _: Annotated[SessionContainer, Depends(verify_session())]) -> str:
        user: str = request.state.supertokens.get_user_id()
        return user

    app.include_router(router)
    app.mount("/inner", inner)

    async def scenario() -> None:
        async with client_of(app) as client:
            await client.post("/login", headers=COOKIES)
            assert (await client.get("/router/plain")).json() == {"visits": 0}
            assert (await client.get("/inner/state")).json() == "ada"

    asyncio.run(scenario())


def test_a_root_path() -> None:
    """Behind a proxy that serves the application below a path, endpoints are where they were."""
    app = build_app()

    async def scenario() -> None:
        transport = httpx.ASGITransport(app, root_path="/shop")
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            answer = await client.post("/login", headers={"st-auth-mode": "header"})
            refresh = {"authorization": f"Bearer {answer.headers['st-refresh-token']}"}
            assert (await client.post("/auth/session/refresh", headers=refresh)).status_code == 200
            assert (await client.post("/shop/auth/session/refresh", headers=refresh)).status_code == 200

    asyncio.run(scenario())


def test_endpoints_below_a_mount() -> None:
    """Where the base path has what the application is mounted below, the endpoints are there."""
    info = InputAppInfo("Shop", BASE, website_domain="http://localhost:3000", api_base_path="/shop/auth")
    there = Supertokens(info, "fastapi", SupertokensConfig("sqlite:///:memory:"), [session.init()])
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=there)

    async def scenario() -> None:
        transport = httpx.ASGITransport(app, root_path="/shop")
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            assert (await client.get("/shop/auth/jwt/jwks.json")).status_code == 200
            assert (await client.get("/auth/jwt/jwks.json")).status_code == 404
        await there.aclose()

    asyncio.run(scenario())


def test_streams_and_background_tasks_are_left_alone() -> None:
    """Parts of a stream go out one by one, and a task runs after the answer."""
    app = build_app()
    done, passed = list[str](), list[bytes]()

    @app.get("/stream")
    async def stream(made: Annotated[SessionContainer, Depends(verify_session())], tasks: BackgroundTasks) -> Response:
        async def parts() -> AsyncGenerator[bytes, None]:
            for number in range(3):
                yield b"%d" % number

        tasks.add_task(done.append, made.get_user_id())
        return StreamingResponse(parts(), background=tasks)

    async def scenario() -> None:
        async with client_of(app) as client:
            answer = await client.post("/login", headers={"st-auth-mode": "header"})
        token = answer.headers["st-access-token"].encode()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/stream",
            "raw_path": b"/stream",
            "query_string": b"",
            "headers": [(b"authorization", b"Bearer " + token)],
        }

        first = iter([{"type": "http.request"}])

        async def receive() -> Any:
            return next(first, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                passed.append(message.get("body", b""))

        await app(scope, receive, send)

    asyncio.run(scenario())
    assert passed == [b"0", b"1", b"2", b""]
    assert done == ["ada"]


def test_websockets() -> None:
    """A websocket is verified by the same dependency, and closed if it has no session."""
    app = build_app()

    @app.websocket("/ws")
    async def talk(socket: WebSocket, made: Annotated[SessionContainer, Depends(verify_session())]) -> None:
        await socket.accept()
        await socket.send_text(made.get_user_id())
        await socket.close()

    async def connect(*headers: tuple[bytes, bytes]) -> list[Any]:
        heard: list[Any] = []
        scope = {"type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "headers": [*headers]}

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            heard.append(message)

        await app(scope, receive, send)
        return heard

    async def scenario() -> None:
        async with client_of(app) as client:
            answer = await client.post("/login", headers={"st-auth-mode": "header"})
        closed = await connect()
        assert [(each["type"], each["code"]) for each in closed] == [("websocket.close", 1008)]
        heard = await connect((b"authorization", b"Bearer " + answer.headers["st-access-token"].encode()))
        assert [each["type"] for each in heard] == ["websocket.accept", "websocket.send", "websocket.close"]
        assert heard[1]["text"] == "ada"

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE", None])
def test_a_websocket_of_another_page(mode: Any) -> None:
    """A page of another website can't use the user's cookies for a websocket; the website's own and no browser can."""
    info = InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.org")
    recipe = session.init(anti_csrf=mode)
    there = Supertokens(info, "fastapi", SupertokensConfig("sqlite:///:memory:"), [recipe])
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=there)
    verified = Depends(verify_session(app=there))

    @app.websocket("/ws")
    async def talk(socket: WebSocket, made: SessionContainer = verified) -> None:
        await socket.accept()
        await socket.close()

    async def connect(token: str, origin: str | None) -> str:
        heard: list[Any] = []
        headers = [(b"cookie", b"sAccessToken=" + token.encode())]
        headers += [(b"origin", origin.encode())] if origin is not None else []
        scope = {"type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "headers": headers}

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            heard.append(message["type"])

        await app(scope, receive, send)
        return str(heard[0])

    async def scenario() -> None:
        create = there.session.create_new_session_without_request_response
        token = (await create("public", RecipeUserId("ada"), disable_anti_csrf=mode != "VIA_TOKEN")).get_access_token()
        refused = "websocket.accept" if mode == "NONE" else "websocket.close"
        assert await connect(token, "https://evil.com") == refused
        assert await connect(token, "null") == refused
        assert await connect(token, "https://example.org") == "websocket.accept"
        assert await connect(token, "https://api.example.com") == "websocket.accept"
        assert await connect(token, None) == "websocket.accept"
        await there.aclose()

    asyncio.run(scenario())


def test_openapi_shows_a_security_scheme() -> None:
    """The documentation knows which routes want a session, so that it can send a token."""
    description = build_app().openapi()
    assert description["components"]["securitySchemes"]["Session"]["scheme"] == "bearer"
    assert description["paths"]["/me"]["get"]["security"] == [{"Session": []}]
    assert "parameters" not in description["paths"]["/me"]["get"]


def test_an_exception_handler_keeps_the_headers() -> None:
    """Where the application handles errors itself, clearing goes on the answer all the same."""
    app = build_app()
    app.add_exception_handler(SuperTokensError, session_exception_handler)

    async def scenario() -> None:
        async with client_of(app) as client:
            await client.post("/login", headers=COOKIES)
            handle = (await client.post("/login", headers=COOKIES)).json()["handle"]

            @app.get("/checked")
            async def checked(made: Annotated[SessionContainer, Depends(verify_session(check_database=True))]) -> str:
                return made.get_handle()

            await Supertokens.get_instance().session.revoke_session(handle)
            answer = await client.get("/checked")
            assert (answer.status_code, answer.json()) == (401, {"message": "unauthorised"})
            assert answer.headers["front-token"] == "remove"
            assert len(answer.headers.get_list("set-cookie")) == 2

    asyncio.run(scenario())


def test_a_missing_middleware() -> None:
    """Without the middleware the error says which line to add."""
    app = FastAPI()

    @app.get("/me")
    async def me(made: Annotated[SessionContainer, Depends(verify_session())]) -> str:
        return made.get_user_id()

    async def scenario() -> None:
        async with client_of(app) as client:
            with pytest.raises(ConfigurationError, match=r"app\.add_middleware\(get_middleware\(\)\)"):
                await client.get("/me")

    asyncio.run(scenario())


def test_the_core_away() -> None:
    """A core that can't be reached is answered with 503, and no client loses its tokens."""
    away = Supertokens(
        InputAppInfo("Shop", BASE, website_domain="http://localhost:3000"),
        "fastapi",
        SupertokensConfig("http://127.0.0.1:9", max_retries=0),
        [session.init()],
    )
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=away)

    verified = Depends(verify_session(app=away))

    @app.get("/me")
    async def me(made: SessionContainer = verified) -> str:
        return made.get_user_id()

    async def scenario() -> None:
        async with client_of(build_app()) as client:
            answer = await client.post("/login", headers={"st-auth-mode": "header"})
        token = {"authorization": f"Bearer {answer.headers['st-access-token']}"}
        async with client_of(app) as client:
            answer = await client.get("/me", headers=token)
            assert (answer.status_code, answer.json()) == (503, {"message": "service unavailable"})
            assert "set-cookie" not in answer.headers
            assert "front-token" not in answer.headers
        await away.aclose()

    asyncio.run(scenario())


def test_requests_share_nothing() -> None:
    """Interleaved requests of many users each meet their own session and user context."""
    contexts: list[Any] = []
    app = build_app()

    async def note(validators: Any, made: SessionContainer, user_context: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        contexts.append(user_context)
        return validators

    verified = Depends(verify_session(override_global_claim_validators=note))

    @app.get("/who")
    async def who(request: Request, made: SessionContainer = verified) -> Any:
        await asyncio.sleep(0)
        again = await get_session(request)
        return [made.get_user_id(), again.get_access_token_payload()["user"]]

    async def scenario() -> None:
        async with client_of(app) as client:
            tokens = {}
            for number in range(20):
                answer = await client.post(f"/login?user=u{number}", headers={"st-auth-mode": "header"})
                tokens[f"u{number}"] = answer.headers["st-access-token"]

            async def ask(user: str) -> None:
                answer = await client.get("/who", headers={"authorization": f"Bearer {tokens[user]}"})
                assert answer.json() == [user, user]

            await asyncio.gather(*(ask(user) for user in list(tokens) * 10))

    asyncio.run(scenario())
    assert len({id(context) for context in contexts}) == 200


def test_lifespan_closes() -> None:
    """The helper closes the connections when the application ends."""
    from supertokens_lite.exceptions import ClosedError

    app = build_app(lifespan=lifespan)

    async def scenario() -> None:
        async with app.router.lifespan_context(app), client_of(app) as client:
            assert (await client.post("/login", headers=COOKIES)).status_code == 200
        with pytest.raises(ClosedError):
            await Supertokens.get_instance().session.get_session_information("h")

    asyncio.run(scenario())


def test_other_errors_pass() -> None:
    """What is not about sessions is the application's own."""
    app = build_app()

    @app.get("/broken")
    async def broken() -> JSONResponse:
        raise KeyError("mine")

    async def scenario() -> None:
        async with client_of(app) as client:
            with pytest.raises(KeyError, match="mine"):
                await client.get("/broken")
            assert (await client.get("/auth/unknown")).status_code == 404

    asyncio.run(scenario())
