"""`python -m tests.bench [--peer PYTHON] [--quick] [--save] [NAME …]`: measures, prints, saves the docs' table."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import (
    bulk,
    cold_start,
    doors,
    frameworks,
    growth,
    imports,
    inprocess,
    loaded,
    over_http,
    served,
    sessions,
    verification,
)
from tests.bench.measure import Figure

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)


def machine() -> str:
    """Name the machine."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"model name\s*: (.*)", information.read_text(encoding="utf-8"))
        model = found[1] if found else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def find_groups(folder: Path, calls: int, peer: str | None) -> dict[str, Callable[[], Iterator[Figure]]]:
    """Name all that can be measured."""
    is_quick = calls < 500
    seconds = 1 if is_quick else 4
    return {
        "inprocess": lambda: inprocess.figures(folder, calls),
        "over_http": lambda: over_http.figures(folder, calls, peer),
        "bulk": lambda: bulk.figures(folder, 1000 if is_quick else 10_000, peer),
        "served": lambda: served.figures(folder, seconds),
        "growth": lambda: growth.figures(folder, calls // 4, 0.05 if is_quick else 1.0),
        "verification": lambda: verification.figures(calls * 2),
        "sessions": lambda: sessions.figures(calls * 2),
        "doors": lambda: doors.figures(calls),
        "frameworks": lambda: frameworks.figures(calls),
        "loaded": lambda: loaded.figures(folder, seconds, peer),
        "imports": lambda: imports.figures(folder),
        "cold_start": lambda: cold_start.figures(folder),
    }


def build_row(figure: Figure) -> str:
    """Write one row of the table."""
    bound = "none" if figure.wanted is None else f"{'at most' if figure.at_most else 'at least'} {figure.wanted:g}"
    return f"| {figure.what} | {figure.ratio:.2f} | {bound}{'' if figure.is_met else ' (missed)'} | {figure.detail} |"


def main() -> int:
    """Measure and report; a missed bound is shown, and is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peer", help="the interpreter of an environment with supertokens-python")
    parser.add_argument("--quick", action="store_true", help="fewer calls: to see that it works")
    parser.add_argument("--save", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all unless named")
    arguments = parser.parse_args()
    if arguments.save and arguments.names:
        parser.error("the table of the docs has all rows: --save takes no names")
    rows = ["| what | ratio | wanted | in numbers |", "|---|--:|---|---|"]
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        groups = find_groups(Path(folder), 160 if arguments.quick else 800, arguments.peer)
        if unknown := set(arguments.names) - set(groups):
            parser.error(f"{', '.join(sorted(unknown))}: must be of {', '.join(groups)}")
        for name in arguments.names or groups:
            for figure in groups[name]():
                rows.append(build_row(figure))
                print(rows[-1], flush=True)
    if arguments.save:
        table = f"Measured on {machine()}.\n\n" + "\n".join(rows) + "\n"
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda found: found[1] + "\n" + table + "\n" + found[2], page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
