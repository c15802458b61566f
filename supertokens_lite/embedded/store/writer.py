"""One writer at a time, and as few waits for the disk as possible.

A write is a job: a function of a connection, run inside a transaction. Jobs that meet while a commit is under way wait
in a queue and are committed together, each within a savepoint of its own, so that one that fails takes no other with
it; their answers are given after the commit. Whoever finds the writer free leads: a blocking caller in its own thread,
so that a lone write costs no change of threads. Callers that may not wait hand their job to a thread.

`lock` guards the writing connections; whoever lets go of it looks at the queue once more, or a job that came in between
would wait for the next one.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

__all__ = ("Done", "Job", "Outcome", "Writer")

logger = logging.getLogger("supertokens_lite.embedded")

Job = Callable[[sqlite3.Connection], Any]
"""What a write does; the transaction is begun and ended around it."""

MOST_AT_ONCE: Final = 200
"""Jobs in one transaction."""

COMMITS_BETWEEN_CHECKPOINTS: Final = 500
"""About 4 MB of log for small writes."""


class Outcome(NamedTuple):
    """What became of a job."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """Give the value or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


Done = Callable[[Outcome], None]


class Writer:
    """The writing side of a database.

    Args:
        quick: makes a connection that says "busy" at once.
        patient: makes a connection that waits for other processes.
        checkpoints: whether there is a log to write back.
    """

    def __init__(
        self,
        *,
        quick: Callable[[], sqlite3.Connection],
        patient: Callable[[], sqlite3.Connection],
        checkpoints: bool,
    ) -> None:
        self.lock = threading.Lock()
        self._make_quick = quick
        self._make_patient = patient
        self._quick: sqlite3.Connection | None = None
        self._patient: sqlite3.Connection | None = None
        self._checkpoints = checkpoints
        self._queue: deque[tuple[Job, Done]] = deque()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
        self._commits = 0

    def try_now(self, job: Job) -> Outcome | None:
        """Do a job where you are if nobody else is writing; None if somebody is, and nothing was done."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            connection = self._quick
            if connection is None:
                connection = self._quick = self._make_quick()
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:  # another process is writing
                outcome = None
            else:
                outcome = _finish(connection, job)
                self._commits += 1
        finally:
            self.release()
        return outcome

    def run(self, job: Job) -> Any:
        """Do a job, and wait for it; leads where nobody else does."""
        waiter = _Waiter()
        self._queue.append((job, waiter.done))
        if self.lock.acquire(blocking=False):
            try:
                self._commit_queued()
            finally:
                self.release()
        return waiter.wait()

    def release(self) -> None:
        """Let go of the lock, and have somebody look at what was queued meanwhile."""
        self.lock.release()
        if self._queue or self._commits >= COMMITS_BETWEEN_CHECKPOINTS:
            self._wake()

    def submit(self, job: Job, done: Done) -> None:
        """Have a job done by the writer's thread; `done` is called there."""
        self._queue.append((job, done))
        self._wake()

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called by the writer's thread, outside any transaction."""
        self._start_thread()
        self._calls.put(function)

    def close(self) -> None:
        """Finish what is queued and close the connections."""
        with self._thread_lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._calls.put(None)
            if thread is not threading.current_thread():
                thread.join()
        while True:
            with self.lock:
                while self._queue:
                    self._commit_queued()
                if self._checkpoints and self._commits:
                    self._checkpoint()
                connections = {id(c): c for c in (self._quick, self._patient) if c is not None}
                for connection in connections.values():
                    connection.close()
                self._quick = self._patient = None
            if not self._queue:
                return

    def _wake(self) -> None:
        self.call(self._catch_up)

    def _catch_up(self) -> None:
        while True:
            with self.lock:
                while self._queue:
                    self._commit_queued()
                if self._commits >= COMMITS_BETWEEN_CHECKPOINTS:
                    self._checkpoint()
            if not self._queue:  # what came during the checkpoint found the lock taken
                return

    def _start_thread(self) -> None:
        if self._thread is None:
            with self._thread_lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._serve, name="supertokens-lite-writer", daemon=True)
                    thread.start()
                    self._thread = thread

    def _serve(self) -> None:
        for function in iter(self._calls.get, None):
            try:
                function()
            except Exception:  # noqa: PERF203  # one failure must not end the thread
                logger.exception("the writer of the embedded core met an unexpected error")

    def _commit_queued(self) -> None:
        """Commit what is queued; the lock is held."""
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_AT_ONCE))]
        if not batch:
            return
        try:
            connection = self._patient
            if connection is None:
                connection = self._patient = self._make_patient()
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            for _, done in batch:
                done(Outcome(error=error))
            return
        self._commits += 1
        if len(batch) == 1:
            job, done = batch[0]
            done(_finish(connection, job))
            return
        outcomes = [_within_savepoint(connection, job) for job, _ in batch]
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(connection)
            outcomes = [Outcome(error=error)] * len(batch)
        for (_, done), outcome in zip(batch, outcomes, strict=True):
            done(outcome)

    def _checkpoint(self) -> None:
        """Write the log back into the file, as far as readers allow; the lock is held."""
        self._commits = 0
        if not self._checkpoints:
            return
        connection = self._patient
        if connection is None:
            connection = self._patient = self._make_patient()
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            logger.warning("the log of the embedded core's database could not be written back; trying again later")


class _Waiter:
    """Waits in a thread for an outcome."""

    __slots__ = ("_lock", "_outcome")

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._lock = threading.Lock()
        self._lock.acquire()

    def done(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._lock.release()

    def wait(self) -> Any:
        if self._outcome is None:
            self._lock.acquire()
        assert self._outcome is not None
        return self._outcome.get()


def _finish(connection: sqlite3.Connection, job: Job) -> Outcome:
    """Do a job in the transaction that was begun, and end it."""
    try:
        value = job(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        _roll_back(connection)
        if not isinstance(error, Exception):
            raise
        return Outcome(error=error)
    return Outcome(value)


def _within_savepoint(connection: sqlite3.Connection, job: Job) -> Outcome:
    connection.execute("SAVEPOINT job")
    try:
        value = job(connection)
    except Exception as error:  # noqa: BLE001  # it goes to the one who asked
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        return Outcome(error=error)
    connection.execute("RELEASE job")
    return Outcome(value)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
