"""What goes over a connection and what comes back is the same with each transport, faults included."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from supertokens_lite._io.base import AsyncTransport, BlockingTransport, TransportError
from supertokens_lite.config import SupertokensConfig
from supertokens_lite.supertokens import _build_transports
from supertokens_lite.types import HttpReply, HttpRequest
from tests.servers import closed_port

HEAD = b"HTTP/1.1 200 OK\r\n"
PATIENCE: dict[str, Any] = {"timeout_s": 5.0, "connect_timeout_s": 2.0}


class Arrived(NamedTuple):
    """A request as it came over the connection."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def answering(answer: bytes, *, reset: bool = False) -> Iterator[tuple[str, list[Arrived]]]:
    """Answer each request with these bytes, on a connection of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    arrived: list[Arrived] = []

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as incoming:
                line = incoming.readline().decode().rstrip()
                if not line:
                    return
                lines = iter(lambda: incoming.readline().decode().rstrip(), "")
                headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
                arrived.append(Arrived(line, headers, incoming.read(int(headers.get("content-length", 0)))))
                connection.sendall(answer)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield url, arrived
    finally:
        socket.create_connection(listening.getsockname()).close()  # which ends the thread
        thread.join()
        listening.close()


def send(transport: str, request: HttpRequest) -> list[HttpReply | TransportError]:
    """Send a request in each colour."""
    config = SupertokensConfig(request.host, transport=transport, **PATIENCE)  # type: ignore[arg-type]
    asynchronous, blocking = _build_transports(config)
    return [asyncio.run(_send_async(asynchronous, request)), _send_blocking(blocking, request)]


async def _send_async(transport: AsyncTransport, request: HttpRequest) -> HttpReply | TransportError:
    try:
        return await transport.send(request)
    except TransportError as error:
        return error
    finally:
        await transport.aclose()


def _send_blocking(transport: BlockingTransport, request: HttpRequest) -> HttpReply | TransportError:
    try:
        return transport.send(request)
    except TransportError as error:
        return error
    finally:
        transport.close()


BIG = b"x" * 3_000_000

REPLIES: dict[str, tuple[bytes, HttpReply]] = {
    "whole": (
        HEAD + b"Content-Length: 2\r\nX-A: b\r\n\r\n{}",
        HttpReply(200, {"x-a": "b", "content-length": "2"}, b"{}"),
    ),
    "in parts": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        HttpReply(200, {"transfer-encoding": "chunked"}, b"abcde"),
    ),
    "to the end of the connection": (
        HEAD + b"connection: close\r\n\r\nabc",
        HttpReply(200, {"connection": "close"}, b"abc"),
    ),
    "empty": (b"HTTP/1.1 204 No Content\r\n\r\n", HttpReply(204, {}, b"")),
    "without a word for its status": (
        b"HTTP/1.1 429\r\ncontent-length: 0\r\n\r\n",
        HttpReply(429, {"content-length": "0"}, b""),
    ),
    "a name twice": (
        HEAD + b"x-a: 1\r\nX-A: 2\r\ncontent-length: 0\r\n\r\n",
        HttpReply(200, {"x-a": "2", "content-length": "0"}, b""),
    ),
    "compressed unasked": (
        HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08",
        HttpReply(200, {"content-encoding": "gzip", "content-length": "3"}, b"\x1f\x8b\x08"),
    ),
    "a redirection": (
        b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
        HttpReply(302, {"location": "/elsewhere", "content-length": "0"}, b""),
    ),
    "a cookie": (
        HEAD + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
        HttpReply(200, {"set-cookie": "a=b", "content-length": "0"}, b""),
    ),
    "long": (HEAD + b"content-length: 3000000\r\n\r\n" + BIG, HttpReply(200, {"content-length": "3000000"}, BIG)),
}


@pytest.mark.parametrize("name", list(REPLIES))
def test_replies(name: str, transport: str) -> None:
    """A reply is given as it came."""
    raw, wanted = REPLIES[name]
    with answering(raw) as (url, arrived):
        assert send(transport, HttpRequest("GET", url, "/hello", {})) == [wanted, wanted]
    assert len(arrived) == 2
    assert all("cookie" not in each.headers for each in arrived)


def test_a_header_that_is_not_ascii(transport: str) -> None:
    """A reply with a header that is not ASCII is a reply; the fast transport can't give that header, but the others."""
    with answering(HEAD + b"x-odd: caf\xe9\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\n{}") as (url, _):
        for reply in send(transport, HttpRequest("GET", url, "/hello", {})):
            assert isinstance(reply, HttpReply)
            odd = {} if transport == "fast" else {"x-odd": "caf\xe9"}
            assert reply == HttpReply(200, {"x-a": "2", "content-length": "2", **odd}, b"{}")


FAULTS: dict[str, tuple[bytes, bool, str]] = {
    "no reply": (b"", False, "before a whole reply"),
    "reset": (b"", True, "the connection broke"),
    "truncated": (HEAD + b"content-length: 100\r\n\r\n{", False, "before a whole reply"),
    "reset in the midst": (HEAD + b"content-length: 100\r\n\r\n{", True, "the connection (broke|ended)"),
    "not HTTP": (b"hello\r\n\r\n", False, "not HTTP"),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_what_breaks_off_may_have_arrived(name: str, transport: str) -> None:
    """Where a request may have arrived, no transport says that it did not."""
    raw, reset, reason = FAULTS[name]
    with answering(raw, reset=reset) as (url, arrived):
        for error in send(transport, HttpRequest("PUT", url, "/hello?secret=1", {}, b"{}")):
            assert isinstance(error, TransportError)
            assert not error.unsent
            assert not error.ours
            assert re.search(reason, error.reason)
            assert "secret" not in repr(error) + repr(error.__cause__)
    assert len(arrived) == 2


@pytest.mark.parametrize(
    ("host", "reason"), [(None, "can't connect (Connection refused)"), ("http://nowhere.invalid", "can't connect (")]
)
def test_what_never_left(host: str | None, reason: str, transport: str) -> None:
    """A host that refuses connections, or has no address, has provably got nothing."""
    for error in send(transport, HttpRequest("PUT", host or closed_port(), "/hello", {}, b"{}")):
        assert isinstance(error, TransportError)
        assert error.unsent
        assert error.reason.startswith(reason)
        assert "nowhere" not in error.reason


def test_what_is_no_request(transport: str) -> None:
    """What can't be a request is refused before anything leaves."""
    for error in send(transport, HttpRequest("GET", closed_port(), "/hello?secret=1", {"x-a": "line\nbreak"})):
        assert isinstance(error, TransportError)
        assert error.reason.startswith("the request could not be sent" if transport == "fast" else "can't connect")
        assert error.unsent
        assert "secret" not in repr(error)


REQUESTS: dict[str, HttpRequest] = {
    "read": HttpRequest("GET", "", "/app/recipe/session?sessionHandle=a%20b%27%2F&x=%5B1%5D", {"cdi-version": "5.4"}),
    "write": HttpRequest(
        "PUT", "", "/recipe/session/data", {"content-type": "application/json; charset=utf-8"}, b'{"a":1}'
    ),
    "write nothing": HttpRequest("PUT", "", "/recipe/session/data", {}),
    "delete": HttpRequest("DELETE", "", "/recipe/session", {"api-key": "s p\u00e9!~"}),
    "long": HttpRequest("POST", "", "/recipe/session", {}, bytes(range(256)) * 4000),
}


@pytest.mark.parametrize("name", list(REQUESTS))
def test_requests(name: str, transport: str) -> None:
    """A request leaves as it was given."""
    with answering(HEAD + b"content-length: 0\r\n\r\n") as (url, arrived):
        request = REQUESTS[name]._replace(host=url)
        for reply in send(transport, request):
            assert isinstance(reply, HttpReply)
    for each in arrived:
        assert each.line == f"{request.method} {request.target} HTTP/1.1"
        assert each.headers.items() >= request.headers.items()
        assert each.headers["host"] == url.partition("://")[2]
        assert each.headers.get("content-length") == (None if request.method == "GET" else str(len(request.body)))
        assert "accept-encoding" not in each.headers
        assert each.body == request.body
    assert len(arrived) == 2
