"""What a plain install costs: the time to import the SDK, against that of what it imports itself; and its company."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.measure import Figure, side_by_side

ROOT = Path(__file__).parents[2]
MODULE = "supertokens_lite.recipe.session.asyncio"
MOST_DISTRIBUTIONS = 16

FOREIGN = """
import sys
ours = {"supertokens_lite", "__main__", "_openssl", *sys.stdlib_module_names, *sys.builtin_module_names}
print(*(name for name in sys.modules if name.partition(".")[0] not in ours), sep="\\n")
"""
"""Prints the modules of other distributions that a program has imported, in the order in which it did."""


def figures(folder: Path) -> Iterator[Figure]:
    """Measure in an environment of its own, as a user installs it, without extras."""
    python = installed(folder / "plain")
    yield against_foreign(python, f"import time of {MODULE}", 1.5, f"import {MODULE}")
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json"))
    others = sorted({entry["name"].lower() for entry in listed} - {"pip", "setuptools", "supertokens-lite"})
    yield Figure("distributions that a plain install brings", len(others), MOST_DISTRIBUTIONS, detail=", ".join(others))


def against_foreign(python: Path, what: str, wanted: float, program: str, *arguments: str) -> Figure:
    """Time a program in fresh processes, against the imports that it needs of others; less what Python itself takes."""
    listed = run(python, "-c", program + FOREIGN, *arguments).split()
    baseline = "\n".join(f"import {name}" for name in listed if name.replace(".", "").isidentifier())
    timing = side_by_side(running(python, program, *arguments), running(python, baseline))
    empty = side_by_side(running(python, ""), running(python, "")).ours_s
    ratio = (timing.ours_s - empty) / (timing.other_s - empty)
    detail = f"{(timing.ours_s - empty) * 1000:.0f} ms against {(timing.other_s - empty) * 1000:.0f} ms"
    return Figure(f"{what}, against what it imports from others", ratio, wanted, detail=detail)


def installed(home: Path) -> Path:
    """Make an environment with a plain install, unless it was made before; give its interpreter."""
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if python.exists():
        return python
    venv.create(home, with_pip=True)
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(ROOT))
    return python


def running(python: Path, program: str, *arguments: str) -> Callable[[], None]:
    """Give what runs a program in a fresh process."""

    def once() -> None:
        run(python, "-c", program, *arguments)

    return once


def run(python: Path, *arguments: str) -> str:
    """Run a fresh process, deaf to PYTHONPATH so that it imports what was installed; give what it printed."""
    command = [str(python), "-I", *arguments]
    done = subprocess.run(command, cwd=python.parent, capture_output=True, text=True, check=True)
    return done.stdout
