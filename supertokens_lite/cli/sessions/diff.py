"""What a change does to the data of a session, member by member."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, TextIO

from supertokens_lite._protocol.jsondata import build_canonical
from supertokens_lite.cli.tables import printable, shorten
from supertokens_lite.types import is_object

__all__ = ("list_differences", "show_differences")

RED: Final = "\x1b[31m"
GREEN: Final = "\x1b[32m"
PLAIN: Final = "\x1b[0m"

MOST_LINES: Final = 20
WIDEST: Final = 400


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Give what is taken away, `("-", "a.b: 1")`, and what is put there, `("+", "a.b: 2")`.

    Members come in the order of the data. What is no object, lists too, differs as a whole.
    """
    for name in [*before, *(name for name in after if name not in before)]:
        path = f"{place}.{_show_name(name)}" if place else _show_name(name)
        if name in before and name in after:
            old, new = before[name], after[name]
            if is_object(old) and is_object(new):
                yield from list_differences(old, new, path)
                continue
            if build_canonical(old) == build_canonical(new):
                continue
        if name in before:
            yield "-", f"{path}: {_show_value(before[name])}"
        if name in after:
            yield "+", f"{path}: {_show_value(after[name])}"


def _show_name(name: str) -> str:
    return name if name.isidentifier() else _show_value(name)


def _show_value(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False))


def show_differences(before: Mapping[str, Any], after: Mapping[str, Any], file: TextIO) -> None:
    """Print what a change does, in colours and in lines that fit if it is a terminal."""
    lines = list(list_differences(before, after))
    in_colours = file.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = _width_of(file) - 4
    for sign, text in lines[:MOST_LINES]:
        line = f"{sign} {shorten(text, width - 2)}"
        print("   ", f"{RED if sign == '-' else GREEN}{line}{PLAIN}" if in_colours else line, file=file)
    if len(lines) > MOST_LINES:
        print(f"    … and {len(lines) - MOST_LINES} lines more", file=file)


def _width_of(file: TextIO) -> int:
    return os.get_terminal_size(file.fileno()).columns or 80 if file.isatty() else WIDEST
