"""Many clients at once, with everything mixed: no failure, no lost update, and nobody hears of locks."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.types import HttpRequest
from tests.served import ServedCore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CLIENTS = 16
REQUESTS = 20_000
SHARED = 2
"""Sessions that all clients count in."""

HEADERS = {"cdi-version": "5.6", "content-type": "application/json; charset=utf-8"}

Send = Callable[[str, str, bytes], tuple[int, bytes]]
"""Sends a method, a target and a body; gives status and body."""

Connect = Callable[[ExitStack], Sequence[Send]]
"""Makes what a client sends by, to be closed with the stack."""


class Outcome(NamedTuple):
    """What one client did: how many requests, and what it added to each of the shared sessions."""

    requests: int
    added: Sequence[int]


class Client:
    """One client with a session that only it writes.

    Args:
        sends: its ways to the store, used in turn: several where several cores are on one file.
        shared: the handles of the sessions that all clients count in.
        seed: draws what it does.
    """

    def __init__(self, sends: Sequence[Send], shared: Sequence[str], seed: int) -> None:
        self._sends = sends
        self._shared = shared
        self._dice = random.Random(seed)
        self._number = 0
        self._others: list[str] = []
        self._added = [0] * len(shared)
        self.requests = 0
        made = self.create()
        self._handle, self._refresh_token = made["session"]["handle"], made["refreshToken"]["token"]

    def call(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Send a request that must be answered with 200."""
        target = path + ("?" + urlencode(query) if query else "")
        send = self._sends[self.requests % len(self._sends)]
        self.requests += 1
        status, text = send(method, target, b"" if body is None else json.dumps(body).encode())
        assert status == 200, (method, target, status, text)
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def create(self) -> dict[str, Any]:
        """Make a session."""
        body = {"userId": "ada", "enableAntiCsrf": False, "userDataInJWT": {}, "userDataInDatabase": {"number": 0}}
        return self.call("POST", "/recipe/session", body | {"useDynamicSigningKey": True})

    def _create_another(self) -> None:
        self._others.append(self.create()["session"]["handle"])

    def _get(self) -> None:
        found = self.call("GET", "/recipe/session", sessionHandle=self._handle)
        assert found["userDataInDatabase"] == {"number": self._number}

    def _put(self) -> None:
        self._number += 1
        body = {"sessionHandle": self._handle, "userDataInDatabase": {"number": self._number}}
        assert self.call("PUT", "/recipe/session/data", body) == {"status": "OK"}

    def _refresh(self) -> None:
        body = {"refreshToken": self._refresh_token, "enableAntiCsrf": False, "useDynamicSigningKey": True}
        reply = self.call("POST", "/recipe/session/refresh", body)
        assert reply["status"] == "OK", reply
        assert reply["session"]["handle"] == self._handle
        self._refresh_token = reply["refreshToken"]["token"]

    def _remove(self) -> None:
        if not self._others:
            self._create_another()
        handle = self._others.pop()
        reply = self.call("POST", "/recipe/session/remove", {"sessionHandles": [handle]})
        assert reply["sessionHandlesRevoked"] == [handle]
        assert self.call("GET", "/recipe/session", sessionHandle=handle)["status"] == "UNAUTHORISED"

    def _add(self) -> None:
        which = self._dice.randrange(len(self._shared))
        handle = self._shared[which]
        found = self.call("GET", "/lite/v1/session/data", sessionHandle=handle)
        while True:
            data = {"number": found["userDataInDatabase"]["number"] + 1}
            body = {"sessionHandle": handle, "userDataInDatabase": data, "version": found["version"]}
            found = self.call("PUT", "/lite/v1/session/data", body)
            if found["status"] == "OK":
                break
            assert found["status"] == "CONFLICT"
        self._added[which] += 1

    def work(self, requests: int) -> Outcome:
        """Send so many requests, or a few more."""
        steps = [self._get, self._put, self._refresh, self._create_another, self._remove, self._add]
        while self.requests < requests:
            self._dice.choices(steps, weights=(4, 5, 1, 1, 1, 2))[0]()
        self._get()
        return Outcome(self.requests, self._added)


def run_mixed(connect: Connect, requests: int) -> None:
    """Run sixteen clients at once, and see that the shared sessions have counted them all."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown by a failure
    with ExitStack() as stack:
        first = Client(connect(stack), [], seed)
        shared = [first.create()["session"]["handle"] for _ in range(SHARED)]
    outcomes: list[Outcome] = []
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with ExitStack() as stack:
                outcomes.append(Client(connect(stack), shared, seed + number).work(requests // CLIENTS))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert sum(outcome.requests for outcome in outcomes) >= requests
    with ExitStack() as stack:
        last = Client(connect(stack), [], seed)
        for which, handle in enumerate(shared):
            counted = sum(outcome.added[which] for outcome in outcomes)
            found = last.call("GET", "/lite/v1/session/data", sessionHandle=handle)
            assert counted > 0
            assert found["userDataInDatabase"] == {"number": counted}
            assert found["version"] == counted + 1


def over_http(url: str, stack: ExitStack) -> Send:
    """Give a connection of its own to a served core."""
    connection = stack.enter_context(closing(HTTPConnection(urlsplit(url).netloc, timeout=60)))

    def send(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        connection.request(method, target, body, HEADERS)
        with connection.getresponse() as reply:
            read = reply.read()
        return reply.status, read

    return send


def in_process(core: EmbeddedCore) -> Send:
    """Give the way to a core in this process."""

    def send(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        reply = core.handle(HttpRequest(method, "", target, HEADERS, body))
        return reply.status, reply.body

    return send


def test_mixed_load_over_http(tmp_path: Path) -> None:
    """Sixteen clients of a served core send 20,000 mixed requests: each is answered, and no update is lost."""
    with ServedCore("--database", str(tmp_path / "sessions.db")) as core:
        run_mixed(lambda stack: [over_http(core.url, stack)], REQUESTS)
        _, said = core.stop()
    assert said == ""


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_mixed_load_in_process(durability: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Sixteen threads call a core in their process 20,000 times: each call is answered, and no update is lost."""
    with closing(EmbeddedCore(str(tmp_path / "sessions.db"), durability=durability)) as core:
        run_mixed(lambda _stack: [in_process(core)], REQUESTS)
    assert caplog.records == []


def test_mixed_load_of_two_processes_on_one_file(tmp_path: Path) -> None:
    """Clients that go from one core to the other on the same file at each request read what they wrote before."""
    options = ("--database", str(tmp_path / "sessions.db"), "--durability", "normal")
    with ServedCore(*options) as one, ServedCore(*options) as other:
        run_mixed(lambda stack: [over_http(one.url, stack), over_http(other.url, stack)], REQUESTS // 4)
        said = [one.stop()[1], other.stop()[1]]
    assert said == ["", ""]


def test_mixed_load_in_process_beside_a_served_core(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A core in this process and a served one share a file: each sees at once what the other wrote."""
    file = str(tmp_path / "sessions.db")
    options = ("--database", file, "--durability", "normal")
    with closing(EmbeddedCore(file, durability="normal")) as core, ServedCore(*options) as served:
        run_mixed(lambda stack: [in_process(core), over_http(served.url, stack)], REQUESTS // 4)
        _, said = served.stop()
    assert said == ""
    assert caplog.records == []
