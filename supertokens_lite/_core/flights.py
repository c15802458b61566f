"""Work that several may ask for at the same time, done once for all of them: one flight at a time for each key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from supertokens_lite._io.base import IO
from supertokens_lite._io.turns import Once

__all__ = ("Flights",)

T = TypeVar("T")


class Flights(Generic[T]):
    """Shares what is under way. Nothing is kept: whoever asks after the landing has it done anew."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Once[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, io: IO, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Give what `make` makes, or what another's `make` under way for the same key makes; errors are shared too."""
        flight = self._flights.setdefault(key, Once())  # one step from any thread
        try:
            return await flight.get(io, make)
        finally:
            if self._flights.get(key) is flight:
                self._flights.pop(key, None)
