"""`sessions update`: sources, changes, what is printed, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.__main__ import main
from supertokens_lite.exceptions import CoreResponseError
from tests.cli.processes import CORE_VARIABLE, PREFIX, run_cli
from tests.cli.sessions_made import Sessions, opened, write_lines
from tests.served import ServedCore
from tests.servers import closed_port

KEY = "0123456789abcdefghij-one"


@pytest.fixture(scope="module")
def core() -> Iterator[ServedCore]:
    """Serve a core over HTTP."""
    with ServedCore("--database", ":memory:") as served:
        yield served


@pytest.fixture(params=["over HTTP", "in process"])
def sessions(
    request: pytest.FixtureRequest, core: ServedCore, database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Sessions]:
    """Give sessions on a core that the environment names, over HTTP and in process; files are the test's own."""
    uri = core.url if request.param == "over HTTP" else f"sqlite:///{database}"
    monkeypatch.setenv(CORE_VARIABLE, uri)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with opened(uri) as made:
        yield made


@pytest.fixture
def on_file(database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sessions]:
    """Give sessions on a core that the environment names, in process."""
    monkeypatch.setenv(CORE_VARIABLE, f"sqlite:///{database}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with opened(f"sqlite:///{database}") as made:
        yield made


def update(*arguments: str) -> int:
    return main(["sessions", "update", *arguments])


def update_as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    update("--json", *arguments)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_patch_of_all_that_was_typed(
    sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--set`, `--unset`, `--patch` and `--patch-file` are one change; the summary counts what came of each session."""
    handles = sessions.make(3, plan="free", old=1, a={"x": 1, "y": 2})
    source = write_lines(tmp_path / "handles.txt", [*handles, "gone"])
    (tmp_path / "p.json").write_text('{"seen": [1, 2]}')
    typed = ("--set", "plan=pro", "--unset", "old", "--patch", '{"a": {"x": null, "z": 3}}', "--patch-file", "p.json")
    assert update("--handles-file", source, *typed, "--yes") == 0
    wanted = {"plan": "pro", "a": {"y": 2, "z": 3}, "seen": [1, 2]}
    assert sessions.all_data(handles) == [{"n": n, **wanted} for n in range(3)]
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["Sessions"],
        ["outcome", "sessions"],
        ["updated", "3"],
        ["gone", "1"],
    ]
    assert lines[4].startswith("4 sessions in ")
    assert len(lines) == 5


VALUES = [
    ("plan=pro", "plan", "pro"),
    ("n=3", "n", 3),
    ("n=3.0", "n", 3.0),
    ('zip="01234"', "zip", "01234"),
    ("zip=01234", "zip", "01234"),
    ("on=true", "on", True),
    ("on=True", "on", "True"),
    ("list=[1, {}]", "list", [1, {}]),
    ("formula=a=b", "formula", "a=b"),
    ("a.b=1", "a.b", 1),
    ("empty=", "empty", ""),
    ("x=NaN", "x", "NaN"),
    ('x="null"', "x", "null"),
    ("x= 1 ", "x", 1),
    ("x={broken", "x", "{broken"),
    ("größe=ø", "größe", "ø"),
]


def test_how_values_are_read(on_file: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """A value is JSON if it can be read as such, else text; the name is all before the first `=`."""
    [handle] = on_file.make(1)
    for pair, name, value in VALUES:
        [line] = update_as_json(capsys, "--user", "ada", "--set", pair, "--dry-run")
        assert (line["handle"], line["user_id"], line["outcome"], line["error"]) == (
            handle,
            "ada",
            "would_update",
            None,
        )
        assert line["before"] == {"n": 0}
        assert line["after"] == {"n": 0, name: value}
        assert type(line["after"][name]) is type(value)
    assert on_file.data(handle) == {"n": 0}


def test_sources(sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Handles and users come from text, CSV and JSON lines; users also from the command line."""
    made = {user: sessions.make(2, user) for user in ("u1", "u2", "u3")}
    csv = write_lines(tmp_path / "users.csv", ["name,id", "Ann,u1", "Bob,u2"])
    lines = write_lines(tmp_path / "odd.txt", [{"session": made["u3"][0]}, json.dumps(made["u3"][1])])
    plain = write_lines(tmp_path / "plain.txt", ["u1"])
    for source, users in (
        (("--users-file", csv, "--column", "id"), ["u1", "u2"]),
        (("--users-file", plain), ["u1"]),
        (("--handles-file", lines, "--column", "session", "--format", "jsonl"), ["u3"]),
        (("--user", "u1", "--user", "u3"), ["u1", "u3"]),
    ):
        found = update_as_json(capsys, *source, "--set", "a=1", "--dry-run")
        assert sorted(line["handle"] for line in found) == sorted(handle for user in users for handle in made[user])


def test_all_sessions_and_tenants(on_file: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """`--all-sessions` takes every session of the app, `--tenant` those of one tenant."""
    handles = on_file.make(3) + on_file.make(2, "eve")
    assert {line["handle"] for line in update_as_json(capsys, "--all-sessions", "--set", "a=1", "--yes")} == set(
        handles
    )
    assert update("--all-sessions", "--tenant", "public", "--set", "a=2", "--yes") == 0
    assert [data["a"] for data in on_file.all_data(handles)] == [2] * 5


def test_unchanged_sessions_and_payloads(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """What a session has already is not written; `--target` changes the access token payload instead."""
    [handle] = sessions.make(1, "pat")
    [line] = update_as_json(capsys, "--user", "pat", "--set", "n=0", "--yes")
    assert line["outcome"] == "unchanged"
    assert update("--user", "pat", "--target", "access_token_payload", "--set", "role=admin", "--yes") == 0
    information = sessions.app.session.blocking.get_session_information(handle)
    assert information is not None
    assert information.custom_claims_in_access_token_payload["role"] == "admin"
    assert information.session_data_in_database == {"n": 0}


FUNCTIONS = """
import asyncio


def count(session):
    data = session.session_data_in_database
    return None if data["n"] == 0 else {**data, "visits": data.get("visits", 0) + 1}


async def wait(session):
    await asyncio.sleep(0)
    return {"waited": session.user_id}


class Waiting:
    async def __call__(self, session):
        return await wait(session)


patient = Waiting()


class Jobs:
    @staticmethod
    def clear(session):
        return {}


def fail(session):
    raise LookupError("no price for it\\nat all")


number = 3
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("shop_jobs:count", [{"n": 0}, {"n": 1, "visits": 1}]),
        ("shop_jobs:wait", [{"waited": "ada"}] * 2),
        ("shop_jobs:patient", [{"waited": "ada"}] * 2),
        ("shop_jobs:Jobs.clear", [{}, {}]),
    ],
)
def test_functions(name: str, wanted: list[dict[str, Any]], database: Path, tmp_path: Path) -> None:
    """A function is imported from the working directory, as a module that Python can find; it may be `async def`."""
    (tmp_path / "shop_jobs.py").write_text(FUNCTIONS)
    uri = f"sqlite:///{database}"
    with opened(uri) as made:
        handles = made.make(2)
        done = run_cli(
            "sessions", "update", "--all-sessions", "--function", name, "--yes", "--core", uri, folder=tmp_path
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert made.all_data(handles) == wanted


def test_failures(on_file: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad line of a file and a function that raises fail alone: with number and reason, and exit code 1."""
    handles = on_file.make(1)
    source = write_lines(tmp_path / "handles.txt", [*handles, "a b", ""])
    assert update("--handles-file", source, "--set", "a=1", "--yes") == 1
    said = capsys.readouterr().out.partition("\nFailed\n")[2].splitlines()
    assert said == [f"  {source}:2: 'a b' has a blank in it", f"  {source}:3: is blank"]
    assert on_file.data(handles[0]) == {"n": 0, "a": 1}
    (tmp_path / "shop_failing.py").write_text(FUNCTIONS)
    found = update_as_json(capsys, "--all-sessions", "--function", "shop_failing:fail", "--yes")
    assert [(line["outcome"], line["error"]) for line in found] == [("failed", "no price for it at all")]


def test_many_failures(on_file: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of many failures the first five are shown, and their number."""
    source = write_lines(tmp_path / "handles.txt", [f"a b{number}" for number in range(30)])
    assert update("--handles-file", source, "--set", "a=1", "--yes") == 1
    out = capsys.readouterr().out
    assert "\nFailed, the first 5 of 30\n" in out
    assert out.count("has a blank in it") == 5


def test_json_is_all_there_is_on_standard_output(on_file: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the summary goes to standard error."""
    on_file.make(2)
    assert update("--all-sessions", "--set", "a=1", "--yes", "--json") == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["outcome"] for line in out.splitlines()] == ["updated"] * 2
    assert "2 sessions in " in err


def test_a_dry_run_shows_what_would_change(on_file: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the first ten sessions each member that would change is shown with both values; nothing is written."""
    handles = on_file.make(11, plan="free", a={"b": [1], "c": True, "d": 0}, bell="\x07")
    patch = '{"a": {"b": [2], "c": 1, "d": 0, "e f": {}}, "bell": null}'
    assert update("--all-sessions", "--set", "plan=pro", "--patch", patch, "--dry-run") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    shown = [line.split()[0] for line in lines if line.endswith(" of ada")]
    assert len(shown) == 10
    assert set(shown) < set(handles)
    assert lines[:11] == [
        "What would change, in the first 10 of 11",
        f"  {shown[0]} of ada",
        '    - plan: "free"',
        '    + plan: "pro"',
        "    - a.b: [1]",
        "    + a.b: [2]",
        "    - a.c: true",
        "    + a.c: 1",
        '    + a."e f": {}',
        '    - bell: "\\u0007"',
        f"  {shown[1]} of ada",
    ]
    assert "Nothing was written: it was a dry run." in out
    assert on_file.data(handles[0])["plan"] == "free"


def test_a_journal_is_gone_on_with(on_file: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command with the same journal skips what is done; another change under it is refused."""
    handles = on_file.make(2)
    source = write_lines(tmp_path / "handles.txt", handles)
    job = ("--handles-file", source, "--yes", "--journal", "june.journal")
    assert update(*job, "--set", "a=1") == 0
    capsys.readouterr()
    assert update(*job, "--set", "a=1") == 0
    assert "done before" in capsys.readouterr().out
    assert update(*job, "--set", "a=2") == 2
    assert capsys.readouterr() == (
        "",
        "supertokens-lite: the journal june.journal is another job's: it differs in its change. "
        "Use another file, or that job\n",
    )


def test_a_file_that_breaks_off(on_file: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What ends an update that has begun is said after what was done, with the way to go on, and exits with 1."""
    source = write_lines(tmp_path / "handles.csv", ["session_handle", *(f"gone-{n}" for n in range(5000)), '"x'])
    assert update("--handles-file", source, "--set", "a=1", "--yes", "--journal", "a journal") == 1
    out, err = capsys.readouterr()
    assert "gone" in out.splitlines()[2]
    command = f"supertokens-lite sessions update --handles-file {source} --set a=1 --yes --journal 'a journal'"
    assert out.endswith(f"\nWhat is done is in a journal. To go on:\n  {command}\n")
    assert err.startswith(f"supertokens-lite: {source}:5002: is no CSV: ")
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits are those of POSIX")
def test_a_journal_that_can_not_grow(database: Path, tmp_path: Path) -> None:
    """A disk that is full for the journal is one line, with the journal's name."""
    source = write_lines(tmp_path / "handles.txt", [f"gone-{number}" for number in range(100)])
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "from supertokens_lite.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    job = ["--handles-file", source, "--set", "a=1", "--yes", "--journal", "full.journal"]
    done = subprocess.run(
        [sys.executable, "-c", program, "sessions", "update", *job, "--core", f"sqlite:///{database}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("supertokens-lite: the journal full.journal can't be used: ")
    assert done.stderr.count("\n") == 1


def test_nobody_to_ask(on_file: Sessions) -> None:
    """Without a terminal and without `--yes` nothing is written, and the option is named."""
    [handle] = on_file.make(1)
    done = run_cli("sessions", "update", "--all-sessions", "--set", "a=1", "--core", on_file.uri)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "supertokens-lite: there is nobody to ask: pass --yes to write without asking, "
        "or --dry-run to see what would be written\n"
    )
    assert on_file.data(handle) == {"n": 0}


@pytest.mark.skipif(importlib.util.find_spec("pyreqwest") is None, reason="not for this Python")
def test_the_fast_transport(core: ServedCore, capsys: pytest.CaptureFixture[str]) -> None:
    """`--fast` sends the same calls through the other client."""
    with opened(core.url) as made:
        handles = made.make(2, "fay")
        assert update("--core", core.url, "--fast", "--user", "fay", "--set", "a=1", "--yes") == 0
        assert [data["a"] for data in made.all_data(handles)] == [1, 1]


def test_api_keys(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key comes from a file, which wins, or from the environment; a wrong one is refused and never shown."""
    keys, wrong = tmp_path / "keys.txt", tmp_path / "wrong.txt"
    for path, key in ((keys, KEY), (wrong, KEY[::-1])):
        path.write_text(key)
        path.chmod(0o600)
    with (
        ServedCore("--database", str(database), "--api-key-file", str(keys)) as core,
        pytest.MonkeyPatch.context() as at,
    ):
        job = ("--core", core.url, "--user", "ada", "--set", "a=1", "--yes")
        assert update(*job, "--api-key-file", str(keys)) == 0
        at.setenv(f"{PREFIX}API_KEYS", KEY)
        assert update(*job) == 0
        capsys.readouterr()
        assert update(*job, "--api-key-file", str(wrong)) == 1
        with opened(core.url) as made, pytest.raises(CoreResponseError):
            made.make(1)
    out, err = capsys.readouterr()
    assert "Invalid API key" in out + err
    assert KEY[::-1] not in out + err


def test_a_key_that_others_can_read_on_its_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key for a core without TLS on another machine is warned of, in a line without the key."""
    monkeypatch.setenv(f"{PREFIX}API_KEYS", KEY)
    assert update("--core", "http://core.example", "--all-sessions", "--set", "a=1", "--tenant", "A_b") == 2
    err = capsys.readouterr().err
    assert err.startswith("Warning: the API key is sent to http://core.example unencrypted; use https://\n")
    assert err.count("\n") == 2
    assert KEY not in err


REFUSED: list[tuple[str, str]] = [
    ("--all-sessions", "say what to change: --set, --unset, --patch, --patch-file or --function"),
    ("--all-sessions --set x", "--set 'x' must be NAME=VALUE"),
    ("--all-sessions --set =x", "--set '=x' must be NAME=VALUE"),
    ("--all-sessions --set x=null", "--set x=null: null removes a member; write --unset x"),
    ("--all-sessions --set x=1e999", '--set["x"]: inf has no form in JSON'),
    ("--all-sessions --unset=", "--unset: name the member to remove"),
    ("--all-sessions --patch {", "--patch is no JSON: "),
    ("--all-sessions --patch [1]", "--patch must be a JSON object, not list"),
    ("--all-sessions --patch {}", "an empty patch changes nothing"),
    ('--all-sessions --patch {"a":NaN}', "--patch is no JSON: NaN is no JSON"),
    ("--all-sessions --patch-file no.json", "--patch-file: no.json can't be read: No such file or directory"),
    ("--all-sessions --patch-file bytes", "--patch-file: bytes can't be read: it is not text in UTF-8"),
    ("--all-sessions --set a=1 --set a=1", "'a' is changed twice, by --set and --set: keep one of them"),
    ('--all-sessions --patch {"a":{"b":1}} --unset a', "'a' is changed twice, by --unset and --patch"),
    ("--all-sessions --function json:loads --set a=1", "--function stands alone: take --set away"),
    ("--all-sessions --function shop", "--function: 'shop' must be MODULE:NAME"),
    ("--all-sessions --function shop:f()", "--function: 'shop:f()' must be MODULE:NAME"),
    ("--all-sessions --function nosuch.jobs:f", "--function: there is no module nosuch"),
    ("--all-sessions --function json:nosuch", "--function: the module json has no nosuch"),
    ("--all-sessions --function json:__name__", "--function: json:__name__ is no function but of type str"),
    ("--all-sessions --function broken_jobs:f", "--function: broken_jobs can't be imported: ZeroDivisionError: "),
    ("--all-sessions --function leaving_jobs:f", "--function: leaving_jobs can't be imported: SystemExit: 3"),
    ("--all-sessions --function needy_jobs:f", "--function: needy_jobs can't be imported: ModuleNotFoundError: "),
    ("--handles-file no.txt --set a=1", "no.txt: can't be read: No such file or directory"),
    ("--handles-file empty.txt --set a=1", "empty.txt: is empty"),
    ("--users-file empty.csv --set a=1", "empty.csv: is empty"),
    ("--users-file other.csv --set a=1", "other.csv: has no column 'user_id'; its columns are: id, name"),
    ("--handles-file other.csv --column x --set a=1", "other.csv: has no column 'x'"),
    ("--handles-file . --set a=1", ".: can't be read: Is a directory"),
    ("--all-users --set a=1", "the core knows no users: use --all-sessions"),
    ("--all-sessions --column x --set a=1", "--column and --format are for --handles-file and --users-file"),
    ("--user a\tb --set a=1", "--user: 'a\\tb' has a blank in it"),
    ("--all-sessions --concurrency 0 --set a=1", "--concurrency is '0' and must be a whole number from 1 to 1000"),
    ("--all-sessions --max-per-second 0 --set a=1", "--max-per-second is '0' and must be a number above 0"),
    ("--all-sessions --max-per-second x --set a=1", "--max-per-second is 'x'"),
    ("--all-sessions --target access_token_payload --set sub=1", "change: sub: the session core sets that itself"),
    ("--all-sessions --tenant A_b --set a=1", "tenant_id: must be "),
    ("--all-sessions --journal no/j --set a=1", "the journal no/j is in a folder that does not exist"),
    ("--all-sessions --journal other.csv --set a=1", "the journal other.csv can't be used: file is not a database"),
    ("--all-sessions --set a=1 --core ftp://x", "connection_uri: 'ftp://x' is not the address of a core"),
    ("--all-sessions --set a=1 --core http://u:pw@h", "connection_uri: take the user and password out of it"),
    ("--all-sessions --set a=1 --core sqlite:///no.db", "there is no database no.db"),
    ("--all-sessions --set a=1 --core sqlite:///:memory:", "a database in memory is another process's own"),
    ("--all-sessions --set a=1 --core=", "name the core with --core URI or SUPERTOKENS_CORE_URI"),
    ("--all-sessions --set a=1 --app nosuch", "there is no app 'nosuch' in this database; it has public"),
    ("--all-sessions --set a=1 --core http://h --app x", "--app is for sqlite:///FILE; put the app into the URI"),
    ("--all-sessions --set a=1 --core http://h --api-key-file no", "the API key file no can't be read"),
    ("--all-sessions --set a=1 --fast", "transport is for cores over HTTP"),
]


@pytest.mark.parametrize(("typed", "said"), REFUSED, ids=[typed for typed, _ in REFUSED])
def test_what_can_not_work(
    typed: str, said: str, on_file: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each wrong use is one line that names it, with exit code 2, before anything is written or made."""
    (tmp_path / "empty.txt").touch()
    write_lines(tmp_path / "empty.csv", ["user_id"])
    write_lines(tmp_path / "other.csv", ["id,name", "1,Ann"])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    write_lines(tmp_path / "broken_jobs.py", ["1 / 0"])
    write_lines(tmp_path / "leaving_jobs.py", ["raise SystemExit(3)"])
    write_lines(tmp_path / "needy_jobs.py", ["import nosuch_package"])
    [handle] = on_file.make(1)
    before = {path.name for path in tmp_path.iterdir() if path.suffix != ".py"}
    assert update(*typed.split(" "), "--yes") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"supertokens-lite: {said}")
    assert err.count("\n") == 1
    assert "pw" not in err
    assert on_file.data(handle) == {"n": 0}
    made = {path.name for path in tmp_path.iterdir() if path.suffix != ".py"} - before
    assert made <= {"__pycache__"}


def test_exactly_one_source(capsys: pytest.CaptureFixture[str]) -> None:
    """No source and two of them are refused by the parser."""
    for source in ((), ("--all-users", "--user", "ada")):
        with pytest.raises(SystemExit) as ended:
            update(*source, "--set", "a=1")
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_core_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A core that can't be reached is one line, with exit code 1."""
    url = closed_port()
    assert update("--core", url, "--all-sessions", "--set", "a=1", "--yes") == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"supertokens-lite: no session core answered ({url}: can't connect")
