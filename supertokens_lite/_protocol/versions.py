"""Which protocol version to speak with a core."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ("SUPPORTED", "choose")

SUPPORTED: Final = ("5.6", "5.5", "5.4", "5.3")
"""The versions that this package speaks, best first."""


def choose(theirs: Iterable[str]) -> str | None:
    """Give the best version that both sides speak, None if there is none."""
    offered = set(theirs)
    return next((version for version in SUPPORTED if version in offered), None)
