"""A token that names a key which is not among those at hand: what that costs, and what becomes of it."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from supertokens_lite.exceptions import CoreError, CoreUnavailableError
from tests.conftest import Drive
from tests.core.scripted import Cores, document

HOUR_S = 3600.0


def test_ten_thousand_unknown_keys_cost_one_fetch(drive: Drive) -> None:
    """Tokens that name keys which nobody has make us ask the core once in ten seconds."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        for number in range(10_000):
            assert await keys.with_kid(f"d-{number + 2}", {}) is None
        assert len(cores.seen) == 2
        cores.now_s += 9.9
        assert await keys.with_kid("d-x", {}) is None
        assert len(cores.seen) == 2
        cores.now_s += 0.1
        assert await keys.with_kid("d-x", {}) is None
        assert len(cores.seen) == 3
        assert await keys.with_kid("d-1") is found
        assert len(cores.seen) == 3

    drive(scenario)


def test_a_new_key_is_fetched_at_once(drive: Drive) -> None:
    """A key that the core has begun to use since is found when a token names it."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        await keys.get()
        cores.say(document("d-2", "d-1"))
        found = await keys.with_kid("d-2")
        assert found is not None
        assert found.kids == {"d-1", "d-2"}
        assert keys.fresh() is found
        cores.say(document("d-3", "d-2"))
        assert await keys.with_kid("d-3") is None
        cores.now_s += 10
        found = await keys.with_kid("d-3")
        assert found is not None
        assert found.kids == {"d-2", "d-3"}

    drive(scenario)


def test_a_known_key_of_keys_that_are_due(drive: Drive) -> None:
    """A key that is known is looked for in what may be used, not in what was."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        old = await keys.get()
        cores.now_s += 4 * HOUR_S
        assert await keys.with_kid("d-1") is old
        assert len(cores.seen) == 2
        cores.say(document("d-2"))
        cores.now_s += 4 * HOUR_S
        assert await keys.with_kid("d-1") is None

    drive(scenario)


def test_the_cool_down_begins_when_a_fetch_has_ended(drive: Drive) -> None:
    """A core that takes its time is left in peace as long as any other."""
    cores = Cores("d-1")
    keys = cores.keys()

    def take() -> None:
        cores.now_s += 30

    async def take_time() -> None:
        take()

    async def scenario() -> None:
        await keys.get()
        cores.hold, cores.hold_blocking = take_time, take
        for number in range(10):
            assert await keys.with_kid(f"d-{number + 2}") is None
        assert len(cores.seen) == 2

    drive(scenario)


def test_an_error_that_is_kept_keeps_nothing_alive(drive: Drive) -> None:
    """What is repeated in the cool-down does not hold the request that met it first."""

    class Context(dict[str, Any]):
        pass

    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        await keys.get()
        cores.fail()
        context = Context()
        kept = weakref.ref(context)
        with pytest.raises(CoreUnavailableError, match="down"):
            await keys.with_kid("d-2", context)
        del context
        gc.collect()
        assert kept() is None
        with pytest.raises(CoreUnavailableError, match="down"):
            await keys.with_kid("d-2", {})

    drive(scenario)


def test_one_request_has_the_keys_fetched_once(drive: Drive) -> None:
    """A request that had to fetch the keys does not fetch them again for a key that is not among them."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        context: dict[str, Any] = {}
        await keys.get(context)
        assert await keys.with_kid("d-2", context) is None
        assert await keys.with_kid("d-2", {}) is None
        assert len(cores.seen) == 1
        cores.now_s += 10
        assert await keys.with_kid("d-2", context) is None
        assert len(cores.seen) == 2

    drive(scenario)


def test_an_unknown_key_while_the_core_is_down(drive: Drive) -> None:
    """Whether such a token is good can't be told then: an error, the same for ten seconds, and not a refusal."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        cores.fail()
        errors: list[CoreError] = []
        for number in range(100):
            with pytest.raises(CoreUnavailableError, match="down") as caught:
                await keys.with_kid(f"d-{number + 2}")
            errors.append(caught.value)
        assert len(cores.seen) == 2
        assert {str(error) for error in errors} == {str(errors[0])}
        assert len({id(error) for error in errors}) == 100
        assert errors[-1].__cause__ is errors[-1].__context__ is None
        assert await keys.get() is found
        cores.say(document("d-1", "d-2"))
        with pytest.raises(CoreUnavailableError, match="down"):
            await keys.with_kid("d-2")
        cores.now_s += 10
        assert await keys.with_kid("d-2") is keys.fresh() is not None

    drive(scenario)
