"""Blocking calls where applications really make them, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Reply, serve, session_core

PREAMBLE = """
import sys
if sys.argv[1] == "gevent":
    from gevent import monkey
    monkey.patch_all()
from supertokens_lite import InputAppInfo, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session
info = InputAppInfo("a", "http://localhost", website_domain="http://localhost")
app = Supertokens(info, "flask", SupertokensConfig(sys.argv[2]), [session.init()])
read = app.session.blocking.get_all_session_handles_for_user
aread = app.session.get_all_session_handles_for_user
"""

SURROUNDINGS: dict[str, str] = {
    "a running loop": """
import asyncio
async def main():
    for _ in range(3):
        assert read("u") == []
        assert await aread("u") == []
asyncio.run(main())
""",
    "uvloop": """
import asyncio, uvloop
async def main():
    for _ in range(3):
        assert read("u") == []
        assert await aread("u") == []
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
""",
    "gevent": """
import gevent
jobs = [gevent.spawn(read, "u") for _ in range(20)]
gevent.joinall(jobs, raise_error=True)
assert [job.value for job in jobs] == [[]] * 20
""",
    "sixteen threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
    assert list(pool.map(read, ["u"] * 160)) == [[]] * 160
""",
    "ten loops in a row": """
import asyncio
for _ in range(10):
    assert asyncio.run(aread("u")) == []
    assert read("u") == []
""",
    "after a fork": """
import os, warnings
assert read("u") == []
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if read("u") == [] else 2
        finally:
            os._exit(status)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
assert read("u") == []
""",
    "a transaction of Django": """
import asyncio, django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()
from django.db import connection, transaction
with transaction.atomic():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE seen (handles INTEGER)")
    handles = read("u")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO seen VALUES (%s)", [len(handles)])
    assert connection.in_atomic_block
with connection.cursor() as cursor:
    assert cursor.execute("SELECT handles FROM seen").fetchall() == [(0,)]
""",
    "left open": """
assert read("u") == []
import asyncio
asyncio.run(aread("u"))
""",
}
"""What runs after the preamble; a surrounding whose own imports warn is not run with warnings as errors."""

WARN_THEMSELVES = ("gevent", "uvloop", "a transaction of Django")


@pytest.mark.parametrize("kind", ["http", "file"])
@pytest.mark.parametrize("surroundings", list(SURROUNDINGS))
def test_blocking_calls_work(surroundings: str, kind: str, tmp_path: Path, core_uri: str) -> None:
    """Blocking calls work there, and leave nothing behind that warns or hangs."""
    if surroundings == "after a fork" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    empty = Reply(body=b'{"status":"OK","sessionHandles":[]}')
    with serve(session_core(lambda _: empty)) as server:
        uri = server.url if kind == "http" else core_uri
        script = tmp_path / "script.py"
        script.write_text(PREAMBLE + SURROUNDINGS[surroundings], encoding="utf-8")
        strict = [] if surroundings in WARN_THEMSELVES else ["-W", "error", "-X", "dev"]
        arguments: list[Any] = [sys.executable, *strict, str(script), surroundings, uri]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
