"""The database as a place: a file that only its owner may read, or memory; and connections to it.

The file holds private keys, so it is made with mode 0600, and a looser one is refused. SQLite gives the files beside
it (`-wal`, `-shm`) the mode of the database.

Nothing but SQLite may open a file that SQLite has open in this process: POSIX drops all locks that a process has on a
file when it closes it once, and another process would then take the log away. Source: SQLite, "How To Corrupt An SQLite
Database File", section 2.2.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from supertokens_lite.embedded.store.schema import is_current, migrate
from supertokens_lite.exceptions import ConfigurationError

__all__ = (
    "ASK_AGAIN_S",
    "PATIENCE_S",
    "Durability",
    "check_path",
    "connect",
    "is_busy",
    "prepare_file",
    "told",
)

Durability = Literal["full", "normal"]

PATIENCE_S: Final = 30.0
"""How long is waited for another process."""

ASK_AGAIN_S: Final = 0.001


def check_path(path: str) -> None:
    """Refuse a file that can't be used, without opening or making it.

    Raises:
        ConfigurationError: the folder is missing, it is no file, or others may read or write it; in one line.
    """
    try:
        _check_file(path, Path(path))
    except OSError as error:
        raise ConfigurationError(f"the database {path} can't be used: {error.strerror or error}") from None


def _check_file(path: str, file: Path) -> None:
    folder = file.parent
    if not folder.is_dir():
        raise ConfigurationError(f"the folder {folder} of the database {path} does not exist: make it first")
    if not file.exists():
        if not os.access(folder, os.W_OK):
            raise ConfigurationError(f"the database {path} can't be made: its folder can't be written to")
        return
    if not file.is_file():
        raise ConfigurationError(f"{path} is not a file: name a file for the database")
    if not os.access(file, os.R_OK | os.W_OK):
        raise ConfigurationError(f"{path} can't be read and written by this user")
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ConfigurationError(
            f"{path} holds private keys, and other users of this machine may read it: run chmod 600 {path}"
        )
    if Path(f"{path}-shm").exists():
        return  # SQLite has it open
    with file.open("rb") as opened:
        head = opened.read(16)
    if head and head != b"SQLite format 3\0":
        raise ConfigurationError(f"{path} is not a database: name a new file or one that this core made")


@contextmanager
def told(path: str) -> Generator[None, None, None]:
    """Turn what SQLite finds wrong with a database as a whole into our error.

    Raises:
        ConfigurationError: it is damaged, or can't be read or written; in one line.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"the database {path} can't be used: {error}. Restore it from a copy, or name another file"
        ) from None


def prepare_file(path: str) -> None:
    """Make the file or take it to this version's tables; idempotent, and safe among processes.

    Raises:
        ConfigurationError: it can't be used; in one line.
    """
    check_path(path)
    deadline = time.monotonic() + PATIENCE_S
    while not _has_prepared(path, deadline):
        time.sleep(ASK_AGAIN_S)


def _has_prepared(path: str, deadline: float) -> bool:
    """Prepare the file; False if another process is at it: where both change its mode, SQLite gives up at once."""
    try:
        with suppress(FileExistsError):
            os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(connect(path, "full", wait=True)) as connection:
            if not is_current(connection, path):
                connection.execute("PRAGMA journal_mode = WAL")
                migrate(connection, path)
    except (OSError, sqlite3.Error) as error:
        if is_busy(error) and time.monotonic() < deadline:
            return False
        raise ConfigurationError(f"the database {path} can't be opened: {error}") from None
    return True


def is_busy(error: Exception) -> bool:
    """Tell whether SQLite says that another connection holds what is needed."""
    text = str(error)
    return isinstance(error, sqlite3.OperationalError) and ("locked" in text or "busy" in text)


def connect(path: str, durability: Durability, *, wait: bool) -> sqlite3.Connection:
    """Open one connection, usable by any one thread at a time.

    Args:
        path: the file, or `:memory:`.
        durability: `full` waits for fsync at each commit.
        wait: whether to wait for other processes while it is opened, which is rarely needed: one may be recovering the
            log or closing the file. Afterwards SQLite says "busy" at once.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    execute = connection.execute
    execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000) if wait else 0}")
    execute(f"PRAGMA synchronous = {durability}")
    execute("PRAGMA foreign_keys = ON")
    execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint waits for the disk: a thread of the writer makes them
    execute("PRAGMA cache_size = -8000")
    execute("PRAGMA temp_store = MEMORY")
    execute("PRAGMA busy_timeout = 0")
    return connection
