"""A FastAPI application under wrk: a verified session against an empty dependency, and against the peer's."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from supertokens_lite import RecipeUserId
from tests.bench.cores import DATA, build_app, served, served_core
from tests.bench.measure import Figure
from tests.bench.served import rate

SHOP = Path(__file__).with_name("shop.py")
ROUNDS = 11
PATHS = ("/alone", "/empty", "/verified")


def figures(folder: Path, seconds: int, peer: str | None) -> Iterator[Figure]:
    """Measure, on one worker; nothing without wrk."""
    if shutil.which("wrk") is None:
        return
    packages = {"ours": (sys.executable, "supertokens_lite"), "peer": (peer, "supertokens_python")}
    rates: dict[tuple[str, str], list[float]] = {}
    with served_core(folder) as core:
        script = folder / "shop.lua"
        script.write_text(f'wrk.headers["authorization"] = "Bearer {access_token(core)}"\n', encoding="utf-8")
        for _ in range(ROUNDS):
            with ExitStack() as stack:  # new workers: where one's memory happens to lie favours one route or another
                shops = {
                    name: stack.enter_context(served([python, str(SHOP), package, core]))
                    for name, (python, package) in packages.items()
                    if python is not None
                }
                for name, url in shops.items():
                    for path in PATHS:  # what is done once is done by then, and code that is hot is specialised
                        rate(url + path, script, 1)
                    for path in (*PATHS, *reversed(PATHS)):  # there and back, close together: a machine has its moods
                        rates.setdefault((name, path), []).append(rate(url + path, script, max(seconds // 4, 1)))
                    took_s = max(seconds, 4)  # the peer may take a second to answer
                    rates.setdefault((name, "/data"), []).append(rate(url + "/data", script, took_s))
    yield compare("a verified session", rates, ("ours", "/verified"), "an empty dependency", ("ours", "/empty"), 0.9)
    yield compare("a verified session", rates, ("ours", "/verified"), "no dependency", ("ours", "/alone"), None)
    if peer is not None:
        for what, path, wanted in (
            ("a verified session", "/verified", 1.5),
            ("session data read and written", "/data", 10),
        ):
            yield compare(what, rates, ("ours", path), "supertokens-python 0.31.4", ("peer", path), wanted)


def access_token(core: str) -> str:
    """Make a session; give its access token."""
    with build_app(core) as app:
        create = app.session.blocking.create_new_session_without_request_response
        return create("public", RecipeUserId("ada"), {}, DATA).get_access_token()


def compare(
    what: str,
    rates: dict[tuple[str, str], list[float]],
    ours: tuple[str, str],
    than: str,
    other: tuple[str, str],
    wanted: float | None,
) -> Figure:
    """Give the ratio of two rates, round by round, and its median."""
    ratio = statistics.median(a / b for a, b in zip(rates[ours], rates[other], strict=True))
    detail = f"{statistics.median(rates[ours]):,.0f}/s against {statistics.median(rates[other]):,.0f}/s"
    return Figure(f"FastAPI under wrk, {what}, rate against {than}", ratio, wanted, at_most=False, detail=detail)
