"""The wheel and the sdist, each installed into an environment of its own (`nox -s package` builds them)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

DIST = os.environ.get("SUPERTOKENS_LITE_DIST", "")

pytestmark = [
    pytest.mark.skipif(not DIST, reason="needs built distributions: nox -s package"),
    pytest.mark.timeout(300),
]

MOST_DISTRIBUTIONS = 16


def _only(pattern: str) -> Path:
    """Find the one file that was built."""
    (found,) = Path(DIST).glob(pattern)
    return found


class Environment:
    """A virtual environment with one distribution in it."""

    def __init__(self, home: Path, distribution: Path) -> None:
        venv.create(home, with_pip=True)
        self._bin = home / ("Scripts" if sys.platform == "win32" else "bin")
        self.run("python", "-m", "pip", "install", "-q", "--disable-pip-version-check", str(distribution))

    def run(self, command: str, *arguments: str) -> str:
        """Run a command of the environment, outside the source tree; give what it printed."""
        done = subprocess.run(
            [str(self._bin / command), *arguments], cwd=self._bin.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel, then the sdist."""
    return Environment(tmp_path_factory.mktemp("environment"), _only(request.param))


def test_the_command_runs_the_main_job(environment: Environment) -> None:
    """A plain install has the command, and the command has all it needs."""
    assert "supertokens-lite 0." in environment.run("supertokens-lite", "--version")
    assert environment.run("supertokens-lite", "demo")


def test_the_package_imports_without_a_warning(environment: Environment) -> None:
    """Both facades import, and nothing warns."""
    modules = "supertokens_lite, supertokens_lite.recipe.session.asyncio, supertokens_lite.recipe.session.syncio"
    environment.run("python", "-W", "error", "-c", f"import {modules}")


def test_it_brings_few_other_distributions(environment: Environment) -> None:
    """A plain install brings at most 16 other distributions."""
    listed = json.loads(environment.run("python", "-m", "pip", "list", "--format=json"))
    others = {entry["name"].lower() for entry in listed} - {"pip", "setuptools", "supertokens-lite", "supertokens_lite"}
    assert len(others) <= MOST_DISTRIBUTIONS, sorted(others)


def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    """The marker of types is in; developers' tools and tests are not."""
    with zipfile.ZipFile(_only("*.whl")) as wheel:
        names = wheel.namelist()
    assert "supertokens_lite/py.typed" in names
    assert not [name for name in names if "_tools" in name]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"supertokens_lite"}


def test_the_sdist_can_be_tested() -> None:
    """The sdist has the tests, the documentation and the list of changes."""
    with tarfile.open(_only("*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"tests/conftest.py", "docs/architecture.md", "CHANGELOG.md", "LICENSE", "noxfile.py"} <= names
