"""`core stats`, `core keys rotate` and `core sessions revoke-all`, on the file of a core."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.__main__ import main
from supertokens_lite.embedded import EmbeddedCore
from tests.apps import build_app
from tests.cli.processes import run_cli
from tests.cli.terminals import in_terminal, posix_terminal
from tests.embedded.client import Client
from tests.served import ServedCore

LONG_AGO = 1_500_000_000_000
"""Milliseconds since the epoch: any session of then has expired."""


def fill(database: Path) -> None:
    """Put two live and one expired session into the app `public`, and one live session into a tenant of `shop`."""
    with closing(EmbeddedCore(str(database))) as core:
        client = Client(core)
        client.create("ada")
        client.create("eve")
        client.call("PUT", "/recipe/multitenancy/app/v2", {"appId": "shop"})
        client.at(prefix="/appid-shop").call("PUT", "/recipe/multitenancy/tenant/v2", {"tenantId": "t1"})
        client.at(prefix="/appid-shop/t1").create("ada")
    with closing(EmbeddedCore(str(database), clock=lambda: LONG_AGO)) as core:
        Client(core).create("bob")


def stats(database: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["core", "stats", "--json", "--database", str(database)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def live(found: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    return {(each["app_id"], each["tenant_id"]): each["live"] for each in found["tenants"]}


def kids_of(found: Mapping[str, Any], app: str) -> list[str]:
    return [key["kid"] for key in found["keys"] if key["app_id"] == app]


def test_stats_as_json(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the sessions of each tenant, live and expired, and each key with the moment it was made."""
    fill(database)
    found = stats(database, capsys)
    assert found.keys() == {"at", "schema_version", "size_bytes", "tenants", "keys"}
    assert {(each["app_id"], each["tenant_id"]): (each["live"], each["expired"]) for each in found["tenants"]} == {
        ("public", "public"): (2, 1),
        ("shop", "public"): (0, 0),
        ("shop", "t1"): (1, 0),
    }
    assert found["size_bytes"] > 0
    assert found["schema_version"] == 1
    assert {kid[0] for kid in kids_of(found, "public")} == {"d", "s"}
    assert all(LONG_AGO <= key["created_at"] <= found["at"] for key in found["keys"])


def test_stats_as_a_table(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a row for each tenant and for each key, in columns that line up."""
    fill(database)
    kids = kids_of(stats(database, capsys), "public")
    assert main(["core", "stats", "--database", str(database)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[\d,]+ KiB, schema version 1", lines[0])
    assert lines[2:7] == [
        "Sessions",
        "  app     tenant  live  expired",
        "  public  public     2        1",
        "  shop    public     0        0",
        "  shop    t1         1        0",
    ]
    assert lines[8] == "Signing keys"
    assert lines[9].split() == ["app", "key", "kind", "made", "age"]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[10:]]
    assert [row[1] for row in rows if row[0] == "public"] == kids
    for _, kid, kind, made, age in rows:
        assert kind == ("rotates" if kid.startswith("d-") else "stays")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", made)
        assert re.fullmatch(r"\d+ (min|h|d)", age)


def test_the_age_of_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An old key shows its age in days, and when it was made."""
    path = tmp_path / "old.db"
    with closing(EmbeddedCore(str(path), clock=lambda: LONG_AGO)) as core:
        Client(core).create("bob")
    assert main(["core", "stats", "--database", str(path)]) == 0
    rows = re.findall(r"2017-07-14 02:40 UTC  (\d+) d$", capsys.readouterr().out, re.MULTILINE)
    assert len(rows) == 2
    assert all(int(days) > 3000 for days in rows)


@posix_terminal
def test_stats_in_a_terminal(database: Path) -> None:
    """A terminal gets the same numbers and whole key names, however narrow it is."""
    fill(database)
    code, shown = in_terminal("core", "stats", "--database", str(database))
    assert code == 0
    assert re.search(r"public\W+public\W+2\W+1\W", shown)
    assert re.search(r"shop\W+t1\W+1\W+0\W", shown)
    assert re.search(r"d-\d+", shown)
    assert "Traceback" not in shown


def test_the_database_from_the_environment(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SUPERTOKENS_LITE_DATABASE` names the file where the option doesn't."""
    monkeypatch.setenv("SUPERTOKENS_LITE_DATABASE", str(database))
    assert main(["core", "stats"]) == 0
    assert capsys.readouterr().out.startswith(f"{database.stat().st_size // 1024} KiB")


COMMANDS: list[list[str]] = [
    ["core", "stats"],
    ["core", "keys", "rotate", "--now"],
    ["core", "sessions", "revoke-all", "--yes"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_not_there(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command on a database makes none: what is missing is said in one line, and the exit code is 2."""
    missing = tmp_path / "sessions.db"
    for options, said in (
        ([], "name the database with --database PATH or SUPERTOKENS_LITE_DATABASE"),
        (["--database", ""], "name the database with --database PATH or SUPERTOKENS_LITE_DATABASE"),
        (["--database", ":memory:"], "a database in memory is another process's own; name a file"),
        (["--database", str(missing)], f"there is no database {missing}"),
        (["--database", str(tmp_path)], f"there is no database {tmp_path}"),
    ):
        assert main([*command, *options]) == 2
        assert capsys.readouterr() == ("", f"supertokens-lite: {said}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_an_app_that_is_not_there(command: list[str], database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown app is an error that names those there are, and nothing is changed."""
    fill(database)
    before = stats(database, capsys)
    assert main([*command, "--database", str(database), "--app", "nosuch"]) == 2
    assert capsys.readouterr() == (
        "",
        "supertokens-lite: there is no app 'nosuch' in this database; it has public, shop\n",
    )
    after = stats(database, capsys)
    assert (after["tenants"], after["keys"]) == (before["tenants"], before["keys"])


def test_rotate_makes_a_key_for_every_app(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rotating names the new key of each app; the old ones are kept."""
    fill(database)
    before = stats(database, capsys)
    assert main(["core", "keys", "rotate", "--now", "--database", str(database)]) == 0
    named = re.findall(r"^\w+: (d-\d+) is published now and signs in a minute$", capsys.readouterr().out, re.MULTILINE)
    after = stats(database, capsys)
    new = [kid for app in ("public", "shop") for kid in kids_of(after, app) if kid not in kids_of(before, app)]
    assert sorted(named) == sorted(new)
    assert len(after["keys"]) == len(before["keys"]) + 2


def test_rotate_one_app_while_the_core_is_in_use(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key made for one app beside a running core is published there, and the others keep theirs."""
    fill(database)
    before = stats(database, capsys)
    with ServedCore("--database", str(database)) as core, build_app(core.url + "/appid-shop") as app:
        assert main(["core", "keys", "rotate", "--now", "--app", "shop", "--database", str(database)]) == 0
        [kid] = re.findall(r"^shop: (d-\d+) is", capsys.readouterr().out)
        assert kid in [key.kid for key in app.session.blocking.get_jwks().keys]
    after = stats(database, capsys)
    assert kids_of(after, "public") == kids_of(before, "public")
    assert set(kids_of(after, "shop")) == {kid, *kids_of(before, "shop")}


def test_revoke_all(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--app` ends the sessions of one app, without it those of all, and it says how many there were."""
    fill(database)
    command = ["core", "sessions", "revoke-all", "--yes", "--database", str(database)]
    assert main([*command, "--app", "shop"]) == 0
    assert capsys.readouterr().out == "1 session ended.\n"
    assert live(stats(database, capsys)) == {("public", "public"): 2, ("shop", "public"): 0, ("shop", "t1"): 0}
    assert main(command) == 0
    assert capsys.readouterr().out == "3 sessions ended.\n"
    assert set(live(stats(database, capsys)).values()) == {0}


def test_revoke_all_beside_a_running_core(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sessions ended by the command are gone for a core that serves the same file."""
    fill(database)
    with ServedCore("--database", str(database)) as core, build_app(core.url) as app:
        [handle] = app.session.blocking.get_all_session_handles_for_user("ada")
        assert main(["core", "sessions", "revoke-all", "--yes", "--database", str(database)]) == 0
        assert app.session.blocking.get_session_information(handle) is None
    assert capsys.readouterr().err == ""


def test_revoke_all_with_nobody_to_ask(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without `--yes` nothing is ended, and the option is named."""
    fill(database)
    done = run_cli("core", "sessions", "revoke-all", "--database", str(database))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("supertokens-lite: there is nobody to ask: pass --yes to end all sessions without asking\n")
    assert live(stats(database, capsys))["public", "public"] == 2


ANSWERS = [
    (b"y\n", 0, "4 sessions ended.", 0),
    (b"YES\n", 0, "4 sessions ended.", 0),
    (b"\n", 0, "Nothing was changed.", 2),
    (b"no\n", 0, "Nothing was changed.", 2),
    (b"yup\n", 0, "Nothing was changed.", 2),
    (b"\x04", 0, "Nothing was changed.", 2),
    (b"\x03", 130, "", 2),
]


@posix_terminal
@pytest.mark.parametrize(("typed", "code", "said", "left"), ANSWERS, ids=[repr(typed) for typed, *_ in ANSWERS])
def test_revoke_all_asks(
    typed: bytes, code: int, said: str, left: int, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal it asks, and only a yes ends sessions; Ctrl-D is a no, and Ctrl-C interrupts."""
    fill(database)
    ended, shown = in_terminal("core", "sessions", "revoke-all", "--database", str(database), typed=typed)
    assert ended == code
    assert "End all sessions of every app? Every user has to sign in again. [y/N] " in shown
    assert said in shown
    assert "Traceback" not in shown
    assert live(stats(database, capsys))["public", "public"] == left


@posix_terminal
def test_the_question_names_the_app(database: Path) -> None:
    """The question says which app is meant."""
    fill(database)
    command = ("core", "sessions", "revoke-all", "--app", "shop", "--database", str(database))
    code, shown = in_terminal(*command, typed=b"n\n")
    assert code == 0
    assert "End all sessions of the app shop?" in shown
