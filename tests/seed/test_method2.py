"""The snippets of the page that this package began with run as they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

from supertokens_lite import RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import asyncio as sessions
from supertokens_lite.recipe.session import syncio as blocking_sessions
from tests.apps import APP_INFO, override
from tests.seed import method2_asyncio, method2_syncio

RUNS: dict[str, Callable[[], None]] = {
    "asyncio": lambda: asyncio.run(method2_asyncio.some_func()),
    "trio": lambda: trio.run(method2_asyncio.some_func),
    "syncio": method2_syncio.some_func,
}


@pytest.fixture
def _testing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    yield
    Supertokens.reset()


@pytest.fixture(params=list(RUNS))
def some_func(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Give the snippet in each of its forms."""
    return RUNS[request.param]


def begin(core_uri: str, **recipe: Any) -> None:
    """Set the SDK up, and end what earlier tests left: a real core is not made anew for each of them."""
    init(APP_INFO, "fastapi", SupertokensConfig(core_uri), [session.init(**recipe)])
    for user in ("userId", "someone else"):
        blocking_sessions.revoke_all_sessions_for_user(user)


def create(user: str, data: dict[str, Any]) -> str:
    created = blocking_sessions.create_new_session_without_request_response("public", RecipeUserId(user), {}, data)
    return created.get_handle()


def data_of(user: str) -> list[dict[str, Any]]:
    return [each.session_data_in_database for each in blocking_sessions.list_sessions_for_user(user)]


@pytest.mark.usefixtures("_testing")
def test_every_session_of_the_user_gets_the_key(core_uri: str, some_func: Callable[[], None]) -> None:
    """Every session of the user has the new key beside what it had, and nobody else's has."""
    begin(core_uri)
    for number in range(3):
        create("userId", {"number": number, "nested": {"kept": [1, None]}})
    create("userId", {"newKey": "old"})
    create("someone else", {"number": 9})
    some_func()
    expected = [{"number": number, "nested": {"kept": [1, None]}, "newKey": "newValue"} for number in range(3)]
    assert data_of("userId") == [*expected, {"newKey": "newValue"}]
    assert data_of("someone else") == [{"number": 9}]


@pytest.mark.usefixtures("_testing")
def test_a_session_that_vanished_is_skipped(core_uri: str, some_func: Callable[[], None]) -> None:
    """A session that ends between the listing and the reading is skipped, and the others get the key."""
    ended: list[str] = []

    async def list_and_end_the_second(default: Any, *args: Any, **kwargs: Any) -> list[str]:
        handles: list[str] = await default(*args, **kwargs)
        if not ended:
            ended.append(handles[1])
            assert await sessions.revoke_session(handles[1])
        return handles

    begin(core_uri, **override(get_all_session_handles_for_user=list_and_end_the_second))
    for number in range(3):
        create("userId", {"number": number})
    some_func()
    assert len(ended) == 1
    assert [data["newKey"] for data in data_of("userId")] == ["newValue"] * 2


@pytest.mark.usefixtures("_testing")
def test_a_user_without_sessions(core_uri: str, some_func: Callable[[], None]) -> None:
    """A user without sessions is no error, and gets none."""
    begin(core_uri)
    some_func()
    assert data_of("userId") == []
