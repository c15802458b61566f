"""One writer at a time, and as few waits for the disk as possible.

A write is a job: a function of a connection, run inside a transaction. Jobs that meet while a commit is under way wait
in a queue and are committed together; their answers are given after the commit. If one of them fails, all are undone
and each is done again by itself, so that it fails alone: failures are rare, and a savepoint for each job would cost
more than the job. A blocking caller that finds the writer free writes in its own thread, so that a lone write costs no
change of threads; all others leave their job to the writer's thread, which no Ctrl-C interrupts in the middle of a
commit.

`lock` guards the writing connections; whoever lets go of it looks at the queue once more, or a job that came in between
would wait for the next one.

The log is written back into the file by a thread of its own, beside the writers, because that waits for the disk. Under
a steady stream of writes it never gets to the log's end that way, and the log would grow without end. So from a size on
it first comes as close to the end as it can, and then takes the lock for the rest, which is short.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from supertokens_lite.embedded.store.files import ASK_AGAIN_S, PATIENCE_S, is_busy
from supertokens_lite.exceptions import ClosedError

__all__ = ("Done", "Job", "OneStatement", "Outcome", "Writer")

logger = logging.getLogger("supertokens_lite.embedded")

Job = Callable[[sqlite3.Connection], Any]
"""What a write does; the transaction is begun and ended around it. It may be undone and called again."""

MOST_AT_ONCE: Final = 200
"""Jobs in one transaction."""

CHANGES_BETWEEN_CHECKPOINTS: Final = 1000
"""Rows; about 4 MB of log for small writes."""

LARGEST_LOG_PAGES: Final = 1000
"""About 4 MB of log, from which on writers wait until it is written back.

Syncing a log that grows takes twice as long as syncing one that is written anew from its beginning.
"""

CLOSE_PAGES: Final = 200
"""So near to the end of the log, writing back the rest takes a few milliseconds."""

PASSES: Final = 5
"""How often it is tried to get so near."""


class Outcome(NamedTuple):
    """What became of a job."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """Give the value or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


Done = Callable[[Outcome], "Callable[[], None] | None"]
"""Gets an outcome; may give a function that is called once when all that were committed together have theirs."""


class OneStatement:
    """A job that writes with one statement at most, which is a transaction by itself."""

    __slots__ = ("job",)

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self, connection: sqlite3.Connection) -> Any:
        """Do it."""
        return self.job(connection)


class Writer:
    """The writing side of a database.

    Args:
        connect: makes a connection, which says "busy" at once while another process writes.
        checkpoints: whether there is a log to write back.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, checkpoints: bool) -> None:
        self.lock = threading.Lock()
        self._connect = connect
        self._made: sqlite3.Connection | None = None
        self._checkpoints = checkpoints
        self._queue: deque[tuple[Job, Done]] = deque()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
        self._is_called = False
        self._changes = 0
        self._written_back = 0
        self._keeping = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._closed = False

    def try_now(self, job: Job) -> Outcome | None:
        """Do a job where you are if that needs no waiting; None if it would, and nothing was done."""
        if not self.lock.acquire(blocking=False):
            return None
        try:
            if self._made is None:  # opening it may have to wait
                return None
            outcome = _do(self._made, job)
            if _met_another_writer(outcome):
                return None
        finally:
            self.release()
        return outcome

    def run(self, job: Job) -> Any:
        """Do a job, and wait for it."""
        if self.lock.acquire(blocking=False):
            try:
                if not self._queue:
                    return _do_patiently(self._connection(), job).get()
            finally:
                self.release()
        answer: SimpleQueue[Outcome] = SimpleQueue()
        self.submit(job, answer.put)
        return answer.get().get()

    def _connection(self) -> sqlite3.Connection:
        """Give the connection to write with; the lock is held."""
        connection = self._made
        if connection is None:
            if self._closed:
                raise ClosedError
            connection = self._made = self._connect()
        return connection

    def release(self) -> None:
        """Let go of the lock, and have somebody look at what was queued meanwhile."""
        if self._made is not None:
            self._changes = self._made.total_changes
        self.lock.release()
        if self._queue:
            self._wake()
        if self._changes - self._written_back >= CHANGES_BETWEEN_CHECKPOINTS:
            self._keep_log()

    def wait_for_log(self) -> None:
        """Wait until the log is written back, if that is under way: whoever writes much leaves others time that way."""
        keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def submit(self, job: Job, done: Done) -> None:
        """Have a job done by the writer's thread; `done` is called there.

        Raises:
            RuntimeError: the thread can't be started, and nothing will be done.
        """
        self._start_thread()
        self._queue.append((job, done))
        self._wake()

    def close(self) -> None:
        """Finish what is queued and close the connections."""
        with self._thread_lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._calls.put(False)
            if thread is not threading.current_thread():
                thread.join()
        self.wait_for_log()
        while True:
            with self.lock:
                while self._queue:
                    self._commit_queued()
                self._closed = True  # who began a call before, and comes to write it now, is refused
                if self._made is not None:
                    self._made.close()  # the last one of all processes writes the log back and removes it
                    self._made = None
            if not self._queue:
                return

    def _wake(self) -> None:
        self._start_thread()
        if not self._is_called:
            self._is_called = True
            self._calls.put(True)

    def _catch_up(self) -> None:
        self._is_called = False  # before the queue is looked at: what is queued from here on calls anew
        self.lock.acquire()
        try:
            while self._queue:
                self._commit_queued()
        finally:
            self.release()

    def _start_thread(self) -> None:
        if self._thread is None:
            with self._thread_lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._serve, name="supertokens-lite-writer", daemon=True)
                    thread.start()
                    self._thread = thread

    def _serve(self) -> None:
        while self._calls.get():
            try:
                self._catch_up()
            except Exception:  # noqa: PERF203  # one failure must not end the thread
                logger.exception("the writer of the embedded core met an unexpected error")

    def _commit_queued(self) -> None:
        """Commit what is queued and answer it; the lock is held."""
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_AT_ONCE))]
        jobs = [job for job, _ in batch]
        try:
            connection = self._connection()
        except (sqlite3.Error, ClosedError) as error:
            outcomes = [Outcome(error=error)] * len(jobs)
        else:
            outcomes = _do_together(connection, jobs) or [_do_patiently(connection, job) for job in jobs]
        for follow_up in {done(outcome) for (_, done), outcome in zip(batch, outcomes, strict=True)}:
            if follow_up is not None:
                follow_up()

    def _keep_log(self) -> None:
        """Have the log written back by a thread, unless one is at it."""
        if self._checkpoints and self._keeping.acquire(blocking=False):
            self._written_back = self._changes
            keeper = threading.Thread(target=self._keep, name="supertokens-lite-log", daemon=True)
            try:
                keeper.start()
            except RuntimeError as error:  # at the interpreter's end, or too many threads: what was written is written
                self._keeping.release()
                logger.debug("the log of the embedded core's database is not written back: %s", error)
            else:
                self._keeper = keeper

    def _keep(self) -> None:
        try:
            with closing(self._connect()) as connection:
                pages, before = _write_back(connection, "PASSIVE"), 0
                if pages <= LARGEST_LOG_PAGES:
                    return
                for _ in range(PASSES):
                    before, pages = pages, _write_back(connection, "PASSIVE")
                    if pages - before < CLOSE_PAGES:
                        break
                with self.lock:
                    _write_back(connection, "RESTART")
        except sqlite3.Error as error:
            level = logging.DEBUG if is_busy(error) else logging.WARNING
            logger.log(level, "the log of the embedded core's database could not be written back: %s", error)
        finally:
            self._keeping.release()


def _write_back(connection: sqlite3.Connection, mode: str) -> int:
    """Write the log back into the file, as far as others allow; give its size in pages."""
    return int(connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[1])


def _do(connection: sqlite3.Connection, job: Job) -> Outcome:
    """Do a job in a transaction of its own."""
    try:
        if isinstance(job, OneStatement):
            return Outcome(job.job(connection))
        connection.execute("BEGIN IMMEDIATE")
        value = job(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        _roll_back(connection)
        if not isinstance(error, Exception):
            raise
        return Outcome(error=error)
    return Outcome(value)


def _met_another_writer(outcome: Outcome) -> bool:
    return isinstance(outcome.error, sqlite3.Error) and is_busy(outcome.error)


def _do_patiently(connection: sqlite3.Connection, job: Job) -> Outcome:
    """Do a job in a transaction of its own, waiting for other processes to finish writing.

    Asks anew every millisecond. SQLite's own wait asks less and less often, so that whoever writes often, even with
    pauses, would keep others waiting for seconds.
    """
    outcome = _do(connection, job)
    deadline = time.monotonic() + PATIENCE_S
    while _met_another_writer(outcome) and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN_S)
        outcome = _do(connection, job)
    return outcome


def _do_together(connection: sqlite3.Connection, jobs: list[Job]) -> list[Outcome] | None:
    """Do jobs in one transaction; None if that is not worth it or one failed, and then nothing was done.

    If another process lets none of them through, all have waited for it, and none waits again.
    """
    if len(jobs) == 1:
        return None
    outcome = _do_patiently(connection, lambda shared: [Outcome(job(shared)) for job in jobs])
    if _met_another_writer(outcome):
        return [outcome] * len(jobs)
    outcomes: list[Outcome] | None = outcome.value
    return outcomes


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # if even that fails, it is tried again after the next job, which can't begin
        if connection.in_transaction:
            connection.execute("ROLLBACK")
