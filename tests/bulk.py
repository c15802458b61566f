"""Sessions in bulk for tests: seeded straight into a core's file, and a stub of a core that misbehaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from supertokens_lite import Supertokens
from supertokens_lite.recipe.session.bulk import BulkResult, BulkUpdates
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import create
from tests.servers import INFORMATION, Fault, Reply, Seen

__all__ = ("StubCore", "add_one", "collect", "create_many", "data_of")


def add_one(session: SessionInformationResult) -> dict[str, Any]:
    """Change a session to what tells how many times it was changed."""
    data = session.session_data_in_database
    return {**data, "n": data["n"] + 1}


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
