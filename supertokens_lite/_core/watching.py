"""Lets whoever makes many calls see how the core takes them, the tries that the querier makes up for included."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

__all__ = ("Watch", "watching")

Watch = Callable[["int | None", "float | None"], None]
"""Gets the status of a reply that was none of success, None if there was no reply; and the seconds it asks to wait."""

watching: Final[ContextVar[Watch | None]] = ContextVar("supertokens_lite_watching", default=None)
"""Who watches the calls that are made here."""
