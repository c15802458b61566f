"""The command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ("CORE_VARIABLE", "PREFIX", "environment", "run_cli")

PREFIX = "SUPERTOKENS_LITE_"
CORE_VARIABLE = "SUPERTOKENS_CORE_URI"


def environment(**more: str) -> dict[str, str]:
    """Give this process's environment without settings of the core, and with some more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, CORE_VARIABLE))}
    return kept | more


def run_cli(
    *arguments: str, folder: Path | None = None, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, with nobody at the keyboard."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "supertokens_lite", *arguments],
        cwd=folder,
        env=environment(**(settings or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
