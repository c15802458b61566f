"""Says where what we have differs from what the peer has under the same import path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MIGRATION = Path(__file__).parents[2] / "docs" / "migration.md"
TABLE = re.compile(r"<!-- signatures:begin -->(.*?)<!-- signatures:end -->", re.DOTALL)

ABSENT = "is not there"


class Difference(NamedTuple):
    """One difference: the name as the migration page has it, and what differs."""

    name: str
    text: str


def read_listed(page: str) -> set[str]:
    """Give the names that the migration page lists with a reason."""
    found = TABLE.search(page)
    rows = found[1].splitlines() if found else []
    cells = [row.split("|") for row in rows if row.startswith("| `")]
    return {name for cell in cells if cell[3].strip() for name in re.findall(r"`([^`]+)`", cell[1])}


def is_listed(difference: Difference, listed: set[str]) -> bool:
    """Tell whether the page lists a difference; `Class.*` covers the methods that a class lacks."""
    return bool(names_of(difference) & listed)


def pattern_of(name: str) -> str:
    """Give the entry that covers the methods of a name's class."""
    return name.partition(".")[0] + ".*"


def names_of(difference: Difference) -> set[str]:
    """Give the entries, either of which lists a difference."""
    return {difference.name, pattern_of(difference.name)} if difference.text == ABSENT else {difference.name}


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Difference]:
    """Compare two descriptions: every public name of ours that the peer has under the same path.

    What a module of the peer says is public, or defines itself, must be there as well.
    """
    for module, described in ours.items():
        peers = theirs[module]["names"]
        for name in dict.fromkeys([*theirs[module]["public"], *theirs[module]["own"]]):
            if name not in described["public"]:
                yield Difference(name, ABSENT)
        for name in described["public"]:
            if name in peers:
                yield from compare_values(name, described["names"][name], peers[name])


def compare_values(name: str, our: dict[str, Any], their: dict[str, Any]) -> Iterator[Difference]:
    """Compare what stands behind one name."""
    if our["kind"] != their["kind"]:
        yield Difference(name, f"is a {our['kind']}, and was a {their['kind']}")
    elif our["kind"] != "class":
        yield from compare_parameters(name, our.get("parameters"), their.get("parameters"))
    else:
        yield from compare_parameters(name, our["constructor"], their["constructor"])
        for method, described in their["methods"].items():
            if method not in our["methods"]:
                yield Difference(f"{name}.{method}", ABSENT)
            else:
                yield from compare_values(f"{name}.{method}", our["methods"][method], described)


def compare_parameters(name: str, our: Any, their: Any) -> Iterator[Difference]:
    """Compare parameters: names, order, kinds and defaults."""
    if their and any(kind.startswith("VAR_") for _, kind, _ in their):
        return  # it takes anything, so that nothing can be missing
    if their is not None and our != their:
        yield Difference(name, f"takes {_show(our)}, and took {_show(their)}")


def _show(parameters: Any) -> str:
    shown = (f"{name}={default} ({kind.lower()})" for name, kind, default in parameters or ())
    return f"({', '.join(shown)})"
