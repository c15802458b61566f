"""A million handles stream through a bulk update in memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import Effects
from supertokens_lite._io.blocking import BlockingIO, run
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.recipe.session import init
from supertokens_lite.recipe.session.bulk import Handles, MergePatch
from supertokens_lite.supertokens import AppSessions
from supertokens_lite.types import HttpReply
from tests.apps import APP_INFO, build_app
from tests.servers import INFORMATION

member = json.dumps({**INFORMATION, "version": 1})

class Core:
    def send(self, request):
        if request.target.startswith("/apiversion"):
            return HttpReply(200, {"lite-extensions": "v1"}, b'{"versions":["5.4"]}')
        count = len(json.loads(request.body)["sessionHandles"])
        return HttpReply(200, {}, f'{{"status":"OK","sessions":[{",".join([member] * count)}]}}'.encode())

    def close(self): ...

core = Core()
effects = Effects(AsyncIO(core), BlockingIO(core))
recipe = init().build(build_app("http://core").app_info, Querier([CoreHost("http://core", "")], effects), effects, run)
sessions = AppSessions(recipe, run).blocking

def grown():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def update(count):
    handles = (f"{number:032x}" for number in range(count))
    report = sessions.bulk_update(Handles(handles), MergePatch({"a": 1}), dry_run=True, concurrency=2)
    assert report.counts["would_update"] == count and report.succeeded

update(5000)
before = grown()
update(int(sys.argv[1]))
print(json.dumps((grown() - before) / 1024))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory of a process")
def test_a_million_handles() -> None:
    """A dry run over 1,000,000 handles of a generator grows the process by at most 50 MB; kept results would be 500."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "1000000"], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) <= 50
