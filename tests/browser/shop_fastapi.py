"""The application in FastAPI, on uvicorn."""

from __future__ import annotations

from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from supertokens_lite.framework.fastapi import get_middleware, lifespan
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.fastapi import verify_session
from tests.browser.shop import CORS_HEADERS, SESSION_DATA, TOKEN_PAYLOAD, USER, Shop, open_shop

Session = Annotated[SessionContainer, Depends(verify_session())]


def build(shop: Shop) -> FastAPI:
    """Build the application."""
    app = FastAPI(lifespan=lifespan)
    app.add_middleware(get_middleware())
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[shop.website],
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=CORS_HEADERS,
    )

    @app.get("/")
    async def index() -> Response:
        return HTMLResponse(shop.page)

    @app.post("/login")
    async def login(request: Request) -> dict[str, str]:
        made = await create_new_session(request, "public", USER, TOKEN_PAYLOAD, SESSION_DATA)
        return {"user": made.get_user_id()}

    @app.get("/me")
    async def me(made: Session) -> dict[str, str]:
        return {"user": made.get_user_id()}

    @app.post("/count")
    async def count(made: Session) -> dict[str, Any]:
        data = await made.get_session_data_from_database()
        await made.update_session_data_in_database({"count": data["count"] + 1})
        return {"count": data["count"] + 1}

    @app.post("/promote")
    async def promote(made: Session) -> dict[str, str]:
        await made.merge_into_access_token_payload({"role": "admin"})
        return {}

    return app


def serve(shop: Shop) -> None:
    """Serve the application until the process is ended."""
    tls = {"ssl_certfile": shop.certificate, "ssl_keyfile": shop.certificate} if shop.certificate else {}
    config = uvicorn.Config(build(shop), log_level="warning", **tls)  # type: ignore[arg-type]
    uvicorn.Server(config).run(sockets=[shop.listening])


if __name__ == "__main__":
    serve(open_shop("fastapi"))
