"""Answers of the core that are reused within one user context, so that one request of the application asks once.

Kept in the context itself, under `user_context["_default"]["core_call_cache"]`. Any call but a GET empties it, and the
caches of all other contexts too unless the context says `keep_cache_alive`. Replies are kept as bytes and parsed anew,
so that nobody's changes show elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.types import CoreCall, HttpReply, UserContext

__all__ = ("CallCache",)

MOST: Final = 100

Kept = tuple[HttpReply, CoreHost]


class CallCache:
    """Finds and keeps replies in user contexts."""

    def __init__(self) -> None:
        self._tag = 0

    def find(self, user_context: UserContext, call: CoreCall) -> Kept | None:
        """Find the reply to a call."""
        default = user_context.get("_default")
        if default is None or default.get("global_cache_tag") != self._tag:
            return None
        kept: Kept | None = default.get("core_call_cache", {}).get(_key(call))
        return kept

    def keep(self, user_context: UserContext, call: CoreCall, reply: Kept) -> None:
        """Keep the reply to a call."""
        default: dict[str, Any] = user_context.setdefault("_default", {})
        if default.get("global_cache_tag") != self._tag:
            default["global_cache_tag"] = self._tag
            default["core_call_cache"] = {}
        kept: dict[Any, Kept] = default.setdefault("core_call_cache", {})
        if len(kept) >= MOST:
            kept.pop(next(iter(kept)))
        kept[_key(call)] = reply

    def outdate(self) -> None:
        """Make what all contexts hold out of date."""
        self._tag += 1

    def clear(self, user_context: UserContext) -> None:
        """Forget what a context holds, because something was written."""
        default: dict[str, Any] = user_context.setdefault("_default", {})
        if not default.get("keep_cache_alive"):
            self.outdate()
        default["global_cache_tag"] = self._tag
        default["core_call_cache"] = {}


def _key(call: CoreCall) -> tuple[str, tuple[tuple[str, str], ...]]:
    return call.path, tuple(sorted(call.query.items())) if call.query else ()
