"""A server like the served core's, with one route that returns a constant: `python -m tests.bench.bare`."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn

BODY = b'{"status":"OK","versions":["5.4"]}'  # the versions are for SDKs that ask for them first
HEADERS = [(b"content-type", b"application/json;charset=UTF-8"), (b"content-length", b"%d" % len(BODY))]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything alike."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application, access_log=False, log_level="warning", lifespan="off", server_header=False)
    uvicorn.Server(config).run(sockets=[listening])
