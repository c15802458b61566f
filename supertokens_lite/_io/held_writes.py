"""Connections on which the head and the body of a request leave in one write.

httpcore writes the head, then the body. In blocking code each is a call into the system that gives the interpreter to
another thread and has to win it back: with many threads that costs more than the rest of a request. In coroutines each
is a turn of the event loop besides. Here what is written waits until the reply is asked for, unless it is long. And a
socket of blocking code is told its timeout when that is another, which is such a call too.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, cast

import httpcore

__all__ = ("AsyncHeldWrites", "HeldWrites")

LONGEST_HELD: Final = 64 * 1024


class HeldWrites(httpcore.NetworkBackend):
    """Makes the connections of httpcore."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; raises as httpcore does."""
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """A connection that holds what is written."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")
        self._held = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # httpcore says it
        if len(self._held) + len(buffer) <= LONGEST_HELD:
            self._held += buffer
            return
        held, self._held = self._held, b""
        self._send(held, timeout)
        self._send(buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            held, self._held = self._held, b""
            with suppress(httpcore.WriteError):  # as httpcore has it: who stopped reading may have answered why
                self._send(held, timeout)
        self._set_timeout(timeout)
        try:
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore.ReadError(error) from error

    def _send(self, buffer: bytes, timeout: float | None) -> None:
        self._set_timeout(timeout)
        try:
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore.WriteError(error) from error

    def _set_timeout(self, timeout: float | None) -> None:
        """Set what is set already only once: it is a call into the system."""
        if timeout != self._socket.gettimeout():
            self._socket.settimeout(timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncHeldWrites(httpcore.AsyncNetworkBackend):
    """Makes the connections of httpcore for coroutines."""

    def __init__(self) -> None:
        # httpcore has another class of this name for who lacks anyio
        self._backend = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; raises as httpcore does."""
        return _AsyncStream(await self._backend.connect_tcp(host, port, timeout, local_address, socket_options))


class _AsyncStream(httpcore.AsyncNetworkStream):
    """A connection that holds what is written."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._held = b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if len(self._held) + len(buffer) <= LONGEST_HELD:
            self._held += buffer
            return
        held, self._held = self._held, b""
        await self._stream.write(held, timeout)
        await self._stream.write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            held, self._held = self._held, b""
            with suppress(httpcore.WriteError):  # as httpcore has it: who stopped reading may have answered why
                await self._stream.write(held, timeout)
        return await self._stream.read(max_bytes, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
