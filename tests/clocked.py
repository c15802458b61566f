"""An SDK and the embedded core that it asks, on one clock that a test moves; replies can be held up or lost."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

from supertokens_lite._core.querier import Querier
from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import AsyncTransport, BlockingTransport, Effects, Signal, TransportError
from supertokens_lite._io.blocking import BlockingIO, run
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.config import AppInfo
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.transport import EmbeddedAsyncTransport, EmbeddedBlockingTransport
from supertokens_lite.recipe import session
from supertokens_lite.supertokens import AppSessions
from supertokens_lite.types import HttpReply, HttpRequest
from tests.apps import APP_INFO
from tests.embedded.client import Clock

__all__ = ("Clocked",)


class Clocked:
    """One SDK, built as `Supertokens` builds it but for the clock and the way to the core.

    Args:
        core: the core, which reads the same clock.
        clock: the time.
        cdi_version: the protocol version that is spoken.
        interceptor: sees and may change every request.
        recipe: goes to `session.init`.

    Attributes:
        clock: the time.
        cdi_version: the protocol version that is spoken.
        recipe: the recipe at work.
        session: the functions on sessions.
        sent: what went to the core about sessions: method and path.
        fetched: how often the public keys were asked for.
        lost: the paths whose next reply gets lost on its way back.
        hold: what an awaited request waits for before it goes to the core.
        hold_blocking: what a blocking one waits for.
        waiting: is released once by each who begins to wait for what another is doing.
    """

    def __init__(
        self, core: EmbeddedCore, clock: Clock, cdi_version: str = "5.4", interceptor: Any = None, **recipe: Any
    ) -> None:
        self.clock = clock
        self.cdi_version = cdi_version
        self.sent: list[tuple[str, str]] = []
        self.fetched = 0
        self.lost: set[str] = set()
        self.hold: Callable[[], Awaitable[object]] | None = None
        self.hold_blocking: Callable[[], object] | None = None
        self.waiting = threading.Semaphore(0)
        effects = Effects(
            _AsyncIO(self, _AsyncWay(self, EmbeddedAsyncTransport(core))),
            _BlockingIO(self, _BlockingWay(self, EmbeddedBlockingTransport(core))),
        )
        querier = Querier(
            [CoreHost("sqlite://", "")], effects, cdi_version=cdi_version, max_retries=0, interceptor=interceptor
        )
        self.recipe = session.init(**recipe).build(AppInfo(APP_INFO, "fastapi", None), querier, effects, run)
        self.session = AppSessions(self.recipe, run)

    def take(self) -> list[tuple[str, str]]:
        """Give what was sent since this was asked before."""
        sent, self.sent = self.sent, []
        return sent

    def note(self, request: HttpRequest) -> None:
        """Keep what is sent."""
        path = request.target.partition("?")[0]
        if path == "/.well-known/jwks.json":
            self.fetched += 1
        else:
            self.sent.append((request.method, path))

    def deliver(self, request: HttpRequest, reply: HttpReply) -> HttpReply:
        """Lose a reply, if that is its lot."""
        path = request.target.partition("?")[0]
        if path in self.lost:
            self.lost.discard(path)
            raise TransportError("the connection broke", unsent=False)
        return reply


class _AsyncWay:
    def __init__(self, clocked: Clocked, inner: AsyncTransport) -> None:
        self._clocked = clocked
        self._inner = inner
        self.refuse = inner.refuse
        self.aclose = inner.aclose

    async def send(self, request: HttpRequest) -> HttpReply:
        self._clocked.note(request)
        if self._clocked.hold is not None:
            await self._clocked.hold()
        return self._clocked.deliver(request, await self._inner.send(request))


class _BlockingWay:
    def __init__(self, clocked: Clocked, inner: BlockingTransport) -> None:
        self._clocked = clocked
        self._inner = inner
        self.close = inner.close

    def send(self, request: HttpRequest) -> HttpReply:
        self._clocked.note(request)
        if self._clocked.hold_blocking is not None:
            self._clocked.hold_blocking()
        return self._clocked.deliver(request, self._inner.send(request))


class _AsyncIO(AsyncIO):
    def __init__(self, clocked: Clocked, transport: AsyncTransport) -> None:
        super().__init__(transport)
        self._clocked = clocked

    def now(self) -> float:
        return self._clocked.clock.ms / 1000

    def monotonic(self) -> float:
        return self._clocked.clock.ms / 1000

    def signal(self) -> Signal:
        self._clocked.waiting.release()
        return super().signal()


class _BlockingIO(BlockingIO):
    def __init__(self, clocked: Clocked, transport: BlockingTransport) -> None:
        super().__init__(transport)
        self._clocked = clocked

    def now(self) -> float:
        return self._clocked.clock.ms / 1000

    def monotonic(self) -> float:
        return self._clocked.clock.ms / 1000

    def signal(self) -> Signal:
        self._clocked.waiting.release()
        return super().signal()
