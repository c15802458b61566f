"""Cores that answer as a test says, at times that the test says, in both colours."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from supertokens_lite._core.keys import Keys
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import Effects, TransportError
from supertokens_lite._io.blocking import BlockingIO
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("Cores", "document", "down", "jwk")

ONE = "http://one.example"


def jwk(kid: str) -> dict[str, Any]:
    """Make a public key that belongs to nobody."""
    modulus = int.from_bytes((kid * 256).encode()[:256], "big") | 1 << 2047 | 1
    encoded = base64.urlsafe_b64encode(modulus.to_bytes(256, "big")).decode().rstrip("=")
    return {"kty": "RSA", "kid": kid, "n": encoded, "e": "AQAB", "alg": "RS256", "use": "sig"}


def document(*kids: str, cache: str | None = None) -> HttpReply:
    """Answer with the keys of these ids."""
    body = json.dumps({"keys": [jwk(kid) for kid in kids]}).encode()
    return HttpReply(200, {} if cache is None else {"cache-control": cache}, body)


def down() -> TransportError:
    """Make the error of a host that can't be reached."""
    return TransportError("down", unsent=True)


class Cores:
    """Hosts that answer what `says` has for them, and a clock that a test moves.

    Attributes:
        now_s: what the clock shows.
        says: what each host answers, or what makes the error that it fails with.
        seen: what was asked.
        hold: what each asynchronous request waits for before it is answered.
        hold_blocking: what each blocking one waits for.
    """

    def __init__(self, *kids: str, hosts: Sequence[str] = (ONE,)) -> None:
        self.now_s = 1000.0
        self.says: dict[str, HttpReply | Callable[[], Exception]] = dict.fromkeys(hosts, document(*kids))
        self.seen: list[HttpRequest] = []
        self.hold: Callable[[], Awaitable[object]] | None = None
        self.hold_blocking: Callable[[], object] | None = None
        self.effects = Effects(_AsyncIO(self), _BlockingIO(self))

    def say(self, answer: HttpReply | Callable[[], Exception]) -> None:
        """Let all hosts answer the same."""
        self.says = dict.fromkeys(self.says, answer)

    def fail(self) -> None:
        """Let all hosts be down."""
        self.say(down)

    def answer(self, request: HttpRequest) -> HttpReply:
        """Give a host's answer."""
        found = self.says[request.host]
        if isinstance(found, HttpReply):
            return found
        raise found()

    def keys(self, *, refresh_s: float = 14_400, max_stale_s: float = 86_400, static: Any = None) -> Keys:
        """Build what is tested."""
        hosts = [CoreHost(host, "") for host in self.says]
        querier = Querier(hosts, self.effects, max_retries=0)
        return Keys(querier, self.effects, refresh_s=refresh_s, max_stale_s=max_stale_s, cache_size=100, static=static)


class _AsyncCarrier:
    def __init__(self, cores: Cores) -> None:
        self._cores = cores

    async def send(self, request: HttpRequest) -> HttpReply:
        self._cores.seen.append(request)
        if self._cores.hold is not None:
            await self._cores.hold()
        return self._cores.answer(request)

    def refuse(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class _BlockingCarrier:
    def __init__(self, cores: Cores) -> None:
        self._cores = cores

    def send(self, request: HttpRequest) -> HttpReply:
        self._cores.seen.append(request)
        if self._cores.hold_blocking is not None:
            self._cores.hold_blocking()
        return self._cores.answer(request)

    def close(self) -> None:
        pass


class _AsyncIO(AsyncIO):
    def __init__(self, cores: Cores) -> None:
        super().__init__(_AsyncCarrier(cores))
        self._cores = cores

    def monotonic(self) -> float:
        return self._cores.now_s

    def random(self) -> float:
        return 0.5


class _BlockingIO(BlockingIO):
    def __init__(self, cores: Cores) -> None:
        super().__init__(_BlockingCarrier(cores))
        self._cores = cores

    def monotonic(self) -> float:
        return self._cores.now_s

    def random(self) -> float:
        return 0.5
