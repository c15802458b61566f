"""Who updates many sessions one by one, over HTTP: ours, raw httpx, the peers in processes of their own, and wrk."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from supertokens_lite import Supertokens
from supertokens_lite.recipe.session.bulk import Handles, MergePatch, Replace

HERE = Path(__file__).parent
HEADERS = {"cdi-version": "5.4", "content-type": "application/json; charset=utf-8"}
NUMBER = 7_777_777
"""Stands in the data where wrk puts a number."""


class Share(NamedTuple):
    """What is to be done: the same data for each of some sessions."""

    handles: Sequence[str]
    data: dict[str, Any]


class Took(NamedTuple):
    """How it went: how many updates there were, and the seconds and the client's CPU seconds of all of them."""

    updates: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Updates a second."""
        return self.updates / self.seconds


Client = Callable[[Share], Took]
Change = Callable[[dict[str, Any]], "Replace | MergePatch"]
Update = Callable[[str, dict[str, Any]], Any]


def timed(work: Callable[[Share], Any]) -> Client:
    """Time what is done in this process."""

    def client(share: Share) -> Took:
        cpu_s, begun = time.process_time(), time.perf_counter()
        work(share)
        return Took(len(share.handles), time.perf_counter() - begun, time.process_time() - cpu_s)

    return client


def in_tasks(loop: asyncio.AbstractEventLoop, update: Update, tasks: int) -> Client:
    """Have tasks update one session after the other."""

    async def every(share: Share) -> None:
        left = iter(share.handles)

        async def work() -> None:
            for handle in left:
                check(await update(handle, share.data))

        await asyncio.gather(*(work() for _ in range(tasks)))

    return timed(lambda share: loop.run_until_complete(every(share)))


def in_threads(pool: ThreadPoolExecutor, update: Update, threads: int) -> Client:
    """Have threads update one session after the other."""

    def every(share: Share) -> None:
        left = iter(share.handles)

        def work() -> None:
            for handle in left:
                check(update(handle, share.data))

        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()

    return timed(every)


def in_bulk(loop: asyncio.AbstractEventLoop, app: Supertokens, change: Change, concurrency: int) -> Client:
    """Have one bulk update do it all."""

    def every(share: Share) -> None:
        update = app.session.bulk_update(Handles(share.handles), change(share.data), concurrency=concurrency)
        check(loop.run_until_complete(update).counts["updated"] == len(share.handles))

    return timed(every)


def in_blocking_bulk(app: Supertokens, change: Change, concurrency: int) -> Client:
    """Have one bulk update do it all, in threads."""

    def every(share: Share) -> None:
        update = app.session.blocking.bulk_update
        report = update(Handles(share.handles), change(share.data), concurrency=concurrency)
        check(report.counts["updated"] == len(share.handles))

    return timed(every)


def check(done: object) -> None:
    """Fail unless an update found its session."""
    if done is not True:
        raise RuntimeError("not all were updated")


@contextmanager
def raw_httpx(loop: asyncio.AbstractEventLoop, url: str) -> Iterator[Update]:
    """Give what updates a session with one pooled client."""
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=16))

    async def update(handle: str, data: dict[str, Any]) -> bool:
        body = json.dumps({"sessionHandle": handle, "userDataInDatabase": data}).encode()
        reply = await client.put(f"{url}/recipe/session/data", content=body, headers=HEADERS)
        return bool(reply.json()["status"] == "OK")

    yield update
    loop.run_until_complete(client.aclose())


@contextmanager
def closing(loop: asyncio.AbstractEventLoop, app: Supertokens) -> Iterator[Supertokens]:
    """Close an SDK in the end, on the loop too."""
    with app:
        yield app
        loop.run_until_complete(app.aclose())


@contextmanager
def process(command: Sequence[str], folder: Path | None = None) -> Iterator[Client]:
    """Have a process of its own do it, which reads what is to be done and prints how long it took."""
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        asked, said = running.stdin, running.stdout
        assert asked is not None
        assert said is not None

        def client(share: Share) -> Took:
            asked.write(json.dumps(share._asdict()) + "\n")
            asked.flush()
            took = json.loads(said.readline())
            return Took(len(share.handles), took["seconds"], took["cpu_s"])

        yield client


def install_node(folder: Path) -> str | None:
    """Install the official Node SDK into a folder; say why not, where that can't be."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    for source in (HERE / "node").iterdir():
        shutil.copy(source, folder)
    done = subprocess.run([npm, "install", "--silent", "--no-fund", "--no-audit"], cwd=folder, check=False)
    return f"npm install ended with {done.returncode}" if done.returncode else None


def wrk(url: str, folder: Path, handles: Sequence[str], connections: int, seconds: int) -> Client:
    """Have wrk do it, for some seconds whatever the share; in C, it finds the server's limit."""
    listed = folder / "handles.txt"
    listed.write_text("".join(f"{handle}\n" for handle in handles), encoding="utf-8")

    def client(share: Share) -> Took:
        data = json.dumps({**share.data, "visits": NUMBER}).replace(str(NUMBER), "%d")
        body = f'{{"sessionHandle":"%s","userDataInDatabase":{data}}}'
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "bulk.lua"), url]
        before = os.times()
        done = subprocess.run([*command, "--", str(listed), body], capture_output=True, text=True, check=True)
        after = os.times()
        found = re.search(r"(\d+) requests in .*\n.*Requests/sec:\s*([0-9.]+)", done.stdout, re.DOTALL)
        if found is None or "Non-2xx" in done.stdout:
            raise RuntimeError(done.stdout)
        updates = int(found[1])
        cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
        return Took(updates, updates / float(found[2]), cpu_s)

    return client
