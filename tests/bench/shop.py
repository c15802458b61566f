"""FastAPI applications to load: `python shop.py PACKAGE CORE_URL`; it runs with this package and with the peer's.

Prints where it is. A route alone, one with an empty dependency, one with a verified session, and one that reads the
session's data and writes it.
"""

import importlib
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI
from starlette.requests import Request


def build(package: str, core_url: str) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Build the applications, and give what chooses one by the path."""
    top = importlib.import_module(package)
    session = importlib.import_module(f"{package}.recipe.session")
    verify_session = importlib.import_module(f"{package}.recipe.session.framework.fastapi").verify_session
    get_middleware = importlib.import_module(f"{package}.framework.fastapi").get_middleware
    top.init(
        app_info=top.InputAppInfo("Shop", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
        framework="fastapi",
        supertokens_config=top.SupertokensConfig(connection_uri=core_url),
        recipe_list=[session.init()],
        mode="asgi",
    )
    empty, verified = Depends(nothing), Depends(verify_session())

    async def alone() -> dict[str, str]:
        return {"user": "ada"}

    async def with_nothing(made: Any = empty) -> dict[str, str]:
        return {"user": "ada"}

    async def with_session(made: Any = verified) -> dict[str, str]:
        return {"user": made.get_user_id()}

    async def with_data(made: Any = verified) -> dict[str, int]:
        data = await made.get_session_data_from_database()
        visits = data.get("visits", 0) + 1
        await made.update_session_data_in_database({**data, "visits": visits})
        return {"visits": visits}

    applications: dict[str, FastAPI] = {}
    for path, route in (("/alone", alone), ("/empty", with_nothing), ("/verified", with_session), ("/data", with_data)):
        app = applications[path] = FastAPI()  # of its own, or the later ones would be looked for longer
        app.add_middleware(get_middleware())
        app.get(path)(route)

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        await applications[scope["path"]](scope, receive, send)

    return choose


async def nothing(request: Request) -> None:
    """Depend on nothing."""


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    application = build(sys.argv[1], sys.argv[2])
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        application, loop="uvloop", http="httptools", access_log=False, log_level="error", lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listening])
