"""The statements on sessions. Each takes a connection; the transaction, if any, is the caller's."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

__all__ = (
    "LiveSession",
    "NewSession",
    "SessionRow",
    "delete_all",
    "delete_by_handle",
    "delete_of_user",
    "find",
    "find_live",
    "handles_of_user",
    "insert",
    "page",
    "read_data",
    "remove",
    "replace_data",
    "replace_data_if",
    "replace_data_returning",
    "replace_payload",
    "save_rotation",
    "set_key_kind",
)


class SessionRow(NamedTuple):
    """One session as stored; times in milliseconds since the epoch, JSON as text."""

    id: int
    tenant_id: str
    handle: str
    user_id: str
    hash: str
    data: str
    version: int
    expires_at: int
    created_at: int
    payload: str
    static_key: int
    previous_hash: str | None
    rotated_at: int | None


LiveSession = tuple[int, str, str, str, str, int, int, int, str]
"""What callers read of a session: id, tenant, handle, user, data and its version, expiry, time of creation, payload."""


class NewSession(NamedTuple):
    """A session to store."""

    app_id: str
    tenant_id: str
    handle: str
    user_id: str
    hash: str
    data: str
    expires_at: int
    created_at: int
    payload: str
    static_key: bool


COLUMNS: Final = (
    "id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, data_version, expires_at, "
    "created_at_time, jwt_user_payload, use_static_key, prev_refresh_token_hash_2, refresh_token_rotated_at"
)
ONE: Final = "session_handle = ? AND tenant_id = ? AND app_id = ?"
FIND: Final = f"SELECT {COLUMNS} FROM session_info WHERE {ONE}"
LIVE_COLUMNS: Final = (
    "id, tenant_id, session_handle, user_id, session_data, data_version, expires_at, created_at_time, jwt_user_payload"
)
FIND_LIVE: Final = f"SELECT {LIVE_COLUMNS} FROM session_info WHERE {ONE} AND expires_at > ?"
READ_DATA: Final = f"SELECT session_data, data_version FROM session_info WHERE {ONE} AND expires_at > ?"
REPLACE_DATA: Final = (
    f"UPDATE session_info SET session_data = ?, data_version = data_version + 1 WHERE {ONE} AND expires_at > ?"
)
REPLACE_DATA_IF: Final = REPLACE_DATA + " AND data_version = ?"
REPLACE_PAYLOAD: Final = f"UPDATE session_info SET jwt_user_payload = ? WHERE {ONE} AND expires_at > ?"
INSERT: Final = """\
INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, expires_at,
    created_at_time, jwt_user_payload, use_static_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
SAVE_ROTATION: Final = """\
UPDATE session_info SET refresh_token_hash_2 = ?, prev_refresh_token_hash_2 = ?, refresh_token_rotated_at = ?,
    expires_at = ?, use_static_key = ? WHERE id = ?"""


def find(
    connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, *, expires_from: int
) -> SessionRow | None:
    """Find a session that expires at a time or later."""
    row = connection.execute(FIND, (handle, tenant_id, app_id)).fetchone()
    if row is None or row[7] < expires_from:
        return None
    return SessionRow._make(row)


def find_live(connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int) -> LiveSession | None:
    """Find what callers read of a session that has not expired."""
    row: LiveSession | None = connection.execute(FIND_LIVE, (handle, tenant_id, app_id, now)).fetchone()
    return row


def read_data(
    connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int
) -> tuple[str, int] | None:
    """Read the data of a live session and its version."""
    row: tuple[str, int] | None = connection.execute(READ_DATA, (handle, tenant_id, app_id, now)).fetchone()
    return row


def insert(connection: sqlite3.Connection, session: NewSession) -> bool:
    """Store a new session; False if there is no such tenant."""
    try:
        connection.execute(INSERT, session)
    except sqlite3.IntegrityError:
        return False
    return True


def replace_data(connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int, data: str) -> bool:
    """Replace the data of a live session; False if there is none."""
    return connection.execute(REPLACE_DATA, (data, handle, tenant_id, app_id, now)).rowcount == 1


def replace_data_returning(
    connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int, data: str
) -> int | None:
    """Replace the data of a live session and give its new version; None if there is none."""
    statement = REPLACE_DATA + " RETURNING data_version"
    row = connection.execute(statement, (data, handle, tenant_id, app_id, now)).fetchone()
    return None if row is None else int(row[0])


def replace_data_if(
    connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int, data: str, version: int
) -> bool:
    """Replace the data of a live session if it still has a version."""
    return connection.execute(REPLACE_DATA_IF, (data, handle, tenant_id, app_id, now, version)).rowcount == 1


def replace_payload(
    connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str, now: int, payload: str
) -> bool:
    """Replace the access token payload of a live session; False if there is none."""
    return connection.execute(REPLACE_PAYLOAD, (payload, handle, tenant_id, app_id, now)).rowcount == 1


def save_rotation(
    connection: sqlite3.Connection,
    row: SessionRow,
    *,
    current: str,
    previous: str | None,
    rotated_at: int | None,
    expires_at: int,
    static_key: bool,
) -> None:
    """Store where a session's refresh tokens stand now."""
    connection.execute(SAVE_ROTATION, (current, previous, rotated_at, expires_at, static_key, row.id))


def set_key_kind(connection: sqlite3.Connection, row: SessionRow, *, static_key: bool) -> None:
    """Store which kind of key signs for a session."""
    connection.execute("UPDATE session_info SET use_static_key = ? WHERE id = ?", (static_key, row.id))


def remove(connection: sqlite3.Connection, row: SessionRow) -> None:
    """Delete one session."""
    connection.execute("DELETE FROM session_info WHERE id = ?", (row.id,))


def delete_by_handle(connection: sqlite3.Connection, app_id: str, tenant_id: str, handle: str) -> bool:
    """Delete a session, live or not; False if there is none."""
    return connection.execute(f"DELETE FROM session_info WHERE {ONE}", (handle, tenant_id, app_id)).rowcount == 1


def _of_user(app_id: str, user_id: str, tenant_id: str | None, now: int) -> tuple[str, tuple[object, ...]]:
    where = "user_id = ? AND app_id = ? AND expires_at >= ?"
    if tenant_id is None:
        return where, (user_id, app_id, now)
    return where + " AND tenant_id = ?", (user_id, app_id, now, tenant_id)


def handles_of_user(
    connection: sqlite3.Connection, app_id: str, user_id: str, tenant_id: str | None, now: int
) -> list[str]:
    """Give the handles of a user's live sessions, oldest first; of one tenant or of all."""
    where, values = _of_user(app_id, user_id, tenant_id, now)
    rows = connection.execute(f"SELECT session_handle FROM session_info WHERE {where} ORDER BY id", values)
    return [handle for (handle,) in rows]


def delete_of_user(
    connection: sqlite3.Connection, app_id: str, user_id: str, tenant_id: str | None, now: int
) -> list[str]:
    """Delete a user's live sessions; give their handles, oldest first."""
    handles = handles_of_user(connection, app_id, user_id, tenant_id, now)
    where, values = _of_user(app_id, user_id, tenant_id, now)
    connection.execute(f"DELETE FROM session_info WHERE {where}", values)
    return handles


def delete_all(connection: sqlite3.Connection, app_id: str | None, *, most: int) -> int:
    """Delete sessions of one app or of all, at most so many; give how many."""
    where, values = ("", ()) if app_id is None else ("WHERE app_id = ?", (app_id,))
    statement = f"DELETE FROM session_info WHERE id IN (SELECT id FROM session_info {where} LIMIT ?)"
    return connection.execute(statement, (*values, most)).rowcount


def page(
    connection: sqlite3.Connection, app_id: str, tenant_id: str | None, now: int, *, after: int, limit: int
) -> list[LiveSession]:
    """Give live sessions of an app in the order of their creation, from after an id on."""
    where, values = "app_id = ? AND id > ? AND expires_at > ?", (app_id, after, now)
    if tenant_id is not None:
        where, values = where + " AND tenant_id = ?", (*values, tenant_id)  # type: ignore[assignment]
    statement = f"SELECT {LIVE_COLUMNS} FROM session_info WHERE {where} ORDER BY id LIMIT ?"
    return connection.execute(statement, (*values, limit)).fetchall()
