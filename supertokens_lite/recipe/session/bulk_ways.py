"""How sessions are read and written by a bulk update: many in one call where the core can, else one by one.

Many at once (`BatchWay`) carry the versions of what was read, so that a write never replaces what was not seen. One by
one (`SingleWay`) is for other cores, for access token payloads, and where what reads or writes a session is overridden:
the handle's turn is held from the read to the write, as `modify_session_data_in_database` does.

An attempt may fail at any point and be made again: it begins with a read, and a session in doubt is judged by it.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import IO
from supertokens_lite._io.blocking import lacks_loop
from supertokens_lite._io.journal import Intent, Journal
from supertokens_lite._protocol import cdi, cdi_many
from supertokens_lite._protocol.cdi import VersionedData
from supertokens_lite._protocol.jsondata import build_canonical, check_object
from supertokens_lite.exceptions import (
    ClosedError,
    CoreError,
    CoreResponseError,
    CoreUnavailableError,
    CoreVersionError,
    EventLoopRequiredError,
    GeneralError,
    JournalError,
)
from supertokens_lite.recipe.session.bulk_changes import PlannedChange, data_of, digest, judge
from supertokens_lite.recipe.session.bulk_results import BulkResult, Outcome
from supertokens_lite.recipe.session.functions import SessionFunctions, build_information
from supertokens_lite.recipe.session.results import SessionInformationResult

__all__ = ("BatchWay", "Halted", "Item", "SingleWay", "Task", "Way", "ends_all", "may_pass")

A_BATCH: Final = 50
MOST_CONFLICTS: Final = 20
CONFLICT_WAIT_S: Final = 0.02

OTHERS_WROTE: Final = "somebody else wrote meanwhile; theirs was kept"
CANT_TELL: Final = (
    "it can't be told whether an earlier write arrived, for somebody else wrote since; it was not made again"
)


class Item:
    """One session on its way.

    Attributes:
        handle: the session.
        user_id: its user, once that is known.
        doubtful: the writes that nobody answered: each may have arrived, or may still.
        before: the data as it was first read.
        conflicts: how often somebody else came between.
        result: what came of it, at last.
    """

    __slots__ = ("before", "conflicts", "doubtful", "handle", "result", "user_id")

    def __init__(self, handle: str, user_id: str | None, intent: Intent | None) -> None:
        self.handle = handle
        self.user_id = user_id
        self.doubtful = [] if intent is None else [intent]
        self.before: dict[str, Any] | None = None
        self.conflicts = 0
        self.result: BulkResult | None = None

    def end(self, outcome: Outcome, *, error: Exception | None = None, after: dict[str, Any] | None = None) -> None:
        """Say what came of it."""
        self.result = BulkResult(self.handle, self.user_id, outcome, error, self.before, after)


class Task(NamedTuple):
    """What is done to each session.

    Attributes:
        io: what waiting is.
        querier: the way to the core.
        functions: the default implementation; its `front` has the overrides.
        change: what is changed.
        dry_run: whether nothing is written.
        journal: where intents are put down.
    """

    io: IO
    querier: Querier
    functions: SessionFunctions
    change: PlannedChange
    dry_run: bool
    journal: Journal | None


class Way(ABC):
    """One way to change sessions.

    Args:
        task: what is done to each.
    """

    most: int = 1
    """How many sessions are changed together."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._blind = task.change.replacement is not None and not task.change.reads_first and not task.dry_run

    @abstractmethod
    async def attempt(self, items: Sequence[Item]) -> None:
        """Change sessions; those that have no result afterwards are to be tried again.

        Raises:
            CoreError: the core could not be asked, or refused; those that have no result may be tried again.
            JournalError: the journal could not be written, and nothing was.
        """

    async def _decide(
        self, item: Item, session: SessionInformationResult | None, version: int | None
    ) -> tuple[dict[str, Any], Intent] | None:
        """Decide what is to be written to a session that was read; None if nothing is, with a result."""
        change = self.task.change
        if session is None:
            item.end("gone")
            return None
        item.user_id = session.user_id
        found = data_of(session, change.target)
        found_text = build_canonical(found)
        self._judge(item, version, found)
        if item.result is not None:
            return None
        item.before = found
        after = await self._apply(item, session)
        if item.result is not None:
            return None
        if after is None or (after_text := build_canonical(after)) == found_text:
            item.end("unchanged", after=found)
        elif self.task.dry_run:
            item.end("would_update", after=after)
        else:
            return after, Intent(version, digest(found_text), digest(after_text))
        return None

    def _judge(self, item: Item, version: int | None, found: dict[str, Any]) -> None:
        """Look at what was found for what became of the writes in doubt; that may be all there is to do."""
        if not item.doubtful:
            return
        verdict = judge(item.doubtful, version, digest(build_canonical(found)))
        if verdict == "written":
            item.end("updated", after=found)
        elif verdict == "unknown" and self.task.change.is_function:
            item.end("conflict", error=GeneralError(CANT_TELL))
        elif verdict != "not yet":
            item.doubtful.clear()

    async def _apply(self, item: Item, session: SessionInformationResult) -> dict[str, Any] | None:
        """Apply the change to a session; what it raises is the session's failure."""
        change = self.task.change
        if change.replacement is not None:
            return change.replacement
        try:
            # the caller's function may change what it gets, and change later what it gave
            given = copy.deepcopy(session) if change.is_function else session
            changed: dict[str, Any] | None = await self.task.functions.apply_change(item.handle, change.apply, given)
            if changed is not None:
                check_object(changed, "data")
            return copy.deepcopy(changed)
        except EventLoopRequiredError:
            raise
        except Exception as error:
            if isinstance(error, RuntimeError) and lacks_loop(error):
                raise
            item.end("failed", error=error)
            return None

    async def _intend(self, writes: Sequence[tuple[Item, dict[str, Any], Intent]]) -> None:
        """Be ready for an answer that never comes; for a function, in the journal too."""
        journal = self.task.journal
        if journal is not None and self.task.change.is_function:
            intents = [(item.handle, intent) for item, _, intent in writes]
            await self.task.io.in_thread(lambda: journal.record_intents(intents))
        for item, _, intent in writes:
            item.doubtful.append(intent)


class BatchWay(Way):
    """Many sessions in a call, with the versions of their data; on our core."""

    most = A_BATCH

    async def attempt(self, items: Sequence[Item]) -> None:
        """Read, change and compare-and-set."""
        if self._blind:
            data = self.task.change.replacement or {}
            await self._write([cdi_many.Update(item.handle, data, None) for item in items], items)
            return
        call = cdi.read_many([item.handle for item in items])
        found = await self.task.querier.send(call, cdi_many.read_many_versioned)
        writes: list[tuple[Item, dict[str, Any], Intent]] = []
        for item, each in zip(items, found, strict=True):
            session, version = (None, None) if each is None else (build_information(each.session), each.version)
            decided = await self._decide(item, session, version)
            if decided is not None:
                writes.append((item, *decided))
        if writes:
            await self._intend(writes)
            updates = [cdi_many.Update(item.handle, after, intent.version) for item, after, intent in writes]
            await self._write(updates, [item for item, _, _ in writes])

    async def _write(self, updates: Sequence[cdi_many.Update], items: Sequence[Item]) -> None:
        written = await self.task.querier.send(cdi_many.update_many(updates), cdi_many.read_updated)
        conflicts = 0
        for item, update, became in zip(items, updates, written, strict=True):
            if became.done:
                item.end("updated", after=dict(update.data))
            elif became.newer is None:
                item.end("gone")
            else:
                conflicts += 1
                self._meet_conflict(item, update.data, became.newer)
        if conflicts:
            await self.task.io.sleep(self.task.io.random() * CONFLICT_WAIT_S)

    def _meet_conflict(self, item: Item, wanted: Any, there: VersionedData) -> None:
        """Have a session read and changed anew, unless the change is a replacement: it is not to replace the unseen."""
        item.conflicts += 1
        del item.doubtful[-1:]  # this write is in no doubt: it was refused. One before it may be what came between
        newer = there.data
        self._judge(item, there.version, newer)
        if item.result is not None:
            return
        if self.task.change.replacement is not None and build_canonical(wanted) == build_canonical(newer):
            item.end("unchanged", after=newer)
        elif self.task.change.replacement is not None or item.conflicts >= MOST_CONFLICTS:
            item.end("conflict", error=GeneralError(OTHERS_WROTE))


class SingleWay(Way):
    """One session after the other; on any core, with every override."""

    async def attempt(self, items: Sequence[Item]) -> None:
        """Read, change and replace."""
        for item in items:
            async with self.task.functions.turn(item.handle):
                await self._attempt(item)

    async def _attempt(self, item: Item) -> None:
        task = self.task
        if self._blind:
            after = task.change.replacement or {}
        else:
            session = await settle(task.functions.front.get_session_information(item.handle, {}))
            decided = await self._decide(item, session, None)
            if decided is None:
                return
            after, intent = decided
            await self._intend([(item, after, intent)])
        if task.change.target == "session_data":
            done = await settle(task.functions.front.update_session_data_in_database(item.handle, after, {}))
        else:
            done = await task.functions.replace_payload(item.handle, after, item.user_id or "", {})
        if done:
            item.end("updated", after=after)
        else:
            item.end("gone")


class Halted(Exception):
    """A session was not begun, because the update was stopped while it waited."""


def ends_all(error: Exception) -> bool:
    """Tell whether an error is not about the session at hand."""
    if isinstance(error, RuntimeError) and lacks_loop(error):
        return True
    return isinstance(error, (Halted, JournalError, EventLoopRequiredError, ClosedError, CoreVersionError))


def may_pass(error: CoreError) -> bool:
    """Tell whether another try may go better; what a core says in a garbled way it may say clearly then."""
    if isinstance(error, CoreResponseError):
        return error.retryable or error.status == 200
    return isinstance(error, CoreUnavailableError)
