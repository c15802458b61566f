"""Which protocol version to speak with a core."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ("SUPPORTED", "choose", "promotes_at_verify")

SUPPORTED: Final = ("5.6", "5.5", "5.4", "5.3")
"""The versions that this package speaks, best first."""

PROMOTING: Final = frozenset(("5.3", "5.4", "5.5"))


def choose(theirs: Iterable[str]) -> str | None:
    """Give the best version that both sides speak, None if there is none."""
    offered = set(theirs)
    return next((version for version in SUPPORTED if version in offered), None)


def promotes_at_verify(version: str) -> bool:
    """Tell whether a core that speaks a version has to be shown the first access token after a refresh.

    Below 5.6 the core takes the new refresh token for used, and the old one for stolen if it comes again, from then on;
    from 5.6 on the refresh itself does that.
    """
    return version in PROMOTING
