"""HTTP for blocking code: lanes, each with one connection to a host, taken last in first out."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import httpcore
import httpx

from supertokens_lite._io.base import TransportError
from supertokens_lite._io.forks import Forks
from supertokens_lite._io.held_writes import HeldWrites
from supertokens_lite._io.messages import Messages, build_for_client, read_reply
from supertokens_lite._io.options import (
    FAILURES,
    HOSTS_A_LANE,
    KEEPALIVE_S,
    TransportOptions,
    make_ssl_context,
    translate_error,
)
from supertokens_lite.exceptions import ClosedError
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("BlockingLanes",)


class BlockingLanes:
    """Carries requests over HTTP, for every thread of the process.

    Args:
        options: how requests travel.
        secure: whether any host is spoken to over TLS.
    """

    def __init__(self, options: TransportOptions, *, secure: bool) -> None:
        self._options = options
        self._secure = secure
        self._ssl_context: ssl.SSLContext | None = None
        self._messages = Messages(options)
        self._used: list[object] = []
        self._closed = False
        self._forks = Forks(self._begin)

    def _begin(self) -> None:
        """Have no lanes yet; those of a parent are neither used nor closed, for they are its own."""
        self._lanes = _Lanes(self._options.max_connections)
        self._used.append(self._lanes)

    def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        if self._closed:
            raise ClosedError
        self._forks.notice()
        lanes = self._lanes
        deadline = time.monotonic() + self._options.timeout_s
        try:
            lane = lanes.take(self._options.timeout_s)
            try:
                if lane is None:
                    lane = self._make_lane()
                return lane.send(request, deadline)
            except BaseException:
                if lane is not None:
                    lane.close()
                    lane = None
                raise
            finally:
                lanes.give_back(lane)
                if self._closed:
                    lanes.close()
        except FAILURES as error:
            raise translate_error(error, self._options) from error

    def _make_lane(self) -> _Lane:
        if self._ssl_context is None:
            self._ssl_context = make_ssl_context(self._options, secure=self._secure)
        if self._options.trust_env:
            return _ClientLane(self._options, self._ssl_context)
        return _DirectLane(self._messages, self._ssl_context)

    def close(self) -> None:
        """Close the lanes that are free; those in use close when they are given back. Idempotent."""
        self._closed = True
        if not self._forks.is_child:
            self._lanes.close()


class _Lane(Protocol):
    """Carries one request at a time."""

    def send(self, request: HttpRequest, deadline: float) -> HttpReply:
        """Send and read the whole reply."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class _DirectLane:
    """A connection to each host, used one at a time."""

    def __init__(self, messages: Messages, ssl_context: ssl.SSLContext) -> None:
        self._messages = messages
        self._ssl_context = ssl_context
        self._network = HeldWrites()
        self._connections: dict[str, httpcore.HTTPConnection] = {}

    def send(self, request: HttpRequest, deadline: float) -> HttpReply:
        """Send and read the whole reply."""
        message = self._messages.build(request)
        connection = self._connections.get(request.host)
        if connection is None or connection.is_closed() or connection.has_expired():
            if connection is not None:
                connection.close()
            elif len(self._connections) >= HOSTS_A_LANE:
                self.close()
            connection = self._connections[request.host] = httpcore.HTTPConnection(
                message.url.origin, self._ssl_context, KEEPALIVE_S, network_backend=self._network
            )
        response = connection.handle_request(message)
        try:
            body = _read(response.iter_stream(), deadline)
        finally:
            response.close()
        return read_reply(response.status, response.headers, body)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


class _ClientLane:
    """A client of httpx, which knows the proxies that the environment names."""

    def __init__(self, options: TransportOptions, ssl_context: ssl.SSLContext) -> None:
        self._extensions = options.timeouts
        self._client = httpx.Client(verify=ssl_context, limits=options.limits, trust_env=True)
        self.close = self._client.close

    def send(self, request: HttpRequest, deadline: float) -> HttpReply:
        """Send and read the whole reply."""
        message = build_for_client(request, self._extensions)
        response = self._client.send(message, stream=True)
        try:
            body = _read(response.iter_bytes(), deadline)
        finally:
            response.close()
        return HttpReply(response.status_code, response.headers, body)


def _read(chunks: Iterator[bytes], deadline: float) -> bytes:
    """Read a body; each part may come in time, and all of them not."""
    parts: list[bytes] = []
    for part in chunks:
        parts.append(part)
        if time.monotonic() > deadline:
            raise httpcore.ReadTimeout("the whole reply took too long")
    return b"".join(parts)


class _Lanes:
    """The lanes of one process."""

    def __init__(self, most: int) -> None:
        self._free: deque[_Lane] = deque()
        self._left = most
        self._waiting = 0
        self._condition = threading.Condition()

    def take(self, timeout_s: float) -> _Lane | None:
        """Take a lane; None means: make one. Waits while all are taken."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        with self._condition:
            self._waiting += 1
            try:
                taken: list[_Lane | None] = []
                if not self._condition.wait_for(lambda: self._try_take(taken), timeout_s):
                    raise TransportError(f"no free connection within {timeout_s:g} s", unsent=True, ours=True)
                return taken[0]
            finally:
                self._waiting -= 1

    def _try_take(self, taken: list[_Lane | None]) -> bool:
        """Take a lane, or the right to make one, if there is any; others take without the lock."""
        try:
            taken.append(self._free.pop())
        except IndexError:
            if not self._left:
                return False
            self._left -= 1
            taken.append(None)
        return True

    def give_back(self, lane: _Lane | None) -> None:
        """Give a lane back; None: it is broken, and another may be made."""
        if lane is not None:
            self._free.append(lane)
            if not self._waiting:
                return
        with self._condition:
            if lane is None:
                self._left += 1
            self._condition.notify()

    def close(self) -> None:
        """Close the lanes that are free."""
        while self._free:
            self._free.pop().close()
