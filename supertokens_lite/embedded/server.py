"""The embedded core behind HTTP: an ASGI application as thin as can be, for other processes and other languages.

It reads a request, hands it to the core, and writes the reply; it decides nothing. Only what a core in process does not
have is here: a base path, a largest body, addresses that may call.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from supertokens_lite.embedded.app import EmbeddedCore
from supertokens_lite.embedded.replies import JSON_HEADERS, text_reply
from supertokens_lite.embedded.transport import AsyncAnswers
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("BODY_LIMIT", "CoreServer")

BODY_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of the largest body that is taken unless said otherwise."""

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON: Final[tuple[bytes, bytes]] = (b"content-type", JSON_HEADERS["content-type"].encode())
_WANTED: Final = frozenset((b"cdi-version", b"api-key", b"authorization"))


class CoreServer:
    """An ASGI application that serves a core.

    Args:
        core: what answers.
        base_path: what comes before every path; anything else is not found.
        body_limit: bytes of the largest body that is taken; a larger one is answered with 413.
    """

    def __init__(self, core: EmbeddedCore, *, base_path: str = "", body_limit: int = BODY_LIMIT) -> None:
        self._core = core
        self._answers = AsyncAnswers(core)
        stripped = base_path.strip().strip("/")
        self._base_path = f"/{stripped}" if stripped else ""
        self._body_limit = body_limit
        self._is_allowed = _address_filter(core.settings.ip_allow_regex, core.settings.ip_deny_regex)
        self._is_guarded = bool(self._base_path) or self._is_allowed is not None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            return
        # in one coroutine, for each of them would cost a tenth of the rest
        method = scope["method"]
        reply = self._is_guarded and self._refusal(scope)
        if not reply:
            if method == "GET":
                body: bytes | None = b""
                if self._loop is not None:
                    self._count_read(self._loop)
            else:
                body = await self._read(receive)
            if body is None:
                reply = text_reply(413, f"The body is larger than {self._body_limit} bytes")
            else:
                request = self._request_of(scope, method, body)
                begun = self._answers.begin(request)
                reply = begun if isinstance(begun, HttpReply) else await self._answers.finish(request, begun)
        length = (b"content-length", b"%d" % len(reply.body))
        headers = (
            [_JSON, length]
            if reply.headers is JSON_HEADERS
            else [*((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()), length]
        )
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})

    def _count_read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have reads that arrived together see one snapshot.

        It ends before the loop looks at what has arrived since, and so shows each caller all that had been answered
        when he asked.
        """
        self._reads += 1
        if self._reads == 1:
            loop.call_soon(self._end_reads)
        elif self._reads == 2:
            self._core.database.hold()

    def _end_reads(self) -> None:
        if self._reads > 1:
            self._core.database.release()
        self._reads = 0

    def _refusal(self, scope: Scope) -> HttpReply | None:
        """Refuse an address that may not call, and what is beside the base path."""
        if self._is_allowed is not None and not self._is_allowed((scope.get("client") or ("",))[0]):
            return text_reply(403, "Forbidden")
        path = scope["raw_path"].decode("latin-1")
        if path != self._base_path and not path.startswith(self._base_path + "/"):
            return text_reply(404, "Not found")
        return None

    def _request_of(self, scope: Scope, method: str, body: bytes) -> HttpRequest:
        target: str = scope["raw_path"].decode("latin-1")
        if self._base_path:
            target = target[len(self._base_path) :] or "/"
        query = scope["query_string"]
        if query:
            target += "?" + query.decode("latin-1")
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            if name in _WANTED:
                headers[name.decode("latin-1")] = value.decode("latin-1")
        return HttpRequest(method, "", target, headers, body)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Close the core when the server ends."""
        with suppress(RuntimeError):  # it is no loop of asyncio
            self._loop = asyncio.get_running_loop()
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._core.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _read(self, receive: Receive) -> bytes | None:
        """Read the body; None if it is too large."""
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= self._body_limit else None
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body_limit:
                return None
        return b"".join(parts)


def _address_filter(allow: str | None, deny: str | None) -> Callable[[str], bool] | None:
    if allow is None and deny is None:
        return None
    # as in other cores the whole address has to match, or 10.0.0.1 would let 10.0.0.12 in
    allowed = re.compile(".*" if allow is None else allow)
    denied = re.compile(deny) if deny is not None else None
    return lambda address: bool(allowed.fullmatch(address)) and not (denied is not None and denied.fullmatch(address))
