"""A core that is killed while it writes: what it answered is there, and the next start needs no help.

The moment of the kill is a number of answered requests, drawn with a seed that a failure shows; the other clients have
requests under way at that moment.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served import ServedCore

KILLS = 25
CLIENTS = 4
MOST_ANSWERS = 60

CREATION = {
    "userId": "ada",
    "enableAntiCsrf": False,
    "userDataInJWT": {},
    "userDataInDatabase": {"number": 0},
    "useDynamicSigningKey": True,
}


class Trigger:
    """Kills a core at the answer that was chosen."""

    def __init__(self, core: ServedCore, answers: int) -> None:
        self._core = core
        self._left = answers
        self._lock = threading.Lock()

    def answered(self) -> None:
        """Count one answer."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._core.process.kill()


class Client:
    """One client with a session of its own, and what it was promised.

    Attributes:
        sent: the last number that it sent as session data.
        answered: the last one that was answered.
        refresh_token: the last one that it was given.
        created: sessions that it was told of, each not removed.
        removing: sessions whose removal was sent and not answered.
        removed: sessions whose removal was answered since the last check.
        errors: what went wrong while it worked.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.handle = ""
        self.refresh_token = ""
        self.sent = self.answered = 0
        self.created: set[str] = set()
        self.removing: set[str] = set()
        self.removed: set[str] = set()
        self.errors: list[BaseException] = []
        self._http = httpx.Client()

    def connect(self, url: str) -> None:
        """Speak to a core from now on."""
        self._http.close()
        self._http = httpx.Client(base_url=url, headers={"cdi-version": "5.6"}, trust_env=False, timeout=30)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Send a request that must be answered with 200."""
        reply = self._http.request(method, path, json=body, params=query)
        assert reply.status_code == 200, (method, path, reply.status_code, reply.text)
        parsed: dict[str, Any] = reply.json()
        return parsed

    def begin(self) -> None:
        """Make the session of its own."""
        made = self.call("POST", "/recipe/session", CREATION)
        self.handle, self.refresh_token = made["session"]["handle"], made["refreshToken"]["token"]

    def update(self) -> None:
        """Write the next number."""
        self.sent += 1
        body = {"sessionHandle": self.handle, "userDataInDatabase": {"number": self.sent}}
        assert self.call("PUT", "/recipe/session/data", body) == {"status": "OK"}
        self.answered = self.sent

    def refresh(self) -> None:
        """Exchange the refresh token."""
        body = {"refreshToken": self.refresh_token, "enableAntiCsrf": False, "useDynamicSigningKey": True}
        reply = self.call("POST", "/recipe/session/refresh", body)
        assert reply["status"] == "OK", reply
        self.refresh_token = reply["refreshToken"]["token"]

    def create(self) -> None:
        """Make another session."""
        self.created.add(self.call("POST", "/recipe/session", CREATION)["session"]["handle"])

    def remove(self) -> None:
        """End one of the other sessions."""
        if not self.created:
            self.create()
            return
        handle = self.created.pop()
        self.removing.add(handle)
        reply = self.call("POST", "/recipe/session/remove", {"sessionHandles": [handle]})
        assert reply["sessionHandlesRevoked"] == [handle]
        self.removing.remove(handle)
        self.removed.add(handle)

    def work(self, trigger: Trigger) -> None:
        """Send one request after the other until the core is gone."""
        steps: list[Callable[[], None]] = [self.update, self.refresh, self.create, self.remove]
        try:
            while True:
                self._dice.choices(steps, weights=(6, 2, 2, 2))[0]()
                trigger.answered()
        except httpx.TransportError:
            pass
        except BaseException as error:
            self.errors.append(error)

    def check(self) -> None:
        """See that every promise was kept."""
        found = self.call("GET", "/recipe/session", sessionHandle=self.handle)
        assert found["status"] == "OK"
        stored = found["userDataInDatabase"]["number"]
        assert stored in (self.answered, self.sent)
        self.sent = self.answered = stored
        for handle in self.created:
            assert self.call("GET", "/recipe/session", sessionHandle=handle)["status"] == "OK"
        for handle in self.removed:
            assert self.call("GET", "/recipe/session", sessionHandle=handle)["status"] == "UNAUTHORISED"
        for handle in self.removing:
            assert self.call("GET", "/recipe/session", sessionHandle=handle)["status"] in ("OK", "UNAUTHORISED")
        self.removing.clear()
        self.removed.clear()
        self.refresh()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def kill_while_writing(core: ServedCore, clients: list[Client], answers: int) -> None:
    """Let the clients work until the core has given so many answers, and kill it there."""
    trigger = Trigger(core, answers)
    threads = [threading.Thread(target=client.work, args=(trigger,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    core.kill()
    errors = [error for client in clients for error in client.errors]
    if errors:
        raise errors[0]


def check_a_copy(database: Path, folder: Path) -> None:
    """Check the file as the crash left it; a copy, so that the next start gets no help from the check."""
    folder.mkdir()
    for file in database.parent.glob(f"{database.name}*"):
        if not file.name.endswith("-shm"):  # an index of the log, which is made anew after a crash
            shutil.copy2(file, folder / file.name)
    connection = sqlite3.connect(folder / database.name)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_what_was_answered_survives_a_kill(durability: str, tmp_path: Path) -> None:
    """After each of 25 kills amid updates, refreshes, creations and removals every answered write is there."""
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    database = tmp_path / "sessions.db"
    options = ("--database", str(database), "--durability", durability)
    grace = ("--config", "refresh_token_rotation_grace_period=300")  # an answer that got lost may be asked for again
    clients = [Client(random.Random(dice.random())) for _ in range(CLIENTS)]
    for kill in range(KILLS + 1):
        print(f"seed {seed}, kill {kill}")  # shown by a failure
        with ServedCore(*options, *grace) as core:
            for client in clients:
                client.connect(core.url)
                if kill == 0:
                    client.begin()
                client.check()
            if kill < KILLS:
                kill_while_writing(core, clients, dice.randrange(1, MOST_ANSWERS))
        if kill < KILLS:
            check_a_copy(database, tmp_path / f"kill{kill}")
    for client in clients:
        client.close()
    assert min(client.answered for client in clients) > KILLS
