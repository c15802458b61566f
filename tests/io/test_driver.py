"""The driver: coroutines run without an event loop, and what happens where one is needed after all."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable
from typing import Any

import anyio
import pytest
import trio

from supertokens_lite._io.base import current_run, in_blocking_code
from supertokens_lite._io.blocking import BlockingIO, run
from supertokens_lite._io.portal import Portal
from supertokens_lite.exceptions import ClosedError, EventLoopRequiredError, GeneralError
from supertokens_lite.types import HttpReply, HttpRequest


class NoTransport:
    """Carries nothing."""

    def send(self, request: HttpRequest) -> HttpReply:
        raise AssertionError(request)

    def close(self) -> None: ...


def test_it_gives_the_value_and_the_error() -> None:
    """What a coroutine returns and raises comes out as from a call."""

    async def inner(value: int) -> int:
        if value < 0:
            raise KeyError(value)
        return value + 1

    async def outer(value: int) -> int:
        return await inner(value)

    assert run(outer(1)) == 2
    with pytest.raises(KeyError) as caught:
        run(outer(-1))
    assert [entry.name for entry in caught.traceback][-2:] == ["outer", "inner"]


@pytest.mark.parametrize(
    "override",
    [
        lambda: asyncio.sleep(0.01),
        lambda: asyncio.sleep(0),
        lambda: anyio.sleep(0.01),
        lambda: trio.sleep(0.01),  # noqa: ASYNC105  # awaited where it is called
    ],
)
def test_an_override_that_awaits_something_real(override: Any) -> None:
    """It is named with file and line, whether it suspended or its library found no loop."""

    async def my_override() -> None:
        try:
            await override()
        except Exception as error:
            raise error from None

    async def ours() -> None:
        await my_override()

    with pytest.raises(EventLoopRequiredError, match="portal=True") as caught:
        run(ours())
    assert "test_driver.py:" in caught.value.where


def test_an_override_that_is_named_inside_a_running_loop() -> None:
    """A blocking call in a running loop runs, and an override that suspends is named there too."""

    async def real() -> None:
        await asyncio.sleep(0.01)

    async def immediate() -> int:
        return 7

    async def main() -> None:
        assert run(immediate()) == 7
        with pytest.raises(EventLoopRequiredError, match="in real"):
            run(real())

    asyncio.run(main())


def test_an_override_that_does_not_let_itself_be_closed() -> None:
    """Even an override that goes on awaiting while it is closed ends in the error."""

    class Suspends:
        def __await__(self) -> Any:
            yield

    async def stubborn() -> None:
        try:
            await Suspends()
        finally:
            await Suspends()

    with pytest.raises(EventLoopRequiredError, match="in stubborn") as caught:
        run(stubborn())
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_other_runtime_errors_pass_through() -> None:
    """A RuntimeError of the override's own stays what it is."""

    async def fails() -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run(fails())


def test_the_mark_does_not_leak() -> None:
    """Tasks, threads and contexts begun inside a call do not take themselves for blocking code afterwards."""
    copied: list[contextvars.Context] = []
    seen: list[bool] = []

    async def call() -> None:
        assert in_blocking_code()
        copied.append(contextvars.copy_context())
        thread = threading.Thread(target=lambda: seen.append(copied[0].run(in_blocking_code)))
        thread.start()
        thread.join()

    run(call())
    assert seen == [False]
    assert not in_blocking_code()
    assert copied[0].run(in_blocking_code) is False
    assert current_run.get() is None


def test_calls_nest() -> None:
    """A blocking call inside a blocking call is one too, and the outer one goes on."""

    async def inner() -> bool:
        return in_blocking_code()

    async def outer() -> tuple[bool, bool]:
        return run(inner()), in_blocking_code()

    assert run(outer()) == (True, True)


def test_each_keeps_the_order_and_stops_at_an_error() -> None:
    """Results come in the items' order; an error is raised, and what has not begun does not begin."""
    io = BlockingIO(NoTransport())
    begun: list[int] = []

    async def double(value: int) -> int:
        begun.append(value)
        if value == 3:
            raise KeyError(value)
        return 2 * value

    def each(values: Any, limit: int) -> Any:
        return run(_gather(io.each(double, values, limit=limit)))

    assert each([], 4) == []
    assert each([1], 4) == [2]
    assert each([1, 2], 1) == [2, 4]
    assert each(range(4, 40), 4) == [2 * value for value in range(4, 40)]
    with pytest.raises(KeyError):
        each(range(1000), 2)
    assert len(begun) < 1000


async def _gather(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def test_clocks() -> None:
    """The effects tell the time, roll and wait."""
    io = BlockingIO(NoTransport())
    assert io.now() > 1_700_000_000
    assert io.monotonic() <= io.monotonic()
    assert 0 <= io.random() < 1
    run(_gather(io.sleep(0)))


def test_portal_runs_what_needs_a_loop() -> None:
    """The portal runs coroutines with the caller's context, and gives their values and errors."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    portal = Portal()
    try:
        variable.set("mine")

        async def real() -> str:
            await asyncio.sleep(0)
            return variable.get()

        assert portal.run(real()) == "mine"

        async def fails() -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            portal.run(fails())

        async def nested() -> None:
            portal.run(real())

        with pytest.raises(GeneralError, match="block forever"):
            portal.run(nested())
    finally:
        portal.close()
        portal.close()
    with pytest.raises(ClosedError):
        portal.run(real())
