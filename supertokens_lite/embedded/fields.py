"""Reads the fields of a request: a JSON object or a query, with the refusals that callers know.

Stricter than lenient parsers where leniency would hide a mistake: a field has its type or is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite.embedded.replies import Refused
from supertokens_lite.types import is_array, is_object

__all__ = (
    "flag",
    "optional_flag",
    "optional_integer",
    "optional_object",
    "optional_text",
    "parse_body",
    "parse_query",
    "query_flag",
    "query_text",
    "stored_data",
    "stored_payload",
    "stored_text",
    "text",
    "whole_object",
)

DEEPEST: Final = 255
LARGEST: Final = 2**63 - 1
LONG_NUMBER: Final = re.compile(r"\d{19}")
_MISSING: Final = object()


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object, always as UTF-8.

    Raises:
        Refused: 400 `Invalid Json Input`.
    """
    try:
        value = parse_json(body.decode())
    except (ValueError, RecursionError):
        raise Refused(400, "Invalid Json Input") from None
    if not is_object(value) or _too_deep(body, value):
        raise Refused(400, "Invalid Json Input")
    return value


def _too_deep(body: bytes, value: Any) -> bool:
    """Tell whether a value nests deeper than allowed; looks closer only where that is possible at all."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if is_object(item) else item)
        level = [item for item in inner if is_object(item) or is_array(item)]
        if not level:
            return False
    return True


def _invalid(name: str) -> Refused:
    return Refused(400, f"Field name '{name}' is invalid in JSON input")


def text(body: Mapping[str, Any], name: str) -> str:
    """Give a string field."""
    value = body.get(name)
    if not isinstance(value, str):
        raise _invalid(name)
    return value


def stored_text(body: Mapping[str, Any], name: str) -> str:
    """Give a string field that can be stored: one that UTF-8 can hold."""
    value = text(body, name)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _invalid(name) from None
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    """Give a string field, None if it is absent; null is refused."""
    return text(body, name) if name in body else None


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Give a boolean field."""
    value = body.get(name)
    if not isinstance(value, bool):
        raise _invalid(name)
    return value


def optional_flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Give a boolean field, `default` if it is absent; null is refused."""
    return flag(body, name) if name in body else default


def whole_object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give an object field."""
    value = body.get(name)
    if not is_object(value):
        raise _invalid(name)
    return value


def optional_object(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Give an object field, None if it is absent; null is refused."""
    return whole_object(body, name) if name in body else None


def optional_integer(body: Mapping[str, Any], name: str) -> int | None:
    """Give an integer field, None if it is absent; fractions are cut off; null is refused."""
    value = body.get(name, _MISSING)
    if value is _MISSING:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _invalid(name)
    if not -LARGEST - 1 <= value <= LARGEST:
        raise _invalid(name)
    return int(value)


def stored_data(body: Mapping[str, Any], name: str) -> str:
    """Give an object field as the JSON text to store."""
    return _to_store(whole_object(body, name), name)


def stored_payload(payload: dict[str, Any], name: str) -> str:
    """Give an access token payload as the JSON text to store.

    Raises:
        Refused: 400; an integer has no signed 64-bit form, and no token could be minted from it later.
    """
    stored = _to_store(payload, name)
    if LONG_NUMBER.search(stored) and _has_long_integer(payload):
        raise Refused(400, f"Field name '{name}' has an integer outside the signed 64-bit range")
    return stored


def _to_store(value: dict[str, Any], name: str) -> str:
    try:
        return build_json(value)
    except ValueError:  # a number too large for a double
        raise _invalid(name) from None


def _has_long_integer(value: Any) -> bool:
    if is_object(value):
        return any(map(_has_long_integer, value.values()))
    if is_array(value):
        return any(map(_has_long_integer, value))
    return isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST


def parse_query(query: str) -> dict[str, str]:
    """Parse a query; of a name that is given twice the first counts."""
    found: dict[str, str] = {}
    is_escaped = "%" in query or "+" in query
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        if is_escaped:
            name, value = unquote_plus(name), unquote_plus(value)
        if piece:
            found.setdefault(name, value)
    return found


def query_text(query: Mapping[str, str], name: str) -> str:
    """Give a parameter that must be there."""
    value = query.get(name)
    if value is None:
        raise Refused(400, f"Field name '{name}' is missing in GET request")
    return value


def query_flag(query: Mapping[str, str], name: str) -> bool:
    """Give a boolean parameter: absent means true, and so does `true` in any case."""
    value = query.get(name)
    return value is None or value.lower() == "true"
