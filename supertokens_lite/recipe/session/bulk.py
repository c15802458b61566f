"""Bulk updates: one change to many sessions, as fast as the core can take it, and honest about each.

A `BulkUpdates` goes in rounds. A round takes some sessions from the source, changes them with as many calls under way
as the pace allows, ends after a fifth of a second or as soon as the core says that it is too much, and puts down in the
journal what is done. While a call takes longer than that, the others go on for up to two seconds. Then the results are
handed out, one by one. Between two results nothing is under way: there is nothing to be cancelled or lost when nobody
asks for the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, TypeVar

from supertokens_lite._core.querier import Querier
from supertokens_lite._core.watching import watching
from supertokens_lite._io.base import IO, Drive, Effects
from supertokens_lite._io.journal import Intent, Journal
from supertokens_lite._io.turns import Turns
from supertokens_lite.exceptions import (
    BadInputError,
    CoreError,
    GeneralError,
)
from supertokens_lite.recipe.session.bulk_changes import ChangeFunction, MergePatch, PlannedChange, Replace
from supertokens_lite.recipe.session.bulk_pace import Pacing
from supertokens_lite.recipe.session.bulk_results import (
    DONE,
    FAILURES_KEPT,
    BulkReport,
    BulkResult,
    Outcome,
    zero_counts,
)
from supertokens_lite.recipe.session.bulk_sources import (
    AllSessions,
    AllUsers,
    Entry,
    Feed,
    HandleFile,
    Handles,
    Reach,
    Source,
    UserFile,
    Users,
    identify_job,
)
from supertokens_lite.recipe.session.bulk_ways import BatchWay, Halted, Item, SingleWay, Task, Way, ends_all, may_pass
from supertokens_lite.recipe.session.functions import SessionFunctions

__all__ = (
    "AllSessions",
    "AllUsers",
    "BlockingBulkUpdates",
    "BulkOptions",
    "BulkReport",
    "BulkResult",
    "BulkTools",
    "BulkUpdates",
    "ChangeFunction",
    "HandleFile",
    "Handles",
    "MergePatch",
    "Outcome",
    "Replace",
    "Source",
    "UserFile",
    "Users",
)

T = TypeVar("T")

A_ROUND_S: Final = 0.2
A_LONG_ROUND_S: Final = 2.0
"""So long goes a round in which a call takes longer than half of the usual: the others need not wait for it."""
AHEAD: Final = 4000
"""Sessions that are taken from the source before they are worked on, at most; one page or user may bring more."""

FEWEST: Final = 4
"""A call takes a quarter of the sessions that it could at least, while there are as many: small calls cost as much."""

MOST_TRIES: Final = 6
FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0
A_NAP_S: Final = 0.25
"""After which whoever waits looks whether the update was stopped."""


class BulkTools(NamedTuple):
    """What a bulk update works with.

    Attributes:
        querier: the way to the core.
        effects: what waiting there is.
        functions: the default implementation; its `front` has the overrides.
    """

    querier: Querier
    effects: Effects
    functions: SessionFunctions


class BulkOptions(NamedTuple):
    """How a bulk update goes; checked."""

    concurrency: int
    max_per_second: float | None
    on_error: str
    journal: str | None
    dry_run: bool
    tenant_id: str | None


class BulkUpdates:
    """A bulk update under way: an iterator over what came of each session, and a context manager.

    Nothing happens before the first result is asked for. `stop` and the end of the context let what is under way
    finish; with a journal the same update can then be started again and goes on where this one ended.
    """

    def __init__(self, tools: BulkTools, source: Source, change: PlannedChange, options: BulkOptions) -> None:
        self._tools = tools
        self._source = source
        self._change = change
        self._options = options
        self._pacing = Pacing(options.concurrency, options.max_per_second)
        self._turns = Turns()
        self._journal: Journal | None = None
        self._feed: Feed | None = None
        self._way: Way | None = None
        self._waiting: deque[Item] = deque()
        self._under_way: dict[int, float] = {}
        self._known: set[str] = set()
        self._finished: list[BulkResult] = []
        self._ready: deque[BulkResult] = deque()
        self._counts = zero_counts()
        self._failures: list[BulkResult] = []
        self._skipped = 0
        self._begun_s: float | None = None
        self._ended_s: float | None = None
        self._stopping = False
        self._exhausted = False
        self._failed = False
        self._over = False

    def stop(self) -> None:
        """Begin with no further session; from any thread, or a signal handler.

        What is under way finishes and is handed out, then the iteration ends.
        """
        self._stopping = True

    @property
    def report(self) -> BulkReport:
        """What came of the sessions whose results were handed out so far."""
        io = self._tools.effects.io
        ended_s = self._ended_s if self._ended_s is not None else io.monotonic()
        duration_s = 0.0 if self._begun_s is None else ended_s - self._begun_s
        is_done = self._exhausted and not self._waiting and not self._ready
        complete = self._over and is_done and not self._failed
        return BulkReport(dict(self._counts), self._skipped, tuple(self._failures), duration_s, complete)

    def __aiter__(self) -> AsyncIterator[BulkResult]:
        """Iterate over what came of each session."""
        return self

    async def __anext__(self) -> BulkResult:
        """Give what came of the next session that is done."""
        result = await self.next_result()
        if result is None:
            raise StopAsyncIteration
        return result

    async def __aenter__(self) -> BulkUpdates:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let what is under way finish, begin with nothing more, and close source and journal; idempotent."""
        self.stop()
        async with self._turns.turn(self._tools.effects.io, self):
            self._finish()

    async def next_result(self) -> BulkResult | None:
        """Give what came of the next session that is done; None at the end.

        Raises:
            BadInputError: the source or the change can't be used; nothing was written.
            JournalError: the journal is another job's, or can't be written.
            Exception: with `on_error="raise"`, what a session failed with.
        """
        if not self._ready:
            io = self._tools.effects.io
            async with self._turns.turn(io, self):
                while not self._ready and not self._over:
                    with suppress(Halted):
                        await self._advance(io)
        try:
            result = self._ready.popleft()
        except IndexError:
            return None
        self._counts[result.outcome] += 1
        if result.error is not None:
            if len(self._failures) < FAILURES_KEPT:
                self._failures.append(result)
            if self._options.on_error == "raise":
                raise result.error
        return result

    async def _advance(self, io: IO) -> None:
        """Go one round; whatever goes wrong with it ends the update, and what was done is not forgotten."""
        watch = watching.set(self._note_trouble)
        try:
            if self._feed is None:
                self._begun_s = io.monotonic()
                await self._open(io)
            if not self._stopping:
                await self._fill(io)
            await self._go_round(io)
            journal, finished = self._journal, list(self._finished)
            if journal is not None and finished:
                await io.in_thread(lambda: journal.record_done(_done(finished)))
            self._hand_over(finished)
            if self._stopping or (self._exhausted and not self._waiting):
                self._finish()
        except BaseException:
            self._failed = True
            with suppress(GeneralError):  # the journal itself may be what went wrong
                finished = list(self._finished)  # a thread that the interrupt left behind may add to it
                if self._journal is not None and finished:
                    self._journal.record_done(_done(finished))
                self._hand_over(finished)
            self._finish()
            raise
        finally:
            watching.reset(watch)

    async def _open(self, io: IO) -> None:
        """Look at everything that can be wrong before the first session is touched."""
        options = self._options
        if options.journal is not None:
            job = await io.in_thread(lambda: identify_job(self._source, self._change, options.tenant_id))
            self._journal = Journal(options.journal, job, read_only=options.dry_run)
            await io.in_thread(self._journal.open)
        tools = self._tools
        self._feed = await self._source.open(self._reach())
        task = Task(io, tools.querier, tools.functions, self._change, options.dry_run, self._journal)
        overridden = any(
            map(tools.functions.is_overridden, ("get_session_information", "update_session_data_in_database"))
        )
        in_batches = self._change.target == "session_data" and not overridden
        if in_batches and await self._persist(tools.querier.has_extensions):
            self._way = BatchWay(task)
        else:
            self._way = SingleWay(task)
        entries = await self._feed.take(AHEAD)
        if entries is None and not self._source.may_be_empty:
            raise BadInputError("is empty", "source")
        await self._take_in(io, entries)

    def _reach(self) -> Reach:
        tools = self._tools
        io, front = tools.effects.io, tools.functions.front
        return Reach(io, tools.querier, front, self._options.tenant_id, lambda: self._pacing.limit, self._persist)

    async def take_entries(self, most: int) -> list[Entry] | None:
        """Give some sessions of the source, about `most`, for who has others change them; None at the end.

        Not to be mixed with asking for results.
        """
        async with self._turns.turn(self._tools.effects.io, self):
            if self._feed is None:
                self._feed = await self._source.open(self._reach())
            entries = await self._feed.take(most)
            self._pacing.decide()
            return entries

    async def _fill(self, io: IO) -> None:
        """Take some sessions from the source that are not done yet."""
        assert self._feed is not None
        while not self._exhausted and not self._finished and len(self._waiting) < AHEAD // 2:
            await self._take_in(io, await self._feed.take(AHEAD - len(self._waiting)))
            if self._waiting or self._stopping:
                return

    async def _take_in(self, io: IO, entries: Sequence[Entry] | None) -> None:
        if entries is None:
            self._exhausted = True
            return
        done: set[str] = set()
        intents: dict[str, Intent] = {}
        journal = self._journal
        if journal is not None:
            handles = [entry.handle for entry in entries if entry.error is None]
            done, intents = await io.in_thread(lambda: (journal.find_done(handles), journal.find_intents(handles)))
        for handle, user_id, error in entries:
            if error is not None:
                self._end(BulkResult(handle, user_id, "failed", error))
            elif handle in done or handle in self._known:
                self._skipped += 1
            else:
                if journal is not None:
                    self._known.add(handle)
                self._waiting.append(Item(handle, user_id, intents.get(handle)))

    async def _go_round(self, io: IO) -> None:
        if self._waiting and not self._stopping:
            limit = self._pacing.limit
            await io.each(self._work, self._units(io, limit), limit=limit)
            self._pacing.decide()

    def _units(self, io: IO, limit: int) -> Iterator[tuple[float, list[Item]]]:
        """Give what is to be done in a round, a call's worth at a time, and when it may begin."""
        assert self._way is not None
        pacing, most = self._pacing, self._way.most
        fewest = most // FEWEST if self._options.on_error == "collect" else 1  # else the fewer the sooner it ends
        begun_s = io.monotonic()
        is_first = True
        while self._waiting and not self._stopping:
            now_s = io.monotonic()
            start_s = pacing.next_start(now_s)
            if not is_first and (pacing.is_pressed or self._is_over(start_s - begun_s, now_s)):
                return
            count = min(pacing.most_at_once(most), max(1, fewest, len(self._waiting) // limit))
            unit = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
            pacing.begin(now_s, len(unit))
            is_first = False
            self._under_way[id(unit)] = start_s
            yield start_s, unit

    def _is_over(self, round_s: float, now_s: float) -> bool:
        """Tell whether a round has gone on for long enough; while a call is late, others go on beside it."""
        if round_s <= A_ROUND_S:
            return False
        is_late = min(list(self._under_way.values()), default=now_s) < now_s - A_ROUND_S / 2
        return not is_late or round_s > A_LONG_ROUND_S

    async def _work(self, unit: tuple[float, list[Item]]) -> None:
        """Change some sessions together."""
        start_s, items = unit
        io = self._tools.effects.io
        try:
            await self._rest(io, start_s)
            await self._settle(items)
        except Halted:
            pass
        finally:
            del self._under_way[id(items)]
            for item in items:
                if item.result is None:
                    self._waiting.append(item)
                else:
                    self._end(item.result)

    async def _settle(self, items: Sequence[Item]) -> None:
        """Change some sessions until each has a result."""
        way = self._way
        assert way is not None
        try:
            while _left(items):
                await self._persist(lambda: way.attempt(_left(items)))
        except Exception as error:
            if ends_all(error):
                raise
            left = _left(items)
            if len(items) > 1 and not (isinstance(error, CoreError) and may_pass(error)):
                for item in left:  # one of them may be what the core refuses
                    await self._settle([item])
                return
            for item in left:
                item.end("failed", error=error)

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, again where that may help, and have the pace adapt to how it goes."""
        io = self._tools.effects.io
        tries = 1
        while True:
            await self._rest(io, self._pacing.paused_until)
            begun_s = io.monotonic()
            try:
                value = await call()
            except CoreError as error:
                if tries >= MOST_TRIES or not may_pass(error):
                    raise
            else:
                self._pacing.note_answer(io.monotonic() - begun_s)
                return value
            await self._rest(io, io.monotonic() + io.random() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1)))
            tries += 1

    def _note_trouble(self, status: int | None, wait_s: float | None) -> None:
        self._pacing.note_trouble(status, wait_s, self._tools.effects.io.monotonic())

    async def _rest(self, io: IO, until_s: float) -> None:
        """Wait, but not longer than the update goes on."""
        while (left_s := until_s - io.monotonic()) > 0:
            if self._stopping:
                raise Halted
            await io.sleep(min(left_s, A_NAP_S))

    def _end(self, result: BulkResult) -> None:
        self._finished.append(result)
        if result.error is not None and self._options.on_error != "collect":
            self._stopping = True

    def _hand_over(self, finished: Sequence[BulkResult]) -> None:
        """Let results out, the first that finished, which the journal has by now."""
        del self._finished[: len(finished)]
        self._known.difference_update(result.handle for result in finished)
        self._ready += finished

    def _finish(self) -> None:
        """Close source and journal."""
        if not self._over:
            self._over = True
            self._ended_s = self._tools.effects.io.monotonic()
        if self._feed is not None:
            self._feed.close()
        if self._journal is not None:
            self._journal.close()


def _left(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.result is None]


def _done(results: Sequence[BulkResult]) -> list[tuple[str, str]]:
    return [(result.handle, result.outcome) for result in results if result.outcome in DONE]


class BlockingBulkUpdates:
    """The blocking twin of `BulkUpdates`.

    Args:
        updates: the bulk update.
        drive: runs a coroutine to its end.
    """

    def __init__(self, updates: BulkUpdates, drive: Drive) -> None:
        self._updates = updates
        self._drive = drive
        self.stop = updates.stop

    @property
    def report(self) -> BulkReport:
        """What came of the sessions whose results were handed out so far."""
        return self._updates.report

    def __iter__(self) -> Iterator[BulkResult]:
        """Iterate over what came of each session."""
        return self

    def __next__(self) -> BulkResult:
        """Give what came of the next session that is done."""
        result = self._drive(self._updates.next_result())
        if result is None:
            raise StopIteration
        return result

    def take_entries(self, most: int) -> list[Entry] | None:
        """Give some sessions of the source, about `most`, for who has others change them; None at the end."""
        return self._drive(self._updates.take_entries(most))

    def __enter__(self) -> BlockingBulkUpdates:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let what is under way finish, begin with nothing more, and close source and journal; idempotent."""
        self._drive(self._updates.aclose())
