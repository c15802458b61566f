"""The asynchronous effects, on whichever event loop the caller runs: asyncio or trio, through anyio."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from supertokens_lite._io.base import IO, AsyncTransport, Signal
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("AsyncIO", "AsyncSignal", "native_token", "run_soon")

T = TypeVar("T")
R = TypeVar("R")


def native_token() -> Any:
    """Give what stands for the running event loop: an asyncio loop or a trio token."""
    token: Any = current_token()
    return getattr(token, "native_token", token)


def run_soon(token: Any, function: Callable[[], object]) -> None:
    """Have a function called on an event loop; from any thread.

    Raises:
        RuntimeError: the loop has ended.
    """
    schedule = getattr(token, "call_soon_threadsafe", None) or token.run_sync_soon
    schedule(function)


class AsyncSignal(Signal):
    """A flag that a task waits for and any thread may set."""

    def __init__(self) -> None:
        self._is_set = False
        self._wake: Callable[[], object] | None = None

    def set(self) -> bool:
        """Wake the waiter, now or when it comes; False if its event loop has ended, and the waiter with it."""
        self._is_set = True
        if self._wake is not None:
            try:
                self._wake()
            except RuntimeError:
                self._wake = None
                return False
        return True

    async def wait(self) -> None:
        """Wait until set."""
        if self._is_set:
            return
        event = anyio.Event()
        token = native_token()
        # `set` sets the flag and then looks for the waker; here it is the other way round, so that none is missed
        self._wake = lambda: run_soon(token, event.set)
        if not self._is_set:
            await event.wait()


class AsyncIO(IO):
    """Effects for coroutines on an event loop.

    Args:
        transport: carries the requests.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._send = transport.send

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send one request and read its whole reply."""
        return await self._send(request)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        await anyio.sleep(seconds)

    def now(self) -> float:
        """Give the seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    def random(self) -> float:
        """Roll a number in [0, 1)."""
        return random.random()  # noqa: S311  # jitter is no secret

    def signal(self) -> Signal:
        """Make a flag that a task can wait for."""
        return AsyncSignal()

    async def in_thread(self, function: Callable[[], R]) -> R:
        """Call what waits for a file in a thread; cancelled, it is waited for all the same."""
        return await anyio.to_thread.run_sync(function)

    async def each(self, function: Callable[[T], Awaitable[R]], items: Iterable[T], *, limit: int) -> list[R]:
        """Apply `function` to each item in at most `limit` tasks; the results in the items' order."""
        waiting = enumerate(items)
        results: dict[int, R] = {}
        errors: list[Exception] = []

        async def work() -> None:
            for index, item in waiting:
                try:
                    results[index] = await function(item)
                except Exception as error:  # noqa: BLE001  # raised below
                    errors.append(error)
                if errors:
                    return

        async with anyio.create_task_group() as tasks:
            for _ in range(limit):
                tasks.start_soon(work)
        if errors:
            raise errors[0]
        return [results[index] for index in range(len(results))]
