"""Waiting for each other, across threads, tasks and event loops of one process: turns at a key, and work done once.

Both are made of a short critical section and of signals in the colour of whoever waits, so that a thread and a task
can wait in the same queue.

A blocking call that is made on a thread whose event loop runs keeps that loop from going on, through the portal too.
Were it to wait for a task of the loop, both would wait forever. So who holds or waits is kept with the thread of its
loop: a turn is refused then, and what is made once is made once more.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from types import TracebackType
from typing import Generic, TypeVar

from supertokens_lite._io.base import IO, Signal, blocked_thread, in_blocking_code
from supertokens_lite._io.forks import Forks
from supertokens_lite.exceptions import GeneralError, SuperTokensError

__all__ = ("Once", "Turn", "Turns", "own_error")

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def _loop_thread() -> int | None:
    """Give the thread whose event loop runs the caller; None in blocking code."""
    return None if in_blocking_code() else threading.get_ident()


class _Place:
    """One place in a queue; the first has the key."""

    __slots__ = ("loop_thread", "signal")

    def __init__(self, loop_thread: int | None) -> None:
        self.loop_thread = loop_thread
        self.signal: Signal | None = None


class Turns:
    """Lets one holder at a time have a key, first come, first served. Keys that nobody holds cost nothing."""

    def __init__(self) -> None:
        self._forks = Forks(self._begin)

    def _begin(self) -> None:
        # collecting garbage may close a coroutine that waits, in the middle of a critical section of the same thread
        self.lock = threading.RLock()
        self.queues: dict[Hashable, deque[_Place]] = {}

    def turn(self, io: IO, key: Hashable) -> Turn:
        """Give an async context manager that has the key while it is entered."""
        self._forks.notice()  # the holders were the parent's
        return Turn(self, io, key)


class Turn:
    """One turn at a key."""

    __slots__ = ("_io", "_key", "_place", "_turns")

    def __init__(self, turns: Turns, io: IO, key: Hashable) -> None:
        self._turns = turns
        self._io = io
        self._key = key

    async def __aenter__(self) -> None:
        turns = self._turns
        place = self._place = _Place(_loop_thread())
        with turns.lock:
            queue = turns.queues.get(self._key)
            if queue is None:
                turns.queues[self._key] = deque((place,))
                return
            _check_that_it_ends(queue)
            signal = place.signal = self._io.signal()
            queue.append(place)
        try:
            await signal.wait()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        """Give the place up; whoever is next and can still be woken has the key then."""
        turns = self._turns
        with turns.lock:
            queue = turns.queues.get(self._key)
            if queue is None or self._place not in queue:  # it was passed over: its event loop had ended
                return
            had_key = queue[0] is self._place
            queue.remove(self._place)
            while had_key and queue and not (queue[0].signal is None or queue[0].signal.set()):
                queue.popleft()
            if not queue:
                del turns.queues[self._key]


def _check_that_it_ends(queue: Iterable[_Place]) -> None:
    """Refuse to block a thread whose own event loop has to go on before the wait can end."""
    thread = blocked_thread()
    if thread is not None and any(place.loop_thread == thread for place in queue):
        raise GeneralError(
            "a blocking call would wait for a task of the event loop that it blocks, and so forever; "
            "await its asynchronous twin there"
        )


class _Flight:
    """Work under way, the thread of the event loop that it is done on, and who waits for it."""

    def __init__(self, loop_thread: int | None) -> None:
        self.loop_thread = loop_thread
        self.waiters: list[Signal] = []
        self.error: Exception | None = None


class Once(Generic[T]):
    """A value that is made once, however many ask for it at the same time.

    If making it fails, those who were waiting get the same error, and whoever asks later tries anew. If the one who was
    making it is cancelled, one of those who wait takes over. Blocking code does not wait for a task of the event loop
    that it blocks, but makes the value itself.
    """

    def __init__(self) -> None:
        self._forks = Forks(self._begin)
        self._made: list[T] = []

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._flight: _Flight | None = None

    async def get(self, io: IO, make: Callable[[], Awaitable[T]]) -> T:
        """Give the value, making it if nobody has; the error of `make` comes through."""
        while not self._made:
            self._forks.notice()  # whoever was making it is the parent's
            with self._lock:
                flight, signal = self._flight, None
                if flight is None:
                    flight = self._flight = _Flight(_loop_thread())
                elif flight.loop_thread is not None and flight.loop_thread == blocked_thread():
                    flight = _Flight(None)
                else:
                    signal = io.signal()
                    flight.waiters.append(signal)
            if signal is None:
                await self._make(flight, make)
            else:
                await signal.wait()
                if flight.error is not None:
                    raise own_error(flight.error)
        return self._made[0]

    def peek(self) -> T | None:
        """Give the value if it has been made."""
        return self._made[0] if self._made else None

    async def _make(self, flight: _Flight, make: Callable[[], Awaitable[T]]) -> None:
        if self._made:
            self._land(flight)
            return
        try:
            self._made.append(await make())
        except Exception as error:
            flight.error = error
            raise
        finally:
            self._land(flight)

    def _land(self, flight: _Flight) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None
        for waiter in flight.waiters:
            waiter.set()


def own_error(error: E) -> E:
    """Give whoever waited an error of their own: a traceback grows with each raise, and shows what others did."""
    if not isinstance(error, SuperTokensError):
        return error
    own = copy.copy(error)
    for name, value in vars(own).items():
        if isinstance(value, list):
            setattr(own, name, [*value])
    return own
