"""What tends the tables: sweeping, counting."""

from __future__ import annotations

import sqlite3

from supertokens_lite.embedded.store.schema import SCHEMA_VERSION

__all__ = ("count_sessions", "delete_expired", "key_ages", "schema_version", "size_bytes")


def delete_expired(connection: sqlite3.Connection, now: int, *, most: int) -> int:
    """Delete sessions that have expired, at most so many; give how many."""
    statement = "DELETE FROM session_info WHERE id IN (SELECT id FROM session_info WHERE expires_at <= ? LIMIT ?)"
    return connection.execute(statement, (now, most)).rowcount


def count_sessions(connection: sqlite3.Connection, now: int) -> list[tuple[str, str, int, int]]:
    """Give `(app, tenant, live, expired)` for each tenant."""
    statement = """\
SELECT app_id, tenant_id, count(session_info.id) FILTER (WHERE expires_at > ?1),
    count(session_info.id) FILTER (WHERE expires_at <= ?1)
FROM tenants LEFT JOIN session_info USING (app_id, tenant_id) GROUP BY app_id, tenant_id ORDER BY app_id, tenant_id"""
    return connection.execute(statement, (now,)).fetchall()


def key_ages(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Give `(app, kid, created_at)` of all signing keys."""
    statement = """\
SELECT app_id, 'd-' || created_at_time, created_at_time FROM session_access_token_signing_keys
UNION ALL SELECT app_id, key_id, created_at FROM jwt_signing_keys ORDER BY 1, 3 DESC"""
    return connection.execute(statement).fetchall()


def schema_version() -> int:
    """Give the version of the tables."""
    return SCHEMA_VERSION


def size_bytes(connection: sqlite3.Connection) -> int:
    """Give the size of the database without its log."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])
