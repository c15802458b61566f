"""The conformance kit as others use it: the door that the guide shows passes, and one with a fault does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.testing.application import begin
from supertokens_lite.testing.conformance import Conformance
from supertokens_lite.testing.servers import Servers
from supertokens_lite.testing.settings import VARIABLE, Settings
from tests.docs.pages import ROOT, parse_blocks

GUIDE = ROOT / "docs" / "another-framework.md"

FAULTS = {
    "test_a_query": ("unquote(self._target.path)", "self.request.path"),
    "test_new_payload": ("changes = changes_of(request)", "changes = None"),
    "test_the_bytes_of_cookies": ("changes.apply(headers)", "dict(changes.apply(headers)).items()"),
}
"""Cases, and what of the door they would find if it were so."""


def write(folder: Path) -> dict[str, str]:
    """Write the files of the guide."""
    files: dict[str, str] = {}
    for block in parse_blocks(GUIDE.read_text(encoding="utf-8")):
        if block.language == "python":
            name = block.title.removeprefix('title="').removesuffix('"')
            files[name] = files.get(name, "") + block.text + "\n\n"
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return files


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder, as somebody who has only the package."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.slow
def test_the_door_of_the_guide(tmp_path: Path) -> None:
    """The door that the guide shows passes all cases."""
    assert set(write(tmp_path)) == {"shop.py", "test_shop.py"}
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^(\d+) passed in ", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 100


@pytest.mark.slow
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_found(tmp_path: Path, case: str) -> None:
    """A door with a fault fails the case that looks for it."""
    shop = write(tmp_path)["shop.py"]
    right, wrong = FAULTS[case]
    assert shop.count(right) == 1
    (tmp_path / "shop.py").write_text(shop.replace(right, wrong), encoding="utf-8")
    done = run(tmp_path, "-k", case)
    assert done.returncode == 1, done.stdout
    assert f"TestShop::{case}" in done.stdout


def test_a_server_that_does_not_come_up(tmp_path: Path) -> None:
    """The error says what the server said."""
    command = (sys.executable, "-c", "raise SystemExit('no such framework')")
    servers = Servers(command, {}, Settings("sqlite:///:memory:", {}), tmp_path)
    with pytest.raises(AssertionError, match="no such framework"):
        servers.find("plain")
    servers.close()


def test_an_application_that_the_kit_did_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the kit's settings an application says who has to start it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="is not set: the application is to be started by the conformance kit"):
        begin()


def test_cases_that_are_left_out() -> None:
    """Cases are left out by name, and a name that is none is a mistake."""

    class Some(Conformance):
        left_out = ("test_claims",)

    assert Some.test_claims is None
    assert Conformance.test_claims is not None
    with pytest.raises(AttributeError, match="test_nothing"):
        type("Wrong", (Conformance,), {"left_out": ("test_nothing",)})
