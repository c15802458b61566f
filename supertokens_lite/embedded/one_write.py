"""uvicorn's HTTP protocol, but head and body of a reply leave in one write: one packet, and one wake-up of the caller.

uvicorn writes the head as soon as it is there. Here the head waits for the body that follows at once. Whatever ends the
reply or closes the connection lets it go.
"""

from __future__ import annotations

from asyncio import Transport
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ("OneWriteProtocol",)

HEAD: Final = b"HTTP/1.1 "
INFORMATIONAL: Final = b"HTTP/1.1 1"


class OneWriteProtocol(HttpToolsProtocol):
    """Serves a connection."""

    def connection_made(self, transport: Any) -> None:
        """Begin, with a transport that holds heads back."""
        self._heads = _OneWrite(transport)
        super().connection_made(cast("Transport", self._heads))

    def on_response_complete(self) -> None:
        """End a reply; one without a body was only a head."""
        self._heads.flush()
        super().on_response_complete()


class _OneWrite:
    """A transport that holds the head of a reply until its body comes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._write = transport.write
        self._held: bytes | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, but for a head alone."""
        held = self._held
        if held is not None:
            self._held = None
            self._write(held + data)
        elif data.startswith(HEAD) and not data.startswith(INFORMATIONAL):
            self._held = data
        else:
            self._write(data)

    def flush(self) -> None:
        """Write what is held."""
        held, self._held = self._held, None
        if held is not None:
            self._write(held)

    def close(self) -> None:
        """Write what is held, and close when it is on its way."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
