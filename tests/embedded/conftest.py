"""Cores in memory with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supertokens_lite.embedded import EmbeddedCore
from tests.embedded.client import Client, Clock

Make = Callable[..., Client]


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Iterator[Make]:
    """Give what makes a client of a new core in memory; settings are keyword arguments."""
    cores: list[EmbeddedCore] = []

    def make_client(cdi: str | None = "5.4", **config: Any) -> Client:
        config.setdefault("access_token_validity_jitter", 0)
        core = EmbeddedCore(":memory:", config=config, clock=clock)
        cores.append(core)
        return Client(core, cdi)

    yield make_client
    for core in cores:
        core.close()


@pytest.fixture
def client(make: Make) -> Client:
    """Give a client of a new core at CDI 5.4."""
    return make()


@pytest.fixture(params=["5.4", "5.6"])
def either(request: pytest.FixtureRequest, make: Make) -> Client:
    """Give a client at a version before the new rotation, and one after."""
    return make(request.param)
