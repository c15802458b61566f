"""The served core under wrk, against a bare route of the same server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.cores import build_app, new_handle, served_core
from tests.bench.measure import Figure

CONNECTIONS = 16


def figures(folder: Path, seconds: int) -> Iterator[Figure]:
    """Measure; nothing without wrk."""
    if shutil.which("wrk") is None:
        return
    with served_core(folder, "tests.bench.bare") as bare, served_core(folder) as url, build_app(url) as app:
        handle = new_handle(app)
        get = folder / "get.lua"
        get.write_text('wrk.headers["cdi-version"] = "5.4"\n', encoding="utf-8")
        put = folder / "put.lua"
        body = '{"sessionHandle":"%s","userDataInDatabase":{"cart":["apple","pear"],"visits":%d}}'
        put.write_text(
            'wrk.method = "PUT"\nwrk.headers["cdi-version"] = "5.4"\n'
            'wrk.headers["content-type"] = "application/json; charset=utf-8"\nlocal n = 0\n'
            f"request = function() n = n + 1; return wrk.format(nil, nil, nil, "
            f"string.format('{body}', '{handle}', n)) end\n",
            encoding="utf-8",
        )
        for name, script, target, wanted in (
            ("GET /recipe/session", get, f"{url}/recipe/session?sessionHandle={handle}", 0.5),
            ("PUT /recipe/session/data", put, f"{url}/recipe/session/data", 0.3),
        ):
            rates = [(rate(target, script, seconds), rate(bare, get, seconds)) for _ in range(3)]
            ours, other = sorted(rates, key=lambda pair: pair[0] / pair[1])[1]
            detail = f"{ours:,.0f}/s against {other:,.0f}/s"
            yield Figure(f"served, {name}, rate against a bare route", ours / other, wanted, False, detail)


def rate(url: str, script: Path, seconds: int) -> float:
    """Give the requests a second that wrk gets through; fails on any that is not answered with 200."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s*([0-9.]+)", said)
    if found is None:
        raise RuntimeError(said)
    return float(found[1])
