"""Read, change and write back, among threads, tasks, facades and processes."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import EventLoopRequiredError, ReentrantCallError
from tests.apps import build_app, create
from tests.conftest import Drive


def count(data: dict[str, Any]) -> dict[str, Any]:
    """Add one."""
    data["n"] = data.get("n", 0) + 1
    return data


def test_modify(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """The change gets a copy, its result is stored, and None leaves things as they are."""

    async def scenario() -> None:
        handle = (await create(app, user, n=1, kept=True)).get_handle()
        modify = app.session.modify_session_data_in_database
        assert await modify(handle, count) == {"n": 2, "kept": True}

        async def awaiting(data: dict[str, Any]) -> dict[str, Any]:
            return count(data)

        assert await modify(handle, awaiting) == {"n": 3, "kept": True}

        def only_looks(data: dict[str, Any]) -> None:
            data.clear()

        assert await modify(handle, only_looks) == {"n": 3, "kept": True}

        def fails(_data: dict[str, Any]) -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await modify(handle, fails)
        assert await modify(handle, count) == {"n": 4, "kept": True}

    drive(scenario)


def test_a_thousand_increments_at_once(app: Supertokens, user: RecipeUserId) -> None:
    """From 50 threads and 50 tasks at once, through both facades, not one is lost."""
    handle = app.session.blocking.create_new_session_without_request_response("public", user).get_handle()

    def in_a_thread() -> None:
        for _ in range(10):
            app.session.blocking.modify_session_data_in_database(handle, count)

    async def in_a_task() -> None:
        for _ in range(10):
            await app.session.modify_session_data_in_database(handle, count)

    async def in_tasks() -> None:
        await asyncio.gather(*(in_a_task() for _ in range(50)))

    threads = [threading.Thread(target=in_a_thread) for _ in range(50)]
    for thread in threads:
        thread.start()
    asyncio.run(in_tasks())
    for thread in threads:
        thread.join()
    assert app.session.blocking.modify_session_data_in_database(handle, lambda _: None) == {"n": 1000}


@pytest.mark.embedded_only
def test_two_sdk_objects_lose_nothing(core_uri: str, user: RecipeUserId) -> None:
    """Two SDK objects, as two processes would have, meet at the core: it refuses what is based on old data."""
    with build_app(core_uri, core_durability="normal") as one, build_app(core_uri, core_durability="normal") as other:
        handle = one.session.blocking.create_new_session_without_request_response("public", user).get_handle()

        def work(app: Supertokens) -> None:
            for _ in range(100):
                app.session.blocking.modify_session_data_in_database(handle, count)

        threads = [threading.Thread(target=work, args=(app,)) for app in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.session.blocking.modify_session_data_in_database(handle, lambda _: None) == {"n": 200}


@pytest.mark.embedded_only
def test_a_plain_update_in_between_is_not_lost(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """What another writer stores between the read and the write is what the change is called with again."""

    async def scenario() -> None:
        handle = (await create(app, user, n=1)).get_handle()
        seen: list[dict[str, Any]] = []

        def change(data: dict[str, Any]) -> dict[str, Any]:
            seen.append(dict(data))
            if len(seen) == 1:  # somebody else writes now
                thread = threading.Thread(
                    target=app.session.blocking.update_session_data_in_database, args=(handle, {"other": True})
                )
                thread.start()
                thread.join()
            return count(data)

        assert await app.session.modify_session_data_in_database(handle, change) == {"other": True, "n": 1}
        assert seen == [{"n": 1}, {"other": True}]

    drive(scenario)


def test_calls_for_the_same_handle_inside_a_change(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """Calling the SDK for the handle that is being changed is an error, never a deadlock; another handle is fine."""

    async def scenario() -> None:
        session = await create(app, user)
        handle, other = session.get_handle(), (await create(app, user, x=1)).get_handle()
        sessions = app.session
        calls: list[Any] = [
            lambda: sessions.get_session_information(handle),
            lambda: sessions.update_session_data_in_database(handle, {}),
            lambda: sessions.modify_session_data_in_database(handle, count),
            lambda: sessions.revoke_session(handle),
            lambda: sessions.revoke_multiple_sessions([other, handle]),
            session.get_session_data_from_database,
        ]
        for call in calls:

            async def change(_data: dict[str, Any], call: Any = call) -> None:
                await call()

            with pytest.raises(ReentrantCallError) as caught:
                await sessions.modify_session_data_in_database(handle, change)
            assert caught.value.session_handle == handle

        async def fine(data: dict[str, Any]) -> dict[str, Any]:
            await sessions.modify_session_data_in_database(other, count)
            return count(data)

        assert await sessions.modify_session_data_in_database(handle, fine) == {"n": 1}
        assert await sessions.modify_session_data_in_database(other, lambda _: None) == {"x": 1, "n": 1}

    drive(scenario)


def test_a_change_that_needs_a_loop(core_uri: str, user: RecipeUserId) -> None:
    """A change that awaits something real says where, works through the portal, and leaves the handle free."""

    async def change(data: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return count(data)

    with build_app(core_uri) as app:
        sessions = app.session.blocking
        handle = sessions.create_new_session_without_request_response("public", user).get_handle()
        with pytest.raises(EventLoopRequiredError, match=r"test_modify\.py:\d+ in change"):
            sessions.modify_session_data_in_database(handle, change)
        assert sessions.modify_session_data_in_database(handle, count) == {"n": 1}
    with build_app(core_uri, portal=True) as app:
        assert app.session.blocking.modify_session_data_in_database(handle, change) == {"n": 2}


def test_a_cancelled_change_frees_the_handle(app: Supertokens, user: RecipeUserId, drive_on_loop: Drive) -> None:
    """A task that is cancelled inside its change, or while it waits for its turn, keeps nobody else waiting."""

    async def scenario() -> None:
        handle = (await create(app, user)).get_handle()
        begun = anyio.Event()

        async def forever(_data: dict[str, Any]) -> None:
            begun.set()
            await anyio.sleep_forever()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(app.session.modify_session_data_in_database, handle, forever)
            await begun.wait()
            tasks.start_soon(app.session.modify_session_data_in_database, handle, count)
            tasks.start_soon(app.session.modify_session_data_in_database, handle, count)
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            stored = await app.session.modify_session_data_in_database(handle, count)
        assert stored is not None

    drive_on_loop(scenario)
