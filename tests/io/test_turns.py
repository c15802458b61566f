"""Turns at a key and work done once, among threads and tasks together."""

from __future__ import annotations

import asyncio
import threading
import traceback

import anyio
import anyio.lowlevel
import pytest

from supertokens_lite._io.asynchronous import AsyncSignal
from supertokens_lite._io.blocking import BlockingSignal, run
from supertokens_lite._io.portal import Portal
from supertokens_lite._io.turns import Once, Turns
from supertokens_lite.exceptions import CoreUnavailableError, GeneralError
from tests.conftest import Drive
from tests.io.nothing import EFFECTS


def test_one_holder_at_a_time_among_threads_and_tasks() -> None:
    """Threads and tasks take turns at the same key; when all is over nothing is kept."""
    turns, inside, worst = Turns(), [0], [0]

    async def work() -> None:
        for _ in range(20):
            async with turns.turn(EFFECTS.io, "key"):
                inside[0] += 1
                worst[0] = max(worst[0], inside[0])
                inside[0] -= 1

    async def tasks() -> None:
        await asyncio.gather(*(work() for _ in range(10)))

    threads = [threading.Thread(target=lambda: run(work())) for _ in range(10)]
    threads += [threading.Thread(target=lambda: asyncio.run(tasks())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == [1]
    assert turns.queues == {}


def test_first_come_first_served(drive_on_loop: Drive) -> None:
    """Those who wait are served in the order in which they came, and other keys don't wait."""
    turns, order = Turns(), list[int]()

    async def work(number: int) -> None:
        async with turns.turn(EFFECTS.io, "key"):
            order.append(number)

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks, turns.turn(EFFECTS.io, "key"):
            for number in range(5):
                tasks.start_soon(work, number)
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
            async with turns.turn(EFFECTS.io, "other"):
                pass
        assert order == sorted(order)
        assert len(order) == 5

    drive_on_loop(scenario)


def test_a_waiter_that_is_cancelled(drive_on_loop: Drive) -> None:
    """A task that is cancelled while it waits leaves the queue; the next one is served."""
    turns = Turns()

    async def wait() -> None:
        async with turns.turn(EFFECTS.io, "key"):
            raise AssertionError("served although cancelled")

    async def scenario() -> None:
        async with turns.turn(EFFECTS.io, "key"), anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        assert turns.queues == {}

    drive_on_loop(scenario)


def test_work_is_done_once(drive_on_loop: Drive) -> None:
    """However many ask at the same time, the value is made once."""
    once: Once[int] = Once()
    made = [0]

    async def make() -> int:
        made[0] += 1
        await anyio.sleep(0.01)
        return 7

    async def ask() -> None:
        assert await once.get(EFFECTS.io, make) == 7

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)
        await ask()

    drive_on_loop(scenario)
    assert made == [1]
    assert once.peek() == 7


def test_a_failure_is_shared_and_not_kept(drive_on_loop: Drive) -> None:
    """Those who waited get the maker's error; whoever asks later tries anew."""
    once: Once[int] = Once()
    made, errors = [0], list[BaseException]()

    async def make() -> int:
        made[0] += 1
        await anyio.sleep(0.01)
        if made[0] == 1:
            raise KeyError("first")
        return 7

    async def ask() -> None:
        try:
            await once.get(EFFECTS.io, make)
        except KeyError as error:
            errors.append(error)

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert len(errors) == 5
        assert once.peek() is None
        assert await once.get(EFFECTS.io, make) == 7

    drive_on_loop(scenario)
    assert made == [2]


def test_a_maker_that_is_cancelled(drive_on_loop: Drive) -> None:
    """If the maker is cancelled, one of those who wait takes over."""
    once: Once[int] = Once()
    begun = [0]

    async def make() -> int:
        begun[0] += 1
        if begun[0] == 1:
            await anyio.sleep_forever()
        return 7

    async def scenario() -> None:
        results: list[int] = []

        async def ask() -> None:
            results.append(await once.get(EFFECTS.io, make))

        async with anyio.create_task_group() as outer, anyio.create_task_group() as inner:
            inner.start_soon(ask)
            await anyio.sleep(0.01)
            outer.start_soon(ask)
            await anyio.sleep(0.01)
            inner.cancel_scope.cancel()
        assert results == [7]

    drive_on_loop(scenario)


def test_the_portal_does_not_wait_for_a_loop_that_waits_for_it() -> None:
    """A blocking call through the portal makes the value itself, or is refused the turn, if its own loop is at it."""
    once: Once[int] = Once()
    turns, portal, begun = Turns(), Portal(), asyncio.Event()

    async def slowly() -> int:
        begun.set()
        await asyncio.sleep(0.05)
        return 1

    async def quickly() -> int:
        return 2

    async def take_turn() -> None:
        async with turns.turn(EFFECTS.io, "key"):
            pass

    async def scenario() -> None:
        task = asyncio.ensure_future(once.get(EFFECTS.io, slowly))
        await begun.wait()
        assert portal.run(once.get(EFFECTS.io, quickly)) == 2
        async with turns.turn(EFFECTS.io, "key"):
            with pytest.raises(GeneralError, match="would wait for a task of the event loop that it blocks"):
                portal.run(take_turn())
        assert await task == 2

    try:
        asyncio.run(scenario())
    finally:
        portal.close()


def test_each_who_waited_gets_an_error_of_their_own(drive_on_loop: Drive) -> None:
    """An error that several get has a traceback for each of them, and lists that are not shared."""
    once: Once[int] = Once()
    errors: list[CoreUnavailableError] = []

    async def make() -> int:
        await anyio.sleep(0.01)
        raise CoreUnavailableError([("http://a", "refused")])

    async def ask() -> None:
        try:
            await once.get(EFFECTS.io, make)
        except CoreUnavailableError as error:
            errors.append(error)

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)

    drive_on_loop(scenario)
    assert len({id(error) for error in errors}) == 5
    assert {str(error) for error in errors} == {str(errors[0])}
    assert max(len(traceback.extract_tb(error.__traceback__)) for error in errors) < 6


def test_signals_from_threads(drive_on_loop: Drive) -> None:
    """A task's signal can be set by a thread, before or while it is waited for; a thread's too."""

    async def scenario() -> None:
        early = AsyncSignal()
        early.set()
        await early.wait()
        late = AsyncSignal()
        timer = threading.Timer(0.01, late.set)
        timer.start()
        with anyio.fail_after(5):
            await late.wait()
        timer.join()
        late.set()

    drive_on_loop(scenario)
    signal = BlockingSignal()
    timer = threading.Timer(0.01, signal.set)
    timer.start()
    run(signal.wait())
    timer.join()


def test_a_signal_whose_loop_has_ended() -> None:
    """Setting a signal nobody can wait for any more does no harm."""
    signal = AsyncSignal()

    async def wait() -> None:
        with anyio.move_on_after(0.01):
            await signal.wait()

    asyncio.run(wait())
    signal.set()
    signal.set()


def test_effects_on_a_loop(drive_on_loop: Drive) -> None:
    """The asynchronous effects wait, tell the time, and work through items in order, stopping at an error."""
    io = EFFECTS.asynchronous

    async def double(value: int) -> int:
        await anyio.lowlevel.checkpoint()
        if value == 50:
            raise KeyError(value)
        return 2 * value

    async def scenario() -> None:
        await io.sleep(0)
        assert io.now() > 1_700_000_000
        assert io.monotonic() <= io.monotonic()
        assert 0 <= io.random() < 1
        assert await io.each(double, range(20), limit=4) == [2 * value for value in range(20)]
        assert await io.each(double, [], limit=4) == []
        with pytest.raises(KeyError):
            await io.each(double, range(1000), limit=4)

    drive_on_loop(scenario)
