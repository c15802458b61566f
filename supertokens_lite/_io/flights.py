"""Work that several may ask for at the same time, done once for all of them: one flight at a time for each key."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from supertokens_lite._io.base import IO
from supertokens_lite._io.forks import Forks
from supertokens_lite._io.turns import Once

__all__ = ("Flights",)

T = TypeVar("T")


class _Flight(Generic[T]):
    """Work under way, and how many wait for it or do it."""

    __slots__ = ("once", "passengers")

    def __init__(self) -> None:
        self.once: Once[T] = Once()
        self.passengers = 0


class Flights(Generic[T]):
    """Shares what is under way. Nothing is kept: whoever asks after all have left has it done anew.

    A flight lasts until the last of those who joined it has left. So there is never a second one beside it, even if
    whoever did the work is cancelled and another takes over.
    """

    def __init__(self) -> None:
        self._forks = Forks(self._begin)

    def _begin(self) -> None:
        # collecting garbage may close a coroutine that waits, in the middle of a critical section of the same thread
        self._lock = threading.RLock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def passengers(self, key: Hashable) -> int:
        """Count who does the work of a key or waits for it."""
        with self._lock:
            flight = self._flights.get(key)
            return 0 if flight is None else flight.passengers

    async def join(self, io: IO, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Give what `make` makes, or what another's `make` under way for the same key makes; errors are shared too."""
        self._forks.notice()  # flights are the parent's
        with self._lock:
            flight = self._flights.setdefault(key, _Flight())
            flight.passengers += 1
        try:
            return await flight.once.get(io, make)
        finally:
            with self._lock:
                flight.passengers -= 1
                if not flight.passengers and self._flights.get(key) is flight:
                    del self._flights[key]
