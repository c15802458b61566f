"""What the tests of commands may use: an environment without settings, and a database of the test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.processes import CORE_VARIABLE, PREFIX


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith((PREFIX, CORE_VARIABLE))]:
        monkeypatch.delenv(name)


@pytest.fixture
def database(core_file: Path, tmp_path: Path) -> Path:
    """Give the file of a core without sessions."""
    path = tmp_path / "sessions.db"
    shutil.copy2(core_file, path)
    return path
