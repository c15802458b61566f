"""Reads that a served core makes together: each caller sees all that was answered before he asked."""

from __future__ import annotations

import http.client
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.served import ServedCore

CLIENTS, WRITES, PIPELINED = 16, 60, 40
HEADERS = {"cdi-version": "5.4", "content-type": "application/json"}


def create(url: str) -> str:
    """Make a session; give its handle."""
    body = {"userId": "ada", "userDataInJWT": {}, "userDataInDatabase": {"visits": 0}, "enableAntiCsrf": False}
    with connect(url) as connection:
        made = ask(connection, "POST", "/recipe/session", body | {"useDynamicSigningKey": True})
    handle: str = made["session"]["handle"]
    return handle


def connect(url: str) -> closing[http.client.HTTPConnection]:
    """Give a connection that is kept."""
    return closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30))


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    """Send a request; give the JSON value of its answer."""
    connection.request(method, path, None if body is None else json.dumps(body), HEADERS)
    return json.loads(connection.getresponse().read())


def put(handle: str, visits: int) -> dict[str, Any]:
    """Give the body of an update."""
    return {"sessionHandle": handle, "userDataInDatabase": {"visits": visits}}


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["normal", "full"])
def test_each_caller_reads_what_he_wrote(tmp_path: Path, durability: str) -> None:
    """Sixteen clients write through one process and read through it and another, all at once."""
    options = ("--database", str(tmp_path / "s.db"), "--durability", durability)
    with ServedCore(*options) as first, ServedCore(*options) as second:
        handles = [create(first.url) for _ in range(CLIENTS)]

        def write_and_read(number: int) -> list[int]:
            handle = handles[number]
            here, there = (first, second) if number % 2 else (second, first)
            seen: list[int] = []
            with connect(here.url) as writing, connect(there.url) as reading:
                for visits in range(1, WRITES + 1):
                    assert ask(writing, "PUT", "/recipe/session/data", put(handle, visits)) == {"status": "OK"}
                    for connection in (writing, reading):
                        found = ask(connection, "GET", f"/recipe/session?sessionHandle={handle}")
                        seen.append(found["userDataInDatabase"]["visits"])
            return seen

        with ThreadPoolExecutor(CLIENTS) as pool:
            for seen in pool.map(write_and_read, range(CLIENTS)):
                assert seen == [visits for visits in range(1, WRITES + 1) for _ in range(2)]


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_requests_in_one_packet(tmp_path: Path, durability: str) -> None:
    """Requests that are sent without waiting for answers are answered in order, each read with the last write."""
    with ServedCore("--database", str(tmp_path / "s.db"), "--durability", durability) as core:
        handle = create(core.url)
        parts: list[str] = []
        for visits in range(1, PIPELINED + 1):
            body = json.dumps(put(handle, visits))
            head = "Host: a\r\ncdi-version: 5.4\r\n"
            read = f"GET /recipe/session?sessionHandle={handle} HTTP/1.1\r\n{head}\r\n"
            parts += [
                f"PUT /recipe/session/data HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}",
                read,
                read,
            ]
        parts.append("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        place = urlsplit(core.url)
        with socket.create_connection((place.hostname, place.port or 0), timeout=30) as connection:
            connection.sendall("".join(parts).encode())
            answers = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answers.count("HTTP/1.1 200") == len(parts)
    seen = [int(number) for number in re.findall(r'"visits":(\d+)', answers)]
    assert seen == [visits for visits in range(1, PIPELINED + 1) for _ in range(2)]
