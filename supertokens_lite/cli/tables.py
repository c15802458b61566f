"""Tables on standard output: drawn with rich in a terminal where it is installed, else in plain text."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

__all__ = ("count_of", "printable", "shorten", "show_table")

Row = Sequence[str]

GAP: Final = "  "
NARROWEST: Final = 20


def show_table(
    title: str,
    head: Row,
    rows: Sequence[Row],
    *,
    numbers: Sequence[int] = (),
    colours: Sequence[str] = (),
    file: TextIO | None = None,
) -> None:
    """Print a table. In a terminal it is as wide as that at most; elsewhere each row is one line.

    Args:
        title: what it shows.
        head: the names of the columns.
        rows: the cells.
        numbers: which columns are numbers.
        colours: of the rows, as rich names them, for terminals.
        file: where it is printed; None: on standard output.
    """
    out = sys.stdout if file is None else file
    if not out.isatty():
        _show_plain(title, head, rows, numbers=numbers, width=None, out=out)
    elif importlib.util.find_spec("rich") is None:
        _show_plain(title, head, rows, numbers=numbers, width=shutil.get_terminal_size().columns, out=out)
    else:
        _show_rich(title, head, rows, numbers=numbers, colours=colours, out=out)


def count_of(number: int, what: str) -> str:
    """Give a number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Give a text from elsewhere without what could move the cursor or end the line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def shorten(text: str, width: int) -> str:
    """Cut a text that is too long."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _show_plain(
    title: str, head: Row, rows: Sequence[Row], *, numbers: Sequence[int], width: int | None, out: TextIO
) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    if width is not None:  # the last column has the long texts
        left = width - sum(widths[:-1]) - len(GAP) * len(widths)
        widths[-1] = min(widths[-1], max(NARROWEST, left))
    print(title, file=out)
    for row in (head, *rows):
        for line in _fold(row, widths[-1]):
            cells = (
                cell.rjust(width) if index in numbers else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            print(GAP + GAP.join(cells).rstrip(), file=out)


def _fold(row: Row, width: int) -> Iterator[Row]:
    """Give a row as lines, of which only the last cell goes on."""
    *others, last = row
    for index, part in enumerate(textwrap.wrap(last, width, break_on_hyphens=False) or [""]):
        yield (*(others if index == 0 else [""] * len(others)), part)


def _show_rich(
    title: str, head: Row, rows: Sequence[Row], *, numbers: Sequence[int], colours: Sequence[str], out: TextIO
) -> None:
    from rich.console import Console  # noqa: PLC0415  # the extra `cli`
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=title, title_justify="left")
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for index, row in enumerate(rows):
        table.add_row(*map(Text, row), style=colours[index] if colours else "")
    Console(file=out).print(table)
