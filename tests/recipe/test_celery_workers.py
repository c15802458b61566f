"""Bulk updates by real workers over a real broker, some of which are killed in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from celery import Celery

from supertokens_lite import Supertokens
from supertokens_lite.recipe.session.bulk import AllSessions, Handles, MergePatch, Users
from supertokens_lite.recipe.session.celery import FanOutReport, fan_out
from tests.apps import USER, build_app
from tests.bulk import add_one
from tests.celery_app import Worker, build_celery, run_redis
from tests.served import ServedCore

pytestmark = pytest.mark.slow

SESSIONS = 600
POOLS = ("prefork", "threads", "gevent")


class Site(NamedTuple):
    """Where a job runs."""

    app: Supertokens
    celery: Celery
    broker: str
    core: str


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a broker, and a core in a process of its own."""
    with run_redis(tmp_path) as broker, ServedCore("--database", str(tmp_path / "core.db")) as core:
        celery = build_celery(broker)
        celery.set_current()
        with build_app(core.url) as app:
            monkeypatch.setattr(Supertokens, "_instance", app)
            yield Site(app, celery, broker, core.url)
        celery.close()


def create_sessions(app: Supertokens, count: int = SESSIONS) -> list[str]:
    create = app.session.blocking.create_new_session_without_request_response
    made = [create("public", USER, session_data_in_database={"n": number}) for number in range(count)]
    return [session.get_handle() for session in made]


def read_numbers(app: Supertokens, handles: list[str]) -> list[int]:
    read = [app.session.blocking.get_session_information(handle) for handle in handles]
    return [information.session_data_in_database["n"] for information in read if information is not None]


def find_busy(celery: Celery, worker: str) -> int:
    """Wait until a worker is in the middle of a task; give the process that is."""
    while True:
        active: dict[str, Any] = celery.control.inspect([worker], timeout=5).active() or {}
        for task in active.get(worker, ()):
            if task["worker_pid"] is not None:
                return int(task["worker_pid"])


def test_killed_workers(site: Site, tmp_path: Path) -> None:
    """A process of a pool and a whole worker are killed; each session is changed once, and the report adds up."""
    handles = create_sessions(site.app)
    with ExitStack() as stack:
        # all are started before the first is waited for
        workers = {pool: Worker(pool, site.broker, site.core, 2) for pool in POOLS}
        for worker in workers.values():
            stack.enter_context(worker)
        job: dict[str, Any] = {"chunk_size": 20, "max_per_second": 40, "folder": tmp_path / "job"}
        update = fan_out(Handles(handles), add_one, **job)
        os.kill(find_busy(site.celery, "prefork@here"), signal.SIGKILL)
        find_busy(site.celery, "threads@here")
        workers["threads"].kill()
        report = update.get(timeout=60)
    assert_adds_up(report)
    assert (report.chunks, report.chunks_done) == (30, 30)
    assert read_numbers(site.app, handles) == [number + 1 for number in range(SESSIONS)]
    again = fan_out(Handles(handles), add_one, **job)
    assert again.ready()  # though there is no worker any more
    assert (again.report.skipped, again.report.total, again.report.complete) == (SESSIONS, 0, True)


def assert_adds_up(report: FanOutReport) -> None:
    assert report.succeeded, report
    assert report.counts["updated"] + report.skipped == SESSIONS


def test_delivered_again_too_early(site: Site, tmp_path: Path) -> None:
    """A chunk that takes longer than the broker waits is delivered twice, and changed once."""
    handles = create_sessions(site.app, 80)
    with Worker("prefork", site.broker, site.core, 2) as worker:
        job: dict[str, Any] = {"max_per_second": 16, "folder": tmp_path / "job"}
        assert fan_out(Handles(handles), add_one, **job).get(timeout=60).succeeded
        worker.wait_until_said("succeeded in", times=2)
    assert read_numbers(site.app, handles) == [number + 1 for number in range(80)]


def test_cancelled_and_started_again(site: Site, tmp_path: Path) -> None:
    """What was not begun is dropped, and done when the job is started again; no session is changed twice."""
    handles = create_sessions(site.app)
    with Worker("prefork", site.broker, site.core, 2):
        job: dict[str, Any] = {"chunk_size": 20, "folder": tmp_path / "job"}
        update = fan_out(Handles(handles), add_one, max_per_second=20, **job)
        find_busy(site.celery, "prefork@here")
        update.cancel()
        report = update.get(timeout=60)
        assert report.chunks_done >= 1
        assert (report.chunks_done + report.chunks_lost, report.complete) == (30, False)
        assert report.losses[0].endswith(": revoked")
        assert_adds_up(fan_out(Handles(handles), add_one, **job).get(timeout=60))
    assert read_numbers(site.app, handles) == [number + 1 for number in range(SESSIONS)]


@pytest.mark.parametrize("pool", POOLS)
def test_pools(site: Site, pool: str, tmp_path: Path) -> None:
    """Each kind of pool does the job of each kind of source, with and without a folder."""
    handles = create_sessions(site.app)
    with Worker(pool, site.broker, site.core, 2):
        assert_adds_up(fan_out(AllSessions(), "tests.bulk:add_one", folder=tmp_path / "job").get(timeout=60))
        assert_adds_up(fan_out(Users([USER.get_as_string()]), MergePatch({"n": 0}), chunk_size=100).get(timeout=60))
    assert read_numbers(site.app, handles) == [0] * SESSIONS
