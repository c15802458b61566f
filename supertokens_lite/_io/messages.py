"""What goes over a connection and what comes back, in the terms of httpcore: the work that both colours share.

Lanes use httpcore, the layer that httpx itself sends through, without the models of httpx: for messages as small as
these the models cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpcore
import httpx

from supertokens_lite._io.options import TransportOptions
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("Messages", "build_for_client", "read_reply")

ORIGINS_REMEMBERED: Final = 256
PORTS: Final[Mapping[bytes, int]] = {b"http": 80, b"https": 443}


class Messages:
    """Turns requests into those of httpcore.

    Args:
        options: how requests travel.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._extensions = options.timeouts
        self._origins: dict[str, tuple[httpcore.Origin, bytes]] = {}

    def build(self, request: HttpRequest) -> httpcore.Request:
        """Build the request.

        Raises:
            httpx.InvalidURL: its host or target is none.
        """
        origin, authority = self._origins.get(request.host) or self._parse(request.host)
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        headers.append((b"host", authority))
        body = request.body
        if body or request.method != "GET":
            headers.append((b"content-length", b"%d" % len(body)))
        url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=_target(request))
        return httpcore.Request(request.method, url, headers=headers, content=body, extensions=self._extensions)

    def _parse(self, host: str) -> tuple[httpcore.Origin, bytes]:
        url = httpx.URL(host)
        scheme = url.raw_scheme
        origin = httpcore.Origin(scheme, url.raw_host, url.port or PORTS.get(scheme, 0))
        if len(self._origins) >= ORIGINS_REMEMBERED:
            self._origins.clear()
        self._origins[host] = parsed = (origin, url.netloc)
        return parsed


def _target(request: HttpRequest) -> bytes:
    target = request.target
    if target.isascii() and target.isprintable() and " " not in target:
        return target.encode()
    return httpx.URL(request.host + target).raw_path  # escapes what has to be


def build_for_client(request: HttpRequest, extensions: dict[str, Any]) -> httpx.Request:
    """Build a request for a client of httpx, which finds its own way."""
    url = request.host + request.target
    return httpx.Request(
        request.method, url, headers=request.headers, content=request.body or None, extensions=extensions
    )


def read_reply(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> HttpReply:
    """Give a reply in our terms."""
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return HttpReply(status, names, body)
