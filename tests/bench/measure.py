"""How two things are timed against each other, and what a figure is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

ROUNDS = 7


class Figure(NamedTuple):
    """One ratio and what is wanted of it.

    Attributes:
        what: what is measured, against what.
        ratio: ours divided by the other's.
        wanted: the bound; None: it is measured to be known.
        at_most: whether the bound is an upper one.
        detail: the plain numbers behind it.
    """

    what: str
    ratio: float
    wanted: float | None
    at_most: bool = True
    detail: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the ratio is within its bound."""
        if self.wanted is None:
            return True
        return self.ratio <= self.wanted if self.at_most else self.ratio >= self.wanted


class Timing(NamedTuple):
    """Medians over the rounds: seconds of each, and of their ratio."""

    ours_s: float
    other_s: float
    ratio: float


def side_by_side(
    ours: Callable[[], None],
    other: Callable[[], None],
    *,
    clock: Callable[[], float] = time.perf_counter,
    rounds: int = ROUNDS,
) -> Timing:
    """Time two things in turn, so that what slows the machine slows both; the first round is not counted."""
    seen: list[tuple[float, float]] = []
    for round_ in range(rounds + 1):
        pair = [0.0, 0.0]
        for which in (0, 1) if round_ % 2 else (1, 0):
            begun = clock()
            (ours, other)[which]()
            pair[which] = clock() - begun
        seen.append((pair[0], pair[1]))
    del seen[0]
    return Timing(
        statistics.median(ours for ours, _ in seen),
        statistics.median(other for _, other in seen),
        statistics.median(ours / other for ours, other in seen),
    )


def micros(seconds: float, calls: int) -> str:
    """Show the time of one call."""
    return f"{seconds / calls * 1e6:,.0f} µs"
