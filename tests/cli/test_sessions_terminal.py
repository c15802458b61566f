"""`sessions update` and `sessions revoke` with somebody at the keyboard: questions, progress, interruptions."""

from __future__ import annotations

import io
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supertokens_lite.__main__ import main
from supertokens_lite.cli.sessions.progress import LineProgress, start_progress, tell_progress
from supertokens_lite.recipe.session.bulk import BulkReport
from tests.cli.processes import CORE_VARIABLE, run_cli
from tests.cli.sessions_made import Sessions, opened, write_lines
from tests.cli.terminals import CTRL_C, Terminal, posix_terminal
from tests.served import ServedCore
from tests.servers import Fault, Reply, Seen, serve, session_core

COUNTING = """
def count(session):
    data = session.session_data_in_database
    return {**data, "visits": data.get("visits", 0) + 1}
"""


@pytest.fixture(scope="module")
def core() -> Iterator[ServedCore]:
    """Serve a core over HTTP."""
    with ServedCore("--database", ":memory:") as served:
        yield served


@pytest.fixture
def sessions(core: ServedCore) -> Iterator[Sessions]:
    """Give sessions on it."""
    with opened(core.url) as made:
        yield made


ANSWERS = [(b"y\n", 0, "1 session in", 1), (b"\n", 0, "Nothing was changed.", 0), (b"\x04", 0, "Nothing was", 0)]


@posix_terminal
@pytest.mark.parametrize(("typed", "code", "said", "written"), ANSWERS, ids=[repr(typed) for typed, *_ in ANSWERS])
def test_it_asks(
    typed: bytes, code: int, said: str, written: int, sessions: Sessions, request: pytest.FixtureRequest
) -> None:
    """It says what it will do, where and to which sessions, and only a yes makes it write."""
    user = f"asked-{written}-{len(typed)}-{typed[0]}"
    [handle] = sessions.make(1, user)
    job = ("sessions", "update", "--user", user, "--set", "a=1", "--core", sessions.uri)
    with Terminal(*job) as terminal:
        terminal.wait_for("Change these sessions? [y/N] ")
        lines = terminal.text.splitlines()
        assert f"  core      {sessions.uri}" in lines
        assert f"  sessions  all sessions of {user}" in lines
        assert '  change    set {"a": 1}' in lines
        assert "  journal   none: an interrupted update begins anew" in lines
        assert sessions.data(handle) == {"n": 0}
        terminal.press(typed)
        assert terminal.end() == code
    assert said in terminal.text
    assert ("a" in sessions.data(handle)) == bool(written)


@posix_terminal
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_update_goes_on(number: signal.Signals, sessions: Sessions, tmp_path: Path) -> None:
    """A signal in the middle ends it well and it says how to go on; that command does the rest, each session once."""
    (tmp_path / "shop_jobs.py").write_text(COUNTING)
    handles = sessions.make(300)
    write_lines(tmp_path / "handles.txt", handles)
    job = ["sessions", "update", "--handles-file", "handles.txt", "--function", "shop_jobs:count", "--yes"]
    job += ["--journal", "visits.journal", "--max-per-second", "50", "--core", sessions.uri]
    with Terminal(*job, folder=tmp_path, settings={"TERM": "xterm"}) as terminal:
        terminal.wait_for(" of 300, ")  # the bar says how far it is
        terminal.wait_for(" left")
        if number == signal.SIGINT:
            terminal.press(CTRL_C)
        else:
            terminal.process.send_signal(number)
        assert terminal.end() == 130
    shown = terminal.text
    assert "Interrupted: what is under way is being finished. Once more ends it at once." in shown
    assert "━" in shown
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")  # the cursor is there again
    assert "What is done is in visits.journal. To go on:" in shown
    assert f"supertokens-lite {' '.join(job)}" in shown.replace("\r\n", "")
    assert "Traceback" not in shown
    visits = [data.get("visits", 0) for data in sessions.all_data(handles)]
    assert 0 < sum(visits) < 300
    assert f"│ updated │ {sum(visits):>8} │" in shown
    job[job.index("50")] = "100000"
    done = run_cli(*job, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"done before +{sum(visits)}\n", done.stdout)
    assert [data["visits"] for data in sessions.all_data(handles)] == [1] * 300


INTERRUPTING = """
import os
import signal
import sys


def count(session):
    data = session.session_data_in_database
    if data["n"] == 3:
        os.kill(os.getpid(), signal.SIGINT)
    return {**data, "visits": data.get("visits", 0) + 1}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to oneself is one of POSIX")
def test_interrupted_where_there_is_no_terminal(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal it is said in plain lines, without --journal that nothing remembers what is done."""
    (tmp_path / "interrupting_jobs.py").write_text(INTERRUPTING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    handles = sessions.make(60, "ivy")
    job = ["sessions", "update", "--user", "ivy", "--function", "interrupting_jobs:count", "--yes"]
    assert main([*job, "--max-per-second", "40", "--core", sessions.uri]) == 130
    done = sum(data.get("visits", 0) for data in sessions.all_data(handles))
    assert 0 < done < 60
    out, err = capfd.readouterr()
    assert err == "Interrupted: what is under way is being finished. Once more ends it at once.\n"
    assert f"\n{done} sessions in " in out
    assert out.endswith("\nNo --journal remembers what is done: the same command begins anew.\n")


@posix_terminal
def test_a_second_ctrl_c_ends_it_at_once() -> None:
    """When what is under way doesn't finish, a second Ctrl-C ends the process."""
    asked, over = threading.Event(), threading.Event()

    def hang(seen: Seen) -> Reply | Fault:
        asked.set()
        over.wait(60)
        return Fault("reset")

    with serve(session_core(hang)) as server:
        job = ("sessions", "update", "--user", "ada", "--set", "a=1", "--yes", "--core", server.url)
        with Terminal(*job) as terminal:
            assert asked.wait(60)
            terminal.press(CTRL_C)
            terminal.wait_for("Once more ends it at once.")
            terminal.press(CTRL_C)
            assert terminal.end() == 130
        over.set()
    assert "Traceback" not in terminal.text
    assert "a second" not in terminal.text


@posix_terminal
def test_a_diff_in_a_terminal(sessions: Sessions) -> None:
    """In a terminal a dry run asks nothing, shows red and green, and cuts lines at 80 columns."""
    sessions.make(1, "dry", plan="free")
    job = ("sessions", "update", "--user", "dry", "--set", "plan=" + "x" * 100, "--dry-run", "--core", sessions.uri)
    with Terminal(*job, settings={"TERM": "xterm"}) as terminal:
        assert terminal.end() == 0
    assert '\x1b[31m- plan: "free"\x1b[0m' in terminal.shown
    assert re.search(r'\x1b\[32m\+ plan: "x+…\x1b\[0m', terminal.shown)
    last_frames = [line.rpartition("\r")[2] for line in terminal.text.replace("\r\n", "\n").split("\n")]
    assert max(map(len, last_frames)) <= 80


@posix_terminal
@pytest.mark.parametrize("typed", [b"y\n", b"n\n"], ids=["yes", "no"])
def test_revoke_asks(typed: bytes, sessions: Sessions) -> None:
    """It asks with the number of sessions, and only a yes ends them."""
    sessions.make(2, "rob")
    find = sessions.app.session.blocking.get_all_session_handles_for_user
    count = len(find("rob"))
    with Terminal("sessions", "revoke", "--user", "rob", settings={CORE_VARIABLE: sessions.uri}) as terminal:
        terminal.wait_for(f"End {count} sessions of rob? [y/N] ")
        terminal.press(typed)
        assert terminal.end() == 0
    assert (f"{count} sessions ended." if typed == b"y\n" else "Nothing was changed.") in terminal.text
    assert len(find("rob")) == (0 if typed == b"y\n" else count)


@posix_terminal
def test_a_list_in_a_terminal(sessions: Sessions) -> None:
    """In 80 columns handles stay whole, and data has a line of its own that is cut."""
    [handle] = sessions.make(1, "lia", note="y" * 200)
    with Terminal("sessions", "list", "lia", "--core", sessions.uri) as terminal:
        assert terminal.end() == 0
    lines = terminal.text.splitlines()
    assert lines[0] == "1 session of lia"
    assert handle in lines[2]
    assert lines[3].startswith('    {"n": 0, "note": "yyy')
    assert lines[3].endswith("y…")
    assert max(map(len, lines)) <= 80


def report(done: int, *, skipped: int = 0, failed: int = 0, duration_s: float = 2.0) -> BulkReport:
    counts = {"updated": done, "unchanged": 0, "gone": 0, "conflict": 0, "failed": failed, "would_update": 0}
    return BulkReport(counts, skipped, (), duration_s, complete=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "total", "said"),
    [
        (report(0, duration_s=0), None, "0, 0/s"),
        (report(3000), None, "3,000, 1,500/s"),
        (report(200), 1000, "200 of 1,000, 100/s, 0:08 left"),
        (report(200, skipped=300), 1000, "500 of 1,000, 100/s, 0:05 left"),
        (report(198, failed=2), 1_000_000, "200 of 1,000,000, 100/s, 2:46:38 left, 2 failed"),
        (report(200), 100, "200 of 100, 100/s, 0:00 left"),
    ],
)
def test_how_far_it_is(now: BulkReport, total: int | None, said: str) -> None:
    """It is said how many are done, how fast it goes and how long it will take."""
    assert tell_progress(now, total) == said


def test_lines_now_and_then() -> None:
    """Where there is no bar, a line is due every five seconds."""
    now_s = [100.0]
    out = io.StringIO()
    progress = LineProgress(10, lambda: now_s[0], out)
    due = []
    for now_s[0] in (100.0, 104.9, 105.0, 106.0, 111.0):
        due.append(progress.is_due())
    assert due == [False, False, True, False, True]
    progress.show(report(4))
    assert out.getvalue() == "4 of 10, 2/s, 0:03 left\n"


class FakeTerminal(io.StringIO):
    """Claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal a bar is drawn, which is gone in the end and leaves the cursor as it was."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = start_progress(1000)
    progress.show(report(200))
    progress.close()
    shown = terminal.getvalue()
    assert "━" in shown
    assert "200 of 1,000, 100/s, 0:08 left" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert shown.endswith("\x1b[2K")


@pytest.mark.parametrize("lacking", ["rich", "a terminal", "a clever terminal"])
def test_where_no_bar_can_be_drawn(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich, without a terminal, or in one that can't move its cursor there are lines."""
    monkeypatch.setenv("TERM", "dumb" if lacking == "a clever terminal" else "xterm")
    monkeypatch.setattr(sys, "stderr", io.StringIO() if lacking == "a terminal" else FakeTerminal())
    if lacking == "rich":
        monkeypatch.setitem(sys.modules, "rich", None)
    assert isinstance(start_progress(10), LineProgress)
