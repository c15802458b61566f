"""The members of a core's replies, read so that what is missing or of another kind is never taken for something else.

Each raises `KeyError`, `TypeError` or `ValueError` then; the querier turns that into one error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supertokens_lite.types import is_array, is_object

__all__ = ("read_array", "read_identity", "read_object", "read_status", "read_text", "read_text_or_none", "read_whole")


def read_text(value: object) -> str:
    """Give a string."""
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def read_text_or_none(value: object) -> str | None:
    """Give a string, or None for null and for what is not there."""
    return None if value is None else read_text(value)


def read_whole(value: object) -> int:
    """Give a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def read_object(value: object) -> dict[str, Any]:
    """Give an object."""
    if not is_object(value):
        raise TypeError("not an object")
    return value


def read_array(value: object) -> list[Any]:
    """Give an array."""
    if not is_array(value):
        raise TypeError("not an array")
    return value


def read_status(reply: Mapping[str, Any], *known: str) -> str:
    """Give the status of a reply; any other than those is none that the protocol has there."""
    status: str = reply["status"]
    if status not in known:
        raise ValueError("a status that the protocol does not have")
    return status


def read_identity(session: Mapping[str, Any]) -> tuple[str, str, str]:
    """Give handle, user and login method's user; before CDI 4.0 the user is the login method's user too."""
    user_id = read_text(session["userId"])
    return read_text(session["handle"]), user_id, read_text(session.get("recipeUserId", user_id))
