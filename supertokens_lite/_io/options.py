"""What both HTTP transports are told, what they make of it for httpx, and the one place where its errors end."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from supertokens_lite._io.base import TransportError

__all__ = ("FAILURES", "HOSTS_A_LANE", "KEEPALIVE_S", "TransportOptions", "make_ssl_context", "translate_error")

KEEPALIVE_S: Final = 60.0
"""How long a connection that is not used is thought to be good."""

HOSTS_A_LANE: Final = 16
"""Hosts that a lane keeps a connection to."""

FAILURES: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.InvalidURL,
    OSError,
)
"""What is raised where there is no reply: by connections, by the clients that know proxies, by the system."""

UNSENT: Final = tuple(
    getattr(library, name)
    for library in (httpcore, httpx)
    for name in (
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
    )
)
"""What is raised before a byte of the request has gone out."""


@dataclass(frozen=True)
class TransportOptions:
    """How requests travel.

    Attributes:
        timeout_s: for one request, from its first byte to the last byte of the reply, in seconds.
        connect_timeout_s: for a new connection, in seconds.
        max_connections: how many there may be at once, for each event loop and for all blocking code together.
        ca_file: certificates to trust instead of the usual ones, as a PEM file.
        client_cert: a PEM file to show to the core, or `(certificate, key)`.
        trust_env: whether proxies and certificates named by environment variables are used.
    """

    timeout_s: float = 10.0
    connect_timeout_s: float = 3.0
    max_connections: int = 16
    ca_file: str | None = None
    client_cert: str | tuple[str, str] | None = None
    trust_env: bool = False

    @property
    def limits(self) -> httpx.Limits:
        """One connection for a client that knows proxies, kept while the core keeps it."""
        return httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S)

    @property
    def timeouts(self) -> dict[str, dict[str, float]]:
        """The extension of a request that carries its timeouts."""
        waits = {"connect": self.connect_timeout_s, "read": self.timeout_s, "write": self.timeout_s}
        return {"timeout": {**waits, "pool": self.timeout_s}}


def make_ssl_context(options: TransportOptions, *, secure: bool) -> ssl.SSLContext:
    """Make the context that all lanes share; loading certificates takes 20 ms, so not for plain HTTP."""
    if not secure:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.ca_file is not None:
        context = ssl.create_default_context(cafile=options.ca_file)
    else:
        context = httpx.create_ssl_context(trust_env=options.trust_env)
    if isinstance(options.client_cert, str):
        context.load_cert_chain(options.client_cert)
    elif options.client_cert is not None:
        context.load_cert_chain(*options.client_cert)
    return context


def translate_error(error: Exception, options: TransportOptions) -> TransportError:
    """Say in our words why a request got no reply, without the host, the path or anything that was sent."""
    if isinstance(error, (httpcore.ConnectTimeout, httpx.ConnectTimeout)):
        reason = f"no connection within {options.connect_timeout_s:g} s"
    elif isinstance(error, (httpcore.TimeoutException, httpx.TimeoutException)):
        reason = f"no reply within {options.timeout_s:g} s"
    elif isinstance(error, (httpcore.ConnectError, httpx.ConnectError)):
        reason = f"can't connect ({_root_text(error)})"
    elif isinstance(error, (httpcore.RemoteProtocolError, httpx.RemoteProtocolError)):
        reason = "the connection ended before a whole reply, or the reply is not HTTP"
    elif isinstance(error, (httpcore.NetworkError, httpx.NetworkError, OSError)):
        reason = f"the connection broke ({type(error).__name__})"
    else:
        reason = f"the request could not be sent ({type(error).__name__})"
    return TransportError(reason, unsent=isinstance(error, UNSENT))


def _root_text(error: BaseException) -> str:
    """Give the system's own words for what is behind an error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):  # whose numbers are not the system's
            return str(cause.strerror)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
        together: tuple[BaseException, ...] = getattr(cause, "exceptions", ())  # trio tries several addresses
        cause = together[0] if together else cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
