"""A job over many sessions that is killed, as is its core, again and again: each session is changed exactly once."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.bulk import seed
from tests.bulk_job import Job
from tests.served import ServedCore

MANY = 100_000
SOME = 10_000


class Killing:
    """A job and its core, which can be killed at a moment that their progress tells.

    Args:
        folder: for the files.
        count: how many sessions there are.
        change: as `Job` has it.
        colour: as `Job` has it.
        transport: as `Job` has it.
    """

    def __init__(self, folder: Path, count: int, change: str, colour: str, transport: str) -> None:
        self.database, listing = folder / "sessions.db", folder / "handles.txt"
        listing.write_text("\n".join(seed(self.database, count)) + "\n")
        self._port = "0"
        self.core = self._serve()
        self._port = self.core.url.rpartition(":")[2]
        self.job = Job(self.core.url, str(listing), str(folder / "journal"), change, colour, transport)
        self.process = self.job.start()

    def _serve(self) -> ServedCore:
        # of a port that is given twice the last one counts
        return ServedCore("--database", str(self.database), "--durability", "normal", "--port", self._port)

    def wait_for(self, changed: int) -> None:
        """Wait until so many sessions are changed."""
        with closing(sqlite3.connect(self.database)) as connection:
            while self.process.poll() is None:
                [done] = connection.execute("SELECT count(*) FROM session_info WHERE data_version > 1").fetchone()
                if done >= changed:
                    return
                time.sleep(0.005)
        raise AssertionError(f"the job ended before: {self.process.communicate()}")

    def kill_job(self) -> None:
        """Kill the job and start it again."""
        self.process.kill()
        self.process.communicate(timeout=10)
        self.process = self.job.start()

    def kill_core(self) -> None:
        """Kill the core and start it again, where it was."""
        self.core.kill()
        self.core = self._serve()

    def close(self) -> None:
        """End what runs."""
        self.process.kill()
        self.process.communicate(timeout=10)
        self.core.stop()

    def stored(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the version and the data of each session."""
        with closing(sqlite3.connect(self.database)) as connection:
            for version, data in connection.execute("SELECT data_version, session_data FROM session_info"):
                yield version, json.loads(data)


CHANGED = {
    "count": lambda data: data["n"] == data["from"] + 1,
    "patch": lambda data: data["n"] == data["from"] and data["plan"] == {"name": "pro"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sessions", "change", "colour"),
    [
        (MANY, "count", "blocking"),
        (MANY, "count", "async"),
        (SOME, "patch", "blocking"),
        (SOME, "patch", "async"),
    ],
)
def test_killed_at_random(tmp_path: Path, sessions: int, change: str, colour: str, transport: str) -> None:
    """Three kills of the job and two of the core later each session is changed once, and the report adds up."""
    if transport == "fast":
        sessions = SOME
    chosen = random.randrange(2**32)
    dice = random.Random(chosen)
    victims = ["job", "job", "job", "core", "core"]
    dice.shuffle(victims)
    marks = sorted(dice.randrange(sessions // 50, sessions * 9 // 10) for _ in victims)
    print(f"seed {chosen}: {list(zip(marks, victims, strict=True))}")  # shown by a failure
    killing = Killing(tmp_path, sessions, change, colour, transport)
    try:
        for mark, victim in zip(marks, victims, strict=True):
            killing.wait_for(mark)
            (killing.kill_job if victim == "job" else killing.kill_core)()
        first = killing.job.finish(killing.process)
        last = killing.job.finish(killing.job.start())
    finally:
        killing.close()
    for report in (first, last):
        assert sum(report["counts"].values()) + report["skipped"] == sessions
        assert report["counts"]["conflict"] == report["counts"]["gone"] == 0
    assert last["counts"]["failed"] == 0, last["errors"]
    assert last["skipped"] == sessions - first["counts"]["failed"]
    stored = list(killing.stored())
    assert len(stored) == sessions
    assert [entry for entry in stored if entry[0] != 2 or not CHANGED[change](entry[1])] == []


@pytest.mark.slow
@pytest.mark.parametrize("colour", ["blocking", "async"])
def test_stopped_by_signals(tmp_path: Path, colour: str, transport: str) -> None:
    """SIGINT and SIGTERM that call `stop` end the job with what was done in its report; the next runs do the rest."""
    killing = Killing(tmp_path, SOME, "count", colour, transport)
    reports: list[dict[str, Any]] = []
    try:
        for mark, number in ((SOME // 5, signal.SIGTERM), (SOME // 2, signal.SIGINT)):
            killing.wait_for(mark)
            killing.process.send_signal(number)
            reports.append(killing.job.finish(killing.process))
            killing.process = killing.job.start()
        reports.append(killing.job.finish(killing.process))
    finally:
        killing.close()
    assert [report["complete"] for report in reports] == [False, False, True]
    done = 0
    for report in reports:
        assert report["skipped"] <= done
        done += report["counts"]["updated"]
        assert sum(report["counts"].values()) == report["counts"]["updated"]
    assert (done, reports[-1]["skipped"]) == (SOME, SOME - reports[-1]["counts"]["updated"])
    assert [entry for entry in killing.stored() if entry[0] != 2 or not CHANGED["count"](entry[1])] == []
