"""Bulk updates that are interrupted and started again: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from supertokens_lite import Supertokens
from supertokens_lite._io.journal import Intent, Journal
from supertokens_lite.exceptions import JournalError
from supertokens_lite.recipe.session.bulk import HandleFile, Handles, MergePatch, Replace
from supertokens_lite.recipe.session.bulk_changes import digest
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import USER, build_app
from tests.bulk import StubCore, collect, create_many, data_of
from tests.conftest import Drive, drive_direct
from tests.servers import serve, session_core

JOB = {"source": "handles", "change": "c", "target": "t", "tenant": ""}


def count(session: SessionInformationResult) -> dict[str, Any]:
    """Add one."""
    session.session_data_in_database["n"] += 1
    return session.session_data_in_database


def other(_session: SessionInformationResult) -> None:
    """Change nothing."""


def test_done_sessions_are_skipped(app: Supertokens, drive: Drive, tmp_path: Path) -> None:
    """The next run begins with what is left, and counts what it skipped; what failed is tried again."""

    async def scenario() -> None:
        handles = await create_many(app, 6)
        journal = tmp_path / "journal"
        bad = {handles[0]}

        def change(session: SessionInformationResult) -> dict[str, Any]:
            if session.session_handle in bad:
                raise ValueError("mine")
            return count(session)

        update = app.session.bulk_update
        first = await update(Handles(iter(handles)), change, journal=journal)
        assert (first.counts["updated"], first.counts["failed"], first.skipped) == (5, 1, 0)
        dry = await update(Handles(iter(handles)), change, journal=journal, dry_run=True)
        assert (dry.total, dry.skipped) == (1, 5)
        bad.clear()
        second = await update(Handles(iter(handles)), change, journal=journal)
        assert (second.counts["updated"], second.skipped) == (1, 5)
        assert [(await data_of(app, handle))["n"] for handle in handles] == [1, 2, 3, 4, 5, 6]

    drive(scenario)


def test_a_handle_that_comes_twice(app: Supertokens, drive: Drive, tmp_path: Path) -> None:
    """With a journal a session is changed once, however often the source names it."""

    async def scenario() -> None:
        handles = await create_many(app, 3)
        report = await app.session.bulk_update(Handles([*handles, *handles]), count, journal=tmp_path / "journal")
        assert (report.counts["updated"], report.skipped) == (3, 3)
        assert [(await data_of(app, handle))["n"] for handle in handles] == [1, 2, 3]

    drive(scenario)


@pytest.mark.parametrize(
    ("source", "change", "options", "named"),
    [
        (["a", "c"], Replace({"n": 1}), {}, "source"),
        (["a", "b"], Replace({"n": 2}), {}, "change"),
        (["a", "b"], MergePatch({"n": 1}), {}, "change"),
        (["a", "b"], other, {}, "change"),
        (["a", "b"], Replace({"n": 1}), {"target": "access_token_payload"}, "target"),
        (["a", "b"], Replace({"n": 1}), {"tenant_id": "public"}, "tenant"),
    ],
)
def test_another_job(source: Any, change: Any, options: Any, named: str, drive: Drive, tmp_path: Path) -> None:
    """The journal of one job is refused to another before anything is sent, in one line that says what differs."""
    stub = StubCore(["a", "b", "c"])

    async def scenario() -> None:
        journal = tmp_path / "journal"
        with serve(session_core(stub)) as server:
            async with build_app(server.url) as app:
                await app.session.bulk_update(Handles(["a", "b"]), Replace({"n": 1}), journal=journal)
                sent = len(server.seen)
                with pytest.raises(JournalError, match=f"differs in its {named}") as caught:
                    await app.session.bulk_update(Handles(source), change, journal=journal, **options)
                assert "\n" not in str(caught.value)
                assert len(server.seen) == sent

    drive(scenario)


def test_named_sources(app: Supertokens, tmp_path: Path) -> None:
    """An iterable that can't be told from others is told by its name."""
    update = app.session.blocking.bulk_update
    update(Handles(iter(["h"]), name="one"), other, journal=tmp_path / "journal")
    assert update(Handles(iter(["h"]), name="one"), other, journal=tmp_path / "journal").skipped == 1
    with pytest.raises(JournalError, match="source"):
        update(Handles(iter(["h"]), name="two"), other, journal=tmp_path / "journal")


def test_no_journals(app: Supertokens, tmp_path: Path) -> None:
    """A file that is none, and a folder that is not there, are named."""
    text, alien = tmp_path / "text", tmp_path / "alien"
    text.write_text("not a database, and long enough to be looked at as one" * 20)
    connection = sqlite3.connect(alien)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for path, reason in (
        (text, "not a database"),
        (alien, "something else"),
        (tmp_path / "no" / "j", "does not exist"),
        (tmp_path, "can't be used"),
    ):
        with pytest.raises(JournalError, match=reason) as caught:
            app.session.blocking.bulk_update(Handles(["h"]), other, journal=path)
        assert caught.value.path == str(path)


def test_two_updates_at_once(app: Supertokens, tmp_path: Path) -> None:
    """A journal that another update has open is refused, else both would change the same sessions; then it is free."""
    update = app.session.blocking.bulk_update
    handles = drive_direct(create_many, app, 2)
    refused: list[str] = []

    def change(session: SessionInformationResult) -> dict[str, Any]:
        for is_dry in (False, True):
            with pytest.raises(JournalError) as caught:
                update(Handles(handles), count, journal=tmp_path / "journal", dry_run=is_dry)
            assert caught.value.retryable
            refused.append(caught.value.reason)
        return count(session)

    assert update(Handles(iter(handles)), change, journal=tmp_path / "journal").counts["updated"] == 2
    assert refused == ["is in use by another run"] * 4
    assert update(Handles(iter(handles)), change, journal=tmp_path / "journal").skipped == 2
    assert [drive_direct(data_of, app, handle) for handle in handles] == [{"n": 1}, {"n": 2}]


def test_a_full_disk(app: Supertokens, drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that can't be written ends the update with an error that says so; started again, nothing is lost."""

    async def scenario(journal: Path) -> None:
        handles = await create_many(app, 200)
        connect = sqlite3.connect

        def small(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **kwargs)
            connection.execute("PRAGMA max_page_count=10")
            return connection

        with monkeypatch.context() as patch:
            patch.setattr("sqlite3.connect", small)
            updates = app.session.iter_bulk_update(Handles(handles), count, journal=journal, concurrency=1)
            with pytest.raises(JournalError, match="full"):
                await collect(updates)
            assert not updates.report.complete
        report = await app.session.bulk_update(Handles(handles), count, journal=journal)
        assert report.counts["updated"] + report.skipped == 200
        assert [(await data_of(app, handle))["n"] for handle in handles] == list(range(1, 201))

    drive(scenario, tmp_path / "journal")


def test_complete_is_only_what_was_handed_out(
    app: Supertokens, drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that can't put down its last sessions does not say that it is complete."""
    connect = sqlite3.connect

    def small(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.execute("PRAGMA max_page_count=10")
        return connection

    async def scenario(journal: Path) -> None:
        gone = [f"{number:0100}" for number in range(500)]
        updates = app.session.iter_bulk_update(Handles(gone), Replace({"a": 1}), journal=journal)
        with monkeypatch.context() as patch:
            patch.setattr("sqlite3.connect", small)
            with pytest.raises(JournalError, match="full"):
                await collect(updates)
        assert not updates.report.complete

    drive(scenario, tmp_path / "journal")


@pytest.mark.embedded_only
@pytest.mark.parametrize(
    ("writes", "outcome", "stored"),
    [
        ([], "updated", {"n": 1}),
        ([{"n": 1}], "updated", {"n": 1}),
        ([{"n": 5}], "updated", {"n": 6}),
        ([{"n": 1}, {"n": 5}], "conflict", {"n": 5}),
    ],
)
def test_after_a_crash(
    app: Supertokens, drive: Drive, tmp_path: Path, writes: list[dict[str, Any]], outcome: str, stored: dict[str, Any]
) -> None:
    """Between the intent and the line that says done: what is found tells whether the write was made."""

    async def scenario() -> None:
        handle = (await create_many(app, 1))[0]
        path = str(tmp_path / "journal")
        await app.session.bulk_update(Handles(iter(["gone"])), count, journal=path)
        connection = sqlite3.connect(path)
        intended = (handle, 1, digest('{"n":0}'), digest('{"n":1}'))
        connection.execute("INSERT INTO intended VALUES (?, ?, ?, ?)", intended)
        connection.commit()
        connection.close()
        for data in writes:
            await app.session.update_session_data_in_database(handle, data)
        results = await collect(app.session.iter_bulk_update(Handles(iter([handle])), count, journal=path))
        assert results[handle].outcome == outcome
        assert await data_of(app, handle) == stored

    drive(scenario)


def test_what_a_journal_keeps(tmp_path: Path) -> None:
    """Intents go with the line that says done; both are found by handle, in any number."""
    journal = Journal(str(tmp_path / "journal"), JOB)
    journal.open()
    handles = [f"h{number}" for number in range(1200)]
    journal.record_intents((handle, Intent(None, "b", "a")) for handle in handles)
    assert journal.find_intents(handles)["h7"] == Intent(None, "b", "a")
    journal.record_done([(handle, "updated") for handle in handles])
    assert journal.find_done([*handles, "other"]) == set(handles)
    assert journal.find_intents(handles) == {}
    journal.close()
    journal.close()
    assert journal.find_done(handles) == set()


@pytest.mark.parametrize(("concurrency", "least"), [(2, 50), (4, 100)])
def test_an_interrupt(app: Supertokens, tmp_path: Path, concurrency: int, least: int) -> None:
    """Ctrl-C lets what other threads have under way finish and be remembered; the next run does the rest."""
    drive_direct(_interrupted, app, tmp_path / "journal", concurrency, least)


async def _interrupted(app: Supertokens, journal: Path, concurrency: int, least: int) -> None:
    handles = await create_many(app, 400)
    seen: list[str] = []

    def change(session: SessionInformationResult) -> dict[str, Any]:
        seen.append(session.session_handle)
        if len(seen) == 100:
            signal.raise_signal(signal.SIGINT)
        return count(session)

    updates = app.session.iter_bulk_update(Handles(handles), change, journal=journal, concurrency=concurrency)
    with pytest.raises(KeyboardInterrupt):
        await updates.next_result()
    await updates.aclose()
    done = len([result async for result in updates])
    assert done >= least
    report = await app.session.bulk_update(Handles(handles), change, journal=journal)
    assert report.counts["updated"] + report.skipped == 400
    assert report.skipped - done in (0, 1)  # a result that is being handed out when the interrupt comes goes with it
    assert [(await data_of(app, handle))["n"] for handle in handles] == list(range(1, 401))


def test_cancelled(app: Supertokens, drive_on_loop: Drive, tmp_path: Path) -> None:
    """A task that is cancelled in the middle of a call leaves a journal with which the next run does the rest, once."""

    async def scenario() -> None:
        handles = await create_many(app, 300)
        journal = tmp_path / "journal"
        with anyio.CancelScope() as scope:

            def change(session: SessionInformationResult) -> dict[str, Any]:
                if session.session_handle == handles[120]:
                    scope.cancel()
                return count(session)

            await app.session.bulk_update(Handles(handles), change, journal=journal, concurrency=2)
        assert scope.cancelled_caught
        report = await app.session.bulk_update(Handles(handles), change, journal=journal)
        assert report.counts["updated"] + report.skipped == 300
        assert [(await data_of(app, handle))["n"] for handle in handles] == list(range(1, 301))

    drive_on_loop(scenario)


def test_a_source_that_raises(app: Supertokens, drive: Drive, tmp_path: Path) -> None:
    """What the caller's iterable raises comes through as it is; what was done before is remembered."""

    async def scenario() -> None:
        handles = await create_many(app, 5)
        whole: list[bool] = []

        def rows() -> Iterator[str]:
            yield from handles
            yield from (f"gone{number}" for number in range(4000))
            if not whole:
                raise OSError("mine")

        updates = app.session.iter_bulk_update(Handles(rows()), count, journal=tmp_path / "journal")
        with pytest.raises(OSError, match="mine"):
            await collect(updates)
        assert not updates.report.complete
        whole.append(True)
        report = await app.session.bulk_update(Handles(rows()), count, journal=tmp_path / "journal")
        assert (report.total + report.skipped, report.complete) == (4005, True)
        assert report.skipped >= updates.report.total > 1000
        assert [(await data_of(app, handle))["n"] for handle in handles] == [1, 2, 3, 4, 5]

    drive(scenario)


JOB_PROGRAM = """
import os, signal, sys
from tests.apps import build_app
from supertokens_lite._io.journal import Journal
from supertokens_lite.recipe.session.bulk import HandleFile, Replace
from tests.recipe.test_bulk_journal import count

uri, handles, journal, kind, end = sys.argv[1:]
if end == "before it is recorded":
    Journal.record_done = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with build_app(uri, core_durability="normal") as app:
    change = count if kind == "count" else Replace({"n": -1})
    updates = app.session.blocking.iter_bulk_update(HandleFile(handles), change, journal=journal, concurrency=3)
    with updates:
        if end.startswith("0."):
            signal.setitimer(signal.ITIMER_REAL, float(end))  # nobody handles its signal: it kills
        for result in updates:
            print(result.outcome, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["count", "replace"])
def test_killed_and_started_again(core_uri: str, tmp_path: Path, kind: str) -> None:
    """A job that is killed in the middle, again and again, ends with each session changed exactly once."""
    with build_app(core_uri, core_durability="normal") as app:
        sessions = app.session.blocking
        made = [
            sessions.create_new_session_without_request_response("public", USER, session_data_in_database={"n": number})
            for number in range(2000)
        ]
        handles = [session.get_handle() for session in made]
        listing = tmp_path / "handles.txt"
        listing.write_text("\n".join(handles) + "\n")
        command = [sys.executable, "-c", JOB_PROGRAM, core_uri, str(listing), str(tmp_path / "journal"), kind]
        moments = [f"{random.uniform(0.005, 0.1):.4f}" for _ in range(4)]
        for end in ("before it is recorded", *moments):
            killed = subprocess.run([*command, end], capture_output=True, timeout=60, check=False)
            assert killed.returncode in (-signal.SIGKILL, -signal.SIGALRM, 0), killed.stderr
        done = subprocess.run([*command, "at the end"], capture_output=True, text=True, timeout=60, check=True)
        assert set(done.stdout.split()) <= {"updated", "unchanged"}
        change: Any = count if kind == "count" else Replace({"n": -1})
        report = sessions.bulk_update(HandleFile(listing), change, journal=tmp_path / "journal")
        assert (report.skipped, report.total) == (2000, 0)
        stored = [sessions.get_session_information(handle) for handle in handles]
        numbers = [session.session_data_in_database["n"] for session in stored if session is not None]
        assert numbers == ([number + 1 for number in range(2000)] if kind == "count" else [-1] * 2000)
