"""The one place that accepts `def` and `async def` alike."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from types import CoroutineType
from typing import TypeVar

__all__ = ("settle",)

T = TypeVar("T")


async def settle(value: Awaitable[T]) -> T:
    """Give what a callback gave, awaiting it if it has to be awaited.

    Typed as if it always had to be, because that is how interfaces are typed; a replacement may be a plain `def`.
    """
    if type(value) is CoroutineType or inspect.isawaitable(value):
        return await value  # pyright: ignore[reportUnknownVariableType]
    return value
