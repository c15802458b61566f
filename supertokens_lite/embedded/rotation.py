"""What becomes of a session when a refresh token is shown, or the first access token after a refresh is used.

Pure: hashes, times and the row in, a verdict out. `H` is the hash (twice over) of the row's current refresh token, `R`
the token shown, `p` the hash (once) of the token that `R` was minted from, `prev` the hash before the last rotation.

Up to CDI 5.5 a refresh only mints a child; the row follows when the child is first used (promotion):

    h2(R) = H        current    a new child; the row stays as it is
    h1(p) = H        child      promoted: H becomes h2(R); then as above
    else             theft      the row stays; ending the session is the caller's job

From CDI 5.6 on each refresh rotates at once, and a token shown again within the grace window is let through:

    h2(R) = H                        rotate       H := h2(R'), prev := h2(R)
    h1(p) = H                        rotate       (a child that an older CDI minted)
    h2(R) = prev, within the window  re-rotate    H := h2(R'); prev, its time and the expiry stay
    h2(R) = prev, later              reuse        the row goes: RECENT_PREV
    h1(p) = prev                     reuse        the row goes: ORPHANED_BRANCH
    else                             reuse        the row goes: STALE_LINEAGE

Source: CDI 5.4 and 5.6.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from supertokens_lite.embedded.tokens import hash_text

__all__ = ("Lineage", "Verdict", "is_known_branch", "judge_child", "judge_refresh", "judge_rotation")


class Lineage(NamedTuple):
    """The refresh token state of a session: hashes in hexadecimal, times in milliseconds."""

    current: str
    previous: str | None
    rotated_at: int | None


class Verdict(enum.Enum):
    """What a token that is shown means for its session."""

    CURRENT = "current"
    CHILD = "child"
    GRACE = "grace"
    THEFT = "theft"
    RECENT_PREV = "RECENT_PREV"
    ORPHANED_BRANCH = "ORPHANED_BRANCH"
    STALE_LINEAGE = "STALE_LINEAGE"


def judge_refresh(row: Lineage, shown: str, parent: str | None) -> Verdict:
    """Judge a refresh up to CDI 5.5; `shown` is h2(R), `parent` is p."""
    if shown == row.current:
        return Verdict.CURRENT
    return judge_child(row, parent) or Verdict.THEFT


def judge_child(row: Lineage, parent: str | None) -> Verdict | None:
    """Tell whether a token was minted from the current one."""
    return Verdict.CHILD if parent is not None and hash_text(parent) == row.current else None


def judge_rotation(row: Lineage, shown: str, parent: str | None, *, now: int, grace_ms: int) -> Verdict:
    """Judge a refresh from CDI 5.6 on; `shown` is h2(R), `parent` is p."""
    if shown == row.current:
        return Verdict.CURRENT
    if judge_child(row, parent):
        return Verdict.CHILD
    if row.previous is None:
        return Verdict.STALE_LINEAGE
    if shown == row.previous:
        return Verdict.GRACE if now <= (row.rotated_at or 0) + grace_ms else Verdict.RECENT_PREV
    if parent is not None and hash_text(parent) == row.previous:
        return Verdict.ORPHANED_BRANCH
    return Verdict.STALE_LINEAGE


def is_known_branch(row: Lineage, token_hash: str, parent: str | None) -> bool:
    """Tell whether an access token belongs to the current or the previous generation (CDI 5.6)."""
    known = (row.current, row.previous)
    return hash_text(token_hash) in known or (parent is not None and hash_text(parent) in known)
