"""The SDK's way to an embedded core in its own process: the two transports of one `EmbeddedCore`.

The asynchronous one never waits on the event loop for a lock or for the disk: the core plans a request without either,
and a write that can't be done at once is done by a thread of the core while the task waits. A task that is cancelled
meanwhile leaves the write alone: it is carried out, only nobody hears of it.
"""

from __future__ import annotations

from typing import Final

from anyio import lowlevel, to_thread

from supertokens_lite._io.asynchronous import AsyncSignal
from supertokens_lite.embedded.app import EmbeddedCore, Write
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("EmbeddedAsyncTransport", "EmbeddedBlockingTransport", "answer")

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
        self._calls_in_a_row = 0

    async def send(self, request: HttpRequest) -> HttpReply:
        """Answer a request; raise `ClosedError` if the core is closed."""
        self._calls_in_a_row += 1
        if self._calls_in_a_row >= CALLS_IN_A_ROW:
            self._calls_in_a_row = 0
            await lowlevel.checkpoint()
        return await answer(self._core, request)

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


async def answer(core: EmbeddedCore, request: HttpRequest) -> HttpReply:
    """Have a core answer a request without blocking the event loop; suspends only where there is something to wait for.

    Raises:
        ClosedError: the core is closed.
    """
    if len(request.body) > LARGE_BODY_BYTES:
        return await to_thread.run_sync(core.handle, request)
    planned = core.plan(request)
    if isinstance(planned, HttpReply):
        return planned
    return planned.try_now() or await _finished(planned)


async def _finished(write: Write) -> HttpReply:
    """Wait until a thread of the core has carried out a write."""
    replies: list[HttpReply] = []
    signal = AsyncSignal()

    def done(reply: HttpReply) -> None:
        replies.append(reply)
        signal.set()

    write.submit(done)
    await signal.wait()
    return replies[0]
