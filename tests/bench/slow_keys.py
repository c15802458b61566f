"""A served core whose public keys take a second: `python -m tests.bench.slow_keys DATABASE`."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.server import CoreServer

KEYS_TAKE_S = 1.0
PATH = "/.well-known/jwks.json"


class SlowKeys:
    """An ASGI application that answers as another does, but for the keys, which it thinks over."""

    def __init__(self, application: CoreServer) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        if scope["type"] == "http" and scope["path"] == PATH:
            await asyncio.sleep(KEYS_TAKE_S)
        await self._application(scope, receive, send)


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    core = EmbeddedCore(sys.argv[1], durability="normal")
    config = uvicorn.Config(SlowKeys(CoreServer(core)), access_log=False, log_level="warning", server_header=False)
    uvicorn.Server(config).run(sockets=[listening])
