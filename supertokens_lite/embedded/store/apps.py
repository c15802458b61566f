"""The statements on apps, their tenants and their keys. Each takes a connection; the transaction is the caller's."""

from __future__ import annotations

import sqlite3
from sqlite3 import Connection
from typing import Any, NamedTuple

from supertokens_lite._protocol.jsontext import parse_json

__all__ = (
    "Connection",
    "StoredApp",
    "add_dynamic_key",
    "add_static_key",
    "app_ids",
    "core_config",
    "delete_app",
    "delete_old_keys",
    "delete_tenant",
    "has_tenant",
    "load_app",
    "make_app",
    "parse_config",
    "put_app",
    "put_tenant",
    "set_refresh_key",
    "tenants",
)

REFRESH_KEY = "refresh_token_key"


class StoredApp(NamedTuple):
    """What is stored about one app.

    Attributes:
        core_config: its own settings, as JSON text.
        refresh_key: the key of its refresh tokens, None if it has none yet.
        dynamic: `(created_at, text)` of its dynamic keys, newest first.
        static: `(kid, created_at, text)` of its static keys, newest first.
    """

    core_config: str
    refresh_key: str | None
    dynamic: list[tuple[int, str]]
    static: list[tuple[str, int, str]]


def load_app(connection: sqlite3.Connection, app_id: str) -> StoredApp | None:
    """Read an app."""
    config = core_config(connection, app_id)
    if config is None:
        return None
    key = connection.execute("SELECT value FROM key_value WHERE app_id = ? AND name = ?", (app_id, REFRESH_KEY))
    found = key.fetchone()
    dynamic = connection.execute(
        "SELECT created_at_time, value FROM session_access_token_signing_keys WHERE app_id = ? "
        "ORDER BY created_at_time DESC",
        (app_id,),
    )
    static = connection.execute(
        "SELECT key_id, created_at, key_string FROM jwt_signing_keys WHERE app_id = ? ORDER BY created_at DESC, key_id",
        (app_id,),
    )
    return StoredApp(config, found[0] if found else None, dynamic.fetchall(), static.fetchall())


def core_config(connection: sqlite3.Connection, app_id: str) -> str | None:
    """Read the settings of an app as JSON text; None if there is no such app."""
    row = connection.execute("SELECT core_config FROM apps WHERE app_id = ?", (app_id,)).fetchone()
    return None if row is None else str(row[0])


def parse_config(text: str) -> dict[str, Any]:
    """Parse stored settings."""
    config: dict[str, Any] = parse_json(text)
    return config


def app_ids(connection: sqlite3.Connection) -> list[str]:
    """Give the ids of all apps."""
    return [app_id for (app_id,) in connection.execute("SELECT app_id FROM apps ORDER BY app_id")]


def put_app(connection: sqlite3.Connection, app_id: str, config: str, now: int) -> bool:
    """Store an app's settings, making the app and its public tenant; True if it was made."""
    if core_config(connection, app_id) is not None:
        connection.execute("UPDATE apps SET core_config = ? WHERE app_id = ?", (config, app_id))
        return False
    connection.execute("INSERT INTO apps VALUES (?, ?, ?)", (app_id, config, now))
    connection.execute("INSERT INTO tenants VALUES (?, 'public', '{}', ?)", (app_id, now))
    return True


def make_app(connection: sqlite3.Connection, app_id: str, now: int) -> None:
    """Make an app unless it is there."""
    if core_config(connection, app_id) is None:
        put_app(connection, app_id, "{}", now)


def delete_app(connection: sqlite3.Connection, app_id: str) -> bool:
    """Delete an app with all it has; False if there is none."""
    return connection.execute("DELETE FROM apps WHERE app_id = ?", (app_id,)).rowcount == 1


def tenants(connection: sqlite3.Connection, app_id: str) -> list[tuple[str, str]]:
    """Give `(id, settings)` of the tenants of an app, oldest first."""
    statement = "SELECT tenant_id, core_config FROM tenants WHERE app_id = ? ORDER BY created_at_time, tenant_id"
    return connection.execute(statement, (app_id,)).fetchall()


def has_tenant(connection: sqlite3.Connection, app_id: str, tenant_id: str) -> bool:
    """Tell whether an app has a tenant."""
    statement = "SELECT 1 FROM tenants WHERE app_id = ? AND tenant_id = ?"
    return connection.execute(statement, (app_id, tenant_id)).fetchone() is not None


def put_tenant(connection: sqlite3.Connection, app_id: str, tenant_id: str, config: str, now: int) -> bool:
    """Store a tenant's settings, making the tenant; True if it was made."""
    if has_tenant(connection, app_id, tenant_id):
        statement = "UPDATE tenants SET core_config = ? WHERE app_id = ? AND tenant_id = ?"
        connection.execute(statement, (config, app_id, tenant_id))
        return False
    connection.execute("INSERT INTO tenants VALUES (?, ?, ?, ?)", (app_id, tenant_id, config, now))
    return True


def delete_tenant(connection: sqlite3.Connection, app_id: str, tenant_id: str) -> bool:
    """Delete a tenant and its sessions; False if there is none."""
    statement = "DELETE FROM tenants WHERE app_id = ? AND tenant_id = ?"
    return connection.execute(statement, (app_id, tenant_id)).rowcount == 1


def set_refresh_key(connection: sqlite3.Connection, app_id: str, key: str, now: int) -> None:
    """Store the key of an app's refresh tokens, unless it has one."""
    connection.execute("INSERT OR IGNORE INTO key_value VALUES (?, ?, ?, ?)", (app_id, REFRESH_KEY, key, now))


def add_dynamic_key(connection: sqlite3.Connection, app_id: str, text: str, now: int) -> int:
    """Store a dynamic key; give the time of creation that names it, which is later than that of any other."""
    newest = _newest_dynamic(connection, app_id)
    created_at = now if newest is None else max(now, newest + 1)
    statement = "INSERT INTO session_access_token_signing_keys VALUES (?, ?, ?)"
    connection.execute(statement, (app_id, created_at, text))
    return created_at


def _newest_dynamic(connection: sqlite3.Connection, app_id: str) -> int | None:
    statement = "SELECT max(created_at_time) FROM session_access_token_signing_keys WHERE app_id = ?"
    newest: int | None = connection.execute(statement, (app_id,)).fetchone()[0]
    return newest


def add_static_key(connection: sqlite3.Connection, app_id: str, kid: str, text: str, now: int) -> None:
    """Store a static key."""
    connection.execute("INSERT INTO jwt_signing_keys VALUES (?, ?, ?, 'RS256', ?)", (app_id, kid, text, now))


def delete_old_keys(connection: sqlite3.Connection, app_id: str, made_before: int) -> int:
    """Delete the dynamic keys of an app that were made before a time; give how many."""
    statement = "DELETE FROM session_access_token_signing_keys WHERE app_id = ? AND created_at_time < ?"
    return connection.execute(statement, (app_id, made_before)).rowcount
