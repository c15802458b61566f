"""The settings of a session core, and of each app of it: names, limits and defaults.

Decides what a value may be and how a refusal reads. Knows neither files nor the command line: values come in as text
(from an environment or a command line) or as JSON values (from a request).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from supertokens_lite.exceptions import ConfigurationError

__all__ = ("NEWEST", "VERSIONS", "BadSettingError", "Settings", "overlay", "parse_api_keys", "parse_settings")

VERSIONS: Final[Mapping[str, int]] = {
    "3.1": 31,
    "4.0": 40,
    "5.0": 50,
    "5.1": 51,
    "5.2": 52,
    "5.3": 53,
    "5.4": 54,
    "5.5": 55,
    "5.6": 56,
}
"""The protocol versions that this core speaks, and a number to compare each by."""

NEWEST: Final = "5.6"

API_KEY: Final = re.compile(r"[A-Za-z0-9=-]{20,}")


class BadSettingError(Exception):
    """A setting is unknown or out of its limits; the text says which."""


@dataclass(frozen=True)
class Settings:
    """What holds for one app; times in the units of their names.

    Attributes:
        access_token_validity: seconds.
        access_token_validity_jitter: the largest share by which a new access token's life is shortened at random.
        refresh_token_validity: minutes; also the life of a session that is not refreshed.
        refresh_token_rotation_grace_period: seconds.
        recent_token_reuse_behaviour: `TOKEN_THEFT` or `UNAUTHORISED`.
        access_token_dynamic_signing_key_update_interval: hours.
        supertokens_max_cdi_version: the newest version spoken, and the one of a request that names none.
        supertokens_min_cdi_version: the oldest version spoken.
        api_keys: what callers must show one of; empty if none is asked for.
        ip_allow_regex: addresses that may call, each as a whole; None: all.
        ip_deny_regex: addresses that may not call.
    """

    access_token_validity: int = 3600
    access_token_validity_jitter: float = 0.05
    refresh_token_validity: float = 144_000
    refresh_token_rotation_grace_period: int = 30
    recent_token_reuse_behaviour: str = "TOKEN_THEFT"  # noqa: S105
    access_token_dynamic_signing_key_update_interval: float = 168
    supertokens_max_cdi_version: str = NEWEST
    supertokens_min_cdi_version: str = "3.1"
    api_keys: tuple[str, ...] = ()
    ip_allow_regex: str | None = None
    ip_deny_regex: str | None = None

    @property
    def access_token_ms(self) -> int:
        """The life of an access token in milliseconds."""
        return self.access_token_validity * 1000

    @property
    def session_ms(self) -> int:
        """The life of a session that is not refreshed, in milliseconds."""
        return int(self.refresh_token_validity * 60_000)

    @property
    def key_interval_ms(self) -> int:
        """For how long a dynamic key signs, in milliseconds."""
        return int(self.access_token_dynamic_signing_key_update_interval * 3_600_000)

    @property
    def grace_ms(self) -> int:
        """For how long a rotated refresh token may be shown again, in milliseconds."""
        return self.refresh_token_rotation_grace_period * 1000


def _number(text: str, *, whole: bool, lowest: float, highest: float = math.inf) -> Callable[[str, Any], Any]:
    """Make a reader of numbers between two bounds; `text` says what is wanted."""

    def read(name: str, value: Any) -> Any:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number) or (whole and not number.is_integer()):
            raise BadSettingError(f"'{name}' must be {'an integer' if whole else 'a number'}.")
        if not lowest <= number <= highest:
            raise BadSettingError(f"'{name}' must be {text}")
        return int(number) if whole else number

    return read


def _version(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in VERSIONS:
        raise BadSettingError(f"'{name}' must be one of {', '.join(VERSIONS)}.")
    return value


def _behaviour(name: str, value: Any) -> str:
    if value not in ("TOKEN_THEFT", "UNAUTHORISED"):
        raise BadSettingError(f"'{name}' must be TOKEN_THEFT or UNAUTHORISED.")
    return str(value)


def _regex(name: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        re.compile(value)
    except (re.error, TypeError):
        raise BadSettingError(f"'{name}' must be a valid regular expression.") from None
    return str(value)


def parse_api_keys(name: str, value: Any) -> tuple[str, ...]:
    """Read a comma-separated list of API keys.

    Raises:
        BadSettingError: a key is too short or has a character that is not allowed; the text does not show the key.
    """
    if value is None:
        return ()
    keys = tuple(key.strip() for key in str(value).split(",") if key.strip())
    if not all(API_KEY.fullmatch(key) for key in keys):
        raise BadSettingError(
            f"'{name}': each API key needs at least 20 characters, and only letters, digits, '=' and '-'."
        )
    return keys


READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "access_token_validity": _number("between 1 and 86400000 seconds inclusive.", whole=True, lowest=1, highest=86.4e6),
    "access_token_validity_jitter": _number("between 0 and 0.25 inclusive.", whole=False, lowest=0, highest=0.25),
    "refresh_token_validity": _number("a number of minutes above 0.", whole=False, lowest=1e-9, highest=1e12),
    "refresh_token_rotation_grace_period": _number("between 0 and 300 seconds.", whole=True, lowest=0, highest=300),
    "recent_token_reuse_behaviour": _behaviour,
    "access_token_dynamic_signing_key_update_interval": _number(
        "between 1 and 1000000000 hours inclusive.", whole=False, lowest=1, highest=1e9
    ),
    "supertokens_max_cdi_version": _version,
    "supertokens_min_cdi_version": _version,
    "api_keys": parse_api_keys,
    "ip_allow_regex": _regex,
    "ip_deny_regex": _regex,
}

ALIASES: Final[Mapping[str, str]] = {
    "access_token_signing_key_update_interval": "access_token_dynamic_signing_key_update_interval"
}


def overlay(base: Settings, values: Mapping[str, Any]) -> Settings:
    """Lay settings over others; None takes a value back to what `base` has.

    Raises:
        BadSettingError: a name is unknown or a value can't work.
    """
    read: dict[str, Any] = {}
    for given, value in values.items():
        name = ALIASES.get(given, given)
        reader = READERS.get(name)
        if reader is None:
            raise BadSettingError(f"Invalid config key: {given}")
        if value is not None:
            read[name] = reader(given, value)
    settings = replace(base, **read)
    if settings.refresh_token_validity * 60 <= settings.access_token_validity:
        raise BadSettingError("'refresh_token_validity' must be strictly greater than 'access_token_validity'.")
    if VERSIONS[settings.supertokens_min_cdi_version] > VERSIONS[settings.supertokens_max_cdi_version]:
        raise BadSettingError("'supertokens_min_cdi_version' must not be above 'supertokens_max_cdi_version'.")
    return settings


def parse_settings(values: Mapping[str, object]) -> Settings:
    """Read a core's settings; values may be text.

    Raises:
        ConfigurationError: a name is unknown or a value can't work; in one line.
    """
    try:
        return overlay(Settings(), values)
    except BadSettingError as error:
        known = f". Known are {', '.join(READERS)}." if str(error).startswith("Invalid config key") else ""
        raise ConfigurationError(f"core config: {error}{known}") from None
