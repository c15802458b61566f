"""The seam between what is decided and what is done: `IO`, the transports behind it, and which `IO` is in force.

The engine and the recipe are coroutines that suspend only by awaiting an `IO`. There are two colours. The asynchronous
one waits as any coroutine does. The blocking one has done its work before it returns, so a coroutine that awaits
nothing else never suspends, and `blocking.run` drives it without an event loop.

Which colour is in force is one context variable that holds the `Run` at hand; only `blocking.run` and the portal set
it. A plain flag would leak: tasks, callbacks and threads begun inside an override copy the context and would see it
after the run is over. So a `Run` is cleared when it ends, and knows its thread; whoever finds a `Run` that is over, or
another thread's, is outside blocking code and gets the asynchronous `IO`.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

from supertokens_lite.types import HttpReply, HttpRequest

__all__ = (
    "IO",
    "AsyncTransport",
    "Blocked",
    "BlockingTransport",
    "Drive",
    "Effects",
    "Run",
    "Signal",
    "TransportError",
    "blocked_thread",
    "current_run",
    "current_wait",
    "in_blocking_code",
)

T = TypeVar("T")
R = TypeVar("R")


class TransportError(Exception):
    """A request got no reply. Never leaves the package: the querier turns it into `CoreUnavailableError`.

    Attributes:
        reason: what went wrong, in a few words, without the host.
        unsent: True if provably not one byte of the request reached the host.
        ours: True if the host is not to blame: all connections to it are in use here.
    """

    def __init__(self, reason: str, *, unsent: bool, ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unsent = unsent
        self.ours = ours


class AsyncTransport(Protocol):
    """Carries requests for the asynchronous `IO`. Serves every event loop of the process."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        ...

    def refuse(self) -> None:
        """Send nothing any more; what is held is given back by `aclose`, or with its event loop."""
        ...

    async def aclose(self) -> None:
        """Give back what is held, and send nothing any more; idempotent."""
        ...


class BlockingTransport(Protocol):
    """Carries requests for the blocking `IO`. Serves every thread of the process."""

    def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        ...

    def close(self) -> None:
        """Give back what is held; idempotent."""
        ...


class Drive(Protocol):
    """Runs a coroutine to its end in blocking code."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], /) -> T:
        """Run it."""
        ...


class Signal(ABC):
    """A one-shot flag: one task or thread waits, any thread may set it."""

    @abstractmethod
    def set(self) -> bool:
        """Wake the waiter, now or when it comes; from any thread, any number of times.

        Returns:
            False if nobody can wake any more, because the waiter's event loop has ended.
        """

    @abstractmethod
    async def wait(self) -> None:
        """Wait until set."""


class IO(ABC):
    """All effects that the engine and the recipe may have, in one colour."""

    @abstractmethod
    async def send(self, request: HttpRequest) -> HttpReply:
        """Send one request and read its whole reply; raise `TransportError` if there is none."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""

    @abstractmethod
    def now(self) -> float:
        """Give the seconds since the epoch, UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Give seconds that never go back, from an arbitrary start."""

    @abstractmethod
    def random(self) -> float:
        """Roll a number in [0, 1), for jitter."""

    @abstractmethod
    def signal(self) -> Signal:
        """Make a flag that this colour can wait for."""

    @abstractmethod
    async def in_thread(self, function: Callable[[], R]) -> R:
        """Call what waits for a file, so that an event loop does not wait with it."""

    @abstractmethod
    async def each(self, function: Callable[[T], Awaitable[R]], items: Iterable[T], *, limit: int) -> list[R]:
        """Apply `function` to each item, at most `limit` under way at once; the results in the items' order.

        The first error cancels what has not begun and is raised when what is under way has ended.
        """


class Run:
    """One blocking call under way: the mark that `blocking.run` leaves in the context while it drives a coroutine."""

    __slots__ = ("active", "thread")

    def __init__(self) -> None:
        self.active = True
        self.thread = threading.get_ident()


class Blocked:
    """A thread that waits for the portal: the mark that `Portal.run` leaves in the context of what it runs."""

    __slots__ = ("active", "thread")

    def __init__(self) -> None:
        self.active = True
        self.thread = threading.get_ident()


current_run: ContextVar[Run | None] = ContextVar("supertokens_lite_run", default=None)
current_wait: ContextVar[Blocked | None] = ContextVar("supertokens_lite_wait", default=None)


def in_blocking_code() -> bool:
    """Tell whether a blocking call is being driven right here."""
    run = current_run.get()
    return run is not None and run.active and run.thread == threading.get_ident()


def blocked_thread() -> int | None:
    """Give the thread that waits for the code here to end: in blocking code this one, in the portal its caller's."""
    if in_blocking_code():
        return threading.get_ident()
    wait = current_wait.get()
    return wait.thread if wait is not None and wait.active else None


class Effects(NamedTuple):
    """The two colours of one SDK object."""

    asynchronous: IO
    blocking: IO

    @property
    def io(self) -> IO:
        """The `IO` in force where this is asked."""
        return self.blocking if in_blocking_code() else self.asynchronous
