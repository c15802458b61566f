"""What developers and CI run: `nox -s NAME`, or `nox -l` for the list."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "layers", "generate", "coverage", "docs", "package"]

PROJECT = nox.project.load_toml("pyproject.toml")
ROOT = Path(__file__).parent
EXTRAS = "fastapi,flask,django,drf,aiohttp,litestar,quart,sanic,server,celery,cli"
SITE = ".nox/site"
DIST = ROOT / ".nox" / "dist"
PEER = "supertokens-python==0.31.4"
PEER_SERVER = ("fastapi", "uvicorn", "httptools", "uvloop")
FUZZER = "atheris>=2.3"
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
"""How pytest runs many tests: several at once, on as many processors as there are."""


def install(session: nox.Session, *groups: str, extras: str = EXTRAS) -> None:
    """Install the project, editable, with its extras and groups of tools."""
    tools = nox.project.dependency_groups(PROJECT, *groups) if groups else ()
    session.install("-q", "-e", f".[{extras}]" if extras else ".", *tools)


def peer_python(session: nox.Session) -> str:
    """Make an environment that holds the pinned peer, once; give its interpreter."""
    home = ROOT / ".nox" / "peer"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / "ready").exists():
        session.run("python", "-m", "venv", "--clear", str(home))
        session.run(str(python), "-m", "pip", "install", "-q", PEER, *PEER_SERVER, external=True)
        (home / "ready").touch()
    return str(python)


def find_chromium(session: nox.Session) -> str:
    """Find the browser that is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or session.error("Chromium is needed: apt-get install chromium")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job on an embedded core, and show what it did."""
    session.install("-q", ".")
    session.run("supertokens-lite", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests; arguments go to pytest."""
    install(session, "test", "lint")
    session.run("pytest", *SIDE_BY_SIDE, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff."""
    session.install("-q", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    install(session, "test", "types")
    session.run("mypy")
    session.run("pyright", "--pythonpath", str(Path(session.bin) / "python"))


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom."""
    install(session, "test")
    session.run("lint-imports", "--no-cache")


@nox.session
def generate(session: nox.Session) -> None:
    """Check that the generated files are what the generator writes; `-- --write` writes them."""
    install(session, "lint")
    arguments = ["--check"] if "--write" not in session.posargs else []
    session.run("python", "-m", "supertokens_lite._tools.generate", *arguments)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests that are not marked slow, under two of the four drivers, with branch coverage, and report."""
    install(session, "test", "lint")
    drivers = {"SUPERTOKENS_LITE_DRIVERS": "asyncio,direct"}  # what is covered is the same
    quick = ("-q", "-m", "not slow", "--hypothesis-profile=quick")
    session.run("pytest", "--cov", *SIDE_BY_SIDE, *quick, *session.posargs, env=drivers)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors; `-- serve` shows it while you write."""
    install(session, "lint", extras=f"{EXTRAS},docs")  # ruff lays the signatures out
    command = session.posargs or ["build", "--strict", "--quiet", "--site-dir", SITE]
    session.run("mkdocs", *command, env={"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"})


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist, install each into an environment of its own, and check what was installed.

    With `--install-only` it builds, and leaves the check to `.ci/run`.
    """
    session.install("-q", "build", "packaging", "pytest", "pytest-timeout", "pytest-randomly")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run_install("python", "-m", "build", "-q", "--outdir", str(DIST), str(ROOT), silent=True)
    session.run("pytest", "--confcutdir=tests/packaging", "tests/packaging", env={"SUPERTOKENS_LITE_DIST": str(DIST)})


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions of the direct dependencies that are allowed."""
    install(session, "test", extras=EXTRAS)
    extras = PROJECT["project"]["optional-dependencies"]
    requirements = [*PROJECT["project"]["dependencies"], *(each for name in EXTRAS.split(",") for each in extras[name])]
    session.install("-q", *(entry.replace(">=", "==", 1) for entry in requirements))
    session.run("pytest", "-q", *SIDE_BY_SIDE, "-m", "not slow", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, side by side in one run, and print ratios; `-- --save` writes docs/performance.md."""
    install(session, "test", extras=f"{EXTRAS},fast")
    session.run("python", "-m", "tests.bench", "--peer", peer_python(session), *session.posargs)


@nox.session
def stall(session: nox.Session) -> None:
    """Verify sessions while the core is slow to give its public keys, and fail if anything on the loop waits for it."""
    install(session, "test")
    session.run("python", "-m", "tests.bench.stall", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Have a fuzzer look for what tokens, cookies, headers and replies could break; `-- 60` takes a minute, not ten."""
    install(session, "test")
    session.install("-q", FUZZER)
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Have a real browser with the official frontend SDK use an application; needs node, npm and Chromium."""
    chromium = find_chromium(session)
    if shutil.which("npm") is None:
        session.error("node with npm is needed: apt-get install nodejs npm")
    install(session, "test")
    tools, sources = ROOT / ".nox" / "browser-tools", ROOT / "tests" / "browser"
    tools.mkdir(exist_ok=True)
    for source in (sources / "package.json", sources / "page.js", *sources.glob("*.mjs")):
        shutil.copy(source, tools)
    with session.chdir(tools):
        session.run("npm", "install", "--silent", "--no-fund", "--no-audit", external=True)
        session.run("npx", "esbuild", "page.js", "--bundle", "--outfile=bundle.js", "--log-level=error", external=True)
    found = {"SUPERTOKENS_LITE_BROWSER": str(tools), "SUPERTOKENS_LITE_CHROMIUM": chromium}
    session.run("pytest", "tests/browser", *session.posargs, env=found)


@nox.session
def screenshots(session: nox.Session) -> None:
    """Make the picture of the examples' page in the documentation; needs Chromium."""
    install(session, "test")
    session.run("python", "-m", "tests.browser.example", find_chromium(session))


@nox.session
def compat(session: nox.Session) -> None:
    """Compare names, signatures, defaults and import paths with the pinned peer."""
    install(session, "test")
    session.run("python", "-m", "tests.compat", "--peer", peer_python(session), *session.posargs)


@nox.session(python=["3.10", "3.12", "3.13"])
def pythons(session: nox.Session) -> None:
    """Run the quick tests under the other supported Pythons."""
    install(session, "test")
    session.run("pytest", "-q", *SIDE_BY_SIDE, "-m", "not slow", *session.posargs)
