"""The writer forgets no job, whenever it comes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.embedded.store import writer as store_writer
from supertokens_lite.embedded.store.writer import (
    CHANGES_BETWEEN_CHECKPOINTS,
    OneStatement,
    Outcome,
    Writer,
)


def make_writer(path: Path, at_checkpoint: Callable[[], None]) -> Writer:
    """Make a writer on a file that calls something while it writes the log back and others wait."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if "wal_checkpoint(RESTART)" in sql:
                at_checkpoint()
            return super().execute(sql, *parameters)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.close()
    return Writer(connect, checkpoints=True)


class Answers:
    """Collects the outcomes of so many jobs."""

    def __init__(self, awaited: int) -> None:
        self.outcomes: list[Outcome] = []
        self.are_complete = threading.Event()
        self._awaited = awaited

    def take(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self.outcomes.append(outcome)
        if len(self.outcomes) == self._awaited:
            self.are_complete.set()


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO numbers VALUES (1)")


def test_a_job_that_comes_during_a_checkpoint_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that finds the lock taken by a checkpoint is committed after it."""
    monkeypatch.setattr(store_writer, "LARGEST_LOG_PAGES", 0)
    late: list[threading.Thread] = []

    def write_meanwhile() -> None:
        if late:
            return
        thread = threading.Thread(target=writer.run, args=(insert,), daemon=True)
        thread.start()
        late.append(thread)
        deadline = time.monotonic() + 10
        while not writer._queue and time.monotonic() < deadline:
            time.sleep(0.001)  # until it has queued its job, and found the lock taken

    writer = make_writer(tmp_path / "writer.db", write_meanwhile)
    for _ in range(CHANGES_BETWEEN_CHECKPOINTS):
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
    writer._made = quick
    assert writer.try_now(insert) is None
    other.execute("ROLLBACK")
    other.close()
    assert done.wait(10)
    writer.close()


def test_a_job_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """Of jobs that are committed together the one that fails gets its error, and the others are done once."""
    writer = make_writer(tmp_path / "writer.db", lambda: None)
    answers = Answers(5)

    def fail(connection: sqlite3.Connection) -> None:
        insert(connection)
        raise KeyError("mine")

    with writer.lock:  # so that they meet in the queue
        for job in (insert, insert, fail, OneStatement(insert), insert):
            writer.submit(job, answers.take)
    assert answers.are_complete.wait(10)
    assert [type(outcome.error) for outcome in answers.outcomes] == [
        type(None),
        type(None),
        KeyError,
        type(None),
        type(None),
    ]
    assert writer.run(lambda connection: connection.execute("SELECT count(*) FROM numbers").fetchone()) == (4,)
    writer.close()


def test_another_process_that_is_writing_is_waited_for(tmp_path: Path) -> None:
    """A job that may wait is done when the other process has finished, alone or with others."""
    writer = make_writer(tmp_path / "writer.db", lambda: None)
    writer.run(insert)
    other = sqlite3.connect(tmp_path / "writer.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=writer.run, args=(job,)) for job in (insert, OneStatement(insert), insert)]
    for thread in threads:
        thread.start()
    threads[0].join(0.05)
    assert threads[0].is_alive()
    other.execute("COMMIT")
    for thread in threads:
        thread.join(10)
    assert other.execute("SELECT count(*) FROM numbers").fetchone() == (4,)
    other.close()
    writer.close()


def test_another_process_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that met in the queue and are kept waiting too long all get that error at once, not one after the other."""
    monkeypatch.setattr(store_writer, "PATIENCE_S", 0)
    writer = make_writer(tmp_path / "writer.db", lambda: None)
    other = sqlite3.connect(tmp_path / "writer.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    made = sqlite3.connect(tmp_path / "writer.db", isolation_level=None, check_same_thread=False, timeout=0)
    begun: list[str] = []
    made.set_trace_callback(begun.append)
    writer._made = made
    answers = Answers(5)

    with writer.lock:
        for _ in range(5):
            writer.submit(insert, answers.take)
    assert answers.are_complete.wait(10)
    assert [str(outcome.error) for outcome in answers.outcomes] == ["database is locked"] * 5
    assert begun.count("BEGIN IMMEDIATE") == 1
    other.close()
    writer.close()


def test_a_write_is_done_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the interpreter's end no log can be written back by a thread; writes succeed, and it is written back later."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(store_writer, "CHANGES_BETWEEN_CHECKPOINTS", 1)
    writer = make_writer(tmp_path / "writer.db", lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        writer.run(insert)
        with writer.lock, pytest.raises(RuntimeError, match="can't create new thread"):
            writer.submit(insert, lambda outcome: None)
    assert writer._keeper is None
    writer.run(insert)
    assert writer._keeper is not None
    assert writer.run(lambda connection: connection.execute("SELECT count(*) FROM numbers").fetchone()) == (2,)
    answered = threading.Event()
    writer.submit(insert, lambda outcome: answered.set())
    assert answered.wait(10)
    writer.close()
