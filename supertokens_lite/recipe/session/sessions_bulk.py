"""The public functions that change many sessions."""

from __future__ import annotations

import os
from typing import Literal

from supertokens_lite.exceptions import BadInputError
from supertokens_lite.recipe.session.bulk import BulkOptions, BulkReport, BulkTools, BulkUpdates, Source
from supertokens_lite.recipe.session.bulk_changes import ChangeFunction, MergePatch, Replace, plan_change
from supertokens_lite.recipe.session.sessions_stored import tenant_of

__all__ = ("BulkSessions",)


class BulkSessions:
    """What can be done with many sessions at once, awaited."""

    _bulk_tools: BulkTools

    def iter_bulk_update(
        self,
        source: Source,
        change: Replace | MergePatch | ChangeFunction,
        *,
        target: Literal["session_data", "access_token_payload"] = "session_data",
        concurrency: int = 8,
        max_per_second: float | None = None,
        on_error: Literal["collect", "stop", "raise"] = "collect",
        journal: str | os.PathLike[str] | None = None,
        dry_run: bool = False,
        tenant_id: str | None = None,
    ) -> BulkUpdates:
        """Change many sessions, and give what came of each as it is done.

        Args:
            source: which sessions.
            change: `Replace({…})`, `MergePatch({…})`, or a function that gets a `SessionInformationResult`, its own
                copy, and gives the new data, or None to leave it. The function may be `def` or `async def`, may be
                called more than once for a session, and must not call this SDK for that session.
            target: what of the sessions is changed.
            concurrency: how many calls to the core may be under way at once. There are fewer while the core is slow or
                says that it has too much to do.
            max_per_second: how many sessions may be begun in a second; None: as many as the core takes.
            on_error: after a failure or conflict `collect` goes on; `stop` lets what is under way finish and ends;
                `raise` does so and raises the error in the place of its result.
            journal: a file that remembers which sessions are done, so that the same update can be started again and
                goes on where it ended.
            dry_run: write nothing; read the sessions and tell what would be done.
            tenant_id: only sessions of this tenant; None: of all.

        Returns:
            An iterator over a `BulkResult` for each session, which is a context manager too, with `report` and
            `stop()`.

        Raises:
            BadInputError: an argument can't work. Asking for the first result raises it if the source can't.
            JournalError: when a result is asked for: the journal is another job's, or can't be written.

        Effects: none by itself. Where the core has batches (the embedded one does) two calls for each 50 sessions, else
        two for each; one where nothing is written.
        """
        if not isinstance(source, Source):
            kinds = "Handles, Users, AllUsers, AllSessions, HandleFile or UserFile"
            raise BadInputError(f"must be {kinds}, not {type(source).__name__}", "source")
        planned = plan_change(change, target)
        if type(concurrency) is not int or not 1 <= concurrency <= 1000:
            raise BadInputError("must be a whole number from 1 to 1000", "concurrency")
        if max_per_second is not None and not 0 < max_per_second < float("inf"):
            raise BadInputError("must be a number above 0", "max_per_second")
        if on_error not in ("collect", "stop", "raise"):
            raise BadInputError(f"is {on_error!r} and must be one of collect, stop, raise", "on_error")
        options = BulkOptions(
            concurrency,
            max_per_second,
            on_error,
            None if journal is None else os.fspath(journal),
            dry_run,
            None if tenant_id is None else tenant_of(tenant_id),
        )
        return BulkUpdates(self._bulk_tools, source, planned, options)

    async def bulk_update(
        self,
        source: Source,
        change: Replace | MergePatch | ChangeFunction,
        *,
        target: Literal["session_data", "access_token_payload"] = "session_data",
        concurrency: int = 8,
        max_per_second: float | None = None,
        on_error: Literal["collect", "stop", "raise"] = "collect",
        journal: str | os.PathLike[str] | None = None,
        dry_run: bool = False,
        tenant_id: str | None = None,
    ) -> BulkReport:
        """Change many sessions, all of them, and give what came of it.

        Args:
            source: which sessions.
            change: as `iter_bulk_update` has it.
            target: what of the sessions is changed.
            concurrency: how many calls to the core may be under way at once.
            max_per_second: how many sessions may be begun in a second; None: as many as the core takes.
            on_error: `collect`, `stop` or `raise`, as `iter_bulk_update` has it.
            journal: a file that remembers which sessions are done.
            dry_run: write nothing; read the sessions and tell what would be done.
            tenant_id: only sessions of this tenant; None: of all.

        Returns:
            How many sessions had each outcome, the first failures, how long it took.

        Raises:
            BadInputError: an argument or the source can't work; nothing was written.
            JournalError: the journal is another job's, or can't be written.
            Exception: with `on_error="raise"`, what a session failed with.

        Effects: as `iter_bulk_update` has them.
        """
        updates = self.iter_bulk_update(
            source,
            change,
            target=target,
            concurrency=concurrency,
            max_per_second=max_per_second,
            on_error=on_error,
            journal=journal,
            dry_run=dry_run,
            tenant_id=tenant_id,
        )
        async with updates:
            while await updates.next_result() is not None:
                pass
        return updates.report
