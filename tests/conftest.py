"""What every test may use: the four drivers, and a session core of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import trio
from hypothesis import settings

from supertokens_lite._io.blocking import run
from supertokens_lite._io.portal import Portal
from supertokens_lite.embedded import EmbeddedCore
from tests.apps import TRANSPORT_VARIABLE

T = TypeVar("T")

settings.register_profile("house", deadline=None)  # how long an example takes is no property of it
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("house")

CORE_URI_VARIABLE = "SUPERTOKENS_CORE_URI"
"""Names a real core to run the integration tests against, instead of an embedded one."""


class Drive(Protocol):
    """Runs an async function to its end, one way or another."""

    def __call__(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T: ...


def drive_asyncio(function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
    """Run on an asyncio event loop."""
    return asyncio.run(function(*args, **kwargs))


def drive_trio(function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    """Run on a trio event loop."""
    return trio.run(partial(function, *args, **kwargs))


def drive_direct(function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
    """Run without any event loop."""
    return run(function(*args, **kwargs))


def drive_portal(function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
    """Run on the event loop of a portal, from blocking code."""
    portal = Portal()
    try:
        return portal.run(function(*args, **kwargs))
    finally:
        portal.close()


DRIVERS: dict[str, Drive] = {
    "asyncio": drive_asyncio,
    "trio": drive_trio,
    "direct": drive_direct,
    "portal": drive_portal,
}


CHOSEN = os.environ.get("SUPERTOKENS_LITE_DRIVERS", "").split(",")
"""Names the drivers to use where not all four are wanted, as where coverage is measured."""


@pytest.fixture(params=[name for name in DRIVERS if name in CHOSEN] or list(DRIVERS))
def drive(request: pytest.FixtureRequest) -> Drive:
    """Give each of the four drivers in turn: a test that takes this runs four times."""
    driver: Drive = DRIVERS[request.param]
    return driver


@pytest.fixture(params=["asyncio", "trio"])
def drive_on_loop(request: pytest.FixtureRequest) -> Drive:
    """Give the drivers that have an event loop, for tests that start tasks."""
    driver: Drive = DRIVERS[request.param]
    return driver


TRANSPORTS = ["default"] if importlib.util.find_spec("pyreqwest") is None else ["default", "fast"]
"""What can carry requests over HTTP here; pyreqwest does not serve every Python."""


@pytest.fixture(params=TRANSPORTS, scope="module")
def transport(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give each of the transports in turn, and have `build_app` use it: a test that takes this runs with both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TRANSPORT_VARIABLE, request.param)
        yield request.param


@pytest.fixture(scope="session")
def core_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the file of an embedded core once, keys and all, to copy from."""
    path = tmp_path_factory.mktemp("core") / "template.db"
    core = EmbeddedCore(str(path), durability="normal")
    core.open()
    core.close()
    return path


@pytest.fixture
def core_uri(core_file: Path, tmp_path: Path) -> Iterator[str]:
    """Name a session core: the real one that the environment names, else an embedded one of this test's own."""
    real = os.environ.get(CORE_URI_VARIABLE)
    if real:
        yield real
        return
    path = tmp_path / "sessions.db"
    shutil.copy2(core_file, path)
    yield f"sqlite:///{path}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the fast transport on trio; skip what only the embedded core can do where another one is named."""
    refused = [item for item in items if _is_fast_on_trio(item)]
    if refused:
        config.hook.pytest_deselected(items=refused)
        items[:] = [item for item in items if item not in refused]
    if not os.environ.get(CORE_URI_VARIABLE):
        return
    skip = pytest.mark.skip(reason=f"needs an extension of the embedded core, and {CORE_URI_VARIABLE} names another")
    for item in items:
        if "embedded_only" in item.keywords:
            item.add_marker(skip)


def _is_fast_on_trio(item: pytest.Item) -> bool:
    """Tell whether a test is one that the fast transport refuses, as `io/test_fast.py` shows."""
    values = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    transport = values.get("transport", os.environ.get(TRANSPORT_VARIABLE))
    return transport == "fast" and "trio" in (values.get("drive"), values.get("drive_on_loop"))
