"""A bulk update as a job of its own process: `python -m tests.bulk_job '{"core": …}'`; it prints its report."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import subprocess
import sys
from typing import Any, NamedTuple

from supertokens_lite import Supertokens
from supertokens_lite.recipe.session.bulk import BlockingBulkUpdates, BulkUpdates, HandleFile, MergePatch
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import build_app

__all__ = ("CHANGES", "Job", "count")


class Job(NamedTuple):
    """A job.

    Attributes:
        core: where the core is.
        handles: the file with the handles.
        journal: the journal.
        change: which of `CHANGES`.
        colour: `async` or `blocking`.
        transport: `default` or `fast`.
        concurrency: how many calls may be under way.
    """

    core: str
    handles: str
    journal: str
    change: str
    colour: str
    transport: str
    concurrency: int = 8

    def start(self) -> subprocess.Popen[str]:
        """Start it in a process of its own."""
        command = [sys.executable, "-m", "tests.bulk_job", json.dumps(self)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for its end; give its report."""
        output, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        report: dict[str, Any] = json.loads(output)
        return report


def count(session: SessionInformationResult) -> dict[str, Any]:
    """Add one."""
    data = session.session_data_in_database
    return {**data, "n": data["n"] + 1}


CHANGES: dict[str, Any] = {"count": count, "patch": MergePatch({"plan": {"name": "pro"}})}


def stop_on_signals(updates: BulkUpdates | BlockingBulkUpdates) -> None:
    """Have SIGINT and SIGTERM stop an update, as an application would."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: updates.stop())


async def run_awaiting(app: Supertokens, job: Job) -> BulkUpdates:
    """Run to the end."""
    updates = app.session.iter_bulk_update(
        HandleFile(job.handles), CHANGES[job.change], journal=job.journal, concurrency=job.concurrency
    )
    stop_on_signals(updates)
    async with app, updates:
        async for _ in updates:
            pass
    return updates


def run_blocking(app: Supertokens, job: Job) -> BlockingBulkUpdates:
    """Run to the end."""
    updates = app.session.blocking.iter_bulk_update(
        HandleFile(job.handles), CHANGES[job.change], journal=job.journal, concurrency=job.concurrency
    )
    stop_on_signals(updates)
    with app, updates:
        for _ in updates:
            pass
    return updates


def main(job: Job) -> None:
    """Run the job, and print its report."""
    app = build_app(job.core, transport=job.transport)
    report = (asyncio.run(run_awaiting(app, job)) if job.colour == "async" else run_blocking(app, job)).report
    said = dataclasses.asdict(dataclasses.replace(report, failures=()))
    print(json.dumps({**said, "errors": [str(failure.error) for failure in report.failures]}))


if __name__ == "__main__":
    main(Job(*json.loads(sys.argv[1])))
