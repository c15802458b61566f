"""A million handles stream through a bulk update in memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.apps import build_app
from tests.bulk import create_many
from tests.conftest import drive_direct
from tests.served import ServedCore

PROGRAM = """
import asyncio, itertools, json, sys
from supertokens_lite.recipe.session.bulk import Handles, MergePatch
from tests.apps import build_app

colour, core, count, *handles = sys.argv[1:]
app = build_app(core)

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def update(count):
    arguments = Handles(itertools.islice(itertools.cycle(handles), count)), MergePatch({"a": 1})
    if colour == "async":
        report = asyncio.run(app.session.bulk_update(*arguments, dry_run=True))
    else:
        report = app.session.blocking.bulk_update(*arguments, dry_run=True)
    assert report.counts["would_update"] == count and report.succeeded

update(5000)
before = peak()
update(int(count))
print(json.dumps((peak() - before) / 1024))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory of a process")
def test_a_million_handles(tmp_path: Path) -> None:
    """A dry run over 1,000,000 handles of a generator grows the process by at most 50 MB; kept results would be 500.

    In both colours, side by side, with the sessions of a core over HTTP: a thousand of them, again and again.
    """
    with ServedCore("--database", str(tmp_path / "sessions.db"), "--durability", "normal") as core:
        with build_app(core.url) as app:
            handles = drive_direct(create_many, app, 1000, plan="free")
        running = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, colour, core.url, "1000000", *handles],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for colour in ("blocking", "async")
        ]
        for process in running:
            output, errors = process.communicate(timeout=280)
            assert process.returncode == 0, errors
            assert json.loads(output) <= 50
