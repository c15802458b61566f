"""Bulk updates at length on a core with which everything goes wrong, one call in a hundred for each kind."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite import Supertokens
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreResponseError, CoreUnavailableError
from supertokens_lite.recipe.session.bulk import BulkResult, Handles
from supertokens_lite.types import HttpRequest
from tests.apps import build_app
from tests.bulk import StubCore, Trouble, collect, seed
from tests.bulk_job import count
from tests.servers import Reply, Seen, serve, session_core

pytestmark = pytest.mark.slow

BOUND = 6


def update(app: Supertokens, colour: str, handles: list[str], journal: Path) -> dict[str, BulkResult]:
    """Run a bulk update to its end; give the results by handle."""
    options: dict[str, Any] = {"journal": journal, "concurrency": BOUND}
    if colour == "async":
        return asyncio.run(collect(app.session.iter_bulk_update(Handles(handles), count, **options)))
    results = list(app.session.blocking.iter_bulk_update(Handles(handles), count, **options))
    assert len({result.handle for result in results}) == len(results)
    return {result.handle: result for result in results}


def check(results: dict[str, BulkResult], handles: list[str], data: dict[str, dict[str, Any]]) -> None:
    """Check that each session is changed once, or named with the reason why it may not be."""
    assert results.keys() == set(handles)
    for handle, result in results.items():
        if result.outcome == "failed":
            assert isinstance(result.error, (CoreResponseError, CoreUnavailableError))
            assert data[handle]["n"] - data[handle]["from"] in (0, 1)
        else:
            assert result.outcome == "updated"
            assert data[handle]["n"] == data[handle]["from"] + 1
    assert sum(result.outcome == "failed" for result in results.values()) < len(results) / 50


@pytest.mark.parametrize(("timeout_s", "sessions"), [(10.0, 100), (0.4, 500)])
@pytest.mark.parametrize("colour", ["blocking", "async"])
def test_one_by_one(tmp_path: Path, colour: str, timeout_s: float, sessions: int, transport: str) -> None:
    """Every session is updated once or named with its reason, and the core never sees more calls than the bound."""
    stub = StubCore([f"h{number}" for number in range(sessions)])
    for number, data in enumerate(stub.data.values()):
        data.update({"from": number, "n": number})
    trouble = Trouble(stub, chosen := random.randrange(2**32))
    print(f"seed {chosen}")  # shown by a failure
    with serve(session_core(trouble)) as server, build_app(server.url, timeout_s=timeout_s) as app:
        check(update(app, colour, [*stub.data], tmp_path / "journal"), [*stub.data], stub.data)
    if timeout_s > trouble.DELAY_S:  # a call that is given up is under way for the core, and no more for us
        assert trouble.most <= BOUND
    assert len(trouble.met) == 6, trouble.met


@pytest.mark.parametrize("timeout_s", [10.0, 0.4])
@pytest.mark.parametrize("colour", ["blocking", "async"])
def test_in_batches(tmp_path: Path, colour: str, timeout_s: float, transport: str) -> None:
    """So it is with batches; and when the core is well again, the journal has the rest updated, once each."""
    database = tmp_path / "sessions.db"
    handles = seed(database, 5000)
    core = EmbeddedCore(str(database), durability="normal")

    def answer(seen: Seen) -> Reply:
        reply = core.handle(HttpRequest(seen.method, "", seen.target, seen.headers, seen.body))
        return Reply(reply.status, reply.body, reply.headers)

    def stored() -> dict[str, tuple[int, dict[str, Any]]]:
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT session_handle, data_version, session_data FROM session_info")
            return {handle: (version, json.loads(data)) for handle, version, data in rows}

    trouble = Trouble(answer, chosen := random.randrange(2**32))
    print(f"seed {chosen}")  # shown by a failure
    with closing(core):
        with serve(session_core(trouble, extensions=True)) as server, build_app(server.url, timeout_s=timeout_s) as app:
            results = update(app, colour, handles, tmp_path / "journal")
        check(results, handles, {handle: data for handle, (_, data) in stored().items()})
        with serve(session_core(answer, extensions=True)) as server, build_app(server.url) as app:
            rest = update(app, colour, handles, tmp_path / "journal")
    assert {result.outcome for result in rest.values()} <= {"updated"}
    assert rest.keys() == {handle for handle, result in results.items() if result.outcome == "failed"}
    assert [entry for entry in stored().values() if entry[0] != 2 or entry[1]["n"] != entry[1]["from"] + 1] == []
    if timeout_s > trouble.DELAY_S:
        assert trouble.most <= BOUND
    assert len(trouble.met) == 6, trouble.met
