"""One change to many sessions: what becomes of each, from every source, with every change, in both facades."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import BadInputError, EventLoopRequiredError, GeneralError, ReentrantCallError
from supertokens_lite.recipe.session import syncio
from supertokens_lite.recipe.session.bulk import (
    AllSessions,
    AllUsers,
    Handles,
    MergePatch,
    Replace,
    Users,
)
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import USER, build_app, create, override
from tests.bulk import StubCore, collect, create_many, data_of
from tests.conftest import Drive
from tests.servers import Reply, serve, session_core


def count(session: SessionInformationResult) -> dict[str, Any]:
    """Add one."""
    session.session_data_in_database["n"] += 1
    return session.session_data_in_database


def test_outcomes(app: Supertokens, drive: Drive) -> None:
    """Each session has its outcome; what it had and has is in the result, and what has the data is not written."""

    async def scenario() -> None:
        first, second, gone = await create_many(app, 3)
        await app.session.revoke_session(gone)
        await app.session.update_session_data_in_database(second, {"a": 1, "n": 1})
        results = await collect(app.session.iter_bulk_update(Handles([first, second, gone]), Replace({"n": 1, "a": 1})))
        assert {handle: result.outcome for handle, result in results.items()} == {
            first: "updated",
            second: "unchanged",
            gone: "gone",
        }
        assert (results[first].before, results[first].after) == ({"n": 0}, {"n": 1, "a": 1})
        assert results[first].user_id == USER.get_as_string()
        assert await data_of(app, first) == {"n": 1, "a": 1}

    drive(scenario)


def test_numbers_and_truth_differ(app: Supertokens, drive: Drive) -> None:
    """1, 1.0 and true are equal in Python and different data."""

    async def scenario() -> None:
        handles = await create_many(app, 1)
        await app.session.bulk_update(Handles(handles), Replace({"a": 1}))
        report = await app.session.bulk_update(Handles(handles), Replace({"a": True}))
        assert report.counts["updated"] == 1
        assert (await data_of(app, handles[0]))["a"] is True

    drive(scenario)


def test_merge_patch(app: Supertokens, drive: Drive) -> None:
    """A patch merges objects, removes what is None, and leaves what has it already."""

    async def scenario() -> None:
        handles = await create_many(app, 60, deep={"x": 1, "y": 2})
        patch = MergePatch({"deep": {"x": None, "z": 3}, "n": 7})
        report = await app.session.bulk_update(Handles(handles), patch)
        assert (report.counts["updated"], report.succeeded, report.total) == (60, True, 60)
        assert await data_of(app, handles[5]) == {"deep": {"y": 2, "z": 3}, "n": 7}
        assert (await app.session.bulk_update(Handles(handles), patch)).counts["unchanged"] == 60

    drive(scenario)


def test_functions(app: Supertokens, drive: Drive) -> None:
    """A function, `def` or `async def`, sees the whole session as a copy; None leaves it, an error is the session's."""

    async def scenario() -> None:
        handles = await create_many(app, 4)

        async def change(session: SessionInformationResult) -> dict[str, Any] | None:
            assert session.user_id == USER.get_as_string()
            number = session.session_data_in_database.pop("n")
            if number == 0:
                return None
            if number == 1:
                raise KeyError("mine")
            return {"n": number + 10} if number == 2 else {"n": {1, 2}}

        results = await collect(app.session.iter_bulk_update(Handles(handles), change))
        assert [results[handle].outcome for handle in handles] == ["unchanged", "failed", "updated", "failed"]
        assert isinstance(results[handles[1]].error, KeyError)
        assert isinstance(results[handles[3]].error, BadInputError)
        assert [(await data_of(app, handle))["n"] for handle in handles] == [0, 1, 12, 3]

    drive(scenario)


def test_a_function_must_not_call_for_its_session(app: Supertokens, drive: Drive) -> None:
    """A call for the session at hand inside the function is an error of that session; another's is fine."""

    async def scenario() -> None:
        handle, other = await create_many(app, 2)

        async def asks(session: SessionInformationResult) -> dict[str, Any]:
            return {"seen": await data_of(app, other if session.session_handle == other else handle)}

        results = await collect(app.session.iter_bulk_update(Handles([handle]), asks))
        assert isinstance(results[handle].error, ReentrantCallError)

    drive(scenario)


def test_a_function_that_needs_a_loop(core_uri: str) -> None:
    """In blocking code a function that awaits something real ends the update with file and line; the portal helps."""

    async def sleeps(session: SessionInformationResult) -> dict[str, Any]:
        await asyncio.sleep(0)
        return count(session)

    async def nothing(_session: SessionInformationResult) -> None:
        return None

    with build_app(core_uri) as app:
        handles = [create_one(app) for _ in range(3)]
        with pytest.raises(EventLoopRequiredError, match=r"test_bulk_updates\.py:\d+ in sleeps"):
            app.session.blocking.bulk_update(Handles(handles), sleeps)
        assert app.session.blocking.bulk_update(Handles(handles), nothing).counts["unchanged"] == 3
    with build_app(core_uri, portal=True) as app:
        assert app.session.blocking.bulk_update(Handles(handles), sleeps).counts["updated"] == 3


def create_one(app: Supertokens) -> str:
    """Create a session in blocking code."""
    sessions = app.session.blocking
    created = sessions.create_new_session_without_request_response("public", USER, session_data_in_database={"n": 0})
    return created.get_handle()


def test_the_blocking_iterator(app: Supertokens) -> None:
    """In blocking code it is an ordinary iterator and context manager, with a report."""
    handles = [create_one(app) for _ in range(120)]
    with app.session.blocking.iter_bulk_update(Handles(iter(handles)), count, concurrency=3) as updates:
        assert sorted(result.handle for result in updates) == sorted(handles)
        assert updates.report.complete
        assert next(updates, None) is None
    with app.session.blocking.iter_bulk_update(Handles(handles), count) as updates:
        next(updates)
    assert (updates.report.complete, updates.report.total) == (False, 1)
    assert "iter_bulk_update" in syncio.__all__


def test_access_token_payloads(app: Supertokens, drive: Drive) -> None:
    """Payloads are replaced, merged and changed alike; the core's own claims are left alone, and refused."""

    async def scenario() -> None:
        handles = await create_many(app, 2)

        async def payload() -> dict[str, Any]:
            information = await app.session.get_session_information(handles[0])
            assert information is not None
            return information.custom_claims_in_access_token_payload

        update = app.session.bulk_update
        target: Any = {"target": "access_token_payload"}
        assert (await update(Handles(handles), Replace({"a": 1}), **target)).counts["updated"] == 2
        assert (await update(Handles(handles), MergePatch({"b": 2}), **target)).counts["updated"] == 2
        assert (await update(Handles(handles), lambda _: None, **target)).counts["unchanged"] == 2
        assert await payload() == {"a": 1, "b": 2}
        assert await data_of(app, handles[0]) == {"n": 0}
        with pytest.raises(BadInputError, match="sub"):
            await update(Handles(handles), Replace({"sub": "me"}), **target)

    drive(scenario)


@pytest.mark.parametrize("name", ["get_session_information", "update_session_data_in_database"])
def test_overrides_see_each_session(core_uri: str, name: str, drive: Drive) -> None:
    """Where what reads or writes a session is overridden, the override is called for each."""
    seen: list[str] = []

    async def watching(default: Any, handle: str, *rest: Any) -> Any:
        seen.append(handle)
        return await default(handle, *rest)

    async def scenario() -> None:
        with build_app(core_uri, recipe=override(**{name: watching})) as app:
            handles = await create_many(app, 3)
            assert (await app.session.bulk_update(Handles(handles), count)).counts["updated"] == 3
            assert sorted(seen) == sorted(handles)

    drive(scenario)


def test_users(app: Supertokens, drive: Drive) -> None:
    """All sessions of users are changed; one without sessions has none, and that is no empty source."""

    async def scenario() -> None:
        handles = await create_many(app, 3)
        other = (await create(app, RecipeUserId("bob"), n=1)).get_handle()
        results = await collect(app.session.iter_bulk_update(Users([USER.get_as_string(), "nobody"]), count))
        assert sorted(results) == sorted(handles)
        assert await data_of(app, other) == {"n": 1}
        assert (await app.session.bulk_update(Users(["nobody"]), count)).total == 0

    drive(scenario)


@pytest.mark.embedded_only
def test_all_sessions(app: Supertokens, drive: Drive) -> None:
    """The core lists its sessions page by page, those of one tenant if one is named."""

    async def scenario() -> None:
        await create_many(app, 7)
        assert (await app.session.bulk_update(AllSessions(), count)).counts["updated"] == 7
        assert (await app.session.bulk_update(AllSessions(), count, tenant_id="public")).counts["updated"] == 7
        with pytest.raises(GeneralError, match="knows no users"):
            await app.session.bulk_update(AllUsers(), count)

    drive(scenario)


def test_pages_of_users(drive: Drive) -> None:
    """A core's users are paged through to the end; a core that can't list sessions says so."""
    stub = StubCore(["s-u1", "s-u2", "s-u3"])

    def answer(seen: Any) -> Any:
        if seen.target.startswith("/users"):
            if "paginationToken" in seen.target:
                return Reply(body=b'{"status":"OK","users":[{"id":"u3"}]}')
            return Reply(body=b'{"status":"OK","users":[{"id":"u1"},{"id":"u2"}],"nextPaginationToken":"next"}')
        if seen.target.startswith("/recipe/session/user"):
            user_id = seen.target.partition("userId=")[2].partition("&")[0]
            return Reply(body=f'{{"status":"OK","sessionHandles":["s-{user_id}"]}}'.encode())
        return stub(seen)

    async def scenario() -> None:
        with serve(session_core(answer)) as server:
            async with build_app(server.url) as app:
                report = await app.session.bulk_update(AllUsers(), Replace({"a": 1}))
                assert report.counts["updated"] == 3
                with pytest.raises(GeneralError, match="can't list its sessions"):
                    await app.session.bulk_update(AllSessions(), Replace({}))
        assert set(map(str, stub.data.values())) == {"{'a': 1}"}

    drive(scenario)


def test_async_iterables(app: Supertokens, drive_on_loop: Drive) -> None:
    """Handles may come from an async iterable."""

    async def scenario() -> None:
        handles = await create_many(app, 5)

        class Coming:
            def __init__(self) -> None:
                self.left = list(handles)

            def __aiter__(self) -> AsyncIterator[str]:
                return self

            async def __anext__(self) -> str:
                if not self.left:
                    raise StopAsyncIteration
                return self.left.pop()

        assert (await app.session.bulk_update(Handles(Coming()), count)).counts["updated"] == 5

    drive_on_loop(scenario)


def test_a_dry_run_writes_nothing(app: Supertokens, drive: Drive) -> None:
    """A dry run tells what would be done, before and after, and leaves everything as it is."""

    async def scenario() -> None:
        handles = await create_many(app, 2)
        results = await collect(app.session.iter_bulk_update(Handles(handles), count, dry_run=True))
        assert {result.outcome for result in results.values()} == {"would_update"}
        assert (results[handles[1]].before, results[handles[1]].after) == ({"n": 1}, {"n": 2})
        assert await data_of(app, handles[1]) == {"n": 1}

    drive(scenario)


def test_stopping(app: Supertokens, drive: Drive) -> None:
    """After `stop` what is under way is handed out, and the rest is left alone."""

    async def scenario() -> None:
        handles = await create_many(app, 3)
        updates = app.session.iter_bulk_update(Handles(handles), count, concurrency=1, max_per_second=3)
        first = await updates.next_result()
        assert first is not None
        updates.stop()
        assert [result async for result in updates] == []
        assert not updates.report.complete
        assert sorted([(await data_of(app, handle))["n"] for handle in handles]) == [1, 1, 2]

    drive(scenario)


@pytest.mark.parametrize("on_error", ["collect", "stop", "raise"])
def test_errors(app: Supertokens, drive: Drive, on_error: Any) -> None:
    """A failure is collected, or ends the update when what is under way has finished, or is raised as well."""

    async def scenario() -> None:
        handles = await create_many(app, 120)

        def fails(session: SessionInformationResult) -> dict[str, Any]:
            raise ValueError("mine")

        updates = app.session.iter_bulk_update(Handles(handles), fails, concurrency=1, on_error=on_error)
        if on_error == "raise":
            with pytest.raises(ValueError, match="mine"):
                await updates.next_result()
        else:
            assert {result.outcome async for result in updates} == {"failed"}
            assert updates.report.complete == (on_error == "collect")
        await updates.aclose()
        report = updates.report
        assert isinstance(report.failures[0].error, ValueError)
        assert len(report.failures) <= 20
        assert not report.succeeded

    drive(scenario)


def test_writing_blindly() -> None:
    """Without comparing, a replacement costs one call a session."""
    stub = StubCore([f"h{number}" for number in range(20)])
    with serve(session_core(stub)) as server, build_app(server.url) as app:
        report = app.session.blocking.bulk_update(Handles([*stub.data, "gone"]), Replace({"a": 1}, compare=False))
        assert (report.counts["updated"], report.counts["gone"]) == (20, 1)
        assert len(server.seen) == 22


def test_writing_blindly_in_batches(app: Supertokens, drive: Drive) -> None:
    """It works on every core."""

    async def scenario() -> None:
        handles = await create_many(app, 3)
        report = await app.session.bulk_update(Handles([*handles, "gone"]), Replace({"a": 1}, compare=False))
        assert (report.counts["updated"], report.counts["gone"]) == (3, 1)
        assert await data_of(app, handles[0]) == {"a": 1}

    drive(scenario)
