"""`sessions list`, `show`, `edit` and `revoke`."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supertokens_lite.__main__ import main
from tests.bulk import StubCore
from tests.cli.processes import CORE_VARIABLE
from tests.cli.sessions_made import Sessions, opened
from tests.cli.terminals import Terminal, posix_terminal
from tests.served import ServedCore
from tests.servers import serve, session_core


@pytest.fixture(scope="module")
def core() -> Iterator[ServedCore]:
    """Serve a core over HTTP."""
    with ServedCore("--database", ":memory:") as served:
        yield served


@pytest.fixture
def sessions(core: ServedCore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Give sessions on it; the environment names it."""
    monkeypatch.setenv(CORE_VARIABLE, core.url)
    with opened(core.url) as made:
        yield made


def run(*arguments: str) -> int:
    return main(["sessions", *arguments])


def test_list(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """A user's sessions are a row each, oldest first."""
    handles = sessions.make(2, "ann", note="a\nb")
    assert run("list", "ann") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 sessions of ann"
    assert lines[1].split() == ["session", "tenant", "age", "expires", "in", "data"]
    for number, (handle, line) in enumerate(zip(handles, lines[2:], strict=True)):
        cells = re.split(r" {2,}", line.strip())
        assert cells[:3] == [handle, "public", "0 min"]
        assert re.fullmatch(r"\d+ d", cells[3])
        assert json.loads(cells[4]) == {"n": number, "note": "a\nb"}


def test_list_as_json(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is one object a line, with the names of the SDK."""
    [handle] = sessions.make(1, "jon")
    assert run("list", "jon", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["session_handle"] == handle
    assert (found["user_id"], found["recipe_user_id"], found["tenant_id"]) == ("jon", "jon", "public")
    assert found["session_data_in_database"] == {"n": 0}
    assert found["custom_claims_in_access_token_payload"]["role"] == "none"
    assert found["time_created"] < found["expiry"]


def test_list_of_nobody(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """A user without sessions is no error."""
    assert run("list", "nobody") == 0
    assert capsys.readouterr() == ("nobody has no sessions.\n", "")
    assert run("list", "nobody", "--json") == 0
    assert capsys.readouterr() == ("", "")


def test_show(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """All of a session is shown; what is in the data can't move the cursor."""
    [handle] = sessions.make(1, "sue", note="\x9b2Jø")
    assert run("show", handle) == 0
    out = capsys.readouterr().out
    assert re.search(rf"^session +{handle}$", out, re.MULTILINE)
    assert re.search(r"^user +sue$", out, re.MULTILINE)
    assert re.search(r"^created +\d{4}-\d\d-\d\d \d\d:\d\d UTC, 0 min ago$", out, re.MULTILINE)
    assert '\ndata\n{\n  "n": 0,\n  "note": "?2Jø"\n}\n' in out
    assert "\naccess token payload\n{\n" in out
    assert '"role": "none"' in out
    assert run("show", handle, "--json") == 0
    assert json.loads(capsys.readouterr().out)["session_data_in_database"] == {"n": 0, "note": "\x9b2Jø"}


@pytest.mark.parametrize("command", ["show", "edit"])
def test_a_session_that_is_not_there(command: str, sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """A session that is not there is one line, with exit code 1; what can't be a handle has exit code 2."""
    assert run(command, "nosuch") == 1
    assert capsys.readouterr() == ("", "supertokens-lite: there is no session nosuch, or it has ended\n")
    assert run(command, "a b") == 2
    assert capsys.readouterr() == ("", "supertokens-lite: HANDLE: 'a b' has a blank in it\n")


def test_revoke(sessions: Sessions, capsys: pytest.CaptureFixture[str]) -> None:
    """Handles end those sessions, `--user` all of a user; what had ended before is named."""
    handles = sessions.make(3, "eve")
    assert run("revoke", handles[0], handles[0], "nosuch", "--yes") == 0
    assert capsys.readouterr().out == "1 session ended.\n1 session had ended before: nosuch\n"
    assert run("revoke", "--user", "eve", "--yes") == 0
    assert capsys.readouterr().out == "2 sessions ended.\n"
    assert run("revoke", "--user", "eve", "--yes") == 0
    assert capsys.readouterr().out == "There are no sessions to end.\n"
    assert sessions.app.session.blocking.get_all_session_handles_for_user("eve") == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "name the sessions: either handles, or users with --user ID"),
        (("h", "--user", "eve"), "name the sessions: either handles, or users with --user ID"),
        (("h", "--tenant", "t1"), "--tenant is for --user; a handle is of one tenant"),
        (("a b",), "HANDLE: 'a b' has a blank in it"),
        (("h",), "there is nobody to ask: pass --yes to end them without asking"),
    ],
)
def test_revoke_refuses(
    typed: tuple[str, ...],
    said: str,
    sessions: Sessions,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What can't work is one line, with exit code 2."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert run("revoke", *typed) == 2
    assert capsys.readouterr() == ("", f"supertokens-lite: {said}\n")


class Editor:
    """An editor that is a script.

    Args:
        folder: where it is, and what it writes down.
        body: what it does to `path`, the file that it edits; `times` says how often it was started.
    """

    def __init__(self, folder: Path, body: str) -> None:
        script = folder / "editor.py"
        starts = folder / "starts"
        script.write_text(
            "import pathlib, sys, os\n"
            "path = pathlib.Path(sys.argv[1])\n"
            f"starts = pathlib.Path({str(starts)!r})\n"
            "times = len(starts.read_text()) + 1 if starts.exists() else 1\n"
            "starts.write_text('x' * times)\n"
            f"{body}\n"
        )
        self.command = f"{sys.executable} {script}"
        self.folder = folder

    def edit(self, handle: str, monkeypatch: pytest.MonkeyPatch) -> int:
        """Run `sessions edit`, with texts kept below the folder."""
        monkeypatch.setenv("TMPDIR", str(self.folder))
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", self.command)
        return run("edit", handle)

    def kept(self) -> list[Path]:
        """Give the texts that are kept."""
        return list(self.folder.glob("supertokens-lite-*/*"))


def test_edit(
    sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved in the editor is written; the file is for its owner only, and gone afterwards."""
    [handle] = sessions.make(1, "edd", name="Zoë \ud800")
    body = (
        f"pathlib.Path({str(tmp_path / 'mode')!r}).write_text(oct(os.stat(path.parent).st_mode))\n"
        "path.write_text(path.read_text().replace('\"n\": 0', '\"n\": 1'))"
    )
    assert Editor(tmp_path, body).edit(handle, monkeypatch) == 0
    assert capsys.readouterr() == (f"Saved the data of {handle}.\n", "")
    assert sessions.data(handle) == {"n": 1, "name": "Zoë \ud800"}
    if os.name == "posix":
        assert stat.S_IMODE(int((tmp_path / "mode").read_text(), 8)) == 0o700
    assert Editor(tmp_path, "").kept() == []


@pytest.mark.parametrize("body", ["", "path.write_text(path.read_text().replace(' ', ''))"], ids=["as it is", "spaces"])
def test_nothing_edited(
    body: str, sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text that says the same is not written."""
    [handle] = sessions.make(1)
    editor = Editor(tmp_path, body)
    assert editor.edit(handle, monkeypatch) == 0
    assert capsys.readouterr() == ("Unchanged; nothing was written.\n", "")
    assert editor.kept() == []


BROKEN = [
    ('{"n": 1,\n "m" 2}', "it is no JSON: Expecting ':' delimiter in line 2, column 6"),
    ("[1]", "data: must be a dict, not list"),
    ('{"n": NaN}', "NaN is no JSON"),
    ('{"n": 1e999}', 'data["n"]: inf has no form in JSON; use None or a string'),
    ("", "it is no JSON: Expecting value in line 1, column 1"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_text_that_can_not_be_saved(
    text: str,
    said: str,
    sessions: Sessions,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With nobody to ask what is no JSON object is refused with the place of the fault, and the text is kept."""
    [handle] = sessions.make(1)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    editor = Editor(tmp_path, f"path.write_text({text!r})")
    assert editor.edit(handle, monkeypatch) == 1
    [kept] = editor.kept()
    assert kept.read_text() == text
    assert f"supertokens-lite: not saved: {said}. Your text is in {kept}\n" in capsys.readouterr().err
    assert sessions.data(handle) == {"n": 0}


@posix_terminal
def test_edited_again(sessions: Sessions, tmp_path: Path) -> None:
    """In a terminal a fault is said and the same text is edited again."""
    [handle] = sessions.make(1)
    editor = Editor(tmp_path, "path.write_text('{' if times == 1 else path.read_text() + '\"n\": 7}')")
    settings = {"EDITOR": editor.command, "TMPDIR": str(tmp_path)}
    with Terminal("sessions", "edit", handle, "--core", sessions.uri, settings=settings) as terminal:
        terminal.wait_for("Edit it again? [Y/n] ")
        assert "Not saved: it is no JSON: " in terminal.text
        terminal.press(b"\n")
        assert terminal.end() == 0
    assert sessions.data(handle) == {"n": 7}
    assert editor.kept() == []


CHANGED = "not saved: somebody else changed the data meanwhile; theirs stays"


def put_data(url: str, handle: str) -> str:
    """Write an editor that saves, after somebody else did."""
    return (
        "import json, urllib.request\n"
        f"body = json.dumps({{'sessionHandle': {handle!r}, 'userDataInDatabase': {{'theirs': 1}}}}).encode()\n"
        "headers = {'cdi-version': '5.4', 'content-type': 'application/json'}\n"
        f"request = urllib.request.Request({url + '/recipe/session/data'!r}, body, headers, method='PUT')\n"
        "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()\n"
        "path.write_text('{\"mine\": 1}')"
    )


def test_somebody_else_was_faster(
    sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that was made while the editor was open is not replaced, and the text is kept."""
    [handle] = sessions.make(1)
    editor = Editor(tmp_path, put_data(sessions.uri, handle))
    assert editor.edit(handle, monkeypatch) == 1
    [kept] = editor.kept()
    assert kept.read_text() == '{"mine": 1}'
    assert capsys.readouterr() == ("", f"supertokens-lite: {CHANGED}. Your text is in {kept}\n")
    assert sessions.data(handle) == {"theirs": 1}


def test_a_core_without_compare_and_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a core is read again before it is written: a change made meanwhile stays there too."""
    stub = StubCore(["h1", "h2"])
    with serve(session_core(stub)) as server:
        monkeypatch.setenv(CORE_VARIABLE, server.url)
        assert Editor(tmp_path, put_data(server.url, "h1")).edit("h1", monkeypatch) == 1
        assert CHANGED in capsys.readouterr().err
        assert Editor(tmp_path, "path.write_text('{\"mine\": 1}')").edit("h2", monkeypatch) == 0
    assert stub.data == {"h1": {"theirs": 1}, "h2": {"mine": 1}}


def test_the_session_ended_meanwhile(
    sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the session ends while it is edited, the text is kept."""
    [handle] = sessions.make(1)
    command = [sys.executable, "-m", "supertokens_lite", "sessions", "revoke", handle, "--yes"]
    body = f"import subprocess\nsubprocess.run({command!r}, check=True, capture_output=True)\npath.write_text('{{}}')"
    editor = Editor(tmp_path, body)
    assert editor.edit(handle, monkeypatch) == 1
    [kept] = editor.kept()
    said = f"supertokens-lite: not saved: the session has ended meanwhile. Your text is in {kept}\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("body", ["sys.exit(3)", "path.write_text('{'); sys.exit(3)"], ids=["untouched", "touched"])
def test_an_editor_that_fails(
    body: str, sessions: Sessions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the editor fails nothing is saved, and text that it changed is kept."""
    [handle] = sessions.make(1)
    editor = Editor(tmp_path, body)
    assert editor.edit(handle, monkeypatch) == 1
    assert "not saved: the editor ended with 3" in capsys.readouterr().err
    assert len(editor.kept()) == ("{" in body)
    assert sessions.data(handle) == {"n": 0}


@pytest.mark.parametrize("command", ["no-such-editor -w", "'"])
def test_an_editor_that_is_not_there(
    command: str, sessions: Sessions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that can't be started is named, with exit code 2."""
    monkeypatch.setenv("VISUAL", command)
    assert run("edit", "h") == 2
    said = f"supertokens-lite: the editor {command!r} can't be started: set VISUAL or EDITOR to one that is there\n"
    assert capsys.readouterr() == ("", said)
