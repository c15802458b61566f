"""HTTP for coroutines: lanes, each with one connection to a host, taken last in first out.

A pool looks through all its connections at each request; that is what makes sixteen at once slower than eight. A lane
has one connection, so there is nothing to look through.

Each event loop has lanes of its own. They are closed when the loop shuts its asynchronous generators down, as
`asyncio.run` and trio do at their end; the lanes of a loop that was closed without that are dropped, not awaited.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import anyio
import httpcore
import httpx

from supertokens_lite._io.asynchronous import native_token
from supertokens_lite._io.base import TransportError
from supertokens_lite._io.forks import Forks
from supertokens_lite._io.held_writes import AsyncHeldWrites
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

__all__ = ("AsyncLanes",)


class AsyncLanes:
    """Carries requests over HTTP, for every event loop of the process.

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
        self._lanes: WeakKeyDictionary[Any, _Lanes] = WeakKeyDictionary()
        self._used.append(self._lanes)

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        if self._closed:
            raise ClosedError
        self._forks.notice()
        token = native_token()
        lanes = self._lanes.get(token)
        if lanes is None:
            lanes = self._lanes[token] = _Lanes(self._options.max_connections)
            await lanes.close_with_the_loop()
        is_waiting = True
        try:
            with anyio.fail_after(self._options.timeout_s):
                lane = await lanes.take()
                is_waiting = False
                try:
                    if lane is None:
                        lane = self._make_lane()
                    return await lane.send(request)
                except BaseException:
                    if lane is not None:
                        with anyio.CancelScope(shield=True):
                            await lane.aclose()
                        lane = None
                    raise
                finally:
                    lanes.give_back(lane)
                    if self._closed:
                        with anyio.CancelScope(shield=True):
                            await lanes.aclose()
        except TimeoutError as error:
            if is_waiting:
                reason = f"no free connection within {self._options.timeout_s:g} s"
                raise TransportError(reason, unsent=True, ours=True) from error
            raise TransportError(f"no reply within {self._options.timeout_s:g} s", unsent=False) from error
        except FAILURES as error:
            raise translate_error(error, self._options) from error

    def _make_lane(self) -> _Lane:
        if self._ssl_context is None:
            self._ssl_context = make_ssl_context(self._options, secure=self._secure)
        if self._options.trust_env:
            return _ClientLane(self._options, self._ssl_context)
        return _DirectLane(self._messages, self._ssl_context)

    def refuse(self) -> None:
        """Send nothing any more; lanes are closed by `aclose`, or with their event loop."""
        self._closed = True

    async def aclose(self) -> None:
        """Close the lanes of this event loop that are free, and drop those of others; idempotent.

        Those in use close when they are given back.
        """
        self.refuse()
        if not self._forks.is_child:
            lanes = self._lanes.pop(native_token(), None)
            if lanes is not None:
                await lanes.aclose()


class _Lane(Protocol):
    """Carries one request at a time."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply."""
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


class _DirectLane:
    """A connection to each host, used one at a time."""

    def __init__(self, messages: Messages, ssl_context: ssl.SSLContext) -> None:
        self._messages = messages
        self._ssl_context = ssl_context
        self._network = AsyncHeldWrites()
        self._connections: dict[str, httpcore.AsyncHTTPConnection] = {}

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply."""
        message = self._messages.build(request)
        connection = self._connections.get(request.host)
        if connection is None or connection.is_closed() or connection.has_expired():
            if connection is not None:
                await connection.aclose()
            elif len(self._connections) >= HOSTS_A_LANE:
                await self.aclose()
            connection = self._connections[request.host] = httpcore.AsyncHTTPConnection(
                message.url.origin, self._ssl_context, KEEPALIVE_S, network_backend=self._network
            )
        response = await connection.handle_async_request(message)
        try:
            body = await response.aread()
        finally:
            await response.aclose()
        return read_reply(response.status, response.headers, body)

    async def aclose(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            await connection.aclose()
        self._connections.clear()


class _ClientLane:
    """A client of httpx, which knows the proxies that the environment names."""

    def __init__(self, options: TransportOptions, ssl_context: ssl.SSLContext) -> None:
        self._extensions = options.timeouts
        self._client = httpx.AsyncClient(verify=ssl_context, limits=options.limits, trust_env=True)
        self.aclose = self._client.aclose

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply."""
        message = build_for_client(request, self._extensions)
        response = await self._client.send(message)
        return HttpReply(response.status_code, response.headers, response.content)


class _Waiter:
    """Waits for a lane; is given one, or the right to make one."""

    __slots__ = ("event", "lane", "served")

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.served = False
        self.lane: _Lane | None = None


class _Lanes:
    """The lanes of one event loop. Only tasks of that loop touch it."""

    def __init__(self, most: int) -> None:
        self._free: list[_Lane] = []
        self._left = most
        self._waiters: deque[_Waiter] = deque()
        self._keeper: AsyncGenerator[None, None] | None = None

    async def take(self) -> _Lane | None:
        """Take a lane; None means: make one. Waits while all are taken."""
        if self._free:
            return self._free.pop()
        if self._left:
            self._left -= 1
            return None
        waiter = _Waiter()
        self._waiters.append(waiter)
        try:
            await waiter.event.wait()
        except BaseException:
            if waiter.served:
                self.give_back(waiter.lane)
            else:
                self._waiters.remove(waiter)
            raise
        return waiter.lane

    def give_back(self, lane: _Lane | None) -> None:
        """Give a lane back; None: it is broken, and another may be made."""
        if self._waiters:
            waiter = self._waiters.popleft()
            waiter.lane, waiter.served = lane, True
            waiter.event.set()
        elif lane is None:
            self._left += 1
        else:
            self._free.append(lane)

    async def close_with_the_loop(self) -> None:
        """Have the lanes closed when the event loop shuts down."""
        self._keeper = self._keep()
        await self._keeper.__anext__()

    async def _keep(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._close_free()

    async def _close_free(self) -> None:
        while self._free:
            await self._free.pop().aclose()

    async def aclose(self) -> None:
        """Close the lanes that are free."""
        if self._keeper is not None:
            await self._keeper.aclose()
        await self._close_free()
