"""Answers of the core that are reused within one user context, so that one request of the application asks once.

Kept in the context itself, under `user_context["_default"]["core_call_cache"]`. Any call but a GET empties it, and the
caches of all other contexts too unless the context says `keep_cache_alive`. Replies are kept as bytes and parsed anew,
so that nobody's changes show elsewhere.

Emptying puts a new dict into the context. Whoever asks the core keeps its answer in the dict that was there when it
asked, so that an answer older than a write is never found after it.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.types import CoreCall, HttpReply, UserContext

__all__ = ("CallCache",)

MOST: Final = 100

Kept = tuple[HttpReply, CoreHost]
Shelf = dict[Any, Kept]


class CallCache:
    """Finds and keeps replies in user contexts."""

    def __init__(self) -> None:
        self._tags = itertools.count()  # one step from any thread
        self._tag = next(self._tags)

    def shelf(self, user_context: UserContext) -> Shelf:
        """Give where the context's replies are kept just now."""
        default: dict[str, Any] = user_context.setdefault("_default", {})
        if default.get("global_cache_tag") != self._tag:
            default["global_cache_tag"] = self._tag
            default["core_call_cache"] = {}
        shelf: Shelf = default.setdefault("core_call_cache", {})
        return shelf

    def find(self, shelf: Shelf, call: CoreCall) -> Kept | None:
        """Find the reply to a call."""
        return shelf.get(_key(call))

    def keep(self, shelf: Shelf, call: CoreCall, reply: Kept) -> None:
        """Keep the reply to a call that was made since the shelf was taken."""
        while len(shelf) >= MOST:
            shelf.pop(next(iter(shelf), None), None)
        shelf[_key(call)] = reply

    def clear(self, user_context: UserContext | None) -> None:
        """Forget what a context holds, because something was written; without a context, what all of them hold."""
        default: dict[str, Any] = {} if user_context is None else user_context.setdefault("_default", {})
        if not default.get("keep_cache_alive"):
            self._tag = next(self._tags)
        default["global_cache_tag"] = self._tag
        default["core_call_cache"] = {}


def _key(call: CoreCall) -> tuple[str, tuple[tuple[str, str], ...]]:
    return call.path, tuple(sorted(call.query.items())) if call.query else ()
