"""The wheel and the sdist, each installed into an environment of its own (`nox -s package` builds them)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

DIST = os.environ.get("SUPERTOKENS_LITE_DIST", "")

pytestmark = [
    pytest.mark.skipif(not DIST, reason="needs built distributions: nox -s package"),
    pytest.mark.timeout(300),
]

MOST_DISTRIBUTIONS = 16


def _only(pattern: str) -> Path:
    """Find the one file that was built; absolute, for it is used in other folders."""
    (found,) = Path(DIST).resolve().glob(pattern)
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


@pytest.fixture
def wheel() -> Iterator[zipfile.ZipFile]:
    """Open the wheel."""
    with zipfile.ZipFile(_only("*.whl")) as opened:
        yield opened


def _described(wheel: zipfile.ZipFile, name: str) -> str:
    """Read a file of the wheel's description of itself."""
    (found,) = [each for each in wheel.namelist() if each.endswith(f".dist-info/{name}")]
    return wheel.read(found).decode()


def _metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(_described(wheel, "METADATA"))


def _requirements(metadata: Message, extra: str) -> set[str]:
    """Name what an extra brings beyond a plain install, on the platform of the test; other extras as `name[extra]`."""
    found = set()
    for text in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            if requirement.name == "supertokens-lite":
                found |= {f"supertokens-lite[{each}]" for each in requirement.extras}
            else:
                found.add(requirement.name)
    return found


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


def test_what_is_installed_fits_together(environment: Environment) -> None:
    """The versions that a plain install brings contradict none of each other's requirements."""
    assert "No broken requirements" in environment.run("python", "-m", "pip", "check")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """The marker of types is in; developers' tools and tests are not."""
    names = wheel.namelist()
    assert "supertokens_lite/py.typed" in names
    assert not [name for name in names if "_tools" in name]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"supertokens_lite"}


def test_the_wheel_suits_every_platform(wheel: zipfile.ZipFile) -> None:
    """The wheel is pure Python, for any platform."""
    assert "Root-Is-Purelib: true\nTag: py3-none-any\n" in _described(wheel, "WHEEL")


def test_the_wheel_has_one_command(wheel: zipfile.ZipFile) -> None:
    """The one entry point is the command of the documentation."""
    entries = ConfigParser()
    entries.read_string(_described(wheel, "entry_points.txt"))
    assert {name: dict(entries[name]) for name in entries.sections()} == {
        "console_scripts": {"supertokens-lite": "supertokens_lite.__main__:main"}
    }


def test_the_wheel_has_its_license(wheel: zipfile.ZipFile) -> None:
    """The text of the license is in the wheel, and the metadata name it."""
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert "Apache License" in _described(wheel, "licenses/LICENSE")


def test_the_extra_all_has_every_runtime_extra(wheel: zipfile.ZipFile) -> None:
    """`all` brings each extra but those for tests and for those who write documentation."""
    metadata = _metadata(wheel)
    extras = set(metadata.get_all("Provides-Extra", [])) - {"all", "docs", "testing"}
    assert extras == {
        "fastapi",
        "flask",
        "django",
        "drf",
        "aiohttp",
        "litestar",
        "quart",
        "sanic",
        "server",
        "celery",
        "cli",
        "otel",
        "fast",
    }
    wanted = set().union(*(_requirements(metadata, extra) for extra in extras))
    named = _requirements(metadata, "all")
    assert named in (wanted, {f"supertokens-lite[{extra}]" for extra in extras})


@pytest.mark.parametrize(
    ("extra", "brought"),
    [
        ("fastapi", {"fastapi"}),
        ("flask", {"flask"}),
        ("django", {"django"}),
        ("drf", {"django", "djangorestframework"}),
        ("aiohttp", {"aiohttp"}),
        ("litestar", {"litestar"}),
        ("quart", {"quart"}),
        ("sanic", {"sanic"}),
        ("server", {"uvicorn", "httptools"} | (set() if sys.platform == "win32" else {"uvloop"})),
        ("celery", {"celery"}),
        ("cli", {"rich"}),
        ("otel", {"opentelemetry-api"}),
        ("testing", {"pytest"}),
        ("fast", {"pybase64"} | ({"pyreqwest"} if sys.version_info >= (3, 11) else set())),
    ],
)
def test_what_an_extra_brings(wheel: zipfile.ZipFile, extra: str, brought: set[str]) -> None:
    """Each extra brings what it is named for, and nothing that a plain install has."""
    assert _requirements(_metadata(wheel), extra) == brought


def test_the_sdist_can_be_tested() -> None:
    """The sdist has the tests, the documentation and the list of changes."""
    with tarfile.open(_only("*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"tests/conftest.py", "docs/architecture.md", "CHANGELOG.md", "LICENSE", "noxfile.py"} <= names


def test_the_sdist_builds_the_wheel_again(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """A wheel built from the sdist holds the same files with the same bytes."""
    command = [sys.executable, "-m", "build", "-q", "--wheel", "--outdir", str(tmp_path)]
    with tarfile.open(_only("*.tar.gz")) as sdist:
        sdist.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = tmp_path.glob("*.whl")
    assert built.name == _only("*.whl").name
    with zipfile.ZipFile(built) as again:
        assert {name: again.read(name) for name in again.namelist()} == {
            name: wheel.read(name) for name in wheel.namelist()
        }
