"""Overrides: `def` or `async def`, composed over the default, in both facades."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
import trio
import trio.lowlevel

from supertokens_lite import RecipeUserId
from supertokens_lite.exceptions import EventLoopRequiredError
from supertokens_lite.recipe.session import SessionOverrideConfig
from tests.apps import build_app, create, override
from tests.conftest import Drive


def mark_plainly(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Override as a plain function that gives the default's coroutine."""
    kwargs.get("user_context", args[-1])["seen"] = "plain"
    return default(*args, **kwargs)


async def mark_awaiting(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Override as a coroutine function."""
    kwargs.get("user_context", args[-1])["seen"] = "awaited"
    return await default(*args, **kwargs)


@pytest.mark.parametrize(("function", "seen"), [(mark_plainly, "plain"), (mark_awaiting, "awaited")])
def test_both_kinds_serve_both_facades(core_uri: str, user: RecipeUserId, function: Any, seen: str) -> None:
    """An override is called by the coroutines and by their blocking twins, whichever kind it is."""
    with build_app(core_uri, recipe=override(update_session_data_in_database=function)) as app:
        handle = asyncio.run(create(app, user)).get_handle()
        context: dict[str, Any] = {}
        assert asyncio.run(app.session.update_session_data_in_database(handle, {"a": 1}, context))
        assert context["seen"] == seen
        context = {}
        assert app.session.blocking.update_session_data_in_database(handle, {"a": 2}, context)
        assert context["seen"] == seen


def test_an_override_that_gives_a_plain_value(core_uri: str, drive: Drive) -> None:
    """A `def` that asks nobody may answer by itself."""
    with build_app(core_uri, recipe=override(get_all_session_handles_for_user=lambda *_: ["mine"])) as app:

        async def scenario() -> None:
            assert await app.session.get_all_session_handles_for_user("u") == ["mine"]

        drive(scenario)


def test_overrides_reach_the_session_object(core_uri: str, user: RecipeUserId, drive: Drive) -> None:
    """The methods of a session object go through the overrides too."""
    with build_app(core_uri, recipe=override(update_session_data_in_database=mark_awaiting)) as app:

        async def scenario() -> None:
            session = await create(app, user)
            context: dict[str, Any] = {}
            await session.update_session_data_in_database({"a": 1}, context)
            assert context["seen"] == "awaited"
            assert await session.get_session_data_from_database() == {"a": 1}

        drive(scenario)


async def suspends(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Await something that suspends without a loop."""
    await asyncio.sleep(0)
    return await default(*args, **kwargs)


async def finds_no_loop(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Await something that looks for a loop first."""
    await asyncio.sleep(0.001)
    return await default(*args, **kwargs)


async def finds_no_trio(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Await something of trio."""
    await trio.lowlevel.checkpoint()  # as an application would
    return await default(*args, **kwargs)


@pytest.mark.parametrize("function", [suspends, finds_no_loop, finds_no_trio])
def test_an_override_that_needs_a_loop(core_uri: str, user: RecipeUserId, function: Any) -> None:
    """In blocking code it is named with file and line, and nothing is written."""
    with build_app(core_uri, recipe=override(update_session_data_in_database=function)) as app:
        blocking = app.session.blocking
        handle = blocking.create_new_session_without_request_response("public", user, {}, {"a": 1}).get_handle()
        _, line = inspect.getsourcelines(function)
        with pytest.raises(EventLoopRequiredError, match="portal=True") as caught:
            blocking.update_session_data_in_database(handle, {"a": 2})
        assert caught.value.where == f"{__file__}:{line + 2} in {function.__name__}"
        information = blocking.get_session_information(handle)
        assert information is not None
        assert information.session_data_in_database == {"a": 1}


@pytest.mark.parametrize("function", [suspends, finds_no_loop])
def test_a_portal_runs_an_override_that_needs_a_loop(core_uri: str, user: RecipeUserId, function: Any) -> None:
    """With a portal, blocking code may have such overrides, and so may a loop."""
    with build_app(core_uri, portal=True, recipe=override(update_session_data_in_database=function)) as app:
        blocking = app.session.blocking
        handle = blocking.create_new_session_without_request_response("public", user).get_handle()
        assert blocking.update_session_data_in_database(handle, {"a": 2})
        assert asyncio.run(app.session.update_session_data_in_database(handle, {"a": 3}))


def test_overrides_may_be_set_as_users_of_the_sdk_do(core_uri: str) -> None:
    """The usual way: keep the original, put a closure in its place on the instance, give the instance back."""

    def functions(original: Any) -> Any:
        get_handles = original.get_all_session_handles_for_user

        async def renamed(user_id: str, *args: Any, **kwargs: Any) -> Any:
            return await get_handles(f"{user_id}-renamed", *args, **kwargs)

        original.get_all_session_handles_for_user = renamed
        return original

    with build_app(core_uri, recipe={"override": SessionOverrideConfig(functions=functions)}) as app:
        blocking = app.session.blocking
        made = blocking.create_new_session_without_request_response("public", RecipeUserId("eve-renamed"))
        assert blocking.get_all_session_handles_for_user("eve") == [made.get_handle()]
