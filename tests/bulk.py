"""Sessions in bulk for tests: seeded straight into a core's file, and a stub of a core that misbehaves."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from supertokens_lite import Supertokens
from supertokens_lite.recipe.session.bulk import BulkResult, BulkUpdates
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import USER, build_app, create
from tests.servers import INFORMATION, Fault, Reply, Seen

__all__ = ("StubCore", "Trouble", "add_one", "collect", "create_many", "data_of", "seed")


SEED = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, expires_at,
                          created_at_time, jwt_user_payload, use_static_key)
SELECT app_id, tenant_id, lower(hex(randomblob(16))), 'user' || (n / 4), refresh_token_hash_2,
       '{"from":' || (n % 1000) || ',"n":' || (n % 1000) || '}', expires_at, created_at_time, jwt_user_payload,
       use_static_key
FROM numbers, (SELECT * FROM session_info LIMIT 1)
"""


def add_one(session: SessionInformationResult) -> dict[str, Any]:
    """Change a session to what tells how many times it was changed."""
    data = session.session_data_in_database
    return {**data, "n": data["n"] + 1}


def seed(database: Path, count: int) -> list[str]:
    """Make many sessions of one that a core has made, and remove that one; give their handles.

    The data of each is `{"from": number, "n": number}`, and its version 1.
    """
    with build_app(f"sqlite:///{database}", core_durability="normal") as app:
        app.session.blocking.create_new_session_without_request_response("public", USER)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(SEED, {"count": count})
        connection.execute("DELETE FROM session_info WHERE id = (SELECT min(id) FROM session_info)")
        return [handle for (handle,) in connection.execute("SELECT session_handle FROM session_info")]


async def create_many(app: Supertokens, count: int, **data: Any) -> list[str]:
    """Create sessions; give their handles."""
    return [(await create(app, n=number, **data)).get_handle() for number in range(count)]


async def collect(updates: BulkUpdates) -> dict[str, BulkResult]:
    """Run a bulk update to its end; give the results by handle."""
    results = [result async for result in updates]
    assert len({result.handle for result in results}) == len(results)
    return {result.handle: result for result in results}


async def data_of(app: Supertokens, handle: str) -> dict[str, Any]:
    """Read the data of a session."""
    information = await app.session.get_session_information(handle)
    assert information is not None
    return information.session_data_in_database


class StubCore:
    """A core without extensions, in memory, that can do wrong; it counts how many calls are under way at once.

    Args:
        handles: its sessions.

    Attributes:
        data: the data of each session.
        most: how many calls were ever under way at once.
        faults: says what goes wrong with a call, by its number; None: nothing.
    """

    def __init__(self, handles: list[str]) -> None:
        self.data: dict[str, dict[str, Any]] = {handle: {} for handle in handles}
        self.most = 0
        self.writes = 0
        self._under_way = 0
        self._calls = 0
        self._lock = threading.Lock()

    def fault(self, number: int) -> Reply | Fault | None:
        """Say what goes wrong with a call."""
        return None

    @contextmanager
    def _counted(self) -> Iterator[int]:
        with self._lock:
            self._calls += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            number = self._calls
        try:
            yield number
        finally:
            with self._lock:
                self._under_way -= 1

    def __call__(self, seen: Seen) -> Reply | Fault:
        """Answer a request."""
        with self._counted() as number:
            fault = self.fault(number)
            if fault is not None:
                return fault
            if seen.method == "PUT":
                body = json.loads(seen.body)
                handle = body["sessionHandle"]
                if handle not in self.data:
                    return Reply(body=b'{"status":"UNAUTHORISED"}')
                self.writes += 1
                self.data[handle] = body["userDataInDatabase"]
                return Reply()
            [handle] = parse_qs(urlsplit(seen.target).query)["sessionHandle"]
            if handle not in self.data:
                return Reply(body=b'{"status":"UNAUTHORISED"}')
            found = {**INFORMATION, "sessionHandle": handle, "userDataInDatabase": self.data[handle]}
            return Reply(body=json.dumps(found).encode())


class Trouble:
    """Goes wrong with one call in a hundred for each kind of wrong; half of those are carried out all the same.

    Args:
        answer: what answers where nothing goes wrong.
        chosen: seeds the dice.

    Attributes:
        most: how many calls were ever under way at once.
        met: how often each kind of wrong was met.
    """

    BROKEN: Mapping[str, Reply | Fault] = {
        "too many": Reply(429, b"too many", {"retry-after": "0"}),
        "error": Reply(500, b"oh"),
        "reset": Fault("reset"),
        "truncated": Fault("truncate"),
        "no JSON": Reply(200, b'{"status":"OK","userData'),
    }
    DELAY_S = 2.0

    def __init__(self, answer: Callable[[Seen], Reply | Fault], chosen: int) -> None:
        self._answer = answer
        self._chosen = chosen
        self._lock = threading.Lock()
        self._under_way = 0
        self._calls = 0
        self.most = 0
        self.met: Counter[str] = Counter()

    def __call__(self, seen: Seen) -> Reply | Fault:
        """Answer a request, or go wrong."""
        with self._lock:
            hundred, number = divmod(self._calls, 100)
            self._calls += 1
            dice = random.Random(self._chosen + hundred)
            kinds = (*self.BROKEN, "delay")
            kind = dict(zip(dice.sample(range(100), len(kinds)), kinds, strict=True)).get(number)
            is_done = random.Random(self._chosen + self._calls).random() < 0.5
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            if kind is not None:
                self.met[kind] += 1
        try:
            if kind == "delay":
                time.sleep(self.DELAY_S)
            if kind in (None, "delay"):
                return self._answer(seen)
            if kind != "too many" and is_done:
                self._answer(seen)
            return self.BROKEN[kind]
        finally:
            with self._lock:
                self._under_way -= 1
