"""The command line as a whole: help, the version, wrong use, and how errors read."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from supertokens_lite.__main__ import main
from supertokens_lite.cli.parser import build_parser
from tests.cli.processes import environment, run_cli

SESSIONS = ["sessions list", "sessions show", "sessions edit", "sessions update", "sessions revoke"]
COMMANDS = ["demo", "doctor", *SESSIONS, "core serve", "core stats", "core keys rotate", "core sessions revoke-all"]
GROUPS = ["", "sessions", "core", "core keys", "core sessions"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the program and the version that is installed."""
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"supertokens-lite {version('supertokens-lite')}\n", "")


@pytest.mark.parametrize("command", [*GROUPS, *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` after any command exits with 0 and shows how to call it, in lines of at most 80 columns."""
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: {' '.join(['supertokens-lite', *command.split()])} [-h]")
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The first help shows the commands and what the exit codes mean."""
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert re.findall(r"^    (\w+)  +\S", out, re.MULTILINE) == ["demo", "doctor", "sessions", "core"]
    assert re.findall(r"^  (\d+) +\S", out, re.MULTILINE) == ["0", "1", "2", "130"]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_without_a_command(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help of that place goes to standard error, and the exit code says wrong use."""
    assert main(group.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: " in err
    assert "COMMAND" in err


WRONG = [
    (["nosuch"], "supertokens-lite: argument COMMAND: invalid choice: 'nosuch'"),
    (["--nosuch"], "supertokens-lite: unknown: --nosuch; see supertokens-lite --help"),
    (["demo", "now"], "supertokens-lite demo: unknown: now; see supertokens-lite demo --help"),
    (["core", "nosuch"], "supertokens-lite core: argument COMMAND: invalid choice"),
    (["core", "serve", "--nosuch", "x"], "supertokens-lite core serve: unknown: --nosuch x"),
    (["core", "serve", "--data", "x.db"], "supertokens-lite core serve: unknown: --data x.db"),
    (["core", "serve", "--api-key", "k" * 20], "supertokens-lite core serve: unknown: --api-key"),
    (["core", "serve", "--durability", "half"], "supertokens-lite core serve: argument --durability: invalid choice"),
    (["core", "serve", "--port"], "supertokens-lite core serve: argument --port: expected one argument"),
    (["core", "keys", "rotate"], "supertokens-lite core keys rotate: the following arguments are required: --now"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong_use(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be understood is said in one line on standard error, with the way to the help, and exits with 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert err.endswith(" --help\n")


def test_no_option_takes_an_api_key() -> None:
    """No option of any command takes a key itself; the only ones with keys take the path of a file."""
    parser = build_parser()
    taking = [name for command in COMMANDS for name in options_of(parser.parse_args(command_line(command)).parser)]
    assert [name for name in taking if "key" in name or "secret" in name or "token" in name] == ["--api-key-file"] * 7


NEEDED = {
    "core keys rotate": ["--now"],
    "doctor": ["URL"],
    "sessions list": ["USER"],
    "sessions show": ["HANDLE"],
    "sessions edit": ["HANDLE"],
    "sessions update": ["--all-sessions"],
}


def command_line(command: str) -> list[str]:
    return [*command.split(), *NEEDED.get(command, [])]


def options_of(parser: object) -> Iterator[str]:
    for action in parser._actions:  # type: ignore[attr-defined]
        yield from (name for name in action.option_strings if name.startswith("--"))


def test_the_demo() -> None:
    """The demo ends well as a process of its own, and shows the data that each step wrote."""
    done = run_cli("demo")
    assert (done.returncode, done.stderr) == (0, "")
    for device in ("phone", "laptop", "tablet"):
        shown = [line.partition("…")[2].strip() for line in done.stdout.splitlines() if f'"{device}"' in line]
        assert shown == [
            f'{{"device": "{device}"}}',
            f'{{"device": "{device}", "plan": "pro"}}',
            f'{{"device": "{device}", "plan": "pro", "visits": 1}}',
        ]
    handles = re.findall(r"^  (\S{8})…", done.stdout, re.MULTILINE)
    assert len(handles) == 9
    assert len(set(handles)) == 3
    assert handles[:3] == handles[3:6] == handles[6:]
    assert re.search(r"^Read back as written, in \d+\.\d s\.$", done.stdout, re.MULTILINE)


def test_output_that_nobody_reads() -> None:
    """A reader that went away, as `head` does, is no reason for a traceback or for a word."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "supertokens_lite", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1


def test_help_loads_nothing_heavy() -> None:
    """`--help` imports neither a database nor a server nor what draws tables."""
    program = (
        "import sys; from supertokens_lite.cli.parser import build_parser; build_parser().format_help(); "
        "print(sorted({'sqlite3', 'uvicorn', 'rich'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment())
    assert done.stdout == "[]\n"
