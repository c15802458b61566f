"""HTTP by pyreqwest, a client written in Rust: the fast transport, for who asks for it.

The client does its work in a thread of its own, one for the whole process; what follows from that is kept here:

* A child that was forked after its parent had used the client has no such thread, and can't have one. pyreqwest says so
  when a client is made, never when one of the parent's is used; so a child makes its own, and gets the error.
* The thread may be busy with its last answer when the interpreter ends, and end it with a fatal error. So `_settle`
  runs before.
* A task that is cancelled leaves its request to that thread: it ends with its reply or its timeout, and holds its
  connection until then.

It knows asyncio only, and blocks all of gevent.
"""

from __future__ import annotations

import asyncio
import atexit
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pyreqwest.client import Client, ClientBuilder, SyncClient, SyncClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    DecodeError,
    DetailedPyreqwestError,
    NetworkError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)

from supertokens_lite._io.asynchronous import native_token
from supertokens_lite._io.base import TransportError
from supertokens_lite._io.forks import Forks
from supertokens_lite._io.options import KEEPALIVE_S, TransportOptions
from supertokens_lite.exceptions import ClosedError, ConfigurationError
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("FastAsyncTransport", "FastBlockingTransport", "check_surroundings")

C = TypeVar("C")

GREEN: Final = ("gevent", "eventlet")
ADVICE: Final = "use transport='default'"

CONNECTING: Final = "client error (Connect)"
"""A link in the chain of causes of what failed while connecting; a `ConnectError` may be something else."""


def check_surroundings() -> None:
    """Refuse to serve where a call would block more than its thread.

    Raises:
        ConfigurationError: gevent or eventlet has replaced the sockets of this process.
    """
    library = socket.socket.__module__.partition(".")[0]
    if library in GREEN:
        raise ConfigurationError(f"transport='fast' would block all of {library}; {ADVICE}")


class _Clients(ABC, Generic[C]):
    """One client in each process, made at first use.

    Args:
        options: how requests travel.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._client: C | None = None
        self._inherited: list[C | None] = []
        self._closed = False
        self._forks = Forks(self._begin)

    def _begin(self) -> None:
        """Have no client yet; a parent's is neither used nor let go, for its connections are the parent's."""
        self._inherited.append(self._client)
        self._client = None
        self._lock = threading.Lock()

    def _take(self) -> C:
        """Give the client of this process."""
        if self._closed:
            raise ClosedError
        self._forks.notice()
        return self._client or self._make()

    def _make(self) -> C:
        with self._lock:
            if self._client is None:
                check_surroundings()
                try:
                    self._client = self._make_anew()
                except RuntimeError as error:
                    if "fork" not in str(error):
                        raise TransportError("no thread could be started", unsent=True, ours=True) from error
                    raise ConfigurationError(
                        "transport='fast' can't serve a process that was forked after its parent had used pyreqwest; "
                        f"make the first call after the fork, or {ADVICE}"
                    ) from error
                except (PyreqwestError, ValueError, OSError) as error:
                    reason = f"client_cert can't be read ({type(error).__name__})"
                    raise TransportError(reason, unsent=True, ours=True) from None
            return self._client

    @abstractmethod
    def _make_anew(self) -> C:
        """Make a client."""

    def refuse(self) -> None:
        """Send nothing any more, and let the client go: what is under way ends, then its connections close."""
        self._closed = True
        if not self._forks.is_child:
            self._client = None

    def _translate(self, error: PyreqwestError) -> TransportError:
        """Say in our words why a request got no reply; the client's words name host, path and query."""
        causes = _causes_of(error)
        is_connecting = CONNECTING in causes
        options = self._options
        if isinstance(error, PoolTimeoutError):
            return TransportError(f"no free connection within {options.timeout_s:g} s", unsent=True, ours=True)
        if isinstance(error, RequestTimeoutError):
            if is_connecting:
                return TransportError(f"no connection within {options.connect_timeout_s:g} s", unsent=True)
            return TransportError(f"no reply within {options.timeout_s:g} s", unsent=False)
        if is_connecting:
            return TransportError(f"can't connect ({_system_text(causes[-1])})", unsent=True)
        if isinstance(error, NetworkError) and " (os error" in causes[-1]:
            return TransportError(f"the connection broke ({_system_text(causes[-1])})", unsent=False)
        if isinstance(error, (NetworkError, DecodeError)):
            return TransportError("the connection ended before a whole reply, or the reply is not HTTP", unsent=False)
        return _not_sent(error, unsent=isinstance(error, BuilderError))


class FastAsyncTransport(_Clients[Client]):
    """Carries requests for coroutines on asyncio, whichever loop; all loops share the connections."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        client = self._take()
        try:
            response = await _build(client, request).send()
            body = await response.bytes()
        except PyreqwestError as error:
            raise self._translate(error) from None
        return HttpReply(response.status, _read_headers(response.headers), body.to_bytes())

    def _take(self) -> Client:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            native_token()  # raises where no loop runs at all
            raise ConfigurationError(f"transport='fast' knows asyncio only, and this is trio; {ADVICE}") from None
        return super()._take()

    def _make_anew(self) -> Client:
        client: Client = _configure(ClientBuilder(), self._options).build()
        atexit.register(_settle)
        return client

    async def aclose(self) -> None:
        """Send nothing any more, and let the client go; idempotent."""
        self.refuse()


class FastBlockingTransport(_Clients[SyncClient]):
    """Carries requests for threads."""

    def send(self, request: HttpRequest) -> HttpReply:
        """Send and read the whole reply; raise `TransportError` if there is none."""
        client = self._take()
        try:
            response = _build(client, request).send()
            body = response.bytes()
        except PyreqwestError as error:
            raise self._translate(error) from None
        return HttpReply(response.status, _read_headers(response.headers), body.to_bytes())

    def close(self) -> None:
        """Send nothing any more, and let the client go; idempotent."""
        self.refuse()

    def _make_anew(self) -> SyncClient:
        client: SyncClient = _configure(SyncClientBuilder(), self._options).build()
        return client


def _configure(builder: Any, options: TransportOptions) -> Any:
    """Have a client send what it is given and give what it gets, within the limits of time and number."""
    timeout = timedelta(seconds=options.timeout_s)
    builder = builder.follow_redirects(False).referer(False).http1_lower_case_headers()
    builder = builder.gzip(False).brotli(False).zstd(False).deflate(False)
    builder = builder.timeout(timeout).pool_timeout(timeout)
    builder = builder.connect_timeout(timedelta(seconds=options.connect_timeout_s))
    builder = builder.max_connections(options.max_connections).pool_max_idle_per_host(options.max_connections)
    builder = builder.pool_idle_timeout(timedelta(seconds=KEEPALIVE_S))
    if not options.trust_env:
        builder = builder.no_proxy()
    if options.client_cert is not None:
        paths = (options.client_cert,) if isinstance(options.client_cert, str) else options.client_cert
        builder = builder.identity_pem(b"\n".join(Path(path).read_bytes() for path in paths))
    return builder


def _build(client: Any, request: HttpRequest) -> Any:
    """Build a request; raise `TransportError` if it is none."""
    try:
        builder = client.request(request.method, request.host + request.target).headers(request.headers)
        if request.body:
            builder = builder.body_bytes(request.body)
        elif request.method != "GET":
            builder = builder.header("content-length", "0")
        return builder.build()
    except ValueError as error:
        raise _not_sent(error, unsent=True) from None


def _not_sent(error: Exception, *, unsent: bool) -> TransportError:
    return TransportError(f"the request could not be sent ({type(error).__name__})", unsent=unsent)


def _read_headers(headers: Any) -> Mapping[str, str]:
    """Give headers by name; the last of several."""
    try:
        return dict(headers.items())
    except ValueError:  # one is not ASCII, and the client has no bytes to give; a core sends none, a proxy may
        return {name: value for name in headers for value in _read_header(headers, name)}


def _read_header(headers: Any, name: str) -> list[str]:
    try:
        return [headers.getall(name)[-1]]
    except ValueError:
        return []


def _causes_of(error: PyreqwestError) -> list[str]:
    """Give the chain of causes; its last link is the root, and names no host."""
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return [cause["message"] for cause in causes or ()] or [""]


def _system_text(cause: str) -> str:
    return cause.partition(" (os error")[0]


def _settle() -> None:
    """Wait until the client's thread has done what it had to do with Python.

    It does one thing after the other, so this has it do one more: refuse a request that is not HTTP.
    """
    with suppress(PyreqwestError, RuntimeError):  # RuntimeError: this is a child, and the thread was its parent's
        SyncClientBuilder().build().get("ftp://localhost/").build().send()
