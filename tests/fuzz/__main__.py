"""`python -m tests.fuzz [SECONDS] [HARNESS...]`: has atheris drive the harnesses, each for its share of the time.

Each runs in a process of its own. What one finds is printed with the bytes that show it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NAMES = ("token_parser", "token_verifier", "cookies_read", "cookies_written", "core_replies", "key_sets", "requests")
SECONDS = 600
LONGEST = 4096
UNIT_S = 10
FIGURES = (
    ("executions", re.compile(r"stat::number_of_executed_units:\s*(\d+)")),
    ("a second", re.compile(r"stat::average_exec_per_sec:\s*(\d+)")),
    ("branches", re.compile(r"cov: (\d+)")),
)
CHILD = "--child"


def drive(name: str, seconds: int, home: Path) -> None:
    """Have atheris drive one harness in this process, which ends with that."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["supertokens_lite"]):
        corpus = importlib.import_module("tests.fuzz.corpus")
    seeds = home / "corpus"
    seeds.mkdir()
    for number, data in enumerate(corpus.build_corpus(name)):
        (seeds / str(number)).write_bytes(data)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": UNIT_S,
        "print_final_stats": 1,
        "artifact_prefix": f"{home}/found-",
    }
    atheris.Setup(
        [name, *(f"-{option}={value}" for option, value in options.items()), str(seeds)], corpus.HARNESSES[name]
    )
    atheris.Fuzz()


def run(name: str, seconds: int) -> bool:
    """Run one harness in a process of its own, and tell of it; give whether nothing was found."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", str(seconds), name, CHILD, home],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds + 120,
        )
        said = done.stdout + done.stderr
        found = [path.read_bytes() for path in Path(home).glob("found-*")]
    figures = ", ".join(f"{_last(pattern, said)} {label}" for label, pattern in FIGURES)
    print(f"{name:16} {seconds:4} s  {figures}", flush=True)
    if done.returncode == 0 and not found:
        return True
    print(said[-4000:])
    for data in found:
        print(f"{name} fails for {data!r}", flush=True)
    return False


def _last(pattern: re.Pattern[str], text: str) -> str:
    return str((pattern.findall(text) or ["?"])[-1])


def main() -> int:
    """Run the harnesses; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=SECONDS, help=f"for all together; else {SECONDS}")
    parser.add_argument("harness", nargs="*", choices=[*NAMES, []], help="those to run; else all")
    parser.add_argument(CHILD, metavar="HOME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.harness or list(NAMES)
    share = max(1, arguments.seconds // len(names))
    try:
        importlib.import_module("atheris")
    except ImportError:
        parser.error("it needs atheris: pip install atheris, or nox -s fuzz")
    if arguments.child is not None:
        drive(names[0], share, Path(arguments.child))
    outcomes = [run(name, share) for name in names]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
