"""Which host is next: in turn, leaving out those that failed lately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from supertokens_lite._io.base import IO
from supertokens_lite._protocol.urls import CoreHost

__all__ = ("Host", "Hosts")

FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 30.0


class Host:
    """One host and how it has been doing.

    Attributes:
        address: where it is.
        rests_until: before this time it is left out where another can serve.
    """

    __slots__ = ("_rest_s", "address", "rests_until")

    def __init__(self, address: CoreHost) -> None:
        self.address = address
        self.rests_until = 0.0
        self._rest_s = 0.0

    def failed(self, io: IO) -> None:
        """Set it aside, for longer each time."""
        self._rest_s = min(LONGEST_REST_S, max(FIRST_REST_S, self._rest_s * 2))
        self.rests_until = io.monotonic() + self._rest_s

    def works(self) -> None:
        """Take it back."""
        if self._rest_s:
            self.rests_until = self._rest_s = 0.0


class Hosts:
    """The hosts of a core, in turn."""

    def __init__(self, addresses: Sequence[CoreHost]) -> None:
        self._hosts = [Host(address) for address in addresses]
        self._turn = 0

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts)

    def next(self, io: IO) -> Host:
        """Give the next host: one in good standing, else the one whose rest ends first."""
        if len(self._hosts) == 1:
            return self._hosts[0]
        turn = self._turn = (self._turn + 1) % len(self._hosts)
        in_turn = self._hosts[turn:] + self._hosts[:turn]
        now = io.monotonic()
        return next((host for host in in_turn if host.rests_until <= now), None) or min(in_turn, key=_rests_until)

    def has_healthy(self, io: IO) -> bool:
        """Tell whether a host is in good standing."""
        now = io.monotonic()
        return any(host.rests_until <= now for host in self._hosts)


def _rests_until(host: Host) -> float:
    return host.rests_until
