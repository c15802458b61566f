"""An HTTP server on loopback that does what a test tells it to, faults included."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ("INFORMATION", "Fault", "Reply", "Seen", "Server", "closed_port", "serve", "session_core")


class Seen(NamedTuple):
    """A request that arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """What to answer."""

    status: int = 200
    body: bytes = b'{"status":"OK"}'
    headers: Mapping[str, str] = {}


class Fault(NamedTuple):
    """What goes wrong: `reset` breaks the connection, `truncate` ends it in mid-reply, `hang` never answers."""

    kind: str


INFORMATION: dict[str, Any] = {
    "status": "OK",
    "sessionHandle": "h",
    "userId": "u",
    "userDataInDatabase": {},
    "expiry": 2,
    "userDataInJWT": {},
    "timeCreated": 1,
    "tenantId": "public",
}
"""What a core answers about a session."""

Handler = Callable[[Seen], "Reply | Fault"]


class Server:
    """A running server.

    Attributes:
        url: where it is.
        seen: the requests that arrived.
        connections: how many connections were opened.
    """

    def __init__(self, handler: Handler) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.released = threading.Event()
        server = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet a reply
            disable_nagle_algorithm = True

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def _answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, self.rfile.read(size))
                server.seen.append(seen)
                outcome = handler(seen)
                if isinstance(outcome, Fault):
                    self._fail(outcome.kind)
                    return
                self.send_response(outcome.status)
                for name, value in outcome.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(outcome.body)))
                self.end_headers()
                self.wfile.write(outcome.body)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def _fail(self, kind: str) -> None:
                self.close_connection = True
                if kind == "truncate":
                    self.send_response(200)
                    self.send_header("content-length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"status"')
                    self.wfile.flush()
                elif kind == "hang":
                    server.released.wait(20)
                else:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

            def handle(self) -> None:
                with suppress(ConnectionError, ValueError, OSError):
                    super().handle()

            def finish(self) -> None:
                with suppress(ConnectionError, ValueError, OSError):
                    super().finish()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        class Listening(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self._server = Listening(("127.0.0.1", 0), Requests)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def calls(self, path: str) -> list[Seen]:
        """Give the requests for a path."""
        return [seen for seen in self.seen if seen.target.partition("?")[0] == path]


@contextmanager
def serve(handler: Handler) -> Iterator[Server]:
    """Run a server."""
    server = Server(handler)
    try:
        yield server
    finally:
        server.close()


def session_core(handler: Handler, *, versions: tuple[str, ...] = ("5.4",), extensions: bool = False) -> Handler:
    """Answer `/apiversion` as a core does, and leave the rest to `handler`."""

    def answer(seen: Seen) -> Reply | Fault:
        if seen.target.partition("?")[0].endswith("/apiversion"):
            headers = {"lite-extensions": "v1"} if extensions else {}
            return Reply(body=json.dumps({"versions": versions}).encode(), headers=headers)
        return handler(seen)

    return answer


def closed_port() -> str:
    """Give a URL where nothing listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"
