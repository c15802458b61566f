"""The core-call cache among calls that overlap: what was asked before a write is never found after it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from supertokens_lite import Supertokens
from tests.apps import build_app
from tests.servers import INFORMATION, Reply, Seen, Server, serve, session_core

pytestmark = pytest.mark.usefixtures("transport")


class SlowCore:
    """Answers a read with the data it found when the read came, but only once it is let go."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"n": 0}
        self.reads_arrived = threading.Semaphore(0)
        self.writes_arrived = threading.Semaphore(0)
        self.let_reads_go = threading.Event()
        self.let_writes_go = threading.Event()

    def __call__(self, seen: Seen) -> Reply:
        if seen.method == "GET":
            body = json.dumps({**INFORMATION, "userDataInDatabase": self.data}).encode()
            self.reads_arrived.release()
            assert self.let_reads_go.wait(10)
            return Reply(body=body)
        self.writes_arrived.release()
        assert self.let_writes_go.wait(10)
        self.data = json.loads(seen.body)["userDataInDatabase"]
        return Reply()


def _read(app: Supertokens, context: dict[str, Any]) -> Any:
    information = app.session.blocking.get_session_information("h", context)
    assert information is not None
    return information.session_data_in_database["n"]


def _app(server: Server) -> Supertokens:
    return build_app(server.url, cdi_version="5.4")


def _overlapping(context: dict[str, Any], writing: dict[str, Any] | None) -> int:
    """Begin a read, write while it is under way, let it end, and read again in the context of the first read."""
    core = SlowCore()
    core.let_writes_go.set()
    with serve(session_core(core)) as server, _app(server) as app:
        reader = threading.Thread(target=_read, args=(app, context))
        reader.start()
        assert core.reads_arrived.acquire(timeout=10)
        assert app.session.blocking.update_session_data_in_database("h", {"n": 1}, writing)
        core.let_reads_go.set()
        reader.join()
        return int(_read(app, context))


def test_a_read_that_began_before_a_write_of_another_context() -> None:
    """An answer that was asked for before another's write is not kept beyond it."""
    assert _overlapping({}, None) == 1
    assert _overlapping({}, {}) == 1


def test_a_read_that_began_before_a_write_of_its_own_context() -> None:
    """Neither is it kept where the context writes itself, whether or not it leaves other contexts alone."""
    context: dict[str, Any] = {}
    assert _overlapping(context, context) == 1
    context = {"_default": {"keep_cache_alive": True}}
    assert _overlapping(context, context) == 1


def test_a_read_while_a_write_is_under_way() -> None:
    """What is read while a write is under way is not kept beyond it, be it an update or a modification."""
    for write in (
        lambda app: app.session.blocking.update_session_data_in_database("h", {"n": 1}),
        lambda app: app.session.blocking.modify_session_data_in_database("h", lambda _: {"n": 1}),
    ):
        core, context = SlowCore(), dict[str, Any]()
        core.let_reads_go.set()
        with serve(session_core(core)) as server, _app(server) as app:
            writer = threading.Thread(target=write, args=(app,))
            writer.start()
            assert core.writes_arrived.acquire(timeout=10)
            assert _read(app, context) == 0
            core.let_writes_go.set()
            writer.join()
            assert _read(app, context) == 1


def test_a_modification_asks_anew_and_shows_its_context() -> None:
    """A modification never starts from a kept answer, and the interceptor sees its user context."""
    core = SlowCore()
    core.let_reads_go.set()
    core.let_writes_go.set()
    contexts: list[Any] = []

    def intercept(url: str, method: str, headers: Any, params: Any, body: Any, context: Any) -> tuple[Any, ...]:
        contexts.append(context)
        return url, method, headers, params, body

    with (
        serve(session_core(core)) as server,
        build_app(server.url, cdi_version="5.4", network_interceptor=intercept) as app,
    ):
        context: dict[str, Any] = {"mine": 1}
        assert _read(app, context) == 0
        core.data = {"n": 5}  # another process wrote
        modified = app.session.blocking.modify_session_data_in_database("h", lambda data: {"n": data["n"] + 1}, context)
        assert modified == {"n": 6}
        assert _read(app, context) == 6
        assert all(seen is context for seen in contexts)
