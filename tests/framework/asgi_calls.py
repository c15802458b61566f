"""An ASGI application called as a server calls it, without one."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.asgi import encode_headers

__all__ = ("connect_to", "send_to")


def send_to(app: Any, request: PlainRequest, root_path: str = "") -> BaseResponse:
    """Send a request; give what came back."""
    parts = urlsplit(request.get_original_url())
    given = {"host": parts.netloc, "content-length": str(len(request._body))} | request._headers
    scope = _build_scope("http", parts.path, given) | {
        "method": request.method(),
        "scheme": parts.scheme,
        "root_path": root_path,
        "query_string": parts.query.encode(),
    }
    response = BaseResponse()
    response.content = b""
    left = [{"type": "http.request", "body": request._body, "more_body": False}]

    async def call() -> None:
        ended = asyncio.Event()

        async def receive() -> Any:
            if left:
                return left.pop()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
                return
            if request.method() != "HEAD":  # servers leave it out
                response.content = (response.content or b"") + message.get("body", b"")
            if not message.get("more_body", False):
                ended.set()

        try:
            await app(scope, receive, send)
        except Exception:  # every server answers so
            response.status = response.status or 500

    asyncio.run(call())
    return response


def connect_to(app: Any, path: str, **headers: str) -> list[Any]:
    """Open a websocket, and close it once the application is through with it; give the messages it sent."""
    heard: list[Any] = []
    scope = _build_scope("websocket", path, {"host": "api.example.com", **headers}) | {
        "scheme": "wss",
        "root_path": "",
        "query_string": b"",
        "subprotocols": [],
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


def _build_scope(kind: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": unquote(path),
        "raw_path": path.encode(),
        "headers": encode_headers(headers.items()),
        "client": ("127.0.0.1", 1),
        "server": ("api.example.com", 443),
        "state": {},
    }
