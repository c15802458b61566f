"""Calls over HTTP against raw httpx, and against the peer, on one served core."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import httpx

from supertokens_lite import RecipeUserId
from tests.bench.cores import DATA, build_app, new_handle, served_core
from tests.bench.measure import Figure, micros, side_by_side

HEADERS = {"cdi-version": "5.4", "content-type": "application/json; charset=utf-8"}
PEER = Path(__file__).with_name("peer.py")
AT_ONCE = 16

CALLS: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda sessions, handle: sessions.get_session_information(handle),
    "update": lambda sessions, handle: sessions.update_session_data_in_database(handle, DATA),
}
"""The calls that are measured, in either colour."""


def figures(folder: Path, calls: int, peer: str | None) -> Iterator[Figure]:
    """Measure."""
    with served_core(folder) as url, build_app(url) as app:
        handle = new_handle(app)
        yield from blocking_figures(app, url, handle, calls)
        yield from async_figures(app, url, handle, calls)
        with build_app(url, transport="fast") as fast:
            yield from fast_figures(app, fast, handle, calls)
        if peer is not None:
            yield from peer_figures(url, handle, calls, peer)


def raw_arguments(url: str, handle: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Give the same two requests for httpx."""
    body = json.dumps({"sessionHandle": handle, "userDataInDatabase": DATA}).encode()
    return {
        "get": ("GET", f"{url}/recipe/session", {"params": {"sessionHandle": handle}, "headers": HEADERS}),
        "update": ("PUT", f"{url}/recipe/session/data", {"content": body, "headers": HEADERS}),
    }


def blocking_figures(app: Any, url: str, handle: str, calls: int) -> Iterator[Figure]:
    """Blocking calls, one at a time and from 16 threads."""
    ours = {
        "get": lambda: app.session.blocking.get_session_information(handle),
        "update": lambda: app.session.blocking.update_session_data_in_database(handle, DATA),
    }
    limits = httpx.Limits(max_connections=AT_ONCE)
    with httpx.Client(limits=limits) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for name, (method, target, options) in raw_arguments(url, handle).items():
            call = ours[name]

            def raw(method: str = method, target: str = target, options: dict[str, Any] = options) -> Any:
                return client.request(method, target, **options).json()

            def spread(function: Callable[[], Any]) -> None:
                share = calls // AT_ONCE
                for done in [pool.submit(repeat, function, share) for _ in range(AT_ONCE)]:
                    done.result()

            one = side_by_side(lambda call=call: repeat(call, calls), lambda raw=raw: repeat(raw, calls))  # type: ignore[misc]
            yield Figure(f"{name}, blocking, one at a time, against httpx", one.ratio, 1.0, detail=show(one, calls))
            many = side_by_side(
                lambda call=call: spread(call),  # type: ignore[misc]
                lambda raw=raw: spread(raw),  # type: ignore[misc]
                clock=time.process_time,
            )
            yield Figure(f"{name}, blocking, 16 at once, CPU against httpx", many.ratio, 0.5, detail=show(many, calls))


def async_figures(app: Any, url: str, handle: str, calls: int) -> Iterator[Figure]:
    """Async calls, one at a time and from 16 tasks."""
    ours: dict[str, Callable[[], Awaitable[Any]]] = {
        "get": lambda: app.session.get_session_information(handle),
        "update": lambda: app.session.update_session_data_in_database(handle, DATA),
    }
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=AT_ONCE))

    def on_loop(function: Callable[[], Awaitable[Any]], tasks: int) -> Callable[[], None]:
        async def worker() -> None:
            for _ in range(calls // tasks):
                await function()

        async def every() -> None:
            await asyncio.gather(*(worker() for _ in range(tasks)))

        return lambda: loop.run_until_complete(every())

    for name, (method, target, options) in raw_arguments(url, handle).items():

        async def raw(method: str = method, target: str = target, options: dict[str, Any] = options) -> Any:
            return (await client.request(method, target, **options)).json()

        one = side_by_side(on_loop(ours[name], 1), on_loop(raw, 1))
        yield Figure(f"{name}, async, one at a time, against httpx", one.ratio, 1.0, detail=show(one, calls))
        many = side_by_side(on_loop(ours[name], AT_ONCE), on_loop(raw, AT_ONCE), clock=time.process_time)
        yield Figure(f"{name}, async, 16 at once, CPU against httpx", many.ratio, 0.5, detail=show(many, calls))
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def fast_figures(app: Any, fast: Any, handle: str, calls: int) -> Iterator[Figure]:
    """The fast transport against the default one, one call at a time and 16 at once."""

    def spread(function: Callable[[], Any], share: int) -> None:
        for done in [pool.submit(repeat, function, share) for _ in range(AT_ONCE)]:
            done.result()

    async def gathered(function: Callable[[], Awaitable[Any]], tasks: int) -> None:
        async def worker() -> None:
            for _ in range(calls // tasks):
                await function()

        await asyncio.gather(*(worker() for _ in range(tasks)))

    def blocking(sdk: Any, name: str, tasks: int) -> Callable[[], None]:
        call = CALLS[name]
        if tasks == 1:
            return lambda: repeat(lambda: call(sdk.session.blocking, handle), calls)
        return lambda: spread(lambda: call(sdk.session.blocking, handle), calls // tasks)

    def asynchronous(sdk: Any, name: str, tasks: int) -> Callable[[], None]:
        return lambda: loop.run_until_complete(gathered(lambda: CALLS[name](sdk.session, handle), tasks))

    measures = (
        (1, "one at a time", time.perf_counter),
        (AT_ONCE, "16 at once", time.perf_counter),
        (AT_ONCE, "16 at once, CPU", time.process_time),
    )
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for colour, build in (("blocking", blocking), ("async", asynchronous)):
            for name, (tasks, meant, clock) in product(CALLS, measures):
                took = side_by_side(build(fast, name, tasks), build(app, name, tasks), clock=clock)
                what = f"{name}, {colour}, {meant}, fast transport against the default one"
                yield Figure(what, took.ratio, None, detail=show(took, calls))
    loop.run_until_complete(app.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def peer_figures(url: str, handle: str, calls: int, peer: str) -> Iterator[Figure]:
    """The same calls by the peer, in an environment of its own, against ours on a loop of ours."""
    few = max(20, calls // 10)
    again = build_app(url)
    create = again.session.blocking.create_new_session_without_request_response
    tokens = [create("public", RecipeUserId("bench")).get_access_token() for _ in range(few + 1)]
    arguments = [peer, str(PEER), url, handle, tokens[0], str(few)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])

    async def timed(call: Callable[[], Awaitable[Any]], times: int) -> float:
        begun = time.perf_counter()
        for _ in range(times):
            await call()
        return (time.perf_counter() - begun) / times

    async def measure() -> dict[str, float]:
        took = {}
        for name, call in (
            ("get", lambda: again.session.get_session_information(handle)),
            ("update", lambda: again.session.update_session_data_in_database(handle, DATA)),
        ):
            await call()
            took[name] = await timed(call, calls)
        verify = again.session.get_session_without_request_response
        await verify(tokens.pop())
        for name in ("verify, first sight", "verify, seen before"):
            left = iter(tokens)
            took[name] = await timed(lambda left=left: verify(next(left)), few)  # type: ignore[misc]
        await again.aclose()
        return took

    wanted = {"get": 15.0, "update": 15.0, "verify, first sight": 3.5, "verify, seen before": 25.0}
    for name, took in asyncio.run(measure()).items():
        theirs = seconds[name.partition(",")[0]]
        detail = f"{theirs * 1e6:,.0f} µs, ours {took * 1e6:,.0f} µs"
        what = f"{name}, async, times faster than supertokens-python 0.31.4"
        yield Figure(what, theirs / took, wanted[name], False, detail)


def repeat(function: Callable[[], Any], times: int) -> None:
    """Call it again and again."""
    for _ in range(times):
        function()


def show(timing: Any, calls: int) -> str:
    """Show both sides' time of one call."""
    return f"{micros(timing.ours_s, calls)} against {micros(timing.other_s, calls)}"
