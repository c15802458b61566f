"""Files that list sessions or users: text with one a line, CSV with a header, JSON lines. Read as they are needed.

What is wrong with the file is an error that names it before anything is written. What is wrong with one line is told of
that line, with its number, and the others go on.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TextIO

from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.types import is_object

__all__ = ("FORMATS", "FileFormat", "Line", "Listing", "check_name")

FileFormat = Literal["text", "csv", "jsonl"]
FORMATS: Final = ("text", "csv", "jsonl")
BY_SUFFIX: Final = ((".csv", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl"))

LONGEST_LINE: Final = 1_000_000
A_BLOCK: Final = 1 << 20


class Line(NamedTuple):
    """What one line says: a name, or what is wrong with it."""

    name: str
    fault: str | None


class Listing:
    """A file that lists names of one kind, read line by line. Not for several threads at once.

    Args:
        path: the file.
        column: the column or member that has the name, in CSV and JSON lines.
        format: how the file is written; None: as its suffix says, text if it says nothing.
    """

    def __init__(self, path: str | os.PathLike[str], column: str, format: str | None) -> None:  # noqa: A002
        self.path = Path(path)
        self.column = column
        self.format = format or next((kind for end, kind in BY_SUFFIX if self.path.suffix.lower() == end), "text")
        if self.format not in FORMATS:
            raise BadInputError(f"is {format!r} and must be one of {', '.join(FORMATS)}", "format")
        self._file: TextIO | None = None
        self._lines: Iterator[Line] = iter(())

    def fingerprint(self) -> str:
        """Give a digest of what the file says; reads all of it, a block at a time.

        Raises:
            BadInputError: it can't be read.
        """
        content = hashlib.sha256()
        try:
            with self.path.open("rb") as file:
                while block := file.read(A_BLOCK):
                    content.update(block)
        except OSError as error:
            raise self._unreadable(error) from error
        return f"{self.format} {self.column} {content.hexdigest()}"

    def open(self) -> None:
        """Open the file and look at its header.

        Raises:
            BadInputError: it can't be read, or the column is not in it.
        """
        try:
            # what is no UTF-8 is kept as lone surrogates, to be told of its line
            self._file = self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
            read = {"text": self._read_text, "csv": self._read_csv, "jsonl": self._read_json}[self.format]
            self._lines = read(self._file)
        except OSError as error:
            self.close()
            raise self._unreadable(error) from error
        except BadInputError:
            self.close()
            raise

    def take(self, most: int) -> list[Line]:
        """Read some lines; none at the end.

        Raises:
            BadInputError: it can't be read on.
        """
        taken: list[Line] = []
        try:
            for line in self._lines:
                taken.append(line)
                if len(taken) == most:
                    break
        except OSError as error:
            raise self._unreadable(error) from error
        return taken

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file is not None:
            self._file.close()

    def _unreadable(self, error: OSError) -> BadInputError:
        return BadInputError(f"can't be read: {os.strerror(error.errno) if error.errno else error}", str(self.path))

    def _rows(self, file: TextIO) -> Iterator[tuple[int, str]]:
        """Give the lines without their ends, with their numbers."""
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise BadInputError(f"the line is longer than {LONGEST_LINE} characters", f"{self.path}:{number}")
            yield number, line.rstrip("\r\n")

    def _line(self, number: int, name: object) -> Line:
        fault = check_name(name)
        return Line(name if isinstance(name, str) else "", fault and f"{self.path}:{number}: {fault}")

    def _read_text(self, file: TextIO) -> Iterator[Line]:
        return (self._line(number, line) for number, line in self._rows(file))

    def _read_json(self, file: TextIO) -> Iterator[Line]:
        for number, text in self._rows(file):
            try:
                value: Any = parse_json(text)
            except (ValueError, RecursionError):
                yield Line("", f"{self.path}:{number}: is no JSON")
                continue
            if is_object(value):
                if self.column not in value:
                    yield Line("", f"{self.path}:{number}: has no member {self.column!r}")
                    continue
                value = value[self.column]
            yield self._line(number, value)

    def _read_csv(self, file: TextIO) -> Iterator[Line]:
        rows = csv.reader(file, strict=True)
        header = self._next_row(rows)
        if header is None:
            return iter(())
        if self.column not in header:
            has = ", ".join(header)
            raise BadInputError(f"has no column {self.column!r}; its columns are: {has}", str(self.path))
        return self._cells(rows, header.index(self.column))

    def _cells(self, rows: Any, index: int) -> Iterator[Line]:
        while (row := self._next_row(rows)) is not None:
            yield self._line(rows.line_num, row[index] if index < len(row) else "")

    def _next_row(self, rows: Any) -> list[str] | None:
        try:
            return next(rows, None)
        except csv.Error as error:
            raise BadInputError(f"is no CSV: {error}", f"{self.path}:{rows.line_num}") from error


def check_name(name: object) -> str | None:
    """Say what keeps a value from being the name of a session or user; None if nothing does."""
    if not isinstance(name, str):
        return f"must be a string, not {type(name).__name__}"
    if name.isprintable() and " " not in name and name:  # the only blank that can be printed
        return None
    parts = name.split()
    if not parts:
        return "is blank"
    if parts != [name]:
        return f"{name!r} has a blank in it"
    return "has characters that can't be in it"
