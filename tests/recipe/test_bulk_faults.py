"""Bulk updates on cores that fail, that have too much to do, and that others write to meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from supertokens_lite import Supertokens, SupertokensConfig
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import Effects, TransportError
from supertokens_lite._io.blocking import BlockingIO, run
from supertokens_lite._protocol.paths import LITE_UPDATE_MANY
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreResponseError, CoreUnavailableError
from supertokens_lite.recipe.session import init
from supertokens_lite.recipe.session.bulk import Handles, MergePatch, Replace
from supertokens_lite.recipe.session.results import SessionInformationResult
from supertokens_lite.supertokens import AppSessions
from supertokens_lite.types import HttpReply, HttpRequest
from tests.apps import APP_INFO, build_app
from tests.bulk import StubCore, collect, create_many, data_of
from tests.conftest import Drive
from tests.servers import Fault, Reply, closed_port, serve, session_core

pytestmark = pytest.mark.usefixtures("transport")


def count(session: SessionInformationResult) -> dict[str, Any]:
    """Add one."""
    data = session.session_data_in_database
    data["n"] = data.get("n", 0) + 1
    return data


FAULTS: list[Reply | Fault] = [
    Reply(429, b"too many", {"retry-after": "0"}),
    Reply(500, b"oh"),
    Fault("reset"),
    Fault("truncate"),
    Reply(200, b'{"status":"OK","userData'),
]


class Faulty(StubCore):
    """Does wrong with one call in a hundred for each kind of wrong, and after some of the writes."""

    def fault(self, number: int) -> Reply | Fault | None:
        return FAULTS[number // 20 % len(FAULTS)] if number % 20 == 7 else None


class LosingAnswers(StubCore):
    """Does what it is told, and breaks the connection instead of answering one write in twenty."""

    def __call__(self, seen: Any) -> Reply | Fault:
        answer = super().__call__(seen)
        return Fault("reset") if seen.method == "PUT" and self.writes % 20 == 7 else answer


@pytest.mark.parametrize("kind", [Faulty, LosingAnswers])
@pytest.mark.parametrize("change", [Replace({"n": 1}), MergePatch({"n": 1}), count])
def test_faults(kind: type[StubCore], change: Any, drive: Drive) -> None:
    """Every session ends updated, once by its content, or is listed with its reason; the bound is never passed."""
    stub = kind([f"h{number}" for number in range(200)])

    async def scenario() -> None:
        with serve(session_core(stub)) as server:
            async with build_app(server.url) as app:
                results = await collect(app.session.iter_bulk_update(Handles(list(stub.data)), change, concurrency=4))
        assert len(results) == 200
        for handle, result in results.items():
            if result.outcome == "failed":
                assert isinstance(result.error, (CoreResponseError, CoreUnavailableError))
            else:
                assert (result.outcome, stub.data[handle]) == ("updated", {"n": 1})
        assert sum(result.outcome == "updated" for result in results.values()) > 190
        assert stub.most <= 4

    drive(scenario)


def test_a_refusal_is_each_sessions_own(drive: Drive) -> None:
    """What the core refuses for good is not tried again, and named."""

    class Refusing(StubCore):
        def fault(self, number: int) -> Reply | None:
            return Reply(400, b"no such thing") if number == 2 else None

    stub = Refusing(["a", "b"])

    async def scenario() -> None:
        with serve(session_core(stub)) as server:
            async with build_app(server.url) as app:
                updates = app.session.iter_bulk_update(Handles(["a", "b"]), Replace({"n": 1}), concurrency=1)
                results = await collect(updates)
        assert sorted(result.outcome for result in results.values()) == ["failed", "updated"]
        assert "no such thing" in str(updates.report.failures[0].error)

    drive(scenario)


def test_no_core() -> None:
    """Without a core the update ends before any session, naming the host."""
    with build_app(closed_port()) as app, pytest.raises(CoreUnavailableError, match=r"127\.0\.0\.1"):
        app.session.blocking.bulk_update(Handles(["h"]), Replace({}))


class Timed:
    """A core in memory on a clock of its own: waiting costs nothing, and is written down."""

    def __init__(self, answers: Callable[[int], HttpReply | TransportError]) -> None:
        self.now = 0.0
        self.sent: list[float] = []
        timed = self

        class Way:
            async def send(self, request: HttpRequest) -> HttpReply:
                timed.now += 0.001
                if request.target.startswith("/apiversion"):
                    return HttpReply(200, {}, b'{"versions":["5.4"]}')
                timed.sent.append(timed.now)
                answer = answers(len(timed.sent))
                if isinstance(answer, TransportError):
                    raise answer
                return answer

            def refuse(self) -> None: ...

            async def aclose(self) -> None: ...

        class Threads:
            def send(self, request: HttpRequest) -> HttpReply:
                return run(way.send(request))

            def close(self) -> None: ...

        class Clock:
            def monotonic(self) -> float:
                return timed.now

            async def sleep(self, seconds: float) -> None:
                timed.now += seconds

        way = Way()

        class Waiting(Clock, AsyncIO): ...

        class Blocking(Clock, BlockingIO): ...

        effects = Effects(Waiting(way), Blocking(Threads()))
        app = Supertokens(APP_INFO, "fastapi", SupertokensConfig("http://localhost:1"), [init()])
        recipe = init().build(app.app_info, Querier([CoreHost("http://core", "")], effects), effects, run)
        self.session = AppSessions(recipe, run)


OK = HttpReply(200, {}, b'{"status":"OK"}')


def test_retry_after_is_honoured(drive: Drive) -> None:
    """After 429 with `Retry-After` nothing is sent for that long, though the querier itself would not wait so long."""

    def answer(number: int) -> HttpReply:
        return HttpReply(429, {"retry-after": "120"}, b"") if number == 3 else OK

    async def scenario() -> None:
        timed = Timed(answer)
        handles = [f"h{number}" for number in range(10)]
        report = await timed.session.bulk_update(Handles(handles), Replace({}, compare=False), concurrency=1)
        assert report.counts["updated"] == 10
        assert timed.sent[3] - timed.sent[2] >= 120
        assert timed.sent[-1] - timed.sent[3] < 10

    drive(scenario)


def test_max_per_second(drive: Drive) -> None:
    """No more sessions are begun in a second than are allowed."""

    async def scenario() -> None:
        timed = Timed(lambda _: OK)
        handles = [f"h{number}" for number in range(50)]
        updates = Replace({}, compare=False)
        report = await timed.session.bulk_update(Handles(handles), updates, concurrency=1, max_per_second=10)
        assert report.counts["updated"] == 50
        gaps = [later - earlier for earlier, later in zip(timed.sent, timed.sent[1:], strict=False)]
        assert min(gaps) > 0.098
        assert timed.sent[-1] - timed.sent[0] < 5.5

    drive(scenario)


@pytest.mark.embedded_only
def test_somebody_else_writes_meanwhile(app: Supertokens, drive: Drive) -> None:
    """Nothing of the other writer's is lost: a replacement reports a conflict, a patch and a function begin anew."""

    async def scenario() -> None:
        handle = (await create_many(app, 1))[0]
        seen: list[dict[str, Any]] = []

        def change(session: SessionInformationResult) -> dict[str, Any]:
            seen.append(dict(session.session_data_in_database))
            if len(seen) == 1:  # somebody else writes now
                thread = threading.Thread(
                    target=app.session.blocking.update_session_data_in_database, args=(handle, {"other": True})
                )
                thread.start()
                thread.join()
            return count(session)

        results = await collect(app.session.iter_bulk_update(Handles([handle]), change))
        assert (results[handle].outcome, results[handle].before) == ("updated", {"other": True})
        assert await data_of(app, handle) == {"other": True, "n": 1}
        assert seen == [{"n": 0}, {"other": True}]

    drive(scenario)


class Meddling:
    """Sees requests go to a core, and has somebody else write right before the first batch of writes."""

    def __init__(self) -> None:
        self.other: Callable[[], object] | None = None

    def __call__(self, url: str, method: str, headers: Any, params: Any, body: Any, context: Any) -> Any:
        other = self.other
        if url.endswith("/sessions/update") and other is not None:
            self.other = None
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        return url, method, headers, params, body


@pytest.mark.embedded_only
@pytest.mark.parametrize(
    ("change", "outcome", "stored"),
    [
        (Replace({"mine": 1}), "conflict", {"other": True}),
        (Replace({"other": True}), "unchanged", {"other": True}),
        (MergePatch({"mine": 1}), "updated", {"other": True, "mine": 1}),
        (count, "updated", {"other": True, "n": 1}),
    ],
)
def test_a_conflict(core_uri: str, drive: Drive, change: Any, outcome: str, stored: dict[str, Any]) -> None:
    """Between the read and the write of a batch somebody else writes: theirs is never lost."""
    meddling = Meddling()

    async def scenario() -> None:
        with build_app(core_uri, network_interceptor=meddling) as app, build_app(core_uri) as other:
            handles = await create_many(app, 3)
            write = other.session.blocking.update_session_data_in_database
            meddling.other = lambda: write(handles[1], {"other": True})
            results = await collect(app.session.iter_bulk_update(Handles(handles), change, concurrency=1))
            assert results[handles[1]].outcome == outcome
            assert {results[handles[0]].outcome, results[handles[2]].outcome} == {"updated"}
            assert await data_of(app, handles[1]) == stored
            if outcome == "conflict":
                assert "somebody else wrote" in str(results[handles[1]].error)

    drive(scenario)


@pytest.mark.embedded_only
def test_a_batch_whose_answer_is_lost(core_uri: str, drive: Drive) -> None:
    """A batch that was written and not answered is not applied again."""
    path = core_uri.removeprefix("sqlite:///")
    lost: list[str] = []

    async def scenario() -> None:
        lost.clear()
        core = EmbeddedCore(path, durability="normal")

        def forward(seen: Any) -> Reply | Fault:
            reply = core.handle(HttpRequest(seen.method, "", seen.target, seen.headers, seen.body))
            if seen.target == LITE_UPDATE_MANY and not lost:
                lost.append(seen.target)
                return Fault("reset")
            return Reply(reply.status, reply.body, reply.headers)

        with serve(forward) as server:
            async with build_app(server.url) as app:
                handles = await create_many(app, 20)
                report = await app.session.bulk_update(Handles(handles), count, concurrency=1)
                assert report.counts["updated"] == 20
                assert lost
                assert [(await data_of(app, handle))["n"] for handle in handles] == list(range(1, 21))
        core.close()

    drive(scenario)


def test_a_call_that_takes_long(drive: Drive) -> None:
    """While one call takes longer than a round the others go on."""
    others = threading.Semaphore(0)
    went_on: list[bool] = []

    class Slow(StubCore):
        def fault(self, number: int) -> None:
            others.release()
            if number == 3:
                time.sleep(0.3)  # longer than a round
                while others.acquire(blocking=False):
                    pass
                went_on.append(all(others.acquire(timeout=3) for _ in range(10)))

    stub = Slow([f"h{number}" for number in range(1000)])

    async def scenario() -> None:
        with serve(session_core(stub)) as server:
            async with build_app(server.url) as app:
                report = await app.session.bulk_update(Handles(list(stub.data)), Replace({"n": 1}), concurrency=4)
        assert report.counts["updated"] == 1000
        assert went_on.pop()

    drive(scenario)
