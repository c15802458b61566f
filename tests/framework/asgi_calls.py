"""An ASGI application called as a server calls it, without one."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from supertokens_lite._protocol.messages import BaseResponse, PlainRequest

__all__ = ("connect_to", "send_to")


def send_to(app: Any, request: PlainRequest, root_path: str = "") -> BaseResponse:
    """Send a request; give what came back."""
    url = urlsplit(request.get_original_url())
    headers = {"host": url.netloc, "content-length": str(len(request._body))} | request._headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method(),
        "scheme": url.scheme,
        "root_path": root_path,
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": (url.netloc, 443),
    }
    response = BaseResponse()
    parts: list[bytes] = []

    async def call() -> None:
        incoming = iter([{"type": "http.request", "body": request._body, "more_body": False}])
        ended = asyncio.Event()

        async def receive() -> Any:
            for message in incoming:
                return message
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    ended.set()

        await app(scope, receive, send)

    asyncio.run(call())
    response.content = b"".join(parts)
    return response


def connect_to(app: Any, path: str, **headers: str) -> list[Any]:
    """Open a websocket, and close it once the application is through with it; give the messages it sent."""
    heard: list[Any] = []
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "wss",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "subprotocols": [],
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "api.example.com", **headers}.items()],
        "client": ("127.0.0.1", 1),
        "server": ("api.example.com", 443),
    }

    async def call() -> None:
        incoming = iter([{"type": "websocket.connect"}])

        async def receive() -> Any:
            return next(incoming, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            heard.append(message)

        await app(scope, receive, send)

    asyncio.run(call())
    return heard
