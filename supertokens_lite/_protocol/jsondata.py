"""What can be session data: a JSON object, all the way down; and how two of them are compared and merged.

Tuples count as lists. The usual value passes after one look at each item; only a value that fails is walked again for
the place of the fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final, TypeGuard

from supertokens_lite.exceptions import BadInputError
from supertokens_lite.types import is_object

__all__ = ("DEEPEST", "build_canonical", "check_object", "merge_claims", "merge_patch")

DEEPEST: Final = 200

LARGEST: Final = 10**4300
"""Integers from here on can't be written: Python refuses to turn longer ones into text."""

_build_sorted: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode

_PLAIN: Final = frozenset((str, bool, type(None)))


def check_object(value: Any, name: str) -> None:
    """Refuse what is not a JSON object.

    Args:
        value: what is to be sent.
        name: what the caller calls it, for the error.

    Raises:
        BadInputError: `path` names the place, like `data["a"][3]`.
    """
    if not is_object(value):
        raise BadInputError(f"must be a dict, not {_kind(value)}", name)
    if not _is_fine(value, 1):
        _find_fault(value, name)


def _is_fine(value: Any, depth: int) -> bool:
    """Tell whether an object or list is JSON within the depth allowed."""
    if depth > DEEPEST:
        return False
    items: Iterable[Any] = value
    if is_object(value):
        if not {str}.issuperset(map(type, value)) and not all(map(_is_text, value)):
            return False
        items = value.values()
    if _PLAIN.issuperset(map(type, items)):
        return True
    for item in items:
        if type(item) in _PLAIN:
            continue
        if isinstance(item, int):
            if not -LARGEST < item < LARGEST:
                return False
        elif isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif _is_container(item):
            if not _is_fine(item, depth + 1):
                return False
        elif not isinstance(item, str):
            return False
    return True


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def _is_container(value: object) -> TypeGuard[Any]:
    return isinstance(value, (dict, list, tuple))


def _find_fault(root: Any, name: str) -> None:
    """Raise the error for the first fault; a stack instead of recursion, for the value may be very deep."""
    waiting: list[tuple[Any, str, int]] = [(root, name, 1)]
    while waiting:
        value, path, depth = waiting.pop()
        if _is_container(value):
            if depth > DEEPEST:
                raise BadInputError(f"is nested more than {DEEPEST} levels deep", name)
            items: list[Any] = [] if is_object(value) else list(value)
            inner: list[tuple[Any, Any]] = list(value.items() if is_object(value) else enumerate(items))
            for key, _ in inner if is_object(value) else ():
                if not _is_text(key):
                    raise BadInputError(f"a key must be a string, not {_kind(key)}", path)
            waiting += reversed([(item, f"{path}[{_step(key)}]", depth + 1) for key, item in inner])
        elif isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(f"{value} has no form in JSON; use None or a string", path)
        elif isinstance(value, int) and not -LARGEST < value < LARGEST:
            raise BadInputError("the integer is too large to be written", path)
        elif value is not None and not isinstance(value, (str, int, float)):
            raise BadInputError(f"{_kind(value)} has no form in JSON", path)


def _step(key: Any) -> str:
    return json.dumps(key, ensure_ascii=not key.isprintable()) if isinstance(key, str) else str(key)


def _kind(value: object) -> str:
    return type(value).__name__


def merge_claims(existing: dict[str, Any], update: dict[str, Any], protected: frozenset[str]) -> dict[str, Any]:
    """Merge an update into an access token payload: None deletes a key, the core's own claims are left out."""
    merged = {name: value for name, value in existing.items() if name not in protected} | update
    return {name: value for name, value in merged.items() if name not in update or value is not None}


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a merge patch; neither argument is changed. Source: RFC 7396 section 2."""
    if not is_object(patch):
        return patch
    merged = dict(target) if is_object(target) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def build_canonical(value: Any) -> str:
    """Write a JSON value so that two texts are equal where the values are; 1, 1.0 and true are three values."""
    return _build_sorted(value)
