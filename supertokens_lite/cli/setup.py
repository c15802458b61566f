"""What commands on a core share: options, the environment behind them, and the core that they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.settings import BadSettingError, Settings, parse_api_keys
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.types import Secret

__all__ = ("PREFIX", "existing_core", "option", "read_api_keys", "read_config", "read_durability", "read_whole")

PREFIX: Final = "SUPERTOKENS_LITE_"


def option(given: str | None, name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Give an option, else what the environment says under its name."""
    return given if given is not None else environment.get(PREFIX + name.upper()) or None


def read_whole(text: str | None, name: str, *, default: int, lowest: int, highest: int) -> int:
    """Read a whole number.

    Raises:
        ConfigurationError: it is none, or out of bounds.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise ConfigurationError(f"{name} is {text!r} and must be a whole number from {lowest} to {highest}")
    return int(text)


def read_durability(text: str | None) -> Literal["full", "normal"]:
    """Read the durability.

    Raises:
        ConfigurationError: it is neither.
    """
    if text in (None, "full"):
        return "full"
    if text == "normal":
        return "normal"
    raise ConfigurationError(f"durability is {text!r} and must be full or normal")


def read_config(pairs: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Read configuration keys from the environment and from `KEY=VALUE` options, which win.

    Raises:
        ConfigurationError: an option has no `=`, or tries to set an API key.
    """
    names = [field.name for field in fields(Settings) if field.name != "api_keys"]
    config: dict[str, Any] = {name: environment[key] for name in names if (key := PREFIX + name.upper()) in environment}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise ConfigurationError(f"--config {pair!r} must be KEY=VALUE")
        if name.strip() == "api_keys":
            raise ConfigurationError(
                f"--config api_keys: other users can read the command line; use --api-key-file or {PREFIX}API_KEYS"
            )
        config[name.strip()] = value.strip()
    return config


def read_api_keys(path: str | None, environment: Mapping[str, str] = os.environ) -> list[Secret]:
    """Read API keys, one a line or separated by commas, from a file and from the environment.

    Raises:
        ConfigurationError: the file can't be read, others may read it, it has no key, or one is too short; keys are
            not shown.
    """
    name = f"{PREFIX}API_KEYS"
    given = environment.get(name, "")
    found = parse_keys(name, given) if given else []
    if path is None:
        return found
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        mode = stat.S_IMODE(file.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"the API key file {path} can't be read: {reason}") from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigurationError(f"other users of this machine may read the API key file: run chmod 600 {path}")
    return found + parse_keys(path, text.replace("\n", ","))


def parse_keys(name: str, text: str) -> list[Secret]:
    """Read API keys separated by commas; no key at all is an error, for it would leave the core open to anybody."""
    try:
        keys = [Secret(key) for key in parse_api_keys(name, text)]
    except BadSettingError as error:
        raise ConfigurationError(str(error)) from None
    if not keys:
        raise ConfigurationError(f"{name} holds no API key: write one of at least 20 characters into it")
    return keys


def existing_core(database: str | None) -> EmbeddedCore:
    """Open the core on a file that is there.

    Raises:
        ConfigurationError: no file is named, it is not there, or it can't be used.
    """
    path = option(database, "database")
    if not path:
        raise ConfigurationError(f"name the database with --database PATH or {PREFIX}DATABASE")
    if path == ":memory:":
        raise ConfigurationError("a database in memory is another process's own; name a file")
    if not Path(path).is_file():
        raise ConfigurationError(f"there is no database {path}")
    return EmbeddedCore(path, config=read_config(()))
