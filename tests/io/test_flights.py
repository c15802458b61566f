"""Work that is shared while it is under way, and done anew afterwards."""

from __future__ import annotations

import threading

import anyio
import pytest

from supertokens_lite._io.blocking import run
from supertokens_lite._io.flights import Flights
from tests.conftest import Drive
from tests.io.nothing import EFFECTS


def test_one_flight_for_all_who_ask_meanwhile(drive_on_loop: Drive) -> None:
    """Tasks that ask for the same key share the work; another key and a later call have their own."""
    flights: Flights[int] = Flights()
    made: list[str] = []

    async def make(name: str) -> int:
        made.append(name)
        await anyio.sleep(0.01)
        return len(made)

    async def ask(key: str) -> None:
        await flights.join(EFFECTS.io, key, lambda: make(key))

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            for key in "aabab":
                tasks.start_soon(ask, key)
        await ask("a")

    drive_on_loop(scenario)
    assert sorted(made) == ["a", "a", "b"]
    assert len(flights) == 0


def test_never_two_flights_at_once(drive_on_loop: Drive) -> None:
    """If the one who does the work is cancelled another takes over, and who comes then does not begin beside it."""
    flights: Flights[int] = Flights()
    under_way, worst = [0], [0]
    first, second = anyio.Event(), anyio.Event()

    async def make(begun: anyio.Event) -> int:
        under_way[0] += 1
        worst[0] = max(worst[0], under_way[0])
        try:
            begun.set()
            await anyio.sleep(0.02)
        finally:
            under_way[0] -= 1
        return 7

    async def ask(begun: anyio.Event) -> None:
        assert await flights.join(EFFECTS.io, "key", lambda: make(begun)) == 7

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as doomed:
                    doomed.start_soon(ask, first)
                    await first.wait()
                    tasks.start_soon(ask, second)
                    await anyio.sleep(0.005)
                    scope.cancel()
            await second.wait()
            tasks.start_soon(ask, anyio.Event())

    drive_on_loop(scenario)
    assert worst == [1]
    assert len(flights) == 0


def test_a_failure_is_shared_and_not_kept(drive_on_loop: Drive) -> None:
    """Those who asked meanwhile get the same error; whoever asks later tries anew."""
    flights: Flights[int] = Flights()
    made, errors = [0], list[int]()

    async def make() -> int:
        made[0] += 1
        await anyio.sleep(0.01)
        raise KeyError(made[0])

    async def ask() -> None:
        with pytest.raises(KeyError) as caught:
            await flights.join(EFFECTS.io, "key", make)
        errors.append(caught.value.args[0])

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
        await ask()

    drive_on_loop(scenario)
    assert errors == [1, 1, 1, 2]


def test_threads_share_a_flight() -> None:
    """Blocking calls of several threads for one key are one call."""
    flights: Flights[int] = Flights()
    together, made, answers = threading.Barrier(4), [0], list[int]()
    let_go = threading.Event()

    async def make() -> int:
        made[0] += 1
        let_go.wait(10)
        return made[0]

    async def join() -> int:
        return await flights.join(EFFECTS.io, "key", make)

    def ask() -> None:
        together.wait(10)
        answers.append(run(join()))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while flights.passengers("key") < 4:
        pass
    let_go.set()
    for thread in threads:
        thread.join()
    assert answers == [1, 1, 1, 1]
