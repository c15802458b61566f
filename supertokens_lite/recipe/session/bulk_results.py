"""What came of a bulk update: of each session, and of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ("DONE", "FAILURES_KEPT", "BulkReport", "BulkResult", "Outcome", "zero_counts")

Outcome = Literal["updated", "unchanged", "gone", "conflict", "failed", "would_update"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("updated", "unchanged", "gone", "conflict", "failed", "would_update")
DONE: Final = frozenset(("updated", "unchanged", "gone"))
"""What a journal remembers; the rest is tried again by the next run."""

FAILURES_KEPT: Final = 20
"""How many failures a report has."""


def zero_counts() -> dict[Outcome, int]:
    """Give how many sessions have each outcome before there are any."""
    return dict.fromkeys(OUTCOMES, 0)


@dataclass(frozen=True)
class BulkResult:
    """What came of one session.

    Attributes:
        handle: the session; empty where the sessions of a user could not be listed.
        user_id: its user; None if that was never learned.
        outcome: `updated`; `unchanged`: it had that data, and nothing was written; `gone`: there is no such session;
            `conflict`: somebody else wrote meanwhile, and theirs was kept; `failed`; `would_update`: in a dry run.
        error: why it failed, or what the conflict was; else None.
        before: the data as it was read; None if it was not.
        after: the data as it is now, or would be; None unless it was read or written.
    """

    handle: str
    user_id: str | None
    outcome: Outcome
    error: Exception | None = field(default=None, compare=False)
    before: dict[str, Any] | None = field(default=None, repr=False)
    after: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class BulkReport:
    """What came of a bulk update so far.

    Attributes:
        counts: how many sessions had each outcome, in this run.
        skipped: how many the journal says an earlier run had done.
        failures: the first 20 that failed or met a conflict.
        duration_s: how long it took, in seconds.
        complete: whether the source came to its end; False while it runs, and where it was stopped.
    """

    counts: Mapping[Outcome, int]
    skipped: int
    failures: tuple[BulkResult, ...]
    duration_s: float
    complete: bool

    @property
    def total(self) -> int:
        """How many sessions this run dealt with; those that were skipped are not among them."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float:
        """How many that were in a second."""
        return self.total / self.duration_s if self.duration_s else 0.0

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end and no session failed or met a conflict."""
        return self.complete and not self.counts["failed"] and not self.counts["conflict"]
