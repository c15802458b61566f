"""The blocking effects, and the driver that runs a coroutine without an event loop.

A coroutine that awaits nothing but the blocking `IO` never suspends, because that `IO` has done its work before it
returns. So `run` sends into it once and takes its value out of `StopIteration`: no loop, no thread, the caller's own
context variables, a whole traceback.

A coroutine that suspends all the same was made to by an override that awaited something real. Where it stands is read
from the chain of awaited frames, then it is closed. Nothing is thrown into it: an override's `except Exception` would
take the error for its own.
"""

from __future__ import annotations

import inspect
import os
import random
import sysconfig
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain, islice
from types import CodeType, TracebackType
from typing import Any, Final, TypeVar

from supertokens_lite._io.base import IO, BlockingTransport, Run, Signal, current_run
from supertokens_lite.exceptions import EventLoopRequiredError
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("BlockingIO", "BlockingSignal", "lacks_loop", "run")

T = TypeVar("T")
R = TypeVar("R")

LIBRARIES: Final = tuple(
    os.path.normcase(os.path.join(sysconfig.get_path(name), ""))  # compared as text
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)

NO_LOOP_MESSAGES: Final = (
    "no running event loop",
    "must be called from async context",
    "There is no current event loop",
)
NO_LOOP_ERRORS: Final = ("NoEventLoopError", "AsyncLibraryNotFoundError")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits through the blocking `IO` only, here and now.

    Raises:
        EventLoopRequiredError: an override or callback awaited something that needs an event loop.
    """
    mark = Run()
    token = current_run.set(mark)
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    except RuntimeError as error:
        if not lacks_loop(error):
            raise
        raise EventLoopRequiredError(_where_raised(error.__traceback__)) from error
    finally:
        mark.active = False
        current_run.reset(token)
    required = EventLoopRequiredError(_where_suspended(coroutine))
    try:
        coroutine.close()
    except RuntimeError as refusal:  # it went on awaiting while it was being closed
        raise required from refusal
    raise required


def lacks_loop(error: RuntimeError) -> bool:
    """Tell whether a library found no event loop to wait on."""
    if type(error).__name__ in NO_LOOP_ERRORS:
        return True
    return str(error).startswith(NO_LOOP_MESSAGES)


def _describe(code: CodeType, line: int) -> str:
    return f"{code.co_filename}:{line} in {code.co_name}"


def _is_library(code: CodeType) -> bool:
    return os.path.normcase(code.co_filename).startswith(LIBRARIES)


def _innermost(places: list[tuple[CodeType, int]]) -> str:
    """Describe the innermost place that is not in a library."""
    ours = [place for place in places if not _is_library(place[0])]
    return _describe(*(ours or places)[-1]) if places else "a callback"


def _where_suspended(coroutine: Coroutine[Any, Any, Any]) -> str:
    places: list[tuple[CodeType, int]] = []
    awaited: Any = coroutine
    while inspect.iscoroutine(awaited):
        if awaited.cr_frame is not None:
            places.append((awaited.cr_code, awaited.cr_frame.f_lineno))
        awaited = awaited.cr_await
    return _innermost(places)


def _where_raised(traceback: TracebackType | None) -> str:
    places: list[tuple[CodeType, int]] = []
    while traceback is not None:
        places.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return _innermost(places)


class BlockingSignal(Signal):
    """A flag that a thread waits for and any thread may set."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> bool:
        """Wake the waiter, now or when it comes."""
        self._event.set()
        return True

    async def wait(self) -> None:
        """Wait until set; blocks the thread."""
        self._event.wait()


class BlockingIO(IO):
    """Effects for coroutines that `run` drives; each has happened before it returns.

    Args:
        transport: carries the requests.
    """

    def __init__(self, transport: BlockingTransport) -> None:
        self._send = transport.send

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send one request and read its whole reply."""
        return self._send(request)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`; blocks the thread."""
        time.sleep(seconds)  # noqa: ASYNC251  # this colour blocks

    def now(self) -> float:
        """Give the seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    def random(self) -> float:
        """Roll a number in [0, 1)."""
        return random.random()  # noqa: S311  # jitter is no secret

    def signal(self) -> Signal:
        """Make a flag that a thread can wait for."""
        return BlockingSignal()

    async def in_thread(self, function: Callable[[], R]) -> R:
        """Call what waits for a file, here and now."""
        return function()

    async def each(self, function: Callable[[T], Awaitable[R]], items: Iterable[T], *, limit: int) -> list[R]:
        """Apply `function` to each item in at most `limit` threads; the results in the items' order.

        Each thread sees a copy of the caller's context variables.
        """
        waiting = iter(items)
        if limit == 1:
            return [await function(item) for item in waiting]
        begun = list(islice(waiting, 2))
        if len(begun) < 2:
            return [await function(item) for item in begun]
        shared = _Shared(chain(begun, waiting))
        context = copy_context()
        with ThreadPoolExecutor(limit, thread_name_prefix="supertokens-lite-each") as pool:
            try:
                workers = [pool.submit(context.copy().run, _work, shared, function) for _ in range(limit)]
                for worker in workers:
                    worker.result()
            finally:
                shared.stopped = True
        return [shared.results[index] for index in range(len(shared.results))]


class _Shared:
    """Items that several threads take from, and what came of them."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = enumerate(items)
        self._lock = threading.Lock()
        self.results: dict[int, Any] = {}
        self.stopped = False

    def take(self) -> tuple[int, Any] | None:
        """Take the next item; None if there is none, or an error has stopped the others."""
        with self._lock:
            return None if self.stopped else next(self._items, None)


def _work(shared: _Shared, function: Callable[[T], Awaitable[Any]]) -> None:
    try:
        while (taken := shared.take()) is not None:
            index, item = taken
            shared.results[index] = _apply(function, item)
    finally:
        shared.stopped = True  # at the end there is nothing left, after an error nothing more is to begin


def _apply(function: Callable[[T], Awaitable[R]], item: T) -> R:
    async def call() -> R:
        return await function(item)

    return run(call())
