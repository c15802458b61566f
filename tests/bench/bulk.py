"""Many updates of known sessions over HTTP: ours against raw httpx, the peers, and the server's limit as wrk finds it.

All are measured in turn, round by round, on one core process: an embedded one, or the core that `SUPERTOKENS_CORE_URI`
names. Then the same on a server that gives a constant answer, for where the core is the limit.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.bulk import MergePatch, Replace
from tests.bench import bulk_clients as clients
from tests.bench.bulk_clients import Client, Share, Took
from tests.bench.cores import DATA, build_app, constant_server, new_handle, served_core
from tests.bench.measure import Figure, micros

PEER = Path(__file__).with_name("bulk_peer.py")
AT_ONCE = 16
THREADS = 8
ROUNDS = 5
SLOWER = 10
"""How many times fewer updates the slow peer makes."""

PYTHON_PEER = "supertokens-python 0.31.4, 16 at once"
NODE_PEER = "supertokens-node 24.0.3, 16 workers"
LIMIT = "the limit, wrk with 16 connections"
BEST_HTTPX = "httpx.AsyncClient at its best"
HTTPX_AT_ONCE = (1, 8, 16)


class Goal(NamedTuple):
    """A rate against another; and what is wanted of the ratio."""

    ours: str
    other: str
    wanted: float | None


GOALS = (
    Goal("default, 16 tasks", BEST_HTTPX, 1.3),
    Goal("default, 16 tasks", PYTHON_PEER, 20),
    Goal("default, bulk one by one", BEST_HTTPX, 1.3),
    Goal("fast, 16 tasks", LIMIT, 0.75),
    Goal("fast, 16 tasks", NODE_PEER, 2.5),
    Goal("fast, 16 tasks", PYTHON_PEER, 40),
    Goal("fast, bulk one by one", LIMIT, None),
    Goal("fast, bulk one by one", NODE_PEER, 2.5),
    Goal("fast, 8 threads", LIMIT, 0.6),
    Goal("fast, blocking bulk one by one", LIMIT, None),
)
BATCH_GOALS = (
    Goal("default, bulk in batches", "default, 16 tasks", 5),
    Goal("fast, bulk in batches", "fast, 16 tasks", 5),
    Goal("default, bulk patches in batches", "default, bulk patches one by one", 5),
    Goal("fast, bulk patches in batches", "fast, bulk patches one by one", 5),
)


class Bench(NamedTuple):
    """What all that is measured has in common.

    Attributes:
        folder: where to put files.
        handles: the sessions.
        loop: where tasks run.
        pool: where threads run.
        peer: the interpreter that has the peer.
        missing: why what can't be measured here can't be.
    """

    folder: Path
    handles: Sequence[str]
    loop: asyncio.AbstractEventLoop
    pool: ThreadPoolExecutor
    peer: str | None
    missing: Mapping[str, str]


def figures(folder: Path, updates: int, peer: str | None) -> Iterator[Figure]:
    """Measure."""
    given = os.environ.get("SUPERTOKENS_CORE_URI")
    loop = asyncio.new_event_loop()
    missing = find_missing(folder, peer)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        with nullcontext(given) if given else served_core(folder) as core:
            with build_app(core, transport="fast") as app:
                handles = list(pool.map(lambda _: new_handle(app), range(updates)))
            bench = Bench(folder, handles, loop, pool, peer, missing)
            took = measure(bench, core, is_ours=not given)
            yield from compare(bench, took, GOALS if given else (*GOALS, *BATCH_GOALS), "")
        with constant_server(folder) as (server, url):
            took = measure(bench, url, is_ours=False)
            goals = [goal._replace(wanted=None) if goal.other == LIMIT else goal for goal in GOALS]
            yield from compare(bench, took, goals, f"constant answers by {server}, ")
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def find_missing(folder: Path, peer: str | None) -> dict[str, str]:
    """Install the Node SDK, and say why what can't be measured here can't be."""
    reasons = {
        NODE_PEER: clients.install_node(folder),
        PYTHON_PEER: None if peer else "no --peer was given",
        LIMIT: None if shutil.which("wrk") else "wrk is not installed",
    }
    return {name: reason for name, reason in reasons.items() if reason}


def measure(bench: Bench, url: str, *, is_ours: bool) -> dict[str, list[Took]]:
    """Have each client update sessions, in turn, round by round; the first round is not counted."""
    took: dict[str, list[Took]] = {}
    share = len(bench.handles) // ROUNDS
    with ExitStack() as stack:
        found = dict(find_others(bench, url, stack))
        for transport in ("default", "fast"):
            found.update(find_ours(bench, url, stack, transport, is_ours=is_ours))
        for round_ in range(ROUNDS + 1):
            begin = share * (round_ % ROUNDS)
            for number, (name, client) in enumerate(found.items()):
                handles = bench.handles[begin : begin + share]
                if name == PYTHON_PEER:
                    handles = handles[: share // SLOWER]
                elif " bulk " in name and not name.endswith("patches one by one"):
                    handles = bench.handles  # one update of all
                seen = client(Share(handles, {**DATA, "visits": round_ * len(found) + number}))
                if round_:
                    took.setdefault(name, []).append(seen)
    at_best = max((name for name in took if name.startswith("httpx")), key=lambda name: rate(took[name]))
    took[BEST_HTTPX] = took[at_best]
    return took


def find_others(bench: Bench, url: str, stack: ExitStack) -> Iterator[tuple[str, Client]]:
    """Make the clients to compare with."""
    update = stack.enter_context(clients.raw_httpx(bench.loop, url))
    for tasks in HTTPX_AT_ONCE:
        yield f"httpx, {tasks} at once", clients.in_tasks(bench.loop, update, tasks)
    at_once = str(AT_ONCE)
    if NODE_PEER not in bench.missing:
        command = ["node", "bulk.mjs", url, at_once]
        yield NODE_PEER, stack.enter_context(clients.process(command, bench.folder))
    if bench.peer is not None:
        yield PYTHON_PEER, stack.enter_context(clients.process([bench.peer, str(PEER), url, at_once]))
    if LIMIT not in bench.missing:
        seconds = 2 if len(bench.handles) >= 10_000 else 1
        yield LIMIT, clients.wrk(f"{url}/recipe/session/data", bench.folder, bench.handles, AT_ONCE, seconds)


def find_ours(
    bench: Bench, url: str, stack: ExitStack, transport: str, *, is_ours: bool
) -> Iterator[tuple[str, Client]]:
    """Make our clients; an override keeps one from sending batches to a core of ours."""
    app = stack.enter_context(clients.closing(bench.loop, build_app(url, transport=transport)))
    update = app.session.update_session_data_in_database
    yield f"{transport}, 16 tasks", clients.in_tasks(bench.loop, update, AT_ONCE)
    recipe = session.init(override=session.SessionOverrideConfig(functions=override))
    singly = stack.enter_context(clients.closing(bench.loop, build_app(url, recipe, transport=transport)))
    yield f"{transport}, bulk one by one", clients.in_bulk(bench.loop, singly, replace, AT_ONCE)
    if transport == "fast":
        blocking = app.session.blocking.update_session_data_in_database
        yield "fast, 8 threads", clients.in_threads(bench.pool, blocking, THREADS)
        yield "fast, blocking bulk one by one", clients.in_blocking_bulk(singly, replace, THREADS)
    if is_ours:
        yield f"{transport}, bulk patches one by one", clients.in_bulk(bench.loop, singly, MergePatch, AT_ONCE)
        yield f"{transport}, bulk in batches", clients.in_bulk(bench.loop, app, replace, THREADS)
        yield f"{transport}, bulk patches in batches", clients.in_bulk(bench.loop, app, MergePatch, THREADS)


def replace(data: dict[str, Any]) -> Replace:
    """Build a change that reads nothing."""
    return Replace(data, compare=False)


def override(original: Any) -> Any:
    """Have each update pass by here."""
    update = original.update_session_data_in_database
    original.update_session_data_in_database = lambda *arguments: update(*arguments)
    return original


def compare(bench: Bench, took: dict[str, list[Took]], goals: Sequence[Goal], where: str) -> Iterator[Figure]:
    """Give the ratios of the rates, round by round, and the CPU time of an update."""
    for ours, other, wanted in goals:
        what = f"updates, {where}{ours}: rate against {other}"
        if other in bench.missing:
            yield Figure(what, math.nan, None, detail=f"not measured: {bench.missing[other]}")
            continue
        ratio = statistics.median(a.rate / b.rate for a, b in zip(took[ours], took[other], strict=True))
        rates = f"{rate(took[ours]):,.0f}/s against {rate(took[other]):,.0f}/s"
        detail = f"{rates}; CPU of an update {cpu(took[ours])} against {cpu(took[other])}"
        yield Figure(what, ratio, wanted, at_most=False, detail=detail)


def rate(took: Sequence[Took]) -> float:
    """Give the median of the rates."""
    return statistics.median(each.rate for each in took)


def cpu(took: Sequence[Took]) -> str:
    """Show the client's CPU time of an update."""
    return micros(sum(each.cpu_s for each in took), sum(each.updates for each in took))
