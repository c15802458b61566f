"""Bulk updates over several machines, with Celery (extra `celery`).

`fan_out` cuts a source into chunks, `bulk_update_task` changes one of them, and `FanOut` gathers what came of all.
Workers import this module (`Celery(include=["supertokens_lite.recipe.session.celery"])`) and call
`supertokens_lite.init` where they configure Celery. Before the fork of a prefork pool is fine: connections are opened
by the process that uses them.

What may go wrong with a chunk, and what then: a worker that ends in the middle of it, `kill -9` included, has not
acknowledged it, and it is delivered again (at once where only a process of a pool ended; else when the broker's
`visibility_timeout` is over). A chunk that takes longer than that is delivered again too, to a second worker while the
first still has it: the journal lets one of them in at a time, and the other asks again later. Without a journal both
change the same sessions to the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from celery import current_task, shared_task
from celery.backends.base import DisabledBackend
from celery.result import AsyncResult

from supertokens_lite.exceptions import BadInputError, ConfigurationError, GeneralError, JournalError, SuperTokensError
from supertokens_lite.recipe.session.bulk import BulkReport, BulkResult, ChangeFunction, MergePatch, Replace, Source
from supertokens_lite.recipe.session.bulk_changes import Target, plan_change
from supertokens_lite.recipe.session.bulk_jobs import (
    Chunk,
    JobFolder,
    LeftOut,
    cut,
    describe_change,
    describe_report,
    note_done,
    restore_change,
    restore_source,
)
from supertokens_lite.recipe.session.bulk_results import FAILURES_KEPT, Outcome, zero_counts
from supertokens_lite.recipe.session.bulk_sources import identify_job
from supertokens_lite.recipe.session.syncio import bulk_update, iter_bulk_update
from supertokens_lite.supertokens import Supertokens, is_recipe_initialized

__all__ = ("FanOut", "FanOutReport", "bulk_update_task", "fan_out")

AGAIN_S: Final = 10
"""When a chunk is tried again whose journal another worker has, or whose core does not answer, in seconds."""
MOST_TRIES: Final = 30


@shared_task(
    name="supertokens_lite.bulk_update",
    serializer="json",
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=False,
    max_retries=None,
)
def bulk_update_task(
    source: dict[str, Any],
    change: dict[str, Any],
    *,
    target: Target = "session_data",
    concurrency: int = 8,
    max_per_second: float | None = None,
    on_error: Literal["collect", "stop"] = "collect",
    journal: str | None = None,
    tenant_id: str | None = None,
) -> dict[str, Any]:
    """Change many sessions in a worker, and give what came of it.

    It is a shared task: it belongs to whichever Celery application the worker runs.

    Args:
        source: which sessions, an object with one of `handles`, `users` (arrays of strings), `handle_file`, `user_file`
            (a path, with `column` and `format` beside it if need be), `all_sessions`, `all_users` (true).
        change: `{"replace": {…}}`, `{"merge_patch": {…}}` or `{"function": "package.module:callable"}`.
        target: what of the sessions is changed.
        concurrency: how many calls to the core this task may have under way at once.
        max_per_second: how many sessions this task may begin in a second.
        on_error: `collect` goes on after a failure, `stop` lets what is under way finish and ends.
        journal: the path of a file of this task alone, with which it goes on where it ended when it is delivered again.
            A function needs one: without it, it would be applied a second time.
        tenant_id: only sessions of this tenant; None: of all.

    Returns:
        `{"counts": {outcome: int}, "skipped": int, "failures": [{"handle", "user_id", "outcome", "reason"}, … up to
        20], "duration_s": float, "rate": float, "complete": bool}`.

    Raises:
        GeneralError: an argument can't work, or the worker did not call `supertokens_lite.init`; nothing was written.

    Effects: as `bulk_update` has them. While another worker has the journal, or the core can't be reached at the
    beginning, it is put back into the queue for ten seconds.
    """
    try:
        _check_setup(on_error)
        restored = restore_change(change)
        if journal is None and not isinstance(restored, (Replace, MergePatch)):
            raise BadInputError(
                "a function needs a journal: delivered again, it would be applied a second time", "change"
            )
        report = bulk_update(
            restore_source(source),
            restored,
            target=target,
            concurrency=concurrency,
            max_per_second=max_per_second,
            on_error=on_error,
            journal=journal,
            tenant_id=tenant_id,
        )
        if journal is not None:
            note_done(journal, report)
    except SuperTokensError as error:
        told = GeneralError(f"{type(error).__name__}: {error}")  # what a result backend can carry
        if _may_pass(error):
            raise current_task.retry(exc=told, countdown=AGAIN_S) from error
        raise told from error
    return describe_report(report)


def _may_pass(error: SuperTokensError) -> bool:
    """Tell whether a worker shall try again: until the journal is free, for a while if it is the core."""
    request = current_task.request
    has_tries = isinstance(error, JournalError) or request.retries < MOST_TRIES
    return error.retryable and has_tries and not request.is_eager


def _check_setup(on_error: str) -> None:
    if not is_recipe_initialized("session"):
        raise ConfigurationError("call supertokens_lite.init in the module that makes the Celery application")
    if on_error not in ("collect", "stop"):
        raise BadInputError(f"is {on_error!r} and must be collect or stop: a report has the errors", "on_error")


@dataclass(frozen=True)
class FanOutReport(BulkReport):
    """What came of a fanned out update so far: the reports of its chunks, added up.

    Attributes:
        chunks: how many there are.
        chunks_done: how many came to their end, those that an earlier run had done included.
        chunks_lost: how many ended with an error; what became of their sessions is not known.
        losses: why, of the first 20 of them.
    """

    chunks: int
    chunks_done: int
    chunks_lost: int
    losses: tuple[str, ...]


class FanOut:
    """An update that was handed out to workers. Not for several threads at once.

    The result of a chunk is taken out of the result backend when it is added up, and nothing else is kept of it.
    """

    def __init__(self, now: Callable[[], float], left_out: LeftOut) -> None:
        self._now = now
        self._left_out = left_out
        self._begun_s = now()
        self._ended_s = self._begun_s
        self._pending: dict[int, AsyncResult[dict[str, Any]]] = {}
        self._counts = zero_counts()
        self._failures: list[dict[str, Any]] = []
        self._skipped = 0
        self._done = 0
        self._lost = 0
        self._losses: list[str] = []
        self._is_whole = True

    def _expect(self, chunk: Chunk, result: AsyncResult[dict[str, Any]] | None) -> None:
        """Wait for a chunk that was sent; count one that an earlier run had done."""
        if result is not None:
            self._pending[chunk.number] = result
        else:
            self._done += 1
            self._skipped += chunk.done or 0

    def ready(self) -> bool:
        """Tell whether all chunks have ended."""
        self._gather()
        return not self._pending

    @property
    def report(self) -> FanOutReport:
        """What came of the chunks that have ended so far.

        Effects: asks the result backend for each chunk that has not.
        """
        self._gather()
        return self._add_up()

    def get(self, timeout: float | None = None) -> FanOutReport:
        """Wait until all chunks have ended, and give what came of them.

        Args:
            timeout: how long to wait, in seconds; None: as long as it takes.

        Raises:
            celery.exceptions.TimeoutError: that time is over; it can be called again.
        """
        until_s = None if timeout is None else self._now() + timeout
        for number, result in list(self._pending.items()):
            left_s = None if until_s is None else max(0.001, until_s - self._now())
            result.get(timeout=left_s, propagate=False)
            self._take(number, result)
        return self._add_up()

    def cancel(self) -> None:
        """Have the workers drop the chunks that they have not begun, which are lost then. Others come to their end."""
        self._gather()
        if self._pending:
            bulk_update_task.app.control.revoke([str(result.id) for result in self._pending.values()])

    def _gather(self) -> None:
        for number, result in list(self._pending.items()):
            if result.ready():
                self._take(number, result)

    def _take(self, number: int, result: AsyncResult[dict[str, Any]]) -> None:
        """Add up what came of a chunk, and forget it."""
        found: Any = result.result
        del self._pending[number]
        self._ended_s = self._now()
        if result.successful():
            self._done += 1
            self._is_whole = self._is_whole and found["complete"]
            self._skipped += found["skipped"]
            for outcome, count in found["counts"].items():
                self._counts[cast("Outcome", outcome)] += count
            self._failures += found["failures"][: FAILURES_KEPT - len(self._failures)]
        else:
            self._lost += 1
            if len(self._losses) < FAILURES_KEPT:
                self._losses.append(f"chunk {number}: {found}")
        result.forget()

    def _add_up(self) -> FanOutReport:
        ended_s = self._now() if self._pending else self._ended_s
        left_out = self._left_out
        failures = [*left_out.failures, *self._failures][:FAILURES_KEPT]
        return FanOutReport(
            counts={**self._counts, "failed": self._counts["failed"] + left_out.count},
            skipped=self._skipped,
            failures=tuple(map(_restore_failure, failures)),
            duration_s=ended_s - self._begun_s,
            complete=self._is_whole and not self._pending and not self._lost,
            chunks=self._done + self._lost + len(self._pending),
            chunks_done=self._done,
            chunks_lost=self._lost,
            losses=tuple(self._losses),
        )


def _restore_failure(failure: dict[str, Any]) -> BulkResult:
    return BulkResult(failure["handle"], failure["user_id"], failure["outcome"], GeneralError(failure["reason"]))


def fan_out(
    source: Source,
    change: Replace | MergePatch | ChangeFunction | str,
    *,
    chunk_size: int = 1000,
    folder: str | os.PathLike[str] | None = None,
    target: Target = "session_data",
    concurrency: int = 8,
    max_per_second: float | None = None,
    on_error: Literal["collect", "stop"] = "collect",
    tenant_id: str | None = None,
    queue: str | None = None,
) -> FanOut:
    """Cut many sessions into chunks, and have Celery workers change them.

    Args:
        source: which sessions; those of users are looked up here.
        change: `Replace({…})`, `MergePatch({…})`, or a function that workers can import: itself, or its name as
            `package.module:callable`. A function needs a `folder`.
        chunk_size: how many sessions a task has. It must be done with them well within the broker's
            `visibility_timeout`.
        folder: a folder of this job on a disk that the workers share. It has the chunks and their journals: with the
            same folder the job is started again and goes on where it ended, with the chunks of the first time. Without
            it handles travel in the messages, and a job that is started again does all again.
        target: what of the sessions is changed.
        concurrency: how many calls to the core each task may have under way at once.
        max_per_second: how many sessions each task may begin in a second.
        on_error: `collect` goes on after a failure; `stop` ends the chunk that has it, and the others go on.
        tenant_id: only sessions of this tenant; None: of all.
        queue: the queue to send to; None: the one that Celery routes the task to.

    Returns:
        What gathers the results: `ready()`, `get(timeout)`, `report`, `cancel()`.

    Raises:
        BadInputError: an argument or the source can't work; nothing was sent.
        JournalError: the folder is another job's, or can't be written; nothing was sent.
        ConfigurationError: the Celery application has no result backend; nothing was sent.
        CoreError: the core could not list the source. With a folder nothing was sent; start it again.

    Effects: reads the whole source, sends a message for each chunk. Memory stays the same but for a result each.
    """
    _check_setup(on_error)
    _check_application()
    if type(chunk_size) is not int or not 1 <= chunk_size <= 100_000:
        raise BadInputError("must be a whole number from 1 to 100000", "chunk_size")
    described = describe_change(change)
    restored = restore_change(described)
    options: dict[str, Any] = {
        "target": target,
        "concurrency": concurrency,
        "max_per_second": max_per_second,
        "on_error": on_error,
        "tenant_id": tenant_id,
    }
    with iter_bulk_update(source, restored, **options) as updates:
        if folder is None and "function" in described:
            raise BadInputError(
                "a function needs a folder: delivered again, it would be applied a second time", "change"
            )
        left_out = LeftOut()
        cutting = cut(updates.take_entries, chunk_size, left_out, may_be_empty=source.may_be_empty)
        if folder is None:
            chunks: Iterator[Chunk] = (Chunk(number, {"handles": some}) for number, some in enumerate(cutting, 1))
        else:
            kept = JobFolder(folder, identify_job(source, plan_change(restored, target), tenant_id))
            if not kept.is_cut():
                kept.cut(cutting, left_out)
            left_out = kept.left_out()
            chunks = kept.list_chunks()
        fan = FanOut(Supertokens.get_instance().recipe_modules[0].bulk_tools.effects.io.monotonic, left_out)
        for chunk in chunks:
            fan._expect(chunk, _send(chunk, {"change": described, **options}, queue))
        return fan


def _check_application() -> None:
    app = bulk_update_task.app
    if isinstance(app.backend, DisabledBackend) and not app.conf.task_always_eager:
        raise ConfigurationError("the Celery application has no result backend: make it with Celery(…, backend=…)")


def _send(chunk: Chunk, options: dict[str, Any], queue: str | None) -> AsyncResult[dict[str, Any]] | None:
    """Send a chunk that is not done yet."""
    if chunk.done is not None:
        return None
    arguments = {"source": chunk.source, "journal": chunk.journal, **options}
    if queue is None:
        return bulk_update_task.apply_async(kwargs=arguments)
    return bulk_update_task.apply_async(kwargs=arguments, queue=queue)
