"""`core serve`: what it says, whom it answers, how it ends, and what it refuses."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from supertokens_lite.__main__ import main
from supertokens_lite.exceptions import CoreResponseError
from tests.apps import USER, build_app
from tests.cli.processes import run_cli
from tests.served import ServedCore

KEY = "0123456789abcdefghij-one"
OTHER_KEY = "0123456789abcdefghij-two"
PREFIX = "SUPERTOKENS_LITE_"

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and file modes are those of POSIX")


def status(url: str, path: str = "/hello", **headers: str) -> int:
    return httpx.get(url + path, headers=headers, trust_env=False).status_code


def lines_of(core: ServedCore) -> list[str]:
    """End a core, and give all that it said on standard output."""
    assert core.process.stdout is not None
    core.process.terminate()
    said = core.first_line + core.process.stdout.read()
    assert core.stop() == (0, "")
    return said.splitlines()


def write_private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Run `core serve` with what can't work; give the one line that it says."""
    assert main(["core", "serve", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("supertokens-lite: ")
    assert err.count("\n") == 1
    return err


def test_it_says_where_it_is_and_how_to_use_it(database: Path) -> None:
    """It names the address and the file, and gives an SDK's configuration that works as it is printed."""
    with ServedCore("--database", str(database)) as core:
        assert status(core.url) == 200
        with build_app(core.url) as app:
            app.session.blocking.create_new_session_without_request_response("public", USER)
        said = lines_of(core)
    assert said == [
        f"Session core on {core.url}, sessions in {database}.",
        f'Point an SDK at it: SupertokensConfig(connection_uri="{core.url}")',
        "Ctrl-C ends it.",
    ]


def test_it_says_what_memory_means() -> None:
    """A core in memory says that its sessions will be lost."""
    with ServedCore("--database", ":memory:") as core:
        assert lines_of(core)[0] == f"Session core on {core.url}, sessions in memory, lost when it ends."


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("at_work", [True, False], ids=["at work", "just begun"])
def test_a_signal_ends_it_well(number: signal.Signals, at_work: bool, tmp_path: Path) -> None:
    """Either signal ends it with exit code 0 and without a word, from its first line on; what it answered is kept."""
    database = tmp_path / "sessions.db"
    with ServedCore("--database", str(database)) as core:
        if at_work:
            with build_app(core.url) as app:
                app.session.blocking.create_new_session_without_request_response("public", USER)
        core.process.send_signal(number)
        _, errors = core.process.communicate(timeout=20)
        assert (core.process.returncode, errors) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sessions.db"]
    with build_app(f"sqlite:///{database}") as app:
        assert len(app.session.blocking.get_all_session_handles_for_user("ada")) == at_work


def test_api_keys_from_a_file(database: Path, tmp_path: Path) -> None:
    """Each key of the file opens the core, nothing else does, and no key is printed."""
    keys = write_private(tmp_path / "keys.txt", f"{KEY}\r\n\n  {OTHER_KEY}\n")
    with ServedCore("--database", str(database), "--api-key-file", str(keys)) as core:
        path = "/recipe/session/user?userId=ada"
        assert status(core.url, path) == 401
        assert status(core.url, path, **{"api-key": KEY[:-1]}) == 401
        for key in (KEY, OTHER_KEY):
            assert status(core.url, path, **{"api-key": key}) == 200
        with build_app(core.url, api_key=KEY) as app:
            assert app.session.blocking.get_all_session_handles_for_user("ada") == []
        with build_app(core.url) as app, pytest.raises(CoreResponseError, match="Invalid API key"):
            app.session.blocking.get_all_session_handles_for_user("ada")
        said = lines_of(core)
    assert said[1] == f'Point an SDK at it: SupertokensConfig(connection_uri="{core.url}", api_key="…")'
    assert KEY not in "".join(said)


def test_api_keys_from_the_environment(database: Path) -> None:
    """`SUPERTOKENS_LITE_API_KEYS` holds keys separated by commas."""
    settings = {f"{PREFIX}API_KEYS": f"{KEY}, {OTHER_KEY}"}
    with ServedCore("--database", str(database), environment=settings) as core:
        path = "/recipe/session/user?userId=ada"
        assert status(core.url, path) == 401
        assert [status(core.url, path, **{"api-key": key}) for key in (KEY, OTHER_KEY)] == [200, 200]


def test_an_option_wins_over_the_environment(database: Path, tmp_path: Path) -> None:
    """Every option and every setting can come from the environment, and what the command line says wins."""
    settings = {
        f"{PREFIX}DATABASE": str(tmp_path / "nosuch" / "x.db"),
        f"{PREFIX}PORT": "1",
        f"{PREFIX}HOST": "localhost",
        f"{PREFIX}DURABILITY": "normal",
        f"{PREFIX}BASE_PATH": "/core",
        f"{PREFIX}BODY_LIMIT": "300",
        f"{PREFIX}SUPERTOKENS_MAX_CDI_VERSION": "5.3",
        f"{PREFIX}SUPERTOKENS_MIN_CDI_VERSION": "5.0",
    }
    options = ("--database", str(database), "--config", "supertokens_max_cdi_version = 5.1")
    with ServedCore(*options, environment=settings) as core:
        assert core.url.startswith("http://localhost:")
        assert core.url.endswith("/core")
        versions = httpx.get(core.url + "/apiversion", trust_env=False).json()["versions"]
        assert versions[-1] == "5.1"
        assert status(core.url, "/recipe/session/user?userId=ada", **{"cdi-version": "5.1"}) == 200
        assert status(core.url, "/recipe/session/user?userId=ada", **{"cdi-version": "4.0"}) == 400
        body = {"sessionHandle": "x", "userDataInDatabase": {"large": "x" * 300}}
        assert httpx.put(core.url + "/recipe/session/data", json=body, trust_env=False).status_code == 413


def test_base_path(database: Path) -> None:
    """Everything is below the base path, which an SDK has in its URI, and nothing is beside it."""
    with ServedCore("--database", str(database), "--base-path", "a/b/") as core:
        assert core.url.endswith("/a/b")
        assert status(core.url) == 200
        assert status(core.url.removesuffix("/a/b")) == 404
        with build_app(core.url) as app:
            assert app.session.blocking.get_all_session_handles_for_user("ada") == []


def test_an_open_door_is_warned_of(database: Path) -> None:
    """Listening beyond this machine without an API key is said on standard error, with the remedy."""
    with ServedCore("--database", str(database), "--host", "0.0.0.0") as core:
        assert core.url.startswith("http://127.0.0.1:")
        code, errors = core.stop()
    assert code == 0
    assert errors == (
        "Warning: 0.0.0.0 can be reached from other machines, and no API key is asked for; use --api-key-file.\n"
    )


def test_a_port_in_use(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that somebody else listens on is named, with what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(capsys, "--database", str(database), "--port", str(port))
    assert f"port {port} of 127.0.0.1 is in use" in said
    assert "--port" in said


def test_without_the_extra(database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uvicorn isn't installed, the extra that has it is named."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = refused(capsys, "--database", str(database), "--port", "0")
    assert said == "supertokens-lite: serving needs the extra 'server': pip install 'supertokens-lite[server]'\n"


REFUSED_OPTIONS: list[tuple[tuple[str, ...], dict[str, str], str]] = [
    (("--port", "0x"), {}, "port is '0x' and must be a whole number from 0 to 65535"),
    (("--port", "65536"), {}, "port is '65536' and must be a whole number from 0 to 65535"),
    (("--port", "-1"), {}, "port is '-1'"),
    (("--port", "٣"), {}, "port is '٣'"),
    ((), {"PORT": "many"}, "port is 'many'"),
    (("--body-limit", "0"), {}, "body-limit is '0' and must be a whole number from 1 to"),
    ((), {"DURABILITY": "half"}, "durability is 'half' and must be full or normal"),
    (("--config", "access_token_validity"), {}, "--config 'access_token_validity' must be KEY=VALUE"),
    (("--config", "nosuch=1"), {}, "Invalid config key: nosuch"),
    (("--config", "access_token_validity=soon"), {}, "'access_token_validity' must be an integer"),
    ((), {"REFRESH_TOKEN_VALIDITY": "0"}, "'refresh_token_validity' must be a number of minutes above 0"),
    (("--config", "ip_allow_regex=("), {}, "'ip_allow_regex' must be a valid regular expression"),
    (("--config", f"api_keys={KEY}"), {}, "use --api-key-file or SUPERTOKENS_LITE_API_KEYS"),
    ((), {"API_KEYS": "short-secret"}, "'SUPERTOKENS_LITE_API_KEYS': each API key needs at least 20 characters"),
    ((), {"API_KEYS": " , "}, "SUPERTOKENS_LITE_API_KEYS holds no API key"),
    (("--api-key-file", "nosuch.txt"), {}, "the API key file nosuch.txt can't be read: No such file or directory"),
    (("--host", "192.0.2.1"), {}, "can't listen on 192.0.2.1 port"),
]


@pytest.mark.parametrize(("options", "settings", "said"), REFUSED_OPTIONS, ids=[said for *_, said in REFUSED_OPTIONS])
def test_options_that_cannot_work(
    options: tuple[str, ...],
    settings: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An option or a setting that can't work is said in one line, without showing a key, and the exit code is 2."""
    for name, value in settings.items():
        monkeypatch.setenv(PREFIX + name, value)
    line = refused(capsys, "--database", ":memory:", *options)
    assert said in line
    assert KEY not in line
    assert "short-secret" not in line


KEY_FILES = [
    ("short-secret\n", 0o600, "each API key needs at least 20 characters"),
    ("# my keys\n" + KEY, 0o600, "only letters, digits, '=' and '-'"),
    (" \n\n", 0o600, "holds no API key"),
    pytest.param(KEY, 0o644, "run chmod 600", marks=posix_only),
    pytest.param(KEY, 0o610, "run chmod 600", marks=posix_only),
]


@pytest.mark.parametrize(("text", "mode", "said"), KEY_FILES)
def test_key_files_that_cannot_work(
    text: str, mode: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with a bad key or none, or one that others may read, is refused by name and without showing a key."""
    path = tmp_path / "keys.txt"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    line = refused(capsys, "--database", ":memory:", "--api-key-file", str(path))
    assert said in line
    assert str(path) in line
    assert KEY not in line
    assert "short-secret" not in line


def test_a_key_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of other bytes is refused."""
    path = tmp_path / "keys.bin"
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)
    assert "it is not text" in refused(capsys, "--database", ":memory:", "--api-key-file", str(path))


@pytest.mark.parametrize("options", [(), ("--database", "")], ids=["not given", "empty"])
def test_no_database(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a database the option for it is named."""
    assert "name the database with --database PATH" in refused(capsys, *options)


def broken_databases(folder: Path) -> dict[str, tuple[Path, str]]:
    """Make files that a core can't use; give each with what is said of it."""
    text = write_private(folder / "text.db", "a letter, not a database")
    foreign = folder / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    foreign.chmod(0o600)
    return {
        "missing folder": (folder / "nosuch" / "x.db", "does not exist: make it first"),
        "a folder": (folder, "is not a file"),
        "no database": (text, "is not a database"),
        "another program's": (foreign, "is an SQLite database of another program"),
    }


@pytest.mark.parametrize("kind", ["missing folder", "a folder", "no database", "another program's"])
def test_databases_that_cannot_work(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that a core can't use is named, with what is wrong, and is left as it is."""
    path, said = broken_databases(tmp_path)[kind]
    before = path.read_bytes() if path.is_file() else None
    line = refused(capsys, "--database", str(path), "--port", "0")
    assert said in line
    assert str(path) in line
    assert (path.read_bytes() if path.is_file() else None) == before


def set_version(database: Path, version: int) -> None:
    connection = sqlite3.connect(database)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


NEWER: Any = [("core", "serve", "--port", "0"), ("core", "stats"), ("core", "keys", "rotate", "--now")]


@pytest.mark.parametrize("command", NEWER, ids=" ".join)
def test_a_database_of_a_newer_version(
    command: tuple[str, ...], database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of a later schema is refused by every command, with both versions and what to do."""
    set_version(database, 99)
    assert main([*command, "--database", str(database)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"{database} has schema version 99" in err
    assert "install a newer supertokens-lite" in err


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_database_that_others_may_read(mode: int, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that other users may open is refused with the command that mends it, and that command does."""
    database.chmod(mode)
    line = refused(capsys, "--database", str(database), "--port", "0")
    assert line.endswith(f"run chmod 600 {database}\n")
    database.chmod(0o600)
    with ServedCore("--database", str(database)) as core:
        assert status(core.url) == 200


def test_an_error_of_the_process_is_one_line(tmp_path: Path) -> None:
    """As a process of its own it fails as it does in this one: one line, exit code 2, and nothing is made."""
    done = run_cli("core", "serve", "--database", os.path.join("nosuch", "x.db"), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "supertokens-lite: the folder nosuch of the database nosuch/x.db does not exist: make it first\n"
    )
    assert list(tmp_path.iterdir()) == []
