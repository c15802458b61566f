"""`python -m tests.compat --peer PYTHON`: fails on a difference that the migration page does not list with a reason."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.compat.compare import MIGRATION, compare, is_listed, names_of, read_listed

DESCRIBE = Path(__file__).with_name("describe.py")


def describe(python: str, package: str) -> dict[str, Any]:
    """Describe a package in the environment of an interpreter."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [python, str(DESCRIBE), package], cwd=elsewhere, capture_output=True, text=True, check=False, timeout=120
        )
    if done.returncode:
        sys.exit(f"{package} can't be described by {python}:\n{done.stderr}")
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def main() -> int:
    """Compare and report; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("--peer", required=True, help="the interpreter of an environment with supertokens-python")
    arguments = parser.parse_args()
    ours = describe(sys.executable, "supertokens_lite")
    peer = Path(arguments.peer).absolute()
    differences = list(compare(ours, describe(str(peer), "supertokens_python")))
    listed = read_listed(MIGRATION.read_text(encoding="utf-8"))
    unlisted = [each for each in differences if not is_listed(each, listed)]
    for each in unlisted:
        print(f"{each.name}: {each.text}")
    stale = sorted(listed.difference(*map(names_of, differences)))
    for name in stale:
        print(f"{name}: the migration page lists it, and it does not differ")
    names = sum(len(module["public"]) for module in ours.values())
    print(f"{names} names compared, {len(differences)} differences, {len(unlisted)} of them without a reason")
    return 1 if unlisted or stale else 0


if __name__ == "__main__":
    sys.exit(main())
