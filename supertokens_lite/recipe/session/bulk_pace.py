"""How fast a bulk update goes: how many calls are under way at once, and when the next may begin.

Twice as many when the first went well, then one more each time all went well, much fewer when the core said that it has
too much to do or did not answer, a little fewer when its answers take longer: additive increase, multiplicative
decrease. `next_pace` decides that, facts in, pace out. `Pacing` collects the facts and knows the time only from what it
is told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ("Facts", "Pace", "Pacing", "first_pace", "next_pace")

PRESSURE: Final = frozenset((429, 502, 503, 504, None))
"""The answers that say that it is too much; None: no answer."""

HALVED: Final = 0.5
EASED: Final = 0.8
DOUBLED: Final = 2.0
STEP: Final = 1.0
SLOWER: Final = 2.0
SLACK_S: Final = 0.02
"""Answers that take up to twice the usual time and this much more are as ever."""
DRIFT: Final = 1.05
"""How fast a time that is longer comes to be the usual one."""

LONGEST_PAUSE_S: Final = 600.0


class Facts(NamedTuple):
    """What was seen since the last decision.

    Attributes:
        calls: how many were answered.
        latency_s: how long the answers took, on average, in seconds.
        pressed: how many times the core said that it is too much, or did not answer.
    """

    calls: int
    latency_s: float
    pressed: int


class Pace(NamedTuple):
    """A decision.

    Attributes:
        allowed: how many calls may be under way; its whole part counts.
        usual_s: how long an answer usually takes, in seconds; 0 if that is not known yet.
    """

    allowed: float
    usual_s: float

    @property
    def limit(self) -> int:
        """How many calls may be under way."""
        return int(self.allowed)


def first_pace(bound: int) -> Pace:
    """Give the pace to begin with: half of what is allowed."""
    return Pace(max(1.0, bound / 2), 0.0)


def next_pace(pace: Pace, facts: Facts, bound: int) -> Pace:
    """Decide from what was seen; never below one call at once, never above the bound."""
    usual_s = pace.usual_s
    if facts.calls:
        usual_s = min(facts.latency_s, usual_s * DRIFT) if usual_s else facts.latency_s
    if facts.pressed:
        allowed = pace.allowed * HALVED
    elif not facts.calls:
        allowed = pace.allowed
    elif pace.usual_s and facts.latency_s > pace.usual_s * SLOWER + SLACK_S:
        allowed = pace.allowed * EASED
    else:
        allowed = pace.allowed + STEP if pace.usual_s else pace.allowed * DOUBLED
    return Pace(min(float(bound), max(1.0, allowed)), usual_s)


class Pacing:
    """Collects the facts, from any thread, and gives the moments when sessions may begin.

    Args:
        bound: how many calls may be under way at most.
        max_per_second: how many sessions may be begun in a second; None: as many as can be.
    """

    def __init__(self, bound: int, max_per_second: float | None) -> None:
        self._bound = bound
        self._pace = first_pace(bound)
        self._spacing_s = 0.0 if max_per_second is None else 1 / max_per_second
        self._next_start = 0.0
        self._latencies: list[float] = []
        self._pressures: list[float | None] = []
        self._pauses: list[float] = [0.0]

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return self._pace.limit

    @property
    def paused_until(self) -> float:
        """When the next call may begin, as the core asked."""
        return max(self._pauses)

    @property
    def is_pressed(self) -> bool:
        """Whether the core has said since the last decision that it is too much."""
        return bool(self._pressures)

    def note_answer(self, latency_s: float) -> None:
        """A call was answered."""
        self._latencies.append(latency_s)

    def note_trouble(self, status: int | None, wait_s: float | None, now: float) -> None:
        """A try of a call did not succeed; `wait_s` is what the core asked to wait."""
        if status not in PRESSURE:
            return
        self._pressures.append(wait_s)
        if wait_s is not None:
            self._pauses.append(now + min(wait_s, LONGEST_PAUSE_S))  # of two threads neither shortens the other's

    def decide(self) -> None:
        """Draw the conclusions from what was noted, and begin to collect anew."""
        latencies, self._latencies = self._latencies, []
        pressures, self._pressures = self._pressures, []
        self._pauses = [self.paused_until]
        average_s = sum(latencies) / len(latencies) if latencies else 0.0
        self._pace = next_pace(self._pace, Facts(len(latencies), average_s, len(pressures)), self._bound)

    def next_start(self, now: float) -> float:
        """Give when the next session may begin."""
        return max(now, self._next_start)

    def begin(self, now: float, sessions: int) -> None:
        """Some sessions are to begin as soon as the next may."""
        self._next_start = self.next_start(now) + sessions * self._spacing_s

    def most_at_once(self, sessions: int) -> int:
        """Give how many of some sessions may begin together: what fits into a quarter of a second."""
        return sessions if not self._spacing_s else max(1, min(sessions, int(0.25 / self._spacing_s)))
