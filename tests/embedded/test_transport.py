"""A core in process for coroutines: whoever waits is woken, whatever else goes on."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import weakref
from pathlib import Path
from typing import Any

import anyio
import pytest

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.transport import EmbeddedAsyncTransport
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.types import HttpRequest
from tests.conftest import Drive

NEW = {"userId": "ada", "enableAntiCsrf": False, "userDataInJWT": {}, "userDataInDatabase": {}}


async def ask(transport: EmbeddedAsyncTransport, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Send a request; give the JSON of the reply."""
    data = b"" if body is None else json.dumps(body).encode()
    reply = await transport.send(HttpRequest(method, "", path, {"cdi-version": "5.4"}, data))
    parsed: dict[str, Any] = json.loads(reply.body)
    return parsed


def test_keys_are_made_while_others_write(tmp_path: Path, drive_on_loop: Drive) -> None:
    """A request that has keys made first, and writes that come meanwhile, do not wait for each other."""
    core = EmbeddedCore(str(tmp_path / "sessions.db"))
    transport = EmbeddedAsyncTransport(core)
    statuses: list[str] = []

    async def create(path: str) -> None:
        statuses.append((await ask(transport, "POST", path, NEW))["status"])

    async def write_meanwhile() -> None:
        await create("/recipe/session")
        await ask(transport, "PUT", "/recipe/multitenancy/app/v2", {"appId": "new"})
        writer = core.database.writer
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                with writer.lock:  # as another thread that is writing
                    tasks.start_soon(create, "/recipe/session")
                    tasks.start_soon(create, "/appid-new/recipe/session")
                    while len(writer._queue) < 2:  # noqa: ASYNC110  # nothing tells
                        await anyio.sleep(0.001)  # until the new keys are to be stored
        await transport.aclose()

    drive_on_loop(write_meanwhile)
    assert statuses == ["OK", "OK", "OK"]


def test_a_file_that_can_not_be_used_is_said_to_a_coroutine(tmp_path: Path, drive_on_loop: Drive) -> None:
    """A file that is refused at the first request is an error of that request, and nobody waits forever."""
    path = tmp_path / "sessions.db"
    core = EmbeddedCore(str(path))
    core.open()
    core.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    transport = EmbeddedAsyncTransport(EmbeddedCore(str(path)))

    async def first() -> None:
        with anyio.fail_after(30):
            await ask(transport, "GET", "/apiversion")

    with pytest.raises(ConfigurationError, match="has schema version 99"):
        drive_on_loop(first)


def test_a_loop_that_ended_with_a_write_under_way_is_let_go(tmp_path: Path) -> None:
    """A write whose event loop has ended is carried out, and keeps nothing of the loop."""
    core = EmbeddedCore(str(tmp_path / "sessions.db"))
    core.open()
    transport = EmbeddedAsyncTransport(core)
    loop = asyncio.new_event_loop()
    task = loop.create_task(ask(transport, "POST", "/recipe/session", NEW))
    with core.database.writer.lock:  # as another thread that is writing
        loop.run_until_complete(asyncio.sleep(0))
        assert len(core.database.writer._queue) == 1
        loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left behind on purpose
    written = core.database.write(lambda connection: connection.execute("SELECT user_id FROM session_info").fetchall())
    assert written == [("ada",)]
    ended = weakref.ref(loop)
    del loop, task
    gc.collect()
    assert ended() is None
    core.close()
