"""From what was typed to an SDK on the core that is meant."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Final, Literal

from supertokens_lite._protocol.paths import PUBLIC_APP
from supertokens_lite.cli.setup import option, read_api_keys, read_config
from supertokens_lite.config import InputAppInfo, SupertokensConfig
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import ConfigurationError, GeneralError
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.bulk_files import check_name
from supertokens_lite.recipe.session.interfaces import SessionInformationResult
from supertokens_lite.supertokens import Supertokens

__all__ = ("connect", "describe", "find_session", "name_core", "read_name")

VARIABLE: Final = "SUPERTOKENS_CORE_URI"
CONNECTIONS: Final = 16


def connect(
    arguments: argparse.Namespace, *, concurrency: int = 1, fast: bool = False, portal: bool = False
) -> Supertokens:
    """Build an SDK on the core that the arguments or the environment name; nothing is asked of it yet.

    Args:
        arguments: what was typed.
        concurrency: how many calls will be under way at once.
        fast: send requests through the client of the extra `fast`.
        portal: run calls on an event loop, for `async def` functions of the user.

    Raises:
        ConfigurationError: there is no such core, or the key can't be used.
    """
    config = _configure(arguments, max(concurrency, CONNECTIONS), "fast" if fast else "default")
    info = InputAppInfo("supertokens-lite", "http://localhost", website_domain="http://localhost")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        app = Supertokens(info, "fastapi", config, [session.init()], portal=portal)
    for each in caught:
        print(f"Warning: {each.message}", file=sys.stderr)
    return app


def _configure(
    arguments: argparse.Namespace, max_connections: int, transport: Literal["default", "fast"]
) -> SupertokensConfig:
    uri = arguments.core if arguments.core is not None else os.environ.get(VARIABLE)
    if not uri:
        raise ConfigurationError(f"name the core with --core URI or {VARIABLE}")
    database = SupertokensConfig(uri).database
    if database is not None:
        _check_database(database, arguments.app)
        return SupertokensConfig(
            uri, transport=transport, core_app_id=arguments.app or PUBLIC_APP, core_config=read_config(())
        )
    if arguments.app is not None:
        raise ConfigurationError(f"--app is for sqlite:///FILE; put the app into the URI: …/appid-{arguments.app}")
    return SupertokensConfig(
        uri, api_key=_read_key(arguments.api_key_file), transport=transport, max_connections=max_connections
    )


def _check_database(path: str, app_id: str | None) -> None:
    """Refuse a database or an app that is not there: opening would make it."""
    if path == ":memory:":
        raise ConfigurationError("a database in memory is another process's own; name a file")
    if not Path(path).is_file():
        raise ConfigurationError(f"there is no database {path}")
    if app_id is None:
        return
    core = EmbeddedCore(path, config=read_config(()))
    try:
        known = sorted({tenant.app_id for tenant in core.stats().tenants})
    finally:
        core.close()
    if app_id not in known:
        raise ConfigurationError(f"there is no app {app_id!r} in this database; it has {', '.join(known)}")


def _read_key(path: str | None) -> str | None:
    """Give the core's API key. A file that was typed comes before the environment, and its first key counts."""
    keys = read_api_keys(path, {}) if path is not None else read_api_keys(option(None, "api_key_file"))
    return keys[0].reveal() if keys else None


def name_core(app: Supertokens) -> str:
    """Give the core's address as it may be shown."""
    config = app.supertokens_config
    return config.database or ", ".join(host.origin + host.base_path for host in config.hosts)


def read_name(what: str, name: str) -> str:
    """Give back what was typed as the name of a session or user.

    Raises:
        ConfigurationError: it can't be one.
    """
    fault = check_name(name)
    if fault is not None:
        raise ConfigurationError(f"{what}: {fault}")
    return name


def find_session(app: Supertokens, handle: str) -> SessionInformationResult:
    """Read a session.

    Raises:
        GeneralError: there is no such session.
    """
    information = app.session.blocking.get_session_information(handle)
    if information is None:
        raise GeneralError(f"there is no session {handle}, or it has ended")
    return information


def describe(information: SessionInformationResult) -> dict[str, Any]:
    """Give a session as JSON, with the names of the SDK."""
    return vars(information) | {"recipe_user_id": information.recipe_user_id.get_as_string()}
