"""The comparison with the peer finds what differs."""

from __future__ import annotations

from typing import Any

from tests.compat.compare import MIGRATION, Difference, compare, is_listed, names_of, read_listed


def describe(*own: str, **names: Any) -> dict[str, Any]:
    """Build the description of a package of one module; `own` are defined there and not said to be public."""
    return {"": {"public": [name for name in names if name not in own], "own": list(own), "names": names}}


def function(*parameters: str, kind: str = "function", default: str = "required") -> dict[str, Any]:
    """Build the description of a function."""
    return {"kind": kind, "parameters": [[name, "POSITIONAL_OR_KEYWORD", default] for name in parameters]}


def test_same_descriptions_have_no_difference() -> None:
    """Nothing is reported where nothing differs."""
    assert list(compare(describe(get=function("a")), describe(get=function("a")))) == []


def test_each_way_to_differ_is_found() -> None:
    """A missing name, another kind, name, order or default of a parameter is each a difference."""
    theirs = describe(get=function("a", "b"))
    for ours in (
        describe(),
        describe(get=function("a", "b", kind="coroutine")),
        describe(get=function("b", "a")),
        describe(get=function("a")),
        describe(get=function("a", "b", default="None")),
    ):
        assert [each.name for each in compare(ours, theirs)] == ["get"]


def test_what_a_module_defines_has_to_be_there() -> None:
    """A name that the peer's module defines is missed though that module does not list it; one that is not is not."""
    theirs = describe("get", get=function(), sync=function())
    theirs[""]["public"] = []
    assert list(compare(describe(), theirs)) == [Difference("get", "is not there")]


def test_missing_methods_are_found() -> None:
    """A method that a class of ours lacks is a difference, and one that only ours has is none."""
    ours = {"kind": "class", "constructor": None, "methods": {"new": function()}}
    theirs = {"kind": "class", "constructor": None, "methods": {"old": function()}}
    assert list(compare(describe(A=ours), describe(A=theirs))) == [Difference("A.old", "is not there")]


def test_pattern_covers_missing_methods_only() -> None:
    """An entry for a class's methods does not hide a method that has changed."""
    assert is_listed(Difference("A.old", "is not there"), {"A.*"})
    changed = Difference("A.old", "takes (), and took (a)")
    assert not is_listed(changed, {"A.*"})
    assert names_of(changed) == {"A.old"}


def test_only_rows_with_a_reason_count() -> None:
    """A row of the migration page without a reason lists nothing."""
    rows = "| `a` | differs | because |\n| `b`, `c` | differ | because |\n| `d` | differs | |\n"
    assert read_listed(f"<!-- signatures:begin -->\n{rows}<!-- signatures:end -->") == {"a", "b", "c"}
    assert read_listed(MIGRATION.read_text(encoding="utf-8"))
