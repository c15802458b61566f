"""HTTP for blocking code: lanes, each an httpx transport with one connection of its own, taken last in first out."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import deque

import httpx

from supertokens_lite._io.base import TransportError
from supertokens_lite._io.options import TransportOptions, UrlCache, make_ssl_context, translate_error
from supertokens_lite.exceptions import ClosedError
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("HttpxBlockingTransport",)

Lane = httpx.HTTPTransport | httpx.Client


class HttpxBlockingTransport:
    """Carries requests over HTTP, for every thread of the process.

    Args:
        options: how requests travel.
        secure: whether any host is spoken to over TLS.
    """

    def __init__(self, options: TransportOptions, *, secure: bool) -> None:
        self._options = options
        self._secure = secure
        self._ssl_context: ssl.SSLContext | None = None
        self._extensions = options.timeouts
        self._urls = UrlCache()
        self._inherited: list[object] = []
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lanes = _Lanes(self._options.max_connections)

    def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        if self._closed:
            raise ClosedError
        if self._pid != os.getpid():  # the connections are the parent's: neither used nor closed
            self._inherited.append(self._lanes)
            self._forget()
        lanes = self._lanes
        deadline = time.monotonic() + self._options.timeout_s
        try:
            lane = lanes.take(self._options.timeout_s)
            try:
                if lane is None:
                    lane = self._make_lane()
                return self._exchange(lane, request, deadline)
            except BaseException:
                if lane is not None:
                    lane.close()
                    lane = None
                raise
            finally:
                lanes.give_back(lane)
                if self._closed:
                    lanes.close()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise translate_error(error, self._options) from error

    def _exchange(self, lane: Lane, request: HttpRequest, deadline: float) -> HttpReply:
        message = httpx.Request(
            request.method,
            self._urls.get(request),
            headers=request.headers,
            content=request.body or None,
            extensions=self._extensions,
        )
        if isinstance(lane, httpx.Client):
            response = lane.send(message, stream=True)
        else:
            response = lane.handle_request(message)
            response.request = message
        chunks: list[bytes] = []
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            if time.monotonic() > deadline:
                response.close()
                raise httpx.ReadTimeout("the whole reply took too long")
        response.close()
        return HttpReply(response.status_code, response.headers, b"".join(chunks))

    def _make_lane(self) -> Lane:
        if self._ssl_context is None:
            self._ssl_context = make_ssl_context(self._options, secure=self._secure)
        if self._options.trust_env:  # the client is what knows proxies
            return httpx.Client(verify=self._ssl_context, limits=self._options.limits, trust_env=True)
        return httpx.HTTPTransport(verify=self._ssl_context, limits=self._options.limits, trust_env=False)

    def close(self) -> None:
        """Close the lanes that are free; those in use close when they are given back. Idempotent."""
        self._closed = True
        if self._pid == os.getpid():
            self._lanes.close()


class _Lanes:
    """The lanes of one process."""

    def __init__(self, most: int) -> None:
        self._free: deque[Lane] = deque()
        self._left = most
        self._waiting = 0
        self._condition = threading.Condition()

    def take(self, timeout_s: float) -> Lane | None:
        """Take a lane; None means: make one. Waits while all are taken."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        with self._condition:
            self._waiting += 1
            try:
                taken: list[Lane | None] = []
                if not self._condition.wait_for(lambda: self._try_take(taken), timeout_s):
                    raise TransportError(f"no free connection within {timeout_s:g} s", unsent=True)
                return taken[0]
            finally:
                self._waiting -= 1

    def _try_take(self, taken: list[Lane | None]) -> bool:
        """Take a lane, or the right to make one, if there is any; others take without the lock."""
        try:
            taken.append(self._free.pop())
        except IndexError:
            if not self._left:
                return False
            self._left -= 1
            taken.append(None)
        return True

    def give_back(self, lane: Lane | None) -> None:
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
