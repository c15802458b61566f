"""Servers as processes of their own, and requests that reach them byte for byte."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.testing.client import Door, Visitor
from supertokens_lite.testing.settings import Profile, Settings

__all__ = ("Doors", "Gate", "ServerDoor", "Servers", "Visit")

HOST: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 40
STOP_TIMEOUT_S: Final = 15
ANSWER_TIMEOUT_S: Final = 60
POLL_S: Final = 0.02
SHOWN: Final = 4000
"""How much of a server's output is shown, in characters."""


class Doors(Protocol):
    """Gives the door to the application that runs with the settings of a profile."""

    def find(self, profile: Profile) -> Door:
        """Give the door of a profile."""
        ...


class Visit(Protocol):
    """Gives a client of the application that runs with the settings of a profile."""

    def __call__(self, mode: str | None = "cookie", profile: Profile = "plain") -> Visitor:
        """Give a client that says `mode` in `st-auth-mode`."""
        ...


class ServerDoor:
    """Sends requests to a server, each on a connection of its own.

    Args:
        port: the server's, on this machine.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, request: PlainRequest) -> BaseResponse:
        """Send a request, and read its answer to the end."""
        with self.open(request) as received:
            return _record(received, received.read())

    @contextmanager
    def open(self, request: PlainRequest) -> Generator[HTTPResponse, None, None]:
        """Send a request, and give its answer when the head is there."""
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_TIMEOUT_S)
        try:
            parts = urlsplit(request.get_original_url())
            target = quote(parts.path, safe="/%~!$&'()*+,;=:@-._") + (f"?{parts.query}" if parts.query else "")
            connection.putrequest(request.method(), target, skip_host=True, skip_accept_encoding=True)
            body = request._body
            length = {"content-length": str(len(body))} if body or request.method() == "POST" else {}
            sent = {"host": parts.netloc, "connection": "close"} | length | request._headers
            for name, value in sent.items():
                connection.putheader(name.title(), value.encode("latin-1"))
            connection.endheaders(body or None)
            yield connection.getresponse()
        finally:
            connection.close()


def _record(received: HTTPResponse, body: bytes) -> BaseResponse:
    response = BaseResponse()
    response.status, response.content, response.headers = received.status, body, received.getheaders()
    return response


class Gate:
    """A port on which an application waits until it is told to go on.

    Attributes:
        port: what the header `x-gate` has to say.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((HOST, 0))
        self._socket.settimeout(ANSWER_TIMEOUT_S)
        self.port = str(self._socket.getsockname()[1])

    def open(self) -> None:
        """Wait for the application, and let it go on."""
        self._socket.accept()[0].close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Servers:
    """Starts a server for each profile that is asked for, when it is first asked for.

    Args:
        command: starts a server; `{port}` in it becomes the port to listen on, of 127.0.0.1.
        environment: added to the environment.
        settings: those of the application, but for the profile.
        logs: where to write what the servers say.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], settings: Settings, logs: Path) -> None:
        self._command = command
        self._environment = environment
        self._settings = settings
        self._logs = logs
        self._running: dict[Profile, tuple[subprocess.Popen[bytes], ServerDoor]] = {}

    def find(self, profile: Profile) -> Door:
        """Give the door of the server with the settings of a profile.

        Raises:
            AssertionError: the server ended, or did not begin to listen; with the end of what it said.
        """
        if profile not in self._running:
            self._running[profile] = self._start(profile)
        return self._running[profile][1]

    def close(self) -> None:
        """End all servers."""
        processes = [process for process, _ in self._running.values()]
        self._running.clear()
        for process in processes:
            process.terminate()
        for process in processes:
            _wait(process)

    def _start(self, profile: Profile) -> tuple[subprocess.Popen[bytes], ServerDoor]:
        port = _find_port()
        log = self._logs / f"{profile}.log"
        command = [part.replace("{port}", str(port)) for part in self._command]
        settings = self._settings._replace(profile=profile).write()
        with log.open("wb") as written:
            process = subprocess.Popen(  # noqa: S603  # the command is the test's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings, **self._environment},
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _listens(port):  # a process of another program: there is nothing else to wait for
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                said = log.read_text(encoding="utf-8", errors="replace")[-SHOWN:]
                raise AssertionError(f"no server came up by {command}:\n{said}")
            time.sleep(POLL_S)
        return process, ServerDoor(port)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _find_port() -> int:
    with socket.create_server((HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=START_TIMEOUT_S).close()
    except OSError:
        return False
    return True
