"""Bulk updates with Celery: what is told to workers, what a job's folder keeps, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import trace_task
from celery.exceptions import TimeoutError as CeleryTimeoutError

from supertokens_lite import Supertokens
from supertokens_lite._io.journal import Journal
from supertokens_lite.exceptions import (
    BadInputError,
    ConfigurationError,
    CoreError,
    GeneralError,
    JournalError,
)
from supertokens_lite.recipe.session.bulk import AllUsers, HandleFile, Handles, MergePatch, Replace, Users
from supertokens_lite.recipe.session.bulk_jobs import describe_change, restore_change, restore_source
from supertokens_lite.recipe.session.celery import bulk_update_task, fan_out
from tests.apps import USER, build_app, create
from tests.bulk import add_one
from tests.conftest import drive_direct
from tests.servers import Reply, closed_port, serve, session_core

ADD_ONE = "tests.bulk:add_one"


@pytest.fixture(autouse=True)
def celery(app: Supertokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """Give a Celery application that does its tasks where they are sent, with a default instance."""
    monkeypatch.setattr(Supertokens, "_instance", app)
    celery = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    celery.conf.task_always_eager = True
    celery.set_current()
    yield celery
    celery.conf.task_always_eager = False
    celery.control.purge()
    celery.close()


@pytest.fixture
def handles(app: Supertokens) -> list[str]:
    """Give the handles of seven sessions, numbered."""
    return [drive_direct(create, app, n=number).get_handle() for number in range(7)]


def read_numbers(app: Supertokens, handles: list[str]) -> list[Any]:
    found = [app.session.blocking.get_session_information(handle) for handle in handles]
    return [information.session_data_in_database.get("n") for information in found if information is not None]


@pytest.mark.parametrize("folder", [None, "job"])
def test_chunks_are_added_up(app: Supertokens, handles: list[str], tmp_path: Path, folder: str | None) -> None:
    """The report has all chunks, and what of the source is no handle."""
    listing = tmp_path / "handles.txt"
    listing.write_text("\n".join([*handles[:4], "a b", *handles[4:], "nobody's"]))
    update = fan_out(
        HandleFile(listing), MergePatch({"n": 9}), chunk_size=3, folder=None if folder is None else tmp_path / folder
    )
    report = update.get(timeout=10)
    assert update.ready()
    assert (report.chunks, report.chunks_done, report.chunks_lost, report.complete) == (3, 3, 0, True)
    assert {outcome: count for outcome, count in report.counts.items() if count} == {
        "updated": 7,
        "gone": 1,
        "failed": 1,
    }
    assert not report.succeeded
    [failure] = report.failures
    assert str(failure.error) == f"BadInputError: {listing}:5: 'a b' has a blank in it"
    assert read_numbers(app, handles) == [9] * 7


def test_started_again(app: Supertokens, handles: list[str], tmp_path: Path) -> None:
    """The chunks are those of the first start, whatever the source gives later; done ones are not sent again."""
    job = tmp_path / "job"
    source = Users([USER.get_as_string()], name="june")
    first = fan_out(source, add_one, chunk_size=2, folder=job).report
    assert (first.counts["updated"], first.skipped, first.chunks) == (7, 0, 4)
    drive_direct(create, app, n=50)
    app.session.blocking.revoke_session(handles[0])
    (job / "chunks" / "000003.journal.done").unlink()  # as if its worker had been killed at the last moment
    again = fan_out(source, ADD_ONE, chunk_size=500, folder=job).report
    assert (again.total, again.skipped, again.chunks, again.succeeded) == (0, 7, 4, True)
    assert read_numbers(app, handles[1:]) == [2, 3, 4, 5, 6, 7]


def test_killed_while_it_was_cut(app: Supertokens, handles: list[str], tmp_path: Path) -> None:
    """A job that was not cut to its end was not begun: it is cut anew. A handle that comes twice is in one chunk."""

    def interrupted() -> Iterator[str]:
        yield from handles[:5]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fan_out(Handles(interrupted()), add_one, chunk_size=2, folder=tmp_path / "job")
    (tmp_path / "job" / "cutting").mkdir()
    (tmp_path / "job" / "cutting" / "000001.txt").write_text(handles[6])
    report = fan_out(Handles(iter([*handles, *handles])), add_one, chunk_size=4, folder=tmp_path / "job").report
    assert (report.counts["updated"], report.chunks) == (7, 2)
    assert read_numbers(app, handles) == [1, 2, 3, 4, 5, 6, 7]
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["chunks"]


def test_what_fails(handles: list[str], tmp_path: Path) -> None:
    """The reason of a session and of a chunk comes back; the first twenty of each are kept."""
    source = Handles([*handles[:1], *("a b" for _ in range(30))])
    report = fan_out(source, "tests.recipe.test_celery:refuse", folder=tmp_path / "one").report
    assert (report.counts["failed"], len(report.failures), report.complete) == (31, 20, True)
    report = fan_out(
        Handles(handles), "tests.recipe.test_celery:refuse", on_error="stop", folder=tmp_path / "two"
    ).report
    assert not report.complete
    assert "ValueError: not this one" in {str(failure.error) for failure in report.failures}
    assert not list((tmp_path / "two").rglob("*.done"))


def refuse(_session: object) -> None:
    """Fail."""
    raise ValueError("not this one")


def test_a_lost_chunk(app: Supertokens, handles: list[str], tmp_path: Path) -> None:
    """A chunk that a worker can't do is told with the reason, and is done when the job is started again."""
    job = {"chunk_size": 4, "folder": tmp_path / "job"}
    fan_out(Handles(handles), MergePatch({"n": 1}), **job)  # type: ignore[arg-type]
    chunks = tmp_path / "job" / "chunks"
    for path in chunks.glob("000002.journal*"):
        path.unlink()
    (chunks / "000002.txt").rename(chunks / "away")
    report = fan_out(Handles(handles), MergePatch({"n": 1}), **job).report  # type: ignore[arg-type]
    assert (report.chunks, report.chunks_done, report.chunks_lost, report.complete) == (2, 1, 1, False)
    [loss] = report.losses
    assert loss.startswith("chunk 2: BadInputError: ")
    assert "No such file" in loss
    (chunks / "away").rename(chunks / "000002.txt")
    assert fan_out(Handles(handles), MergePatch({"n": 1}), **job).report.succeeded  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "change", "options", "said"),
    [
        (Handles([]), Replace({}), {}, "source: is empty"),
        (["h"], Replace({}), {}, "source: must be Handles"),
        (HandleFile("missing.txt"), Replace({}), {}, "missing.txt: can't be read"),
        (Handles(["h"]), {"plan": "pro"}, {}, "change: must be Replace"),
        (Handles(["h"]), lambda _: None, {}, "a worker can't import a lambda"),
        (Handles(["h"]), "tests.bulk", {}, "must be MODULE:NAME"),
        (Handles(["h"]), "tests.no_such:function", {}, "there is no module tests.no_such"),
        (Handles(["h"]), "tests.bulk:no_such", {}, "the module tests.bulk has no no_such"),
        (Handles(["h"]), "os:name", {}, "os:name is no function but of type str"),
        (Handles(["h"]), add_one, {}, "a function needs a folder"),
        (
            Handles(["h"]),
            Replace({"sub": 1}),
            {"target": "access_token_payload"},
            "sub: the session core sets that itself",
        ),
        (Handles(["h"]), Replace({}), {"target": "all"}, "target: is 'all'"),
        (Handles(["h"]), Replace({}), {"chunk_size": 0}, "chunk_size: must be"),
        (Handles(["h"]), Replace({}), {"concurrency": 0}, "concurrency: must be"),
        (Handles(["h"]), Replace({}), {"max_per_second": -1}, "max_per_second: must be"),
        (Handles(["h"]), Replace({}), {"on_error": "raise"}, "on_error: is 'raise'"),
        (Handles(["h"]), Replace({}), {"tenant_id": "a b"}, "tenant_id"),
    ],
)
def test_wrong_input(source: Any, change: Any, options: dict[str, Any], said: str, celery: Celery) -> None:
    """What can't work is refused in one line, and nothing was sent."""
    celery.conf.task_always_eager = False
    with pytest.raises(BadInputError) as caught:
        fan_out(source, change, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert celery.control.purge() == 0


def test_functions_that_are_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what the program itself defines nor what was put in a function's place is handed to workers."""
    with monkeypatch.context() as patch:
        patch.setattr(add_one, "__module__", "__main__")
        with pytest.raises(BadInputError, match="put it into a module"):
            describe_change(add_one)
    monkeypatch.setattr("tests.bulk.add_one", refuse)
    with pytest.raises(BadInputError, match="another function"):
        describe_change(add_one)


@pytest.mark.parametrize("change", [Replace({"a": None}), Replace({}, compare=False), MergePatch({"a": {}}), add_one])
def test_changes_travel_as_json(change: Any) -> None:
    """A change is the same after it was JSON."""
    restored = restore_change(json.loads(json.dumps(describe_change(change))))
    assert restored is change or vars(restored) == vars(change)


@pytest.mark.parametrize(
    "description",
    [None, [], {}, {"replace": {}, "merge_patch": {}}, {"compare": True}, {"replace": 1}, {"function": 1}, {"x": 1}],
)
def test_no_change(description: Any) -> None:
    """What describes no change is refused."""
    with pytest.raises(BadInputError):
        restore_change(description)


SOURCES = ({"users": ["u"]}, {"user_file": "f", "column": "id"}, {"handle_file": "f"}, {"all_sessions": True})


def test_sources_travel_as_json() -> None:
    """Every kind of source can be described."""
    kinds = [type(restore_source(description)).__name__ for description in (*SOURCES, {"all_users": True})]
    assert kinds == ["Users", "UserFile", "HandleFile", "AllSessions", "AllUsers"]


@pytest.mark.parametrize(
    "description",
    [
        None,
        {},
        {"handles": "h"},
        {"users": ["u"], "column": "c"},
        {"all_users": 1},
        {"handle_file": 1},
        *({**SOURCES[0], **SOURCES[2]},),
    ],
)
def test_no_source(description: Any) -> None:
    """What describes no source is refused."""
    with pytest.raises(BadInputError, match="source: must be an object with one of handles, users"):
        restore_source(description)


def test_the_task_by_itself(app: Supertokens, handles: list[str], tmp_path: Path) -> None:
    """The task does one source, and gives a report in JSON."""
    path = str(tmp_path / "journal")
    sent = bulk_update_task.delay({"handles": handles}, {"function": ADD_ONE}, journal=path)
    report = sent.get()
    assert json.loads(json.dumps(report)) == report
    assert (report["counts"]["updated"], report["skipped"], report["complete"], report["failures"]) == (7, 0, True, [])
    assert bulk_update_task.delay({"handles": handles}, {"function": ADD_ONE}, journal=path).get()["skipped"] == 7
    assert read_numbers(app, handles) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(GeneralError, match="a function needs a journal"):
        bulk_update_task.delay({"handles": handles}, {"function": ADD_ONE}).get()
    with pytest.raises(GeneralError, match="on_error"):
        bulk_update_task.delay({"handles": handles}, {"replace": {}}, on_error="raise").get()  # type: ignore[arg-type]


def test_another_job(handles: list[str], tmp_path: Path) -> None:
    """The folder of one job is refused to another, and one that can't be written or read is named."""
    fan_out(Handles(handles), add_one, folder=tmp_path / "job")
    with pytest.raises(JournalError, match="it differs in its source and change"):
        fan_out(Handles(["h"]), Replace({}), folder=tmp_path / "job")
    (tmp_path / "job" / "chunks" / "job.json").write_text("{")
    with pytest.raises(JournalError, match="is damaged"):
        fan_out(Handles(handles), add_one, folder=tmp_path / "job")
    (tmp_path / "job" / "chunks" / "job.json").unlink()
    (tmp_path / "file").touch()
    for folder in ("job", "no/job", "file"):
        with pytest.raises(JournalError, match="can't be used"):
            fan_out(Handles(handles), add_one, folder=tmp_path / folder)


def test_without_a_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A job whose source the core can't list is not begun."""

    monkeypatch.setattr("supertokens_lite.recipe.session.bulk.LONGEST_WAIT_S", 0.0)

    def answer(_seen: object) -> Reply:
        return Reply(500)

    with serve(session_core(answer)) as server, build_app(server.url) as app:
        monkeypatch.setattr(Supertokens, "_instance", app)
        for source in (AllUsers(), Users(["u"])):
            with pytest.raises(CoreError):
                fan_out(source, add_one, folder=tmp_path / "job")
    assert list((tmp_path / "job").iterdir()) == []


def test_without_init(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program and a worker that did not call `init` are told to."""
    monkeypatch.setattr(Supertokens, "_instance", None)
    with pytest.raises(ConfigurationError, match=r"call supertokens_lite\.init"):
        fan_out(Handles(["h"]), Replace({}))
    with pytest.raises(GeneralError, match=r"call supertokens_lite\.init"):
        bulk_update_task.delay({"handles": ["h"]}, {"replace": {}}).get()


def test_without_a_result_backend() -> None:
    """Results that nobody keeps could not be gathered."""
    Celery("mine", broker="memory://", set_as_current=False).set_current()
    with pytest.raises(ConfigurationError, match="no result backend"):
        fan_out(Handles(["h"]), Replace({}))


def test_before_a_worker_begins(celery: Celery) -> None:
    """What was sent is waited for, to a queue of its own; waiting can end, and the job be cancelled."""
    celery.conf.task_always_eager = False
    update = fan_out(Handles(["a", "b", "c"]), Replace({}), chunk_size=2, queue="bulk")
    assert not update.ready()
    with pytest.raises(CeleryTimeoutError):
        update.get(timeout=0.01)
    update.cancel()
    report = update.report
    assert (report.chunks, report.chunks_done, report.complete, report.succeeded) == (2, 0, False, False)
    assert update.report.duration_s > report.duration_s


def as_worker(celery: Celery, kwargs: dict[str, Any], retries: int = 0) -> tuple[str, str]:
    """Do the task as a worker does; give its state afterwards, and the error."""
    request = {"id": "1", "args": (), "kwargs": kwargs, "retries": retries, "is_eager": False, "delivery_info": {}}
    trace_task(celery.tasks[bulk_update_task.name], "1", (), kwargs, request, app=celery)
    result = celery.AsyncResult("1")
    return result.state, str(result.result)


def test_a_worker_tries_again(
    celery: Celery, handles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk whose journal another worker has waits for its turn; one whose core does not answer, for a while."""
    celery.conf.task_always_eager = False
    monkeypatch.setattr("supertokens_lite._io.journal.BUSY_S", 0.01)
    journal = Journal(str(tmp_path / "journal"), {})
    journal.open()
    chunk: dict[str, Any] = {"source": {"handles": handles}, "change": {"replace": {}}}
    for retries in (0, 1000):
        state, error = as_worker(celery, {**chunk, "journal": journal.path}, retries)
        assert state == "RETRY"
        assert "in use by another run" in error
    journal.close()
    with build_app(closed_port()) as away:
        monkeypatch.setattr(Supertokens, "_instance", away)
        monkeypatch.setattr("supertokens_lite.recipe.session.bulk.LONGEST_WAIT_S", 0.0)
        assert as_worker(celery, chunk)[0] == "RETRY"
        state, error = as_worker(celery, chunk, retries=30)
        assert state == "FAILURE"
        assert error.startswith("CoreUnavailableError: ")
    assert celery.control.purge() == 3
