"""The journal of a bulk update: which sessions are done, and what is about to be written where doing it twice differs.

Why the order is what it is. A session counts as done only after its line is on the disk, and that happens after the
write. So a crash in between leaves a session that was written and is not known to be: it is done again. For a
replacement or a merge patch that gives the same content. For a function it need not (think of one that adds one), so
what it is about to write is put down first, with what it is based on: `Intent`. After a crash the session is read, and
what is found tells whether that write was made.

SQLite keeps both, in one file with `-wal` beside it. Each transaction waits for the disk. Who writes it has it alone
until it is closed or the process ends: two runs at once would each take a session for not yet done.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from supertokens_lite.exceptions import JournalError

if TYPE_CHECKING:
    import sqlite3

__all__ = ("Intent", "Journal")

T = TypeVar("T")

FORMAT: Final = "1"
BUSY_S: Final = 1.0
"""For how long an update that is just ending is waited for."""
A_QUESTION: Final = 500
"""Handles in one query: SQLite takes no more than 999 values in its older versions."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (handle TEXT PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intended (
    handle TEXT PRIMARY KEY, version INTEGER, before TEXT NOT NULL, after TEXT NOT NULL
) WITHOUT ROWID;
"""


class Intent(NamedTuple):
    """What is about to be written, and on what it is based.

    Attributes:
        version: the version of the data that is replaced; None where the core has none.
        before: a digest of the data that is replaced.
        after: a digest of the new data.
    """

    version: int | None
    before: str
    after: str


class Journal:
    """A journal, opened by its first use; any thread may use it.

    Args:
        path: the file; made if it is not there.
        job: what the job is, by name; another job is refused.
        read_only: look at what is there, and write nothing.
    """

    def __init__(self, path: str, job: Mapping[str, str], *, read_only: bool = False) -> None:
        self.path = path
        self._job = {"format": FORMAT, **job}
        self._read_only = read_only
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file, and write down what the job is if it is new.

        Raises:
            JournalError: it is another job's, no journal, can't be opened, or another run has it, which may pass.
        """
        if self._read_only and not Path(self.path).exists():
            return
        if not Path(self.path).exists() and not Path(self.path).absolute().parent.is_dir():
            raise JournalError(self.path, "is in a folder that does not exist")
        self._guarded(self._open)

    def _open(self) -> None:
        import sqlite3  # noqa: PLC0415  # late: who keeps no journal does not need to load a database

        uri = Path(self.path).absolute().as_uri() + ("?mode=ro" if self._read_only else "")
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        try:
            self._begin(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _begin(self, connection: sqlite3.Connection) -> None:
        if not self._read_only:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before the first look: needs no `-shm` then
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "intended" not in tables:
            raise JournalError(self.path, "is a database of something else")
        if not self._read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.executemany("INSERT OR IGNORE INTO job VALUES (?, ?)", self._job.items())
            connection.execute("COMMIT")
        elif not tables:
            return
        there = dict(connection.execute("SELECT name, value FROM job"))
        differing = [name for name, value in self._job.items() if there.get(name) != value]
        if differing:
            raise JournalError(
                self.path,
                f"is another job's: it differs in its {' and '.join(differing)}. Use another file, or that job",
            )

    def find_done(self, handles: Sequence[str]) -> set[str]:
        """Give those of some handles that are done."""
        return {handle for (handle,) in self._ask("SELECT handle FROM done WHERE handle IN", handles)}

    def find_intents(self, handles: Sequence[str]) -> dict[str, Intent]:
        """Give what was about to be written to some sessions."""
        rows = self._ask("SELECT handle, version, before, after FROM intended WHERE handle IN", handles)
        return {handle: Intent(*rest) for handle, *rest in rows}

    def _ask(self, query: str, handles: Sequence[str]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        connection = self._connection

        def ask() -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = []
            for begin in range(0, len(handles), A_QUESTION):
                some = handles[begin : begin + A_QUESTION]
                rows += connection.execute(f"{query} ({','.join('?' * len(some))})", some)
            return rows

        return self._guarded(ask)

    def record_intents(self, intents: Iterable[tuple[str, Intent]]) -> None:
        """Put down what is about to be written; on the disk when this returns.

        Raises:
            JournalError: that could not be; nothing of it counts.
        """
        rows = [(handle, *intent) for handle, intent in intents]
        self._write("INSERT OR REPLACE INTO intended VALUES (?, ?, ?, ?)", rows)

    def record_done(self, outcomes: Sequence[tuple[str, str]]) -> None:
        """Put down what is done; on the disk when this returns.

        Raises:
            JournalError: that could not be; nothing of it counts.
        """
        if outcomes:
            self._write("INSERT OR REPLACE INTO done VALUES (?, ?)", outcomes)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        connection = self._connection
        if connection is None or self._read_only:
            return

        def write() -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(statement, rows)
                if statement.startswith("INSERT OR REPLACE INTO done"):
                    connection.executemany("DELETE FROM intended WHERE handle = ?", [(row[0],) for row in rows])
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

        self._guarded(write)

    def _guarded(self, function: Callable[[], T]) -> T:
        """Let one thread at the file, and say in our words what went wrong with it."""
        import sqlite3  # noqa: PLC0415

        with self._lock:
            try:
                return function()
            except (sqlite3.Error, OSError) as error:
                if "is locked" in str(error):
                    raise JournalError(self.path, "is in use by another run", retryable=True) from error
                raise JournalError(self.path, f"can't be used: {_words(error)}") from error

    def close(self) -> None:
        """Close it; idempotent."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error)
