"""A second process writes to the same sessions while a bulk update goes on: nothing of either is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.recipe.session.bulk import BulkResult, Handles, MergePatch, Replace
from tests.apps import build_app
from tests.bulk import collect, seed
from tests.bulk_job import count
from tests.served import ServedCore

SESSIONS = 20
LEAST, MOST = 10, 500

WRITER = """
import json, random, signal, sys
from tests.apps import build_app

core, *handles = sys.argv[1:]
written = dict.fromkeys(handles, 0)
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))

def write(data):
    return {**data, "theirs": data.get("theirs", 0) + 1}

with build_app(core) as app:
    print("ready", flush=True)
    while not ending:
        handle = random.choice(handles)
        app.session.blocking.modify_session_data_in_database(handle, write)
        written[handle] += 1
print(json.dumps(written))
"""


def update_again_and_again(core: str, colour: str, handles: list[str], change: Any, until: str) -> list[BulkResult]:
    """Update all sessions ten times, and on until an outcome was seen; give all results."""
    results: list[BulkResult] = []
    seen: set[str] = set()

    async def awaiting() -> None:
        async with build_app(core) as app:
            while is_going_on():
                results.extend((await collect(app.session.iter_bulk_update(Handles(handles), change))).values())

    def is_going_on() -> bool:
        seen.update(result.outcome for result in results[-len(handles) :])
        times = len(results) // len(handles)
        return times < LEAST or (until not in seen and times < MOST)

    if colour == "async":
        asyncio.run(awaiting())
        return results
    with build_app(core) as app:
        while is_going_on():
            results.extend(app.session.blocking.iter_bulk_update(Handles(handles), change))
    return results


@pytest.mark.slow
@pytest.mark.parametrize("colour", ["blocking", "async"])
@pytest.mark.parametrize(
    ("change", "until"), [(count, "updated"), (MergePatch({"plan": "pro"}), "updated"), (Replace({"n": 0}), "conflict")]
)
def test_a_second_writer(tmp_path: Path, colour: str, change: Any, until: str, transport: str) -> None:
    """Each of the other's writes is there in the end, or was seen by the replacement that removed it.

    A replacement that would have removed what it had not seen is reported as a conflict.
    """
    database = tmp_path / "sessions.db"
    handles = seed(database, SESSIONS)
    with ServedCore("--database", str(database), "--durability", "normal") as core:
        command = [sys.executable, "-c", WRITER, core.url, *handles]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            results = update_again_and_again(core.url, colour, handles, change, until)
        finally:
            writer.terminate()
            output, errors = writer.communicate(timeout=30)
    assert writer.returncode == 0, errors
    written = Counter(json.loads(output))
    outcomes = {result.outcome for result in results}
    assert until in outcomes
    assert outcomes <= {"updated", "unchanged", "conflict" if isinstance(change, Replace) else "updated"}
    removed: Counter[str] = Counter()
    updated: Counter[str] = Counter()
    for result in results:
        if result.outcome == "updated":
            updated[result.handle] += 1
            before, after = result.before or {}, result.after or {}
            removed[result.handle] += before.get("theirs", 0) - after.get("theirs", 0)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT session_handle, data_version, session_data FROM session_info").fetchall()
    for handle, version, text in rows:
        data = json.loads(text)
        assert data.get("theirs", 0) + removed[handle] == written[handle]
        assert version == 1 + written[handle] + updated[handle]
        if change is count:
            assert data["n"] == data["from"] + updated[handle]
    assert sum(written.values()) > 0
