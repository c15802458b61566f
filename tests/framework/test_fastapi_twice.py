"""FastAPI's dependencies of one request: each looks at it by itself, and none undoes what another did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.requests import Request

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.framework.fastapi import session_exception_handler
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import InputErrorHandlers, SessionContainer
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.fastapi import verify_session

BASE = "http://localhost:8000"
COOKIES = {"st-auth-mode": "cookie"}


@pytest.fixture
def there() -> Iterator[Supertokens]:
    """Give an SDK object with a core of its own."""
    info = InputAppInfo("Shop", BASE, website_domain="http://localhost:3000")
    with Supertokens(info, "fastapi", SupertokensConfig("sqlite:///:memory:"), [session.init()]) as app:
        yield app


def build_app(there: Supertokens) -> FastAPI:
    """Build an application whose routes have two dependencies, the second of which is asked after the first worked."""
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=there)
    needed = Depends(verify_session(app=there))
    welcome = Depends(verify_session(app=there, session_required=False))

    async def log_in(request: Request) -> str:
        made = await there.session.create_new_session(request, "public", RecipeUserId("ada"))
        return made.get_handle()

    async def end(made: SessionContainer = needed) -> None:
        await made.revoke_session()

    async def promote(made: SessionContainer = needed) -> None:
        await made.merge_into_access_token_payload({"role": "admin"})

    handle_of, of_end, of_promotion = Depends(log_in), Depends(end), Depends(promote)

    @app.post("/login")
    async def logged_in(handle: str = handle_of, second: SessionContainer | None = welcome) -> Any:
        return [handle, second is None]

    @app.post("/end")
    async def ended(_: None = of_end, second: SessionContainer | None = welcome) -> bool:
        return second is None

    @app.post("/promote")
    async def promoted(_: None = of_promotion, second: SessionContainer | None = welcome) -> bool:
        return second is None

    @app.get("/role")
    async def role(made: SessionContainer = needed) -> Any:
        return [made.get_handle(), made.get_access_token_payload().get("role")]

    return app


@asynccontextmanager
async def client_of(app: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Give a client that keeps cookies."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


def test_two_dependencies(there: Supertokens) -> None:
    """A login, a new payload and an end reach the client past a second dependency that looks at the request."""
    app = build_app(there)

    async def scenario() -> None:
        async with client_of(app) as client:
            handle, was_none = (await client.post("/login", headers=COOKIES)).json()
            assert was_none
            assert set(client.cookies) == {"sAccessToken", "sRefreshToken"}
            assert (await client.get("/role")).json() == [handle, None]
            assert (await client.post("/promote")).json() is False
            assert (await client.get("/role")).json() == [handle, "admin"]
            answer = await client.post("/end")
            assert (answer.json(), answer.headers["front-token"]) == (False, "remove")
            assert not client.cookies
            assert (await client.get("/role")).status_code == 401

    asyncio.run(scenario())


def test_an_error_handler_has_the_last_word() -> None:
    """What an error handler puts on an answer stays there, though the application sends the answer itself."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    info = InputAppInfo("Shop", BASE, website_domain="http://localhost:3000")
    recipe = session.init(error_handlers=InputErrorHandlers(on_unauthorised=refuse))
    with Supertokens(info, "fastapi", SupertokensConfig("sqlite:///:memory:"), [recipe]) as there:
        app = FastAPI()
        app.add_middleware(Middleware, supertokens=there)
        app.add_exception_handler(SuperTokensError, session_exception_handler)

        @app.post("/raised")
        async def raised(request: Request) -> None:
            await there.session.create_new_session(request, "public", RecipeUserId("ada"))
            raise UnauthorisedError("no", clear_tokens=False)

        async def scenario() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
                answer = await client.post("/raised", headers=COOKIES)
                assert (answer.status_code, answer.headers["front-token"]) == (401, "handled")
                assert len(answer.headers.get_list("set-cookie")) == 2

        asyncio.run(scenario())
