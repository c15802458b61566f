"""Reads the fenced blocks of a page, and runs its Python in order as one program.

`python -m tests.docs.pages PAGE` runs a page: each block sees what the ones before it defined. A block fenced as `text`
with the title "Output" is compared with what the Python block before it printed.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Block(NamedTuple):
    """One fenced block: its language, what else stands in its first line, its text, and the line the text begins at."""

    language: str
    title: str
    text: str
    line: int

    @property
    def is_output(self) -> bool:
        """Whether it shows what the block before it prints."""
        return self.language == "text" and "Output" in self.title


def list_pages() -> list[Path]:
    """List the pages that may show code."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def parse_blocks(page: str) -> Iterator[Block]:
    """Give the fenced blocks of a page, those within tabs and notes too, without their indentation."""
    fence, language, title, indent, start = "", "", "", 0, 0
    lines: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        stripped = line.strip()
        if fence:
            if stripped == fence:
                yield Block(language, title, "\n".join(lines) + "\n", start)
                fence = ""
            else:
                lines.append(line[indent:])
        elif stripped.startswith("```"):
            fence = "`" * (len(stripped) - len(stripped.lstrip("`")))
            language, _, title = stripped[len(fence) :].strip().partition(" ")
            indent, start, lines = len(line) - len(line.lstrip()), number + 1, []


def run_page(path: Path) -> None:
    """Run a page's Python blocks; raises `AssertionError` where one prints something else than the page shows."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    printed = ""
    for block in parse_blocks(path.read_text(encoding="utf-8")):
        if block.is_output:
            if printed != block.text:
                raise AssertionError(f"{path}:{block.line}: printed was\n{printed}and the page shows\n{block.text}")
        elif block.language == "python":
            # the empty lines make the line numbers of a traceback those of the page
            code = compile("\n" * (block.line - 1) + block.text, str(path), "exec", dont_inherit=True)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(code, module.__dict__)
            printed = out.getvalue()


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
