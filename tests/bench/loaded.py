"""A FastAPI application under wrk: a verified session against an empty dependency, and against the peer's."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from supertokens_lite import RecipeUserId
from tests.bench.cores import DATA, build_app, served, served_core
from tests.bench.measure import Figure
from tests.bench.served import rate

SHOP = Path(__file__).with_name("shop.py")
WORKERS = 21
PEERS = 5
PATHS = ("/alone", "/empty", "/verified")

Rates = dict[tuple[str, str], list[float]]
"""What each route of each package gave, a number for each worker."""


def figures(folder: Path, seconds: int, peer: str | None) -> Iterator[Figure]:
    """Measure, on one worker; nothing without wrk."""
    if shutil.which("wrk") is None:
        return
    rates: Rates = {}
    with served_core(folder) as core:
        script = folder / "shop.lua"
        script.write_text(f'wrk.headers["authorization"] = "Bearer {access_token(core)}"\n', encoding="utf-8")
        ours = [sys.executable, str(SHOP), "supertokens_lite", core]
        for _ in range(WORKERS):  # new ones: where the memory of one happens to lie favours one route or another
            with served(ours) as url:
                measure(rates, "ours", url, script, PATHS, max(seconds // 4, 1))
        yield compare(
            "a verified session", rates, ("ours", "/verified"), "an empty dependency", ("ours", "/empty"), 0.9
        )
        yield compare("a verified session", rates, ("ours", "/verified"), "no dependency", ("ours", "/alone"), None)
        if peer is None:
            return
        rates.clear()
        for _ in range(PEERS):
            with served(ours) as url, served([peer, str(SHOP), "supertokens_python", core]) as other:
                for name, root in (("ours", url), ("peer", other)):
                    measure(rates, name, root, script, ("/verified",), max(seconds // 4, 1))
                    measure(rates, name, root, script, ("/data",), max(seconds // 2, 2))
    for what, path, wanted in (
        ("a verified session", "/verified", 1.5),
        ("session data read and written", "/data", 10),
    ):
        yield compare(what, rates, ("ours", path), "supertokens-python 0.31.4", ("peer", path), wanted)


def measure(rates: Rates, name: str, url: str, script: Path, paths: tuple[str, ...], seconds: int) -> None:
    """Load some routes of one worker, there and back, close together: a machine has its moods."""
    for path in paths:  # first until what runs often is specialised
        rate(url + path, script, 1)
    found: dict[str, list[float]] = {path: [] for path in paths}
    for path in (*paths, *reversed(paths)):
        found[path].append(rate(url + path, script, seconds))
    for path, each in found.items():
        rates.setdefault((name, path), []).append(statistics.mean(each))


def access_token(core: str) -> str:
    """Make a session; give its access token."""
    with build_app(core) as app:
        create = app.session.blocking.create_new_session_without_request_response
        return create("public", RecipeUserId("ada"), {}, DATA).get_access_token()


def compare(
    what: str, rates: Rates, ours: tuple[str, str], than: str, other: tuple[str, str], wanted: float | None
) -> Figure:
    """Give the ratio of two rates, worker by worker, and its median."""
    ratio = statistics.median(a / b for a, b in zip(rates[ours], rates[other], strict=True))
    detail = f"{statistics.median(rates[ours]):,.0f}/s against {statistics.median(rates[other]):,.0f}/s"
    return Figure(f"FastAPI under wrk, {what}, rate against {than}", ratio, wanted, at_most=False, detail=detail)
