"""An event loop in a thread of its own, for blocking code whose overrides need one.

Opt-in, because each call costs two switches of threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from supertokens_lite._io.base import Blocked, current_wait
from supertokens_lite._io.forks import Forks
from supertokens_lite.exceptions import ClosedError, GeneralError

__all__ = ("Portal",)

T = TypeVar("T")


class Portal:
    """Runs coroutines on an asyncio event loop in a thread, begun at first use and anew after a fork."""

    def __init__(self) -> None:
        self._closed = False
        self._forks = Forks(self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, with the caller's context variables; its errors come through whole.

        Raises:
            ClosedError: the portal was closed.
            GeneralError: it was called from a coroutine of the portal's own, which it would block.
        """
        outcome: Future[T] = Future()
        tasks: list[asyncio.Task[None]] = []

        async def settle() -> None:
            try:
                outcome.set_result(await coroutine)
            except BaseException as error:  # noqa: BLE001  # SystemExit too is the caller's; here it would end the loop
                outcome.set_exception(error)

        def never_begun(_: object) -> None:
            if not outcome.done():  # the portal was closed first
                coroutine.close()
                outcome.set_exception(asyncio.CancelledError())

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            tasks.append(loop.create_task(settle()))
            tasks[0].add_done_callback(never_begun)

        wait = Blocked()
        mark = current_wait.set(wait)
        try:
            loop = self._begin_on_loop(begin)
        except GeneralError:
            coroutine.close()
            raise
        finally:
            current_wait.reset(mark)
        try:
            return outcome.result()
        except BaseException:
            if not outcome.done():  # the caller was interrupted
                loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            raise
        finally:
            wait.active = False

    def _begin_on_loop(self, function: Callable[[asyncio.AbstractEventLoop], None]) -> asyncio.AbstractEventLoop:
        """Have a function called on the loop, started if need be; give the loop."""
        self._forks.notice()
        if threading.current_thread() is self._thread:
            raise GeneralError(
                "a blocking function was called on the portal's own event loop, which it would block forever; "
                "await its asynchronous twin there"
            )
        with self._lock:  # what has begun under it begins before the end that `close` asks for
            if self._closed:
                raise ClosedError
            loop = self._loop
            if loop is None:
                loop = self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(loop,), name="supertokens-lite-portal", daemon=True
                )
                self._thread.start()
            loop.call_soon_threadsafe(function, loop, context=copy_context())
            return loop

    def close(self) -> None:
        """End the loop and its thread; idempotent."""
        self._closed = True
        self._forks.notice()
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        while tasks := asyncio.all_tasks(loop):  # what is under way may take some time to clean up
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
