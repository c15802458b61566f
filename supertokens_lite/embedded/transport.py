"""The SDK's way to an embedded core in its own process: the two transports of one `EmbeddedCore`.

The asynchronous one never waits on the event loop for a lock or for the disk: the core plans a request without either,
and a write that can't be done at once is done by a thread of the core while the task waits. A task that is cancelled
meanwhile leaves the write alone: it is carried out, only nobody hears of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

import anyio
from anyio import lowlevel, to_thread

from supertokens_lite._io.asynchronous import native_token, run_soon
from supertokens_lite.embedded.app import EmbeddedCore, Write
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("AsyncAnswers", "EmbeddedAsyncTransport", "EmbeddedBlockingTransport")

CALLS_IN_A_ROW: Final = 16
"""Calls answered where they are made before the event loop gets a turn: less than a millisecond of them."""

LARGE_BODY_BYTES: Final = 64 * 1024
"""From here on parsing alone takes long enough that a thread should do it."""


class EmbeddedAsyncTransport:
    """Carries requests to a core in this process, for any number of event loops at once.

    Args:
        core: the core to ask. `aclose` closes it.
    """

    def __init__(self, core: EmbeddedCore) -> None:
        self._core = core
        self._answer = AsyncAnswers(core).answer
        self._calls_in_a_row = 0

    async def send(self, request: HttpRequest) -> HttpReply:
        """Answer a request; raise `ClosedError` if the core is closed."""
        self._calls_in_a_row += 1
        if self._calls_in_a_row >= CALLS_IN_A_ROW:
            self._calls_in_a_row = 0
            await lowlevel.checkpoint()
        return await self._answer(request)

    def refuse(self) -> None:
        """Do nothing: it is the core that refuses once it is closed."""

    async def aclose(self) -> None:
        """Close the core: the writes under way are finished. Idempotent."""
        await to_thread.run_sync(self._core.close)


class EmbeddedBlockingTransport:
    """Carries requests to a core in this process, for any number of threads at once.

    Args:
        core: the core to ask. `close` closes it.
    """

    def __init__(self, core: EmbeddedCore) -> None:
        self._core = core
        self.send = core.handle

    def close(self) -> None:
        """Close the core: the writes under way are finished. Idempotent."""
        self._core.close()


class AsyncAnswers:
    """Has a core answer requests without blocking an event loop.

    Args:
        core: the core to ask.
    """

    def __init__(self, core: EmbeddedCore) -> None:
        self._core = core
        self._bells: WeakKeyDictionary[Any, _Bell] = WeakKeyDictionary()

    async def answer(self, request: HttpRequest) -> HttpReply:
        """Answer a request; suspends only where there is something to wait for.

        Raises:
            ClosedError: the core is closed.
            ConfigurationError: this is the first request, and the file can't be used.
        """
        begun = self.begin(request)
        return begun if isinstance(begun, HttpReply) else await self.finish(request, begun)

    def begin(self, request: HttpRequest) -> HttpReply | Write | None:
        """Answer a request if that needs no waiting, else give what is to be finished. Raises as `answer` does."""
        planned = None if len(request.body) > LARGE_BODY_BYTES else self._core.plan(request)
        return (planned.try_now() or planned) if isinstance(planned, Write) else planned

    async def finish(self, request: HttpRequest, begun: Write | None) -> HttpReply:
        """Answer a request that needs waiting."""
        if begun is None:
            return await to_thread.run_sync(self._core.handle, request)
        return await self._finished(begun)

    async def _finished(self, write: Write) -> HttpReply:
        """Wait until a thread of the core has carried out a write."""
        token = native_token()
        bell = self._bells.get(token)
        if bell is None:
            bell = self._bells[token] = _Bell(token)
        replies: list[HttpReply] = []
        event = anyio.Event()

        def done(reply: HttpReply) -> Callable[[], None]:
            replies.append(reply)
            bell.add(event)
            return bell.ring

        write.submit(done)
        await event.wait()
        return replies[0]


class _Bell:
    """Wakes tasks of one event loop from a thread: one call into the loop for all whose writes were committed together.

    A call into a loop for each of them would cost more than the writes.
    """

    def __init__(self, token: Any) -> None:
        # weakly: the bell lives as long as its loop
        self._loop = ref(token)
        self._events: deque[anyio.Event] = deque()

    def add(self, event: anyio.Event) -> None:
        """Have an event set when the bell rings next; from any thread."""
        self._events.append(event)

    def ring(self) -> None:
        """Set the events; from any thread."""
        loop = self._loop()
        try:
            if loop is not None:
                run_soon(loop, self._wake)
        except RuntimeError:  # the loop has ended, and the tasks with it; their events would keep it
            self._events.clear()

    def _wake(self) -> None:
        while self._events:
            self._events.popleft().set()
