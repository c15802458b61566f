"""The one place that accepts `def` and `async def` alike."""

from __future__ import annotations

import inspect
from typing import TypeVar

from supertokens_lite.types import MaybeAwaitable

__all__ = ("settle",)

T = TypeVar("T")


async def settle(value: MaybeAwaitable[T]) -> T:
    """Give what a callback gave, awaiting it if it has to be awaited."""
    if inspect.isawaitable(value):
        return await value
    return value
