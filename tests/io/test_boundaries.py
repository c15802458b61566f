"""Where blocking and asynchronous code meet: on one thread, and on two."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from supertokens_lite import Supertokens
from tests.apps import build_app, create
from tests.conftest import Drive


def test_another_thread_may_wait_for_a_task(core_uri: str) -> None:
    """A thread waits for the turn of a task of another thread's loop, and gets it."""

    async def scenario(app: Supertokens) -> None:
        handle = (await create(app, n=0)).get_handle()
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(data: dict[str, Any]) -> dict[str, Any]:
            begun.set()
            await go_on.wait()
            return {"n": data["n"] + 1}

        task = asyncio.create_task(app.session.modify_session_data_in_database(handle, slowly))
        await begun.wait()
        modify = app.session.blocking.modify_session_data_in_database
        waiting = asyncio.create_task(asyncio.to_thread(modify, handle, lambda data: {"n": data["n"] + 1}))
        go_on.set()
        assert await task == {"n": 1}
        assert await waiting == {"n": 2}

    with build_app(core_uri) as app:
        asyncio.run(scenario(app))


def test_a_blocking_call_for_another_handle_while_a_task_modifies(core_uri: str, drive_on_loop: Drive) -> None:
    """On a loop where a task is in the middle of a modification, blocking calls for other handles work."""

    async def scenario() -> None:
        async with build_app(core_uri) as app:
            session, other = await create(app, n=0), await create(app, n=0)
            begun, go_on = anyio.Event(), anyio.Event()

            async def slowly(data: dict[str, Any]) -> dict[str, Any]:
                begun.set()
                await go_on.wait()
                return {"n": data["n"] + 1}

            blocking = app.session.blocking
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(app.session.modify_session_data_in_database, session.get_handle(), slowly)
                await begun.wait()
                assert blocking.modify_session_data_in_database(other.get_handle(), lambda _: {"n": 5}) == {"n": 5}
                assert blocking.update_session_data_in_database(other.get_handle(), {"n": 6})
                assert other.sync_get_session_data_from_database() == {"n": 6}
                go_on.set()
            assert session.sync_get_session_data_from_database() == {"n": 1}

    drive_on_loop(scenario)
