"""The writer forgets no job, whenever it comes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supertokens_lite.embedded.store.writer import COMMITS_BETWEEN_CHECKPOINTS, Writer


def make_writer(path: Path, at_checkpoint: Callable[[], None]) -> Writer:
    """Make a writer on a file that calls something while it writes the log back."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                at_checkpoint()
            return super().execute(sql, *parameters)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)

    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.close()
    return Writer(quick=connect, patient=connect, checkpoints=True)


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO numbers VALUES (1)")


def test_a_job_that_comes_during_a_checkpoint_is_done(tmp_path: Path) -> None:
    """A write that finds the lock taken by a checkpoint is committed after it."""
    late: list[threading.Thread] = []

    def write_meanwhile() -> None:
        if late:
            return
        late.append(threading.Thread(target=writer.run, args=(insert,), daemon=True))
        late[0].start()
        deadline = time.monotonic() + 10
        while not writer._queue and time.monotonic() < deadline:
            time.sleep(0.001)  # until it has queued its job, and found the lock taken

    writer = make_writer(tmp_path / "writer.db", write_meanwhile)
    for _ in range(COMMITS_BETWEEN_CHECKPOINTS):
        writer.run(insert)
    deadline = time.monotonic() + 10
    while not late and time.monotonic() < deadline:
        time.sleep(0.001)  # until the writer's thread has begun its checkpoint
    late[0].join(timeout=10)
    assert not late[0].is_alive()
    writer.close()


def test_a_refused_attempt_still_looks_after_the_queue(tmp_path: Path) -> None:
    """An attempt that another process refuses leaves nothing undone that was queued meanwhile."""
    writer = make_writer(tmp_path / "writer.db", lambda: None)
    done = threading.Event()
    other = sqlite3.connect(tmp_path / "writer.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer._queue.append((insert, lambda outcome: done.set()))
    quick = sqlite3.connect(tmp_path / "writer.db", isolation_level=None, check_same_thread=False, timeout=0)
    writer._quick = quick
    assert writer.try_now(insert) is None
    other.execute("ROLLBACK")
    other.close()
    assert done.wait(10)
    writer.close()
