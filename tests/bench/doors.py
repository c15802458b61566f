"""What FastAPI's door costs a request, with the application called as a server would call it."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from supertokens_lite import Supertokens
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.recipe.session.framework.fastapi import verify_session
from tests.bench.measure import Figure
from tests.bench.sessions import build_app
from tests.protocol.signing import Signer

ROUNDS = 15
MOST_VERIFYING_US = 8.0
MOST_PASSING_US = 2.0


async def nothing(request: Request) -> None:
    """Depend on nothing."""


def figures(calls: int) -> Iterator[Figure]:
    """Measure."""
    signer = Signer()
    now_s = int(time.time())
    token = signer.sign(signer.claims(iat=now_s, exp=now_s + 3600))
    with build_app(signer) as supertokens, closing(asyncio.new_event_loop()) as loop:
        for carrier, header in (
            ("header", (b"authorization", b"Bearer " + token.encode())),
            ("cookie", (b"cookie", b"sAccessToken=" + token.encode())),
        ):
            took = loop.run_until_complete(measure(applications(supertokens), header, calls))
            added = statistics.median(a - b for a, b in zip(took["verified"], took["empty"], strict=True))
            what = f"FastAPI, verify_session of a token seen before, in a {carrier}, against {MOST_VERIFYING_US:g} µs"
            detail = f"{added:.1f} µs more than an empty dependency of {min(took['empty']):.1f} µs"
            yield Figure(what, added / MOST_VERIFYING_US, 1.0, detail=detail)
        passing = statistics.median(a - b for a, b in zip(took["passed"], took["bare"], strict=True))
        what = f"FastAPI, a request that passes the middleware, against {MOST_PASSING_US:g} µs"
        detail = f"{passing:.1f} µs more than {min(took['bare']):.1f} µs without it"
        yield Figure(what, passing / MOST_PASSING_US, 1.0, detail=detail)


def applications(supertokens: Supertokens) -> dict[str, Any]:
    """Give an application for each thing that is measured; each has one route."""
    answer = PlainTextResponse("x")
    verified = Depends(verify_session(app=supertokens))
    empty = Depends(nothing)

    async def with_session(session: Any = verified) -> Any:
        return answer

    async def with_nothing(session: Any = empty) -> Any:
        return answer

    async def alone() -> Any:
        return answer

    made: dict[str, Any] = {}
    for name, endpoint in (
        ("verified", with_session),
        ("empty", with_nothing),
        ("passed", alone),
        ("bare", alone),
    ):
        made[name] = app = FastAPI()
        app.get("/", response_model=None)(endpoint)
        if name != "bare":
            app.add_middleware(Middleware, supertokens=supertokens)
    return made


async def measure(apps: dict[str, Any], header: tuple[bytes, bytes], calls: int) -> dict[str, list[float]]:
    """Give the microseconds of a call of each application, round by round, in turn."""
    headers = [(b"host", b"localhost:8000"), (b"accept", b"*/*"), (b"user-agent", b"bench"), header]
    took: dict[str, list[float]] = {name: [] for name in apps}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    for round_ in range(ROUNDS + 1):
        for name in list(apps) if round_ % 2 else reversed(apps):
            gc.collect()
            begun = time.process_time()
            for _ in range(calls):
                scope = {
                    "type": "http",
                    "http_version": "1.1",
                    "method": "GET",
                    "path": "/",
                    "raw_path": b"/",
                    "query_string": b"",
                    "root_path": "",
                    "scheme": "http",
                    "headers": headers,
                    "client": ("127.0.0.1", 1),
                    "server": ("localhost", 8000),
                }
                await apps[name](scope, receive, send)
            if round_:
                took[name].append((time.process_time() - begun) / calls * 1e6)
    return took
