"""Waiting for each other, across threads, tasks and event loops of one process: turns at a key, and work done once.

Both are made of a short critical section and of signals in the colour of whoever waits, so that a thread and a task
can wait in the same queue.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, TypeVar

from supertokens_lite._io.base import IO, Signal

__all__ = ("Once", "Turn", "Turns")

T = TypeVar("T")


class Turns:
    """Lets one holder at a time have a key, first come, first served. Keys that nobody holds cost nothing."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self.lock = threading.Lock()
        self.queues: dict[Hashable, deque[Signal]] = {}

    def turn(self, io: IO, key: Hashable) -> Turn:
        """Give an async context manager that has the key while it is entered."""
        if self._pid != os.getpid():  # the holders were the parent's
            self._forget()
        return Turn(self, io, key)


class Turn:
    """One turn at a key."""

    __slots__ = ("_io", "_key", "_turns")

    def __init__(self, turns: Turns, io: IO, key: Hashable) -> None:
        self._turns = turns
        self._io = io
        self._key = key

    async def __aenter__(self) -> None:
        turns = self._turns
        with turns.lock:
            queue = turns.queues.get(self._key)
            if queue is None:
                turns.queues[self._key] = deque()
                return
            signal = self._io.signal()
            queue.append(signal)
        try:
            await signal.wait()
        except BaseException:
            with turns.lock:
                is_waiting = signal in queue
                if is_waiting:
                    queue.remove(signal)
            if not is_waiting:  # the key was handed over just now
                self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        turns = self._turns
        with turns.lock:
            queue = turns.queues.get(self._key)
            if queue:
                queue.popleft().set()
            elif queue is not None:
                del turns.queues[self._key]


class _Flight:
    """Work under way, and who waits for it."""

    def __init__(self) -> None:
        self.waiters: list[Signal] = []
        self.error: Exception | None = None


class Once(Generic[T]):
    """A value that is made once, however many ask for it at the same time.

    If making it fails, those who were waiting get the same error, and whoever asks later tries anew. If the one who was
    making it is cancelled, one of those who wait takes over.
    """

    def __init__(self) -> None:
        self._forget()
        self._made: list[T] = []

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._flight: _Flight | None = None

    async def get(self, io: IO, make: Callable[[], Awaitable[T]]) -> T:
        """Give the value, making it if nobody has; the error of `make` comes through."""
        while not self._made:
            if self._pid != os.getpid():  # whoever was making it is the parent's
                self._forget()
            with self._lock:
                flight, signal = self._flight, None
                if flight is None:
                    flight = self._flight = _Flight()
                else:
                    signal = io.signal()
                    flight.waiters.append(signal)
            if signal is None:
                await self._make(flight, make)
            else:
                await signal.wait()
                if flight.error is not None:
                    raise flight.error
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
