"""What may be session data: against the standard library as the oracle."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.jsondata import DEEPEST, check_object, merge_claims
from supertokens_lite.exceptions import BadInputError
from tests.protocol.values import JSON, OBJECTS, TEXT


class Text(str):
    """A string that is not quite one."""

    __slots__ = ()


NOT_JSON: list[Any] = [float("nan"), float("inf"), -float("inf"), {1}, b"x", object(), 1j, range(3)]
TOO_LONG = 10**4300
BAD = st.sampled_from(NOT_JSON)
KEYS: st.SearchStrategy[Any] = st.one_of(TEXT, st.integers(), st.none(), st.booleans(), st.floats())
ODD: st.SearchStrategy[Any] = st.one_of(BAD, st.integers(), st.floats(), TEXT, TEXT.map(Text))


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=4)
    objects: st.SearchStrategy[Any] = st.dictionaries(TEXT, inner, max_size=4)
    return st.one_of(lists, lists.map(tuple), objects, st.dictionaries(KEYS, inner, max_size=2))


ANYTHING = st.recursive(ODD, _containers, max_leaves=10)


def has_only_text_for_keys(value: Any) -> bool:
    """Tell whether all keys are strings."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(has_only_text_for_keys, value.values()))
    return all(map(has_only_text_for_keys, value)) if isinstance(value, (list, tuple)) else True


def depth_of(value: Any) -> int:
    """Count the levels of objects and lists."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, (list, tuple)) else 0


def is_json_object(value: Any) -> bool:
    """Say the same by other means."""
    if not isinstance(value, dict):
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return has_only_text_for_keys(value) and depth_of(value) <= DEEPEST


def is_taken(value: Any) -> bool:
    """Tell whether the value passes; any error but BadInputError comes through."""
    try:
        check_object(value, "data")
    except BadInputError as error:
        said = [error.path.startswith("data"), len(str(error).splitlines())]
    else:
        return True
    assert said == [True, 1]
    return False


@given(ANYTHING)
@example({"\x85\u2028": float("nan")})
@example({"a": [1, 2, {"b": (True, None, 1.5, float("inf"))}]})
@example({Text("a"): Text("b")})
@example({1: Text("b")})
def test_agrees_with_the_standard_library(value: Any) -> None:
    """A value passes if and only if it is a dict that json.dumps writes with no NaN and no keys made up."""
    assert is_taken(value) == is_json_object(value)


@pytest.mark.parametrize("value", [TOO_LONG, -TOO_LONG, TOO_LONG - 1, 1 - TOO_LONG, 2**64], ids=[*"abcde"])
def test_long_integers(value: int) -> None:
    """An integer is taken if and only if Python writes it, as a value; as a key it is refused in any case."""
    assert is_taken({"a": [value]}) == is_json_object({"a": [value]})
    assert not is_taken({"a": {value: 1}})


@given(OBJECTS)
def test_every_json_object_passes(value: dict[str, Any]) -> None:
    """Whatever JSON text can hold is taken, and is not changed."""
    before = json.dumps(value)
    assert is_taken(value)
    assert json.dumps(value) == before


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: {"a": (inner,)}])
def test_the_limit_of_nesting(wrap: Any) -> None:
    """At the limit of nesting a value passes, one level more is refused, and depth is no danger."""
    value: dict[str, Any] = {}
    while depth_of(value) + depth_of(wrap({})) - 1 <= DEEPEST:
        value = wrap(value)
    assert depth_of(value) >= DEEPEST - 1
    assert is_taken(value)
    deeper = {"b": {"c": value}}
    with pytest.raises(BadInputError, match="nested more than 200 levels"):
        check_object(deeper, "data")
    for _ in range(10 * sys.getrecursionlimit()):
        deeper = wrap(deeper)
    assert not is_taken(deeper)


def test_what_holds_itself() -> None:
    """A value that holds itself is refused as too deep."""
    data: dict[str, Any] = {}
    data["a"] = [data, data]
    assert not is_taken(data)


STEPS = st.lists(st.one_of(TEXT, st.integers(0, 3)), max_size=6)


def written(step: Any) -> str:
    """Write one step of a path: as JSON, with what can't be seen escaped."""
    text = json.dumps(step, ensure_ascii=isinstance(step, str) and not step.isprintable())
    return f"[{text}]"


@given(TEXT, STEPS, BAD, JSON)
@example('q"\\\n', [0, "ä"], {1}, [])
def test_the_path_names_the_place(first: str, steps: list[Any], bad: Any, good: Any) -> None:
    """The path of the error leads to the one thing that is wrong, written as in JSON."""
    planted = bad
    for step in reversed(steps):
        planted = {f"{step}-before": good, step: planted} if isinstance(step, str) else [good] * step + [planted, good]
    expected = "data" + "".join(map(written, [first, *steps]))
    with pytest.raises(BadInputError) as caught:
        check_object({f"{first}-before": good, first: planted}, "data")
    assert caught.value.path == expected
    assert str(caught.value).startswith(expected + ": ")


@given(STEPS, st.one_of(st.integers(), st.none(), st.tuples(TEXT)))
def test_the_path_of_a_key(steps: list[Any], key: Any) -> None:
    """Where a key is wrong, the path leads to the object that has it."""
    planted: Any = {"fine": 1, key: 2}
    for step in reversed(steps):
        planted = {step: planted} if isinstance(step, str) else [None] * step + [planted]
    with pytest.raises(BadInputError, match="key must be a string") as caught:
        check_object({"x": planted}, "data")
    assert caught.value.path == 'data["x"]' + "".join(map(written, steps))


@given(OBJECTS, OBJECTS, st.frozensets(TEXT, max_size=3))
def test_merging_claims(existing: dict[str, Any], update: dict[str, Any], protected: frozenset[str]) -> None:
    """The update wins, None deletes, protected claims that were there are left out, and nothing given is changed."""
    before = json.dumps([existing, update])
    merged = merge_claims(existing, update, protected)
    assert json.dumps([existing, update]) == before
    for name in existing.keys() | update.keys():
        if name in update:
            expected = {} if update[name] is None else {name: update[name]}
        else:
            expected = {} if name in protected else {name: existing[name]}
        assert {key: value for key, value in merged.items() if key == name} == expected
    assert merged.keys() <= existing.keys() | update.keys()
    assert merge_claims(merged, update, frozenset()) == merged
