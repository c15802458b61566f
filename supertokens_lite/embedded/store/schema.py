"""The tables, and how a file gets from one version of them to the next.

`user_version` counts the steps taken, `application_id` marks the file as ours. A step is never changed once released;
a new one is added at the end.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from supertokens_lite.exceptions import ConfigurationError

__all__ = ("APPLICATION_ID", "SCHEMA_VERSION", "is_current", "migrate")

APPLICATION_ID: Final = 0x53544C31
"""`STL1` in ASCII."""

FIRST: Final = """\
CREATE TABLE apps (
    app_id TEXT NOT NULL PRIMARY KEY,
    core_config TEXT NOT NULL DEFAULT '{}',
    created_at_time INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenants (
    app_id TEXT NOT NULL REFERENCES apps ON DELETE CASCADE,
    tenant_id TEXT NOT NULL,
    core_config TEXT NOT NULL DEFAULT '{}',
    created_at_time INTEGER NOT NULL,
    PRIMARY KEY (app_id, tenant_id)
) WITHOUT ROWID;

CREATE TABLE key_value (
    app_id TEXT NOT NULL REFERENCES apps ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at_time INTEGER NOT NULL,
    PRIMARY KEY (app_id, name)
) WITHOUT ROWID;

CREATE TABLE session_access_token_signing_keys (
    app_id TEXT NOT NULL REFERENCES apps ON DELETE CASCADE,
    created_at_time INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (app_id, created_at_time)
) WITHOUT ROWID;

CREATE TABLE jwt_signing_keys (
    app_id TEXT NOT NULL REFERENCES apps ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    key_string TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, key_id)
) WITHOUT ROWID;

CREATE TABLE session_info (
    id INTEGER PRIMARY KEY,
    app_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    session_handle TEXT NOT NULL,
    user_id TEXT NOT NULL,
    refresh_token_hash_2 TEXT NOT NULL,
    session_data TEXT NOT NULL,
    data_version INTEGER NOT NULL DEFAULT 1,
    expires_at INTEGER NOT NULL,
    created_at_time INTEGER NOT NULL,
    jwt_user_payload TEXT NOT NULL,
    use_static_key INTEGER NOT NULL,
    prev_refresh_token_hash_2 TEXT,
    refresh_token_rotated_at INTEGER,
    UNIQUE (session_handle, tenant_id, app_id),
    FOREIGN KEY (app_id, tenant_id) REFERENCES tenants ON DELETE CASCADE
);

CREATE INDEX session_expiry_index ON session_info (expires_at);
CREATE INDEX session_user_index ON session_info (user_id, app_id);
CREATE INDEX session_app_index ON session_info (app_id);

INSERT INTO apps (app_id, created_at_time) VALUES ('public', unixepoch() * 1000);
INSERT INTO tenants (app_id, tenant_id, created_at_time) VALUES ('public', 'public', unixepoch() * 1000);
"""

STEPS: Final = (FIRST,)
SCHEMA_VERSION: Final = len(STEPS)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def is_current(connection: sqlite3.Connection, path: str) -> bool:
    """Tell whether the file has the tables of this version.

    Raises:
        ConfigurationError: it is somebody else's database, or a newer version's.
    """
    version = _pragma(connection, "user_version")
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if tables and _pragma(connection, "application_id") != APPLICATION_ID:
        raise ConfigurationError(
            f"{path} is an SQLite database of another program; name a new file or one that this core made"
        )
    if version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} has schema version {version}, and this version of supertokens-lite knows {SCHEMA_VERSION}: "
            "install a newer supertokens-lite, or use a copy of the file made before the upgrade"
        )
    return version == SCHEMA_VERSION


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Take a file to the tables of this version, in one transaction; several processes may try at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not is_current(connection, path):
            for step in STEPS[_pragma(connection, "user_version") :]:
                for statement in step.split(";\n"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
