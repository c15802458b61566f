"""Bulk updates whose writes are in doubt: nobody answered, and they may have arrived, may still, or never will."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from supertokens_lite._io.journal import Intent
from supertokens_lite._protocol.paths import LITE_UPDATE_MANY
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.recipe.session.bulk import Handles, MergePatch, Replace
from supertokens_lite.recipe.session.bulk_changes import judge
from supertokens_lite.recipe.session.results import SessionInformationResult
from supertokens_lite.types import HttpRequest
from tests.apps import build_app
from tests.bulk import collect, create_many, data_of
from tests.conftest import Drive
from tests.servers import Reply, Seen, Server, serve

pytestmark = [pytest.mark.embedded_only, pytest.mark.usefixtures("transport")]


def count(session: SessionInformationResult) -> dict[str, Any]:
    """Add one."""
    session.session_data_in_database["n"] += 1
    return session.session_data_in_database


class LateWrites:
    """An embedded core that makes the first batch of writes when the second has come: its sender has long given up.

    Args:
        path: the core's file.
        other: what somebody else does right before.
    """

    def __init__(self, path: str, other: Callable[[], object]) -> None:
        self._other = other
        self.core = EmbeddedCore(path, durability="normal")
        self._lock = threading.Lock()
        self._writes = 0
        self._second_came, self._first_made = threading.Event(), threading.Event()

    def handle(self, seen: Seen) -> Reply:
        """Have the core answer."""
        reply = self.core.handle(HttpRequest(seen.method, "", seen.target, seen.headers, seen.body))
        return Reply(reply.status, reply.body, reply.headers)

    def __call__(self, seen: Seen) -> Reply:
        """Answer a request."""
        if seen.target != LITE_UPDATE_MANY:
            return self.handle(seen)
        with self._lock:
            self._writes += 1
            number = self._writes
        if number == 1:
            self._second_came.wait(20)
            self._other()
            reply = self.handle(seen)
            self._first_made.set()
            return reply
        if number == 2:
            self._second_came.set()
            self._first_made.wait(20)
        return self.handle(seen)


@contextmanager
def late_writes(core_uri: str, other: Callable[[], object] = lambda: None) -> Iterator[Server]:
    """Serve a core that makes its first writes late."""
    answer = LateWrites(core_uri.removeprefix("sqlite:///"), other)
    try:
        with serve(answer) as server:
            yield server
    finally:
        answer.core.close()


def count_and_stamp(session: SessionInformationResult) -> dict[str, Any]:
    """Add one, and something that is never the same."""
    return {**count(session), "stamp": uuid.uuid4().hex}


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (count, {"n": 1}),
        (count_and_stamp, {"n": 1}),
        (MergePatch({"m": 1}), {"n": 0, "m": 1}),
        (Replace({"m": 1}), {"m": 1}),
    ],
)
def test_a_write_that_comes_late(core_uri: str, drive: Drive, change: Any, stored: dict[str, Any]) -> None:
    """A write that was given up and arrives after the next read all the same is not made a second time."""

    async def scenario() -> None:
        with late_writes(core_uri) as server:
            async with build_app(server.url, timeout_s=0.5) as app:
                [handle] = await create_many(app, 1)
                results = await collect(app.session.iter_bulk_update(Handles([handle]), change))
                there = await data_of(app, handle)
                assert (results[handle].outcome, results[handle].after) == ("updated", there)
                assert {name: there[name] for name in there if name != "stamp"} == stored

    drive(scenario)


@pytest.mark.parametrize(
    ("change", "outcome", "stored"),
    [
        (count, "updated", {"n": 6}),
        (MergePatch({"m": 1}), "updated", {"n": 5, "m": 1}),
        (Replace({"m": 1}), "conflict", {"n": 5}),
    ],
)
def test_a_write_that_comes_too_late(
    core_uri: str, drive: Drive, change: Any, outcome: str, stored: dict[str, Any]
) -> None:
    """Where somebody else was quicker than the write that was given up, the change is made to theirs, once."""

    async def scenario() -> None:
        async with build_app(core_uri) as there:
            [handle] = await create_many(there, 1)
            write = there.session.blocking.update_session_data_in_database
            with late_writes(core_uri, lambda: write(handle, {"n": 5})) as server:
                async with build_app(server.url, timeout_s=0.5) as app:
                    results = await collect(app.session.iter_bulk_update(Handles([handle]), change))
            assert results[handle].outcome == outcome
            assert await data_of(there, handle) == stored

    drive(scenario)


@pytest.mark.parametrize(
    ("version", "after", "verdict"),
    [
        (3, "old", "not yet"),
        (4, "one", "written"),
        (4, "two", "written"),
        (4, "theirs", "never"),
        (5, "one", "unknown"),
        (None, "one", "written"),
        (None, "two", "written"),
        (None, "old", "not yet"),
        (None, "theirs", "unknown"),
    ],
)
def test_what_became_of_two_writes(version: int | None, after: str, verdict: str) -> None:
    """What a session has now tells what became of writes that nobody answered; versions tell more than data alone."""
    base = None if version is None else 3
    assert judge([Intent(base, "old", "one"), Intent(base, "old", "two")], version, after) == verdict
