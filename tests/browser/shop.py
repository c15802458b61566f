"""An application for a browser to visit: `python -m tests.browser.shop BUNDLE CDI [ANTI_CSRF]`; prints where it is."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.framework.fastapi import verify_session

VALIDITY_S = 2

Session = Annotated[SessionContainer, Depends(verify_session())]


def build(url: str, bundle: Path, cdi_version: str, anti_csrf: Any) -> FastAPI:
    """Build the application; its access tokens expire after two seconds."""
    supertokens = Supertokens(
        InputAppInfo("Shop", url, website_domain=url),
        "fastapi",
        SupertokensConfig(
            "sqlite:///:memory:", cdi_version=cdi_version, core_config={"access_token_validity": VALIDITY_S}
        ),
        [session.init(anti_csrf=anti_csrf, leeway_s=0)],
    )
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=supertokens)

    @app.get("/")
    async def index() -> Response:
        return HTMLResponse("<!doctype html><script src='/page.js'></script>")

    @app.get("/page.js")
    async def page() -> Response:
        return FileResponse(bundle)

    @app.get("/wait")
    async def wait() -> dict[str, str]:
        """Answer when the access tokens of now have expired; the browser has no other clock than the server's."""
        await asyncio.sleep(VALIDITY_S + 1)
        return {}

    @app.post("/login")
    async def login(request: Request) -> dict[str, str]:
        created = await supertokens.session.create_new_session(
            request, "public", RecipeUserId("ada"), {"role": "guest"}, {"count": 0}
        )
        return {"user": created.get_user_id()}

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


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://localhost:{listening.getsockname()[1]}"
    application = build(address, Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
    print(address, flush=True)
    uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listening])
