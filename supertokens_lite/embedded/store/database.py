"""A database that many threads and event loops use at once: readers that never wait, and one writer.

In a file each reader has a connection of its own and sees the last commit, whatever the writer does. In memory there is
one connection for all, so that a reader may find it busy.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeVar

from supertokens_lite.embedded.store.files import Durability, check_path, connect, is_busy, prepare_file, told
from supertokens_lite.embedded.store.schema import migrate
from supertokens_lite.embedded.store.writer import Done, Job, Outcome, Writer

__all__ = ("BusyError", "Database")

T = TypeVar("T")

MEMORY: Final = ":memory:"

MOST_IDLE_READERS: Final = 16
"""Connections that are kept for the next reader; each may hold some megabytes of pages."""


class BusyError(Exception):
    """The database can't be read right now without waiting."""


class Database:
    """One database of a core, opened at its first use.

    Args:
        path: the file, or `:memory:`.
        durability: `full`: a write waits for fsync. `normal`: it does not.

    Raises:
        ConfigurationError: the file can't be used.
    """

    def __init__(self, path: str, durability: Durability) -> None:
        self._path = path
        self._durability: Durability = durability
        self.in_memory = path == MEMORY
        if not self.in_memory:
            check_path(path)
        self.writes_wait = durability == "full" and not self.in_memory
        self._inherited: list[object] = []
        self._start()

    def _start(self) -> None:
        self._readers: deque[sqlite3.Connection] = deque()
        self._held: tuple[int, sqlite3.Connection] | None = None
        self._shared: sqlite3.Connection | None = None
        self._ready = False
        self.writer = Writer(self._connect, checkpoints=not self.in_memory)

    def after_fork(self) -> None:
        """Start anew in a child: what it inherited is neither used nor closed, for it belongs to the parent too."""
        shared, ready = self._shared, self._ready
        self._inherited.append((self._readers, self.writer))
        self._start()
        if self.in_memory:  # the child's copy of the memory is its own
            self._shared, self._ready = shared, ready

    def open(self) -> None:
        """Open the database, making or migrating it; idempotent."""
        if self._ready:
            return
        self.writer.lock.acquire()
        try:
            if self._ready:
                return
            if self.in_memory:
                self._shared = connect(MEMORY, "normal", wait=False)
                migrate(self._shared, MEMORY)
            else:
                prepare_file(self._path)
            self._ready = True
        finally:
            self.writer.release()

    def _connect(self) -> sqlite3.Connection:
        if self._shared is not None:
            return self._shared
        return connect(self._path, self._durability, wait=True)

    def read(self, function: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        """Read something.

        Args:
            function: reads; it may be called in any thread.
            wait: whether waiting is allowed.

        Raises:
            BusyError: it can't be done without waiting.
        """
        if self.in_memory:
            return self._read_shared(function, wait=wait)
        try:
            return self._read_own(function, wait=wait)
        except sqlite3.OperationalError as error:
            # rare: another process is recovering the log or closing the file
            if not is_busy(error):
                raise
            if not wait:
                raise BusyError from None
            value: T = self.writer.run(function)
            return value

    def _read_own(self, function: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        """Read with a connection of one's own."""
        held = self._held
        if held is not None and not wait and held[0] == threading.get_ident():
            return function(held[1])
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = connect(self._path, self._durability, wait=wait)
        try:
            return function(connection)
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if len(self._readers) < MOST_IDLE_READERS:
            self._readers.append(connection)
        else:
            connection.close()

    def hold(self) -> None:
        """Have the reads of this thread that may not wait see one snapshot, from the next of them on, until `release`.

        Beginning and ending a snapshot takes as long as a read. One thread at a time may hold one, and none is held
        while every connection is in use.
        """
        if self._readers and self._held is None:
            connection = self._readers.pop()
            connection.execute("BEGIN")
            self._held = threading.get_ident(), connection

    def release(self) -> None:
        """End what `hold` began; idempotent."""
        held, self._held = self._held, None
        if held is not None:
            held[1].execute("COMMIT")
            self._give_back(held[1])

    def _read_shared(self, function: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        if not self.writer.lock.acquire(blocking=wait):
            raise BusyError
        try:
            assert self._shared is not None
            return function(self._shared)
        finally:
            self.writer.release()

    def try_write(self, job: Job) -> Outcome | None:
        """Write where you are if that needs no waiting; None if it would."""
        return None if self.writes_wait else self.writer.try_now(job)

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Write, and wait until it is as durable as configured."""
        value: T = self.writer.run(job)
        return value

    def submit(self, job: Job, done: Done) -> None:
        """Have a job written by a thread; `done` is called there."""
        self.writer.submit(job, done)

    def told(self) -> AbstractContextManager[None]:
        """Turn what SQLite finds wrong with the database as a whole into `ConfigurationError`."""
        return told(self._path)

    def close(self) -> None:
        """Finish the writes under way and close; what was in memory is gone."""
        self.writer.close()
        self.release()
        while self._readers:
            self._readers.pop().close()
        if self._shared is not None:
            self._shared.close()
            self._shared = None
