"""An ASGI application of no framework, with the routes of the conformance kit."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from supertokens_lite import Supertokens
from supertokens_lite.framework.asgi import AsgiRequest, Middleware, encode_headers, request_of
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    OPTIONS,
    find_late_awaited,
    find_quiet_awaited,
    iter_parts_awaited,
    log_in_awaited,
)

__all__ = ("build_app",)

Send = Callable[[Any], Awaitable[None]]


async def _serve(scope: Any, receive: Any, send: Send) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # servers go on without a lifespan
    request = request_of(scope, "Middleware(app)")
    name = scope["path"].removeprefix("/")
    if name == "login" and request.method() == "POST":
        await _answer(send, await log_in_awaited(request, request.get_header("x-user") or "ada"))
    elif name == "late":
        await _answer(send, await find_late_awaited(request))
    elif name == "quiet":
        await _answer(send, await find_quiet_awaited(request))
    elif name == "stream":
        await AWAITED["merge"](await _verify(request, {}))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for part in iter_parts_awaited(request.get_header("x-gate") or ""):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    elif name in OPTIONS:
        await _answer(send, await AWAITED[name](await _verify(request, OPTIONS[name])))
    else:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def _verify(request: AsgiRequest, options: dict[str, Any]) -> Any:
    return await request.supertokens.doors.verify_session(request, **options)


async def _answer(send: Send, given: Any) -> None:
    body = json.dumps(given).encode()
    headers = [*ANSWER_HEADERS, ("content-length", str(len(body)))]
    await send({"type": "http.response.start", "status": 200, "headers": encode_headers(headers)})
    await send({"type": "http.response.body", "body": body})


def build_app(supertokens: Supertokens | None = None) -> Middleware:
    """Build the application."""
    return Middleware(_serve, supertokens)
