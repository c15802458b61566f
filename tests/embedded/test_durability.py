"""What is synced to the disk between a write and its answer, as the system sees it (strace).

At `full` the log is synced before an answer leaves, once for all writers that came together; at `normal` nothing is.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.served import ServedCore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]

CALLS = "fsync,fdatasync,sync_file_range,write,writev,pwrite64,pwritev,sendto,sendmsg"
WRITES = 40
WRITERS = 16

LINE = re.compile(
    r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<name>\w+)\((?P<file>\d+<[^>]*>)?)(?P<rest>.*)"
)
"""One line of strace: a call that begins, with its file, or one that goes on after another thread's line."""


class Event(NamedTuple):
    """What the core did: `logged` wrote to the log, `synced` the log or the database, `answered` a client."""

    what: str
    file: str


def read_events(lines: list[str]) -> Iterator[Event]:
    """Give what happened in the order in which it did: a sync when it has ended, everything else when it begins."""
    begun: dict[str, str] = {}
    for line in lines:
        found = LINE.match(line)
        if found is None:
            continue
        thread, name, rest = found["thread"], found["name"] or found["resumed"], found["rest"]
        if found["name"]:
            begun[thread] = (found["file"] or "").partition("<")[2]
        file = begun.get(thread, "")
        if "sync" in name:
            if "unfinished" not in rest and "sessions.db" in file:
                yield Event("synced", file)
        elif found["name"] and "-wal" in file:
            yield Event("logged", file)
        elif found["name"] and "HTTP/1.1 200" in rest:
            yield Event("answered", file)


class Trace:
    """The events of a core's process while it was watched."""

    events: list[Event]

    def __init__(self) -> None:
        self.events = []

    def between_answers(self) -> list[list[str]]:
        """Give what happened before each answer, since the one before."""
        stretches: list[list[str]] = [[]]
        for event in self.events:
            if event.what == "answered":
                stretches.append([])
            else:
                stretches[-1].append(event.what)
        return stretches[:-1]

    def count(self, what: str) -> int:
        """Count events."""
        return sum(event.what == what for event in self.events)


@contextmanager
def watch(core: ServedCore, folder: Path) -> Iterator[Trace]:
    """Watch a core; what it did is there at the end. Skips the test where processes may not be watched."""
    out = folder / "trace"
    command = ["strace", "-f", "-y", "-s", "24", "-e", f"trace={CALLS}", "-o", str(out), "-p", str(core.process.pid)]
    trace = Trace()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            strace.wait()
            pytest.skip(f"processes can't be watched here: {said.strip()}")
        try:
            yield trace
        finally:
            strace.send_signal(signal.SIGINT)
            strace.communicate(timeout=20)
    trace.events = list(read_events(out.read_text(encoding="utf-8", errors="replace").splitlines()))


def create(url: str) -> str:
    """Make a session; give its handle."""
    body = {"userId": "ada", "enableAntiCsrf": False, "userDataInJWT": {}, "userDataInDatabase": {}}
    reply = httpx.post(f"{url}/recipe/session", json=body, headers={"cdi-version": "5.4"}, trust_env=False)
    return str(reply.json()["session"]["handle"])


def update(url: str, handle: str, count: int) -> None:
    """Write session data so many times, each after the answer to the one before."""
    with httpx.Client(base_url=url, headers={"cdi-version": "5.4"}, trust_env=False, timeout=60) as client:
        for number in range(count):
            body = {"sessionHandle": handle, "userDataInDatabase": {"number": number}}
            reply = client.put("/recipe/session/data", json=body)
            assert reply.json() == {"status": "OK"}


def serve(folder: Path, durability: str) -> ServedCore:
    """Serve a core on a file."""
    return ServedCore("--database", str(folder / "sessions.db"), "--durability", durability)


def test_full_syncs_before_each_answer(tmp_path: Path) -> None:
    """At `full`, each update is in the log, and the log synced after it, before the answer leaves."""
    with serve(tmp_path, "full") as core:
        handle = create(core.url)
        with watch(core, tmp_path) as trace:
            update(core.url, handle, WRITES)
    stretches = trace.between_answers()
    assert len(stretches) == WRITES
    for stretch in stretches:
        assert "logged" in stretch
        assert stretch[-1] == "synced", stretch


def test_full_syncs_once_for_writers_that_come_together(tmp_path: Path) -> None:
    """At `full`, sixteen writers at once cost at most half as many syncs as they write, and none goes without."""
    with serve(tmp_path, "full") as core:
        handles = [create(core.url) for _ in range(WRITERS)]
        with watch(core, tmp_path) as trace:
            threads = [threading.Thread(target=update, args=(core.url, handle, WRITES // 2)) for handle in handles]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    answers = trace.count("answered")
    assert answers == WRITERS * (WRITES // 2)
    assert 1 <= trace.count("synced") <= answers / 2
    what = [event.what for event in trace.events]
    logged = len(what) - 1 - what[::-1].index("logged")
    assert "synced" in what[logged:], "the last write was never synced"


def test_normal_syncs_nothing_before_an_answer(tmp_path: Path) -> None:
    """At `normal`, each update is in the log before the answer leaves, and nothing is synced."""
    with serve(tmp_path, "normal") as core:
        handle = create(core.url)
        with watch(core, tmp_path) as trace:
            update(core.url, handle, WRITES)
    stretches = trace.between_answers()
    assert len(stretches) == WRITES
    assert all("logged" in stretch for stretch in stretches)
    assert trace.count("synced") == 0
