"""Where blocking and asynchronous code meet on one thread, and where a loop ends early: nothing waits forever."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import anyio
import anyio.to_thread
import pytest

from supertokens_lite import Supertokens
from supertokens_lite._io.blocking import run
from supertokens_lite._io.portal import Portal
from supertokens_lite._io.turns import Turns
from supertokens_lite.exceptions import ClosedError, GeneralError
from tests.apps import build_app, create
from tests.conftest import Drive
from tests.io.nothing import EFFECTS
from tests.servers import Reply, Seen, serve

HANDLES = Reply(body=b'{"status":"OK","sessionHandles":["h1"]}')


@pytest.mark.usefixtures("transport")
def test_a_blocking_first_call_while_a_task_asks_for_the_version(drive_on_loop: Drive) -> None:
    """A blocking call on a running loop does not wait for a task of that loop that is asking for the version."""
    asked, go = threading.Event(), threading.Event()
    first = [True]

    def answer(seen: Seen) -> Reply:
        if seen.target.startswith("/apiversion") and first[0]:
            first[0] = False
            asked.set()
            assert go.wait(10)
        return Reply(body=b'{"versions":["5.4"]}') if seen.target.startswith("/apiversion") else HANDLES

    with serve(answer) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:

                async def ask() -> None:
                    assert await app.session.get_all_session_handles_for_user("u") == ["h1"]

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask)
                    await anyio.to_thread.run_sync(asked.wait, 10)
                    try:
                        assert app.session.blocking.get_all_session_handles_for_user("u") == ["h1"]
                    finally:
                        go.set()
                await app.aclose()

        drive_on_loop(scenario)


def test_a_blocking_modification_while_a_task_modifies(core_uri: str, drive_on_loop: Drive) -> None:
    """Waiting for the turn of a task of the loop that is blocked is an error; another handle, or later, is fine."""

    async def scenario() -> None:
        async with build_app(core_uri) as app:
            session, other = await create(app, n=0), await create(app, n=0)
            handle = session.get_handle()
            begun, go_on = anyio.Event(), anyio.Event()

            async def slowly(data: dict[str, Any]) -> dict[str, Any]:
                begun.set()
                await go_on.wait()
                return {"n": data["n"] + 1}

            modify = app.session.blocking.modify_session_data_in_database
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(app.session.modify_session_data_in_database, handle, slowly)
                await begun.wait()
                with pytest.raises(GeneralError, match="event loop that it blocks"):
                    modify(handle, lambda data: data)
                assert modify(other.get_handle(), lambda _: {"n": 5}) == {"n": 5}
                assert app.session.blocking.update_session_data_in_database(other.get_handle(), {"n": 6})
                go_on.set()
            assert modify(handle, lambda data: {"n": data["n"] + 1}) == {"n": 2}

    drive_on_loop(scenario)


def test_another_thread_may_wait_for_a_task(app: Supertokens) -> None:
    """A thread waits for the turn of a task of another thread's loop, and gets it."""

    async def scenario() -> None:
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

    asyncio.run(scenario())


@pytest.fixture
def app(core_uri: str) -> Any:
    """Give an SDK object on a core of the test's own."""
    with build_app(core_uri) as app:
        yield app


async def _take(turns: Turns, served: list[str], name: str) -> None:
    async with turns.turn(EFFECTS.io, "key"):
        served.append(name)


def test_waiters_whose_loop_has_ended() -> None:
    """A turn is not handed to a task whose loop was closed without cancelling it: the next one has it."""
    turns, served = Turns(), list[str]()
    loop = asyncio.new_event_loop()
    entered, leave = threading.Event(), threading.Event()

    async def hold() -> None:
        async with turns.turn(EFFECTS.io, "key"):
            entered.set()
            assert leave.wait(10)

    holder = threading.Thread(target=lambda: run(hold()))
    holder.start()
    assert entered.wait(10)
    lost = [loop.create_task(_take(turns, served, name)) for name in ("lost 1", "lost 2")]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    last = threading.Thread(target=lambda: run(_take(turns, served, "thread")))
    last.start()
    while len(turns.queues["key"]) < 4:
        leave.wait(0.001)
    leave.set()
    holder.join(10)
    last.join(10)
    assert served == ["thread"]
    assert turns.queues == {}
    for task in lost:
        task.get_coro().close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left behind on purpose
    assert turns.queues == {}
    del lost
    gc.collect()
    run(_take(turns, served, "later"))
    assert served == ["thread", "later"]


def test_a_portal_outlives_an_exit() -> None:
    """An override that raises SystemExit gives it to its caller; the portal goes on."""

    async def leave() -> None:
        raise SystemExit(3)

    async def give() -> int:
        return 1

    portal = Portal()
    try:
        with pytest.raises(SystemExit):
            portal.run(leave())
        assert portal.run(give()) == 1
    finally:
        portal.close()


def test_closing_a_portal_while_a_call_is_under_way() -> None:
    """Closing cancels what is under way, lets it clean up, and leaves no caller waiting."""
    portal, begun, ended = Portal(), threading.Event(), list[str]()

    async def long() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)
            ended.append("cleaned up")

    def call() -> None:
        with pytest.raises(asyncio.CancelledError):
            portal.run(long())
        ended.append("told")

    caller = threading.Thread(target=call)
    caller.start()
    assert begun.wait(10)
    portal.close()
    caller.join(10)
    assert ended == ["cleaned up", "told"]


def test_closing_a_portal_before_a_call_has_begun() -> None:
    """A call that was handed over when the portal was closed, and has not begun, leaves no caller waiting."""
    portal, begun, go_on, ended = Portal(), threading.Event(), threading.Event(), list[str]()

    async def block() -> None:
        begun.set()
        go_on.wait(10)

    async def late() -> None:
        ended.append("begun")

    def call() -> None:
        with pytest.raises(asyncio.CancelledError):
            portal.run(late())
        ended.append("told")

    blocker = threading.Thread(target=portal.run, args=(block(),))
    blocker.start()
    assert begun.wait(10)
    loop = portal._loop
    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    while len(loop._ready) < 1:  # type: ignore[union-attr]
        time.sleep(0.001)  # until the call is handed over
    closer = threading.Thread(target=portal.close)
    closer.start()
    while len(loop._ready) < 2:  # type: ignore[union-attr]
        time.sleep(0.001)  # until the loop is asked to end
    go_on.set()
    for thread in (closer, blocker, caller):
        thread.join(10)
    assert ended == ["told"]
    with pytest.raises(ClosedError):
        portal.run(late())
