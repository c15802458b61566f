"""Many who present the same refresh token at the same time: tabs of a browser, or a client that tries again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
from anyio import to_thread

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreUnavailableError
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.exceptions import TokenTheftError, UnauthorisedError
from tests.apps import USER
from tests.clocked import Clocked
from tests.conftest import Drive
from tests.embedded.client import Clock

REFRESH = ("POST", "/recipe/session/refresh")
MANY = 20

VERSIONS = pytest.mark.parametrize("version", ["5.4", "5.6"])


def begin(sdk: Clocked) -> str:
    """Create a session; give its refresh token."""
    session = sdk.session.blocking.create_new_session_without_request_response("public", USER)
    sdk.take()
    assert session.refresh_token is not None
    return session.refresh_token.token


def check_all_the_same(sdk: Clocked, sessions: list[SessionContainer], number: int) -> None:
    """Look for one call and one answer, of which each has what is theirs."""
    assert sdk.take() == [REFRESH]
    assert len(sessions) == number
    tokens = [session.get_all_session_tokens_dangerously() for session in sessions]
    assert all(each == tokens[0] for each in tokens)
    assert len({id(session) for session in sessions}) == number
    assert len({id(session.get_access_token_payload()) for session in sessions}) == number
    newer = tokens[0]["refreshToken"]
    assert newer is not None
    assert sdk.session.blocking.refresh_session_without_request_response(newer).get_handle()


@VERSIONS
def test_tasks(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Tasks of one event loop share one call and its answer."""
    sessions: list[SessionContainer] = []

    async def scenario(sdk: Clocked, token: str) -> None:
        async def ask() -> None:
            sessions.append(await sdk.session.refresh_session_without_request_response(token))

        sdk.hold = anyio.wait_all_tasks_blocked
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(ask)

    sdk = Clocked(core, clock, version)
    drive_on_loop(scenario, sdk, begin(sdk))
    check_all_the_same(sdk, sessions, MANY)


def wait_for_others(sdk: Clocked, others: int) -> None:
    """Wait until so many wait for what the caller is doing."""
    for _ in range(others):
        assert sdk.waiting.acquire(timeout=30)


@VERSIONS
def test_threads(core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Blocking calls of many threads share one call and its answer."""
    sdk = Clocked(core, clock, version)
    token, sessions = begin(sdk), list[SessionContainer]()
    sdk.hold_blocking = lambda: wait_for_others(sdk, MANY - 1)

    def ask() -> None:
        sessions.append(sdk.session.blocking.refresh_session_without_request_response(token))

    in_threads([ask] * MANY)
    sdk.hold_blocking = None
    check_all_the_same(sdk, sessions, MANY)


def in_threads(functions: Sequence[Callable[[], object]]) -> None:
    """Call functions, each in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@VERSIONS
@pytest.mark.parametrize("first", ["task", "thread"])
def test_threads_and_tasks_together(core: EmbeddedCore, clock: Clock, version: str, first: str) -> None:
    """Threads, and tasks of several event loops, share one call and its answer, whoever began."""
    sdk = Clocked(core, clock, version)
    token, sessions = begin(sdk), list[SessionContainer]()
    begun = threading.Event()

    def hold() -> None:
        begun.set()
        wait_for_others(sdk, 3 * MANY - 1)

    async def hold_awaited() -> None:
        await to_thread.run_sync(hold)

    async def ask_awaited() -> None:
        sessions.append(await sdk.session.refresh_session_without_request_response(token))

    def ask() -> None:
        sessions.append(sdk.session.blocking.refresh_session_without_request_response(token))

    async def in_tasks(number: int) -> None:
        await asyncio.gather(*(ask_awaited() for _ in range(number)))

    def loop_of(number: int) -> None:
        asyncio.run(in_tasks(number))

    sdk.hold, sdk.hold_blocking = hold_awaited, hold
    leader = threading.Thread(target=ask if first == "thread" else lambda: loop_of(1))
    leader.start()
    assert begun.wait(30)
    threads = MANY - (first == "thread")
    in_threads([ask] * threads + [lambda: loop_of(MANY), lambda: loop_of(MANY - (first == "task"))])
    leader.join()
    sdk.hold = sdk.hold_blocking = None
    check_all_the_same(sdk, sessions, 3 * MANY)


@VERSIONS
def test_a_lost_answer_is_everybody_s(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """All who waited hear that nothing is known, and nobody sends it again; afterwards the same token works."""
    errors: list[str] = []

    async def scenario(sdk: Clocked, token: str) -> None:
        async def ask() -> None:
            with pytest.raises(CoreUnavailableError) as caught:
                await sdk.session.refresh_session_without_request_response(token)
            errors.append(str(caught.value))

        sdk.lost.add(REFRESH[1])
        sdk.hold = anyio.wait_all_tasks_blocked
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(ask)
        assert sdk.take() == [REFRESH]
        assert len(errors) == MANY
        assert (await sdk.session.refresh_session_without_request_response(token)).get_handle()
        assert sdk.take() == [REFRESH]

    sdk = Clocked(core, clock, version)
    drive_on_loop(scenario, sdk, begin(sdk))


@VERSIONS
def test_one_who_goes_away(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """If the one whose call it was is cancelled another takes over, and nobody is told of a theft."""
    handles: list[str] = []

    async def scenario(sdk: Clocked, token: str) -> None:
        scopes: dict[int, anyio.CancelScope] = {}

        async def ask() -> None:
            with anyio.CancelScope() as scope:
                scopes[anyio.get_current_task().id] = scope
                handles.append((await sdk.session.refresh_session_without_request_response(token)).get_handle())

        async def go_away() -> None:
            sdk.hold = None  # who sends after that is not held up
            await anyio.wait_all_tasks_blocked()
            scopes[anyio.get_current_task().id].cancel()
            await anyio.sleep_forever()

        sdk.hold = go_away
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(ask)
        assert len(handles) == MANY - 1
        assert sdk.take() == [REFRESH] * 2

    sdk = Clocked(core, clock, version)
    drive_on_loop(scenario, sdk, begin(sdk))


@VERSIONS
def test_a_theft_is_everybody_s(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """All who present a stolen token at the same time hear of the theft, and the session is over."""
    errors: list[Any] = []

    async def scenario(sdk: Clocked, stolen: str) -> None:
        async def ask() -> None:
            with pytest.raises(TokenTheftError) as caught:
                await sdk.session.refresh_session_without_request_response(stolen)
            errors.append(caught.value)

        token = stolen
        for _ in range(2):
            session = await sdk.session.refresh_session_without_request_response(token)
            assert session.refresh_token is not None
            token = session.refresh_token.token
        sdk.take()
        sdk.hold = anyio.wait_all_tasks_blocked
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(ask)
        assert sdk.take().count(REFRESH) == 1
        assert len({id(error) for error in errors}) == MANY
        with pytest.raises(UnauthorisedError):
            await sdk.session.refresh_session_without_request_response(token)

    sdk = Clocked(core, clock, version)
    drive_on_loop(scenario, sdk, begin(sdk))


def test_different_requests_are_different_calls(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """What another token, or another anti-CSRF token, is answered is not for all to have."""

    async def scenario(sdk: Clocked) -> None:
        made = [
            await sdk.session.create_new_session_without_request_response("public", USER, {"number": number})
            for number in range(2)
        ]
        sdk.take()
        outcomes: list[Any] = []

        async def ask(session: SessionContainer, shown: str | None) -> None:
            assert session.refresh_token is not None
            try:
                found = await sdk.session.refresh_session_without_request_response(
                    session.refresh_token.token, anti_csrf_token=shown
                )
            except UnauthorisedError:
                outcomes.append("refused")
            else:
                outcomes.append(found.get_access_token_payload()["number"])

        sdk.hold = anyio.wait_all_tasks_blocked
        async with anyio.create_task_group() as tasks:
            for session in made:
                for shown in (session.anti_csrf_token, "wrong", None):
                    tasks.start_soon(ask, session, shown)
        assert sorted(outcomes, key=str) == [0, 1, "refused", "refused", "refused", "refused"]
        assert sdk.take() == [REFRESH] * 6

    drive_on_loop(scenario, Clocked(core, clock, anti_csrf="VIA_TOKEN"))


def test_nothing_is_kept(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Whoever comes later is the core's to answer."""

    async def scenario(sdk: Clocked, token: str) -> None:
        first = await sdk.session.refresh_session_without_request_response(token)
        second = await sdk.session.refresh_session_without_request_response(token)
        assert first.get_access_token() != second.get_access_token()
        assert sdk.take() == [REFRESH] * 2

    sdk = Clocked(core, clock)
    drive(scenario, sdk, begin(sdk))


def test_a_blocking_call_on_a_loop_that_is_refreshing(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """It does not wait for a task that can't go on meanwhile; it asks for itself."""

    async def scenario(sdk: Clocked, token: str) -> None:
        outcomes: list[str] = []

        async def block() -> None:
            sdk.hold = None
            found = sdk.session.blocking.refresh_session_without_request_response(token)
            outcomes.append(found.get_handle())

        sdk.hold = block
        session = await sdk.session.refresh_session_without_request_response(token)
        assert outcomes == [session.get_handle()]
        assert sdk.take() == [REFRESH] * 2

    sdk = Clocked(core, clock)
    drive_on_loop(scenario, sdk, begin(sdk))
