"""Verifying sessions through the public functions, in both colours, against the RSA check that it can't do without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from supertokens_lite import InputAppInfo, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session
from tests.bench.measure import Figure
from tests.bench.verification import Raw, figures_without_fast, is_fast, show, side_by_side
from tests.protocol.signing import Signer

ROUNDS = 8
"""Of a measurement, the one that is not counted included."""


def figures(calls: int) -> Iterator[Figure]:
    """Measure, as a plain install does it."""
    yield from figures_without_fast("tests.bench.sessions", calls) if is_fast() else measure_plainly(calls)


def measure_plainly(calls: int) -> Iterator[Figure]:
    """Measure in this process."""
    signer = Signer()
    now_s = int(time.time())
    batches = [
        [signer.sign(signer.claims(iat=now_s, exp=now_s + 3600)) for _ in range(calls // 4)] for _ in range(ROUNDS)
    ]
    for is_async in (False, True):
        yield from colour_figures(signer, batches, is_async=is_async)


def colour_figures(signer: Signer, batches: list[list[str]], *, is_async: bool) -> Iterator[Figure]:
    """Verify tokens that were not seen before, and those that were."""
    calls = len(batches[0])
    raw = Raw(signer, batches[0])
    with build_app(signer) as app, closing(asyncio.new_event_loop()) as loop:
        verify_all = awaited(app, loop) if is_async else blocking(app)
        colour = "async" if is_async else "blocking"
        new = iter(batches)
        first = side_by_side(lambda: verify_all(next(new)), raw.run)
        name = f"verifying a session, {colour}, "
        yield Figure(f"{name}at first sight, against the RSA check alone", first.ratio, 2.2, detail=show(first, calls))
        again = iter(batches)
        seen = side_by_side(lambda: verify_all(next(again)), raw.run)
        yield Figure(f"{name}seen before, against the RSA check alone", seen.ratio, 0.25, detail=show(seen, calls))


def build_app(signer: Signer) -> Supertokens:
    """Build an SDK that knows the key, and has no core to ask."""
    return Supertokens(
        InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
        framework="fastapi",
        supertokens_config=SupertokensConfig("http://127.0.0.1:1"),
        recipe_list=[session.init(static_jwks={"keys": [signer.jwk]})],
    )


def blocking(app: Supertokens) -> Callable[[list[str]], None]:
    """Give what verifies tokens one after the other in blocking code."""
    verify = app.session.blocking.get_session_without_request_response

    def verify_all(tokens: list[str]) -> None:
        for token in tokens:
            verify(token)

    return verify_all


def awaited(app: Supertokens, loop: asyncio.AbstractEventLoop) -> Callable[[list[str]], None]:
    """Give what verifies tokens one after the other on an event loop."""
    verify = app.session.get_session_without_request_response

    async def verify_each(tokens: list[str]) -> None:
        for token in tokens:
            await verify(token)

    return lambda tokens: loop.run_until_complete(verify_each(tokens))
