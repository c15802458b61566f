"""Which protocol version is spoken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._protocol.versions import SUPPORTED, choose

VERSIONS = st.lists(st.sampled_from([*SUPPORTED, "2.7", "3.1", "5.0", "5.10", "6.0"]) | st.text(max_size=4), max_size=8)


@given(VERSIONS)
def test_the_best_that_both_know(theirs: list[str]) -> None:
    """The choice is one of both lists, and none of ours that they speak too is better."""
    chosen = choose(theirs)
    common = [version for version in SUPPORTED if version in theirs]
    assert chosen == (common[0] if common else None)
    assert choose(reversed(theirs)) == chosen


def test_ours_are_in_order() -> None:
    """Our versions are listed best first."""
    numbers = [tuple(map(int, version.split("."))) for version in SUPPORTED]
    assert numbers == sorted(numbers, reverse=True)
