"""Who waits for the public keys, and for whom: tasks, threads and processes that want them at the same time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from supertokens_lite._core.keys import Keys
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.jwks import KeySet
from supertokens_lite.exceptions import CoreUnavailableError
from tests.conftest import DRIVERS, Drive
from tests.core.scripted import Cores, document

HOUR_S = 3600.0


class Gate:
    """Keeps what arrives until it is opened; made on the event loop that it is for."""

    def __init__(self, cores: Cores) -> None:
        self._open = anyio.Event()
        self._arrived = anyio.Event()
        cores.hold = self.hold

    async def hold(self) -> None:
        """Wait until it is open."""
        self._arrived.set()
        await self._open.wait()

    def open(self) -> None:
        """Let all pass."""
        self._open.set()

    async def arrived(self) -> None:
        """Wait until somebody waits at the gate."""
        await self._arrived.wait()


async def settled() -> None:
    """Let every task go as far as it can without the core."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until another thread has got somewhere."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.001)


def waiting_for(keys: Keys) -> int:
    """Count who waits for the flight under way."""
    flight = keys._held.flight._flight
    return len(flight.waiters) if flight else 0


def test_one_fetch_for_all_tasks(drive_on_loop: Drive) -> None:
    """However many tasks want the keys at the start, they are fetched once, and all get the same."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        gate, found = Gate(cores), list[KeySet | None]()

        async def want(kid: str | None) -> None:
            found.append(await (keys.get({}) if kid is None else keys.with_kid(kid, {})))

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(want, "d-1" if number % 2 else None)
            await settled()
            assert keys.fresh() is None
            gate.open()
        assert found == [keys.fresh()] * 100
        assert found[0] is not None

    drive_on_loop(scenario)
    assert len(cores.seen) == 1


def test_one_fetches_while_others_use_the_old_keys(drive_on_loop: Drive) -> None:
    """When the keys are due one caller waits for the new ones; nobody else does."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        old = await keys.get()
        cores.say(document("d-2"))
        cores.now_s += 4 * HOUR_S
        gate, found = Gate(cores), list[KeySet]()

        async def want() -> None:
            found.append(await keys.get())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(want)
            await gate.arrived()
            for _ in range(100):
                assert keys.fresh() is old
                assert await keys.get() is old
            gate.open()
        assert found[0].kids == {"d-2"}
        assert keys.fresh() is found[0]

    drive_on_loop(scenario)
    assert len(cores.seen) == 2


def test_all_wait_when_the_keys_are_too_old(drive_on_loop: Drive) -> None:
    """Above the hard limit nobody uses the old keys, unless fetching fails: then everybody does."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        old = await keys.get()

        async def all_want() -> set[KeySet]:
            cores.now_s += 8 * HOUR_S
            gate, found = Gate(cores), set[KeySet]()

            async def want() -> None:
                found.add(await keys.get())

            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(want)
                await settled()
                assert not found
                assert keys.fresh() is None
                gate.open()
            return found

        cores.say(document("d-2"))
        new = await all_want()
        assert len(new) == 1
        assert old not in new
        cores.fail()
        assert await all_want() == new

    drive_on_loop(scenario)
    assert len(cores.seen) == 3


def test_all_get_the_error_when_there_is_nothing_to_use(drive_on_loop: Drive) -> None:
    """Where there are no keys those who waited get the one fetch's error."""
    cores = Cores()
    cores.fail()
    keys = cores.keys()

    async def scenario() -> None:
        gate, errors = Gate(cores), list[str]()

        async def want() -> None:
            with pytest.raises(CoreUnavailableError) as caught:
                await keys.get()
            errors.append(str(caught.value))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(want)
            await settled()
            gate.open()
        assert len(errors) == 20
        assert len(set(errors)) == 1

    drive_on_loop(scenario)
    assert len(cores.seen) == 1


def test_one_fetch_for_a_new_key(drive_on_loop: Drive) -> None:
    """Those whose tokens name a new key while it is being fetched wait for it, and none of them is refused."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        await keys.get()
        cores.say(document("d-1", "d-2"))
        gate, found = Gate(cores), list[KeySet | None]()

        async def want(kid: str) -> None:
            found.append(await keys.with_kid(kid, {}))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(want, "d-2")
            await gate.arrived()
            for number in range(50):
                tasks.start_soon(want, "d-2" if number % 2 else "d-x")
            await settled()
            assert found == []
            gate.open()
        assert found.count(keys.fresh()) == 26
        assert found.count(None) == 25

    drive_on_loop(scenario)
    assert len(cores.seen) == 2


def test_a_new_key_while_the_keys_are_fetched_anyway(drive_on_loop: Drive) -> None:
    """In the cool-down too an unknown key waits for a fetch that is under way for another reason."""
    cores = Cores("d-1")
    keys = cores.keys(refresh_s=5)

    async def scenario() -> None:
        await keys.get()
        assert await keys.with_kid("d-2") is None
        cores.say(document("d-2"))
        cores.now_s += 5
        gate, found = Gate(cores), list[KeySet | None]()

        async def want(kid: str | None) -> None:
            found.append(await (keys.get() if kid is None else keys.with_kid(kid)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(want, None)
            await gate.arrived()
            tasks.start_soon(want, "d-2")
            await settled()
            gate.open()
        assert found == [keys.fresh()] * 2

    drive_on_loop(scenario)
    assert len(cores.seen) == 3


def test_fetches_for_unknown_keys_that_are_cancelled(drive_on_loop: Drive) -> None:
    """A client that goes away before the core has answered has had its fetch all the same."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        await keys.get()
        for number in range(20):
            Gate(cores)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keys.with_kid, f"d-{number + 2}")
                await settled()
                tasks.cancel_scope.cancel()

    drive_on_loop(scenario)
    assert len(cores.seen) == 2


@pytest.mark.parametrize("hours", [5, 9, 20])
def test_nobody_waits_for_a_core_that_has_failed(drive_on_loop: Drive, hours: int) -> None:
    """Once fetching has failed the old keys are used while a caller tries again, also above the hard limit."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        old = await keys.get()
        cores.fail()
        cores.now_s += hours * HOUR_S
        assert await keys.get() is old
        cores.now_s += 60
        gate = Gate(cores)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keys.get)
            await gate.arrived()
            for _ in range(20):
                assert keys.fresh() is old
            gate.open()

    drive_on_loop(scenario)
    assert len(cores.seen) == 3


@pytest.mark.parametrize("hours", [0, 5, 9])
def test_a_caller_that_is_cancelled(drive_on_loop: Drive, hours: int) -> None:
    """If the caller who fetches is cancelled, one of those who wait fetches; nobody is left waiting."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        old = await keys.get() if hours else None
        cores.now_s += hours * HOUR_S
        cores.say(document("d-2"))
        asked, found = len(cores.seen), list[KeySet | None]()
        gate = Gate(cores)

        async def want(ask: Callable[[], Awaitable[KeySet | None]]) -> None:
            found.append(await ask())

        async with anyio.create_task_group() as others:
            async with anyio.create_task_group() as first:
                first.start_soon(want, keys.get)
                await gate.arrived()
                for _ in range(10):
                    others.start_soon(want, keys.get)
                    others.start_soon(want, lambda: keys.with_kid("d-2"))
                await settled()
                first.cancel_scope.cancel()
            await settled()
            gate.open()
        assert len(found) == 20
        assert {each.kids for each in found if each and each is not old} == {frozenset({"d-2"})}
        assert found.count(old) == (10 if hours == 5 else 0)
        assert len(cores.seen) == asked + 2

    drive_on_loop(scenario)


def test_blocking_code_on_the_loop_that_it_blocks(drive_on_loop: Drive) -> None:
    """A blocking call does not wait for a task that can't go on before the call is over; it fetches for itself."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        gate, found = Gate(cores), list[KeySet]()

        async def want() -> None:
            found.append(await keys.get())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(want)
            await gate.arrived()
            found.append(run(keys.get()))
            unknown = run(keys.with_kid("d-2"))
            assert unknown is None
            gate.open()
        assert len(set(found)) == 1
        assert keys.fresh() is found[0]

    drive_on_loop(scenario)
    assert len(cores.seen) == 3


@pytest.mark.parametrize("first", ["thread", "task"])
def test_one_fetch_for_threads_and_tasks_together(first: str) -> None:
    """Threads and event loops share one fetch, whichever of them has begun it."""
    cores = Cores("d-1")
    keys = cores.keys()
    arrived, opened, found = threading.Event(), threading.Event(), list[KeySet]()

    def hold_blocking() -> None:
        arrived.set()
        opened.wait(60)

    async def hold() -> None:
        await asyncio.to_thread(hold_blocking)

    cores.hold, cores.hold_blocking = hold, hold_blocking

    def thread() -> None:
        found.append(run(keys.get()))

    def loop(count: int) -> None:
        async def tasks() -> None:
            found.extend(await asyncio.gather(*(keys.get() for _ in range(count))))

        asyncio.run(tasks())

    def start(target: Callable[..., object], *args: Any) -> threading.Thread:
        started = threading.Thread(target=target, args=args)
        started.start()
        return started

    threads = [start(thread) if first == "thread" else start(loop, 1)]
    wait_for(arrived.is_set)
    threads += [start(thread) for _ in range(8)] + [start(loop, 4) for _ in range(2)]
    wait_for(lambda: waiting_for(keys) == 16)
    opened.set()
    for each in threads:
        each.join()
    assert len(found) == 17
    assert len(set(found)) == 1
    assert len(cores.seen) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # that a thread runs is what is tested
@pytest.mark.parametrize("hours", [0, 5, 9])
def test_a_fork_during_a_fetch(hours: int) -> None:
    """A child does not wait for a fetch of its parent's, whatever age the keys have."""
    cores = Cores("d-1")
    keys = cores.keys()
    if hours:
        run(keys.get())
    cores.now_s += hours * HOUR_S
    arrived, opened = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        opened.wait(60)

    cores.hold_blocking = hold
    fetching = threading.Thread(target=lambda: run(keys.get()))
    fetching.start()
    wait_for(arrived.is_set)
    child = os.fork()
    if child == 0:  # pragma: no cover  # measured in the parent only
        status = 1
        try:
            cores.hold_blocking = None
            cores.say(document("d-1", "d-2"))
            good = "d-1" in run(keys.get()).kids and run(keys.with_kid("d-2")) is not None
            status = 0 if good and len(cores.seen) <= (4 if hours else 3) else 2
        finally:
            os._exit(status)
    opened.set()
    fetching.join()
    assert os.waitpid(child, 0)[1] == 0
    assert keys.fresh() is not None


def test_a_loop_that_ended_during_a_fetch() -> None:
    """Whoever fetched on an event loop that is over keeps nobody waiting."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def forever() -> None:
        await anyio.sleep_forever()

    async def give_up() -> None:
        cores.hold = forever
        with anyio.move_on_after(0):
            await keys.get()

    async def scenario() -> None:
        cores.hold = None
        assert (await keys.get()).kids == {"d-1"}

    asyncio.run(give_up())
    for driver in DRIVERS.values():
        driver(scenario)
    assert 1 <= len(cores.seen) <= 2
