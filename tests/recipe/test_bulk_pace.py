"""How fast a bulk update goes: the decision, and what it is made from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite.recipe.session.bulk_pace import Facts, Pace, Pacing, first_pace, next_pace

LATENCIES = st.floats(0, 100)
FACTS = st.builds(Facts, st.integers(0, 1000), LATENCIES, st.integers(0, 5))
BOUNDS = st.integers(1, 1000)


@given(BOUNDS, st.lists(FACTS))
def test_never_outside_the_bound(bound: int, seen: list[Facts]) -> None:
    """Whatever is seen, at least one call may be under way and never more than the bound."""
    pace = first_pace(bound)
    for facts in seen:
        pace = next_pace(pace, facts, bound)
        assert 1 <= pace.limit <= bound


@given(BOUNDS, st.floats(1, 1000), LATENCIES, FACTS)
def test_pressure_never_speeds_up(bound: int, allowed: float, usual_s: float, facts: Facts) -> None:
    """Under pressure fewer calls are allowed than without, and no more than before."""
    pace = Pace(min(allowed, bound), usual_s)
    pressed = next_pace(pace, facts._replace(pressed=1), bound)
    assert pressed.allowed <= pace.allowed
    assert pressed.allowed <= next_pace(pace, facts._replace(pressed=0), bound).allowed


@given(BOUNDS, st.floats(0.001, 10))
def test_it_begins_with_half_and_soon_takes_all(bound: int, latency_s: float) -> None:
    """Once the first calls went well it is at the bound; if they did not, it goes on with half as many."""
    pace = first_pace(bound)
    assert pace.limit == max(1, bound // 2)
    assert next_pace(pace, Facts(10, latency_s, 0), bound).limit == bound
    assert next_pace(pace, Facts(10, latency_s, 1), bound).limit == max(1, bound // 4)


@given(BOUNDS, st.floats(0.001, 10))
def test_it_grows_back(bound: int, latency_s: float) -> None:
    """After pressure, answers as quick as ever bring it back to the bound, in as many steps as the bound has."""
    pace = next_pace(Pace(float(bound), latency_s), Facts(10, latency_s, 9), bound)
    for _ in range(bound):
        pace = next_pace(pace, Facts(10, latency_s, 0), bound)
    assert pace.limit == bound


@given(st.floats(0.001, 1))
def test_slower_answers_slow_it_down_for_a_while(usual_s: float) -> None:
    """Answers that take much longer shrink it; if they go on taking that long, it is what is usual."""
    pace, slow_s = Pace(16.0, usual_s), usual_s * 3 + 0.1
    shrunk = next_pace(pace, Facts(10, slow_s, 0), 16)
    assert shrunk.allowed < pace.allowed
    for _ in range(400):
        shrunk = next_pace(shrunk, Facts(10, slow_s, 0), 16)
    assert shrunk.limit == 16


def test_what_counts_as_pressure() -> None:
    """429, 502 to 504 and no answer do; an error of another kind says nothing about the pace."""
    for status, is_pressed in ((429, True), (503, True), (None, True), (500, False), (400, False)):
        pacing = Pacing(8, None)
        pacing.note_trouble(status, None, 5.0)
        assert pacing.is_pressed == is_pressed
        pacing.decide()
        assert not pacing.is_pressed
        assert pacing.limit == (2 if is_pressed else 4)


def test_a_pause_is_as_long_as_was_asked() -> None:
    """The longest wait that was asked for counts, up to ten minutes."""
    pacing = Pacing(8, None)
    pacing.note_trouble(429, 30.0, 100.0)
    pacing.note_trouble(503, 10.0, 101.0)
    assert pacing.paused_until == 130.0
    pacing.note_trouble(429, 1e9, 100.0)
    assert pacing.paused_until == 700.0


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 50)), min_size=1), st.floats(0.1, 10_000))
def test_never_more_in_a_second(begun: list[tuple[float, int]], rate: float) -> None:
    """However they come, sessions begin no faster than they may: each after the time of those before it."""
    pacing, now, first = Pacing(8, rate), 0.0, None
    sessions = 0
    for passed, count in begun:
        now += passed
        start = pacing.next_start(now)
        first = start if first is None else first
        assert start >= now
        assert start - first >= sessions / rate - 1e-6 or start == now
        pacing.begin(now, count)
        sessions += count
        assert pacing.next_start(now) >= start + count / rate - 1e-6
        assert 1 <= pacing.most_at_once(50) <= max(1, rate / 4)
