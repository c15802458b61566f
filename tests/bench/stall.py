"""`python -m tests.bench.stall [SECONDS]`: whether anything has to wait for the public keys that does not need them.

A core takes a second for each answer about its keys. On one event loop sessions are verified all the time; the keys are
due every other second, and other clients send tokens that name keys which nobody has. A heartbeat on the same loop
notes the longest time in which nothing else could happen. It ends with 1 if that is more than 50 ms.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.exceptions import TryRefreshTokenError
from tests.bench.cores import served_core

SECONDS = 8.0
LONGEST_GAP_S = 0.05
PAUSE_S = 0.001
SESSIONS = 100
CLIENTS = 8


class Heart:
    """Beats as often as the event loop lets it, and notes the longest time between two beats."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        last_s = time.perf_counter()
        while True:
            await asyncio.sleep(PAUSE_S)
            now_s = time.perf_counter()
            self.longest_s = max(self.longest_s, now_s - last_s)
            last_s = now_s


class Clients:
    """Send access tokens, good ones and invented ones, until they are cancelled.

    Args:
        app: verifies.
        tokens: the good ones.
    """

    def __init__(self, app: Supertokens, tokens: list[str]) -> None:
        self._numbers = itertools.count()
        self._verify = app.session.get_session_without_request_response
        self._tokens = tokens
        self.waits_s: list[float] = []
        self.refused = 0

    async def send_good(self) -> None:
        """Send good ones, and note how long each answer takes."""
        for token in itertools.cycle(self._tokens):
            began_s = time.perf_counter()
            await self._verify(token, anti_csrf_check=False)
            self.waits_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(PAUSE_S)

    async def send_invented(self) -> None:
        """Send such as name a key that nobody has, another one each time."""
        _, _, signed = self._tokens[0].partition(".")
        for number in self._numbers:
            header = json.dumps({"kid": f"d-{number}", "typ": "JWT", "version": "5", "alg": "RS256"}).encode()
            token = base64.urlsafe_b64encode(header).decode().rstrip("=")
            with contextlib.suppress(TryRefreshTokenError):
                await self._verify(f"{token}.{signed}", anti_csrf_check=False)
                raise RuntimeError("an invented token was taken for a good one")
            self.refused += 1
            await asyncio.sleep(PAUSE_S)


async def measure(url: str, seconds: float) -> float:
    """Run all that for a while, and report; give the longest gap in seconds."""
    fetches: list[str] = []

    def intercept(called: str, *given: Any) -> Any:
        if called.endswith("/jwks.json"):
            fetches.append(called)
        return (called, *given[:4])

    # every token is verified anew, for what was seen before needs no key
    recipe = session.init(jwks_refresh_interval_sec=2, verified_token_cache_size=0)
    info = InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000")
    config = SupertokensConfig(url, network_interceptor=intercept)
    async with Supertokens(info, "fastapi", config, [recipe]) as app:
        create = app.session.create_new_session_without_request_response
        created = [await create("public", RecipeUserId(f"user{number}")) for number in range(SESSIONS)]
        clients, heart = Clients(app, [each.get_access_token() for each in created]), Heart()
        work = [heart.beat()]
        for _ in range(CLIENTS):
            work += [clients.send_good(), clients.send_invented()]
        tasks = [asyncio.create_task(each) for each in work]
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()
    waited = sum(wait_s > LONGEST_GAP_S for wait_s in clients.waits_s)
    print(f"{len(clients.waits_s):,} sessions verified, {clients.refused:,} invented tokens refused in {seconds:g} s")
    print(
        f"{len(fetches)} fetches of the keys, a second each; {waited} verifications waited for one, the others did not"
    )
    print(f"longest gap: {heart.longest_s * 1000:.1f} ms, at most {LONGEST_GAP_S * 1000:g} wanted")
    return heart.longest_s


def main() -> int:
    """Measure against a core of its own."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "stall.db")
        with served_core(Path(folder), "tests.bench.slow_keys", database) as url:
            longest_s = asyncio.run(measure(url, seconds))
    return 1 if longest_s > LONGEST_GAP_S else 0


if __name__ == "__main__":
    sys.exit(main())
