"""What tends a core: sweeping what has expired, rotating keys by hand, counting.

Long deletions go in chunks, each a transaction of its own whose size is fitted to the time it takes, so that other
writers get their turn.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from supertokens_lite.embedded.apps import Apps
from supertokens_lite.embedded.store import apps as stored
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store import upkeep as statements
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.embedded.store.database import Database
from supertokens_lite.exceptions import ConfigurationError

__all__ = ("KeyAge", "Stats", "TenantStats", "Upkeep")

logger = logging.getLogger("supertokens_lite.embedded")

BACK_MS: Final = 60 * 60 * 1000
"""How far a clock may go back without a sweep before its time."""
SESSIONS_EVERY_MS: Final = 12 * 3_600_000
KEYS_EVERY_MS: Final = 24 * 3_600_000

FIRST_CHUNK: Final = 100
LARGEST_CHUNK: Final = 2_000
CHUNK_S: Final = 0.01
PAUSE_S: Final = 0.002


@dataclass(frozen=True)
class TenantStats:
    """Sessions of one tenant."""

    app_id: str
    tenant_id: str
    live: int
    expired: int


@dataclass(frozen=True)
class KeyAge:
    """One signing key; times in milliseconds since the epoch."""

    app_id: str
    kid: str
    created_at: int


@dataclass(frozen=True)
class Stats:
    """What is in a database.

    Attributes:
        at: when it was counted, milliseconds since the epoch.
        schema_version: the version of its tables.
        size_bytes: its size without the log.
        tenants: sessions by tenant.
        keys: signing keys, newest first in each app.
    """

    at: int
    schema_version: int
    size_bytes: int
    tenants: tuple[TenantStats, ...]
    keys: tuple[KeyAge, ...]


class Upkeep:
    """Tends one database.

    Args:
        database: the database.
        apps: the apps in it.
    """

    def __init__(self, database: Database, apps: Apps) -> None:
        self._database = database
        self._apps = apps
        self.next_at = 0
        self.rests_from = 0
        self._keys_at = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, now: int) -> None:
        """Sweep in a thread if it is time; the first call only starts the count."""
        # a clock that was set back far is before the rest, and begins it anew
        first, self.next_at = self.next_at == 0, now + SESSIONS_EVERY_MS
        self.rests_from = now - BACK_MS
        if first:
            self._keys_at = now + KEYS_EVERY_MS
            return
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._sweep_alone, args=(now,), name="supertokens-lite-sweep", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # at the interpreter's end, or too many threads
                logger.debug("no sweep of the embedded core's database now: %s", error)
            else:
                self._thread = thread

    def _sweep_alone(self, now: int) -> None:
        """Sweep where nobody waits for it: what goes wrong is logged, and the next sweep goes on."""
        try:
            with self._database.told():
                self.sweep(now)
        except ConfigurationError as error:
            logger.warning("a sweep of the embedded core ended early: %s", error)

    def after_fork(self) -> None:
        """Start anew in a child: the thread was the parent's."""
        self._thread = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End a sweep under way after its chunk."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def sweep(self, now: int) -> int:
        """Delete expired sessions, and keys that verify nothing any more; give the number of sessions."""
        gone = self._in_chunks(lambda connection, most: statements.delete_expired(connection, now, most=most))
        if now >= self._keys_at or self._thread is not threading.current_thread():
            self._keys_at = now + KEYS_EVERY_MS
            for app_id in self._database.read(stored.app_ids, wait=True):
                self._sweep_keys(app_id, now)
        return gone

    def _sweep_keys(self, app_id: str, now: int) -> None:
        oldest = self._apps.oldest_kept(app_id, now)
        if oldest is not None:
            self._database.write(lambda connection: stored.delete_old_keys(connection, app_id, oldest))
            self._apps.forget(app_id)

    def _in_chunks(self, delete: Callable[[Connection, int], int]) -> int:
        total, most = 0, FIRST_CHUNK
        while not self._stopped.is_set():
            begun = time.perf_counter()
            size = most
            gone = self._database.write(partial(_delete, delete, size))
            took = time.perf_counter() - begun
            total += gone
            if gone < size:
                break
            most = max(10, min(LARGEST_CHUNK, int(size * CHUNK_S / max(took, 1e-6)), size * 2))
            self._database.writer.wait_for_log()
            self._stopped.wait(PAUSE_S)
        return total

    def stats(self, now: int) -> Stats:
        """Count what is in the database."""

        def count(connection: Connection) -> Stats:
            return Stats(
                now,
                statements.schema_version(),
                statements.size_bytes(connection),
                tuple(TenantStats(*row) for row in statements.count_sessions(connection, now)),
                tuple(KeyAge(*row) for row in statements.key_ages(connection)),
            )

        return self._database.read(count, wait=True)

    def rotate_keys(self, app_id: str | None, now: int) -> list[tuple[str, str]]:
        """Make a new dynamic key for an app or for all; give app and key id of each."""
        return [(each, self._apps.rotate(each, now)) for each in self._apps_meant(app_id)]

    def revoke_all(self, app_id: str | None) -> int:
        """Delete all sessions of an app or of all."""
        self._apps_meant(app_id)
        return self._in_chunks(lambda connection, most: sessions.delete_all(connection, app_id, most=most))

    def _apps_meant(self, app_id: str | None) -> list[str]:
        known = self._database.read(stored.app_ids, wait=True)
        if app_id is None:
            return known
        if app_id not in known:
            raise ConfigurationError(f"there is no app {app_id!r} in this database; it has {', '.join(known)}")
        return [app_id]


def _delete(delete: Callable[[Connection, int], int], most: int, connection: Connection) -> int:
    return delete(connection, most)
