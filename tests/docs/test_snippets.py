"""What the pages show can be run, and does what they say."""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supertokens_lite import InputAppInfo, SupertokensConfig, exceptions, init
from supertokens_lite.cli.parser import build_parser
from supertokens_lite.embedded.settings import READERS
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import exceptions as session_exceptions
from tests.docs.pages import ROOT, list_pages, parse_blocks

PAGES = list_pages()
README = ROOT / "README.md"
SHELL = ("bash", "console", "sh")

AFTER_README = """
import asyncio
[handle] = sessions.get_all_session_handles_for_user("userId")
seen = [sessions.get_session_information(handle).session_data_in_database]
sessions.update_session_data_in_database(handle, {"cart": ["apple"]})
asyncio.run(some_func())
seen.append(sessions.get_session_information(handle).session_data_in_database)
assert seen == [{"cart": ["apple"], "newKey": "newValue"}] * 2, seen
"""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def has_python(page: Path) -> bool:
    return any(block.language == "python" for block in parse_blocks(page.read_text(encoding="utf-8")))


def run_python(folder: Path, *arguments: str) -> None:
    """Run a program in a folder of its own, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("page", [page for page in PAGES if has_python(page)], ids=name)
def test_python_blocks_run_in_order(page: Path, tmp_path: Path) -> None:
    """Every Python block of a page runs after those before it, and prints what the page shows."""
    run_python(tmp_path, "-m", "tests.docs.pages", str(page))


def test_readme_code_changes_data_both_ways(tmp_path: Path) -> None:
    """The README's blocking code and its async code each leave the key that they add."""
    blocks = [block.text for block in parse_blocks(README.read_text(encoding="utf-8")) if block.language == "python"]
    asynchronous = blocks[1].replace("as sessions", "as coroutines").replace("sessions.get", "coroutines.get")
    blocks[1] = asynchronous.replace("sessions.update", "coroutines.update")
    run_python(tmp_path, "-c", "\n".join(blocks) + AFTER_README)


def test_readme_begins_with_two_commands() -> None:
    """The first two blocks of the README are one command each, on one line and without a prompt sign."""
    demo, tests, *_ = parse_blocks(README.read_text(encoding="utf-8"))
    for block, last in ((demo, "supertokens-lite demo"), (tests, "nox -s tests")):
        assert block.language == "bash"
        assert block.text.count("\n") == 1
        assert block.text.startswith("python3 ")
        assert block.text.rstrip().endswith(last)


def commands() -> list[str]:
    """List the calls of the command line that the pages show."""
    found: list[str] = []
    for page in PAGES:
        for block in parse_blocks(page.read_text(encoding="utf-8")):
            if block.language in SHELL:
                text = block.text.replace("\\\n", " ")
                found += re.findall(r"supertokens-lite +([a-z][^\n|&#>]*)", text)
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_commands_can_be_typed(command: str) -> None:
    """Every call of the command line that a page shows is one that it takes."""
    assert build_parser().parse_args(shlex.split(command)).module is not None


def list_options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """List the commands and options below a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield word
                yield from list_options(below)
        else:
            yield from (option for option in action.option_strings if option.startswith("--"))


def test_every_option_is_documented() -> None:
    """The page of the command line names every command and option."""
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    missing = [word for word in list_options(build_parser()) if not re.search(rf"{word}\b", page)]
    assert missing == []


def test_every_setting_of_the_core_is_documented() -> None:
    """The page of the embedded core names every configuration key that can be set, but for the keys."""
    page = (ROOT / "docs" / "embedded-core.md").read_text(encoding="utf-8")
    assert [key for key in READERS if f"`{key}`" not in page and key != "api_keys"] == []


def test_every_setting_of_the_sdk_is_documented() -> None:
    """The page of settings has a row for every parameter of what is configured with, with its default."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for made in (SupertokensConfig, InputAppInfo, session.init, init):
        for parameter in list(inspect.signature(made).parameters.values()):
            row = re.search(rf"^\| `{parameter.name}` \| `?([^|`]*)`? \|", page, re.MULTILINE)
            assert row is not None, parameter.name
            shown, default = row[1].strip(), parameter.default
            if default is inspect.Parameter.empty:
                assert shown == "required"
            elif isinstance(default, float):
                assert float(shown) == default
            else:
                assert ast.literal_eval(shown) == default


def test_every_error_is_documented() -> None:
    """The page of errors has a row for every error, with its status and whether it can be tried again."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for module in (exceptions, session_exceptions):
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, exceptions.SuperTokensError):
                assert each.__name__ in page
                row = re.search(rf"^\| `{each.__name__}` \|.*\| (\d+) \|", page, re.MULTILINE)
                assert row is None or int(row[1]) == each.status_hint, each.__name__


def test_readme_links_lead_somewhere() -> None:
    """Every file that the README links to is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).is_file(), target
