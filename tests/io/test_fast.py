"""Where the fast transport can't serve it says so, at once and with the way out; and it leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from supertokens_lite import SupertokensConfig
from supertokens_lite.exceptions import ConfigurationError, CoreUnavailableError
from tests.apps import build_app
from tests.servers import Reply, closed_port, serve, session_core

HANDLES = Reply(body=b'{"status":"OK","sessionHandles":["h1"]}')
WAY_OUT = "use transport='default'"

needs_pyreqwest = pytest.mark.skipif(sys.version_info < (3, 11), reason="pyreqwest needs Python 3.11")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PREAMBLE = """
import asyncio, os, sys
from supertokens_lite.exceptions import ConfigurationError
from tests.apps import build_app
app = build_app(sys.argv[1], transport="fast", cdi_version="5.4")
read = app.session.blocking.get_all_session_handles_for_user
aread = app.session.get_all_session_handles_for_user
"""

FORK = """
def refuses(call):
    try:
        call()
    except ConfigurationError as error:
        return "forked" in str(error) and "transport='default'" in str(error)

def in_child(check):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if check() else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
"""


def run(program: str, *arguments: str, strict: bool = True) -> None:
    """Run a program in a process of its own, from the root of the project, to a good end without a word."""
    options = ["-W", "error", "-X", "dev"] if strict else []
    command = [sys.executable, *options, "-c", program, *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")


@needs_pyreqwest
def test_trio() -> None:
    """On trio the first call fails, and says why; blocking calls work beside it."""
    with serve(session_core(lambda _: HANDLES)) as server, build_app(server.url, transport="fast") as app:
        with pytest.raises(ConfigurationError, match=f"asyncio only, and this is trio; {WAY_OUT}"):
            trio.run(app.session.get_all_session_handles_for_user, "u")
        assert server.seen == []
        assert app.session.blocking.get_all_session_handles_for_user("u") == ["h1"]


@needs_pyreqwest
def test_gevent() -> None:
    """Under gevent an object is not even made; nor is a client where gevent came later."""
    for before, after in (("monkey.patch_all()", ""), ("", "monkey.patch_all()")):
        program = f"""
from gevent import monkey
{before}
import sys
from supertokens_lite.exceptions import ConfigurationError
from tests.apps import build_app
try:
    app = build_app(sys.argv[1], transport="fast", cdi_version="5.4")
    {after}
    app.session.blocking.get_all_session_handles_for_user("u")
except ConfigurationError as error:
    assert str(error) == "transport='fast' would block all of gevent; {WAY_OUT}", error
else:
    raise AssertionError
"""
        run(program, closed_port(), strict=False)


@needs_fork
@needs_pyreqwest
def test_a_fork_after_use() -> None:
    """A child of a process that has used it gets an error in each colour and from each object; its parent goes on."""
    program = """
assert read("u") == ["h1"]
in_child(lambda: refuses(lambda: read("u")) and refuses(lambda: asyncio.run(aread("u"))))
other = build_app(sys.argv[1], transport="fast", cdi_version="5.4")
in_child(lambda: refuses(lambda: other.session.blocking.get_all_session_handles_for_user("u")))
in_child(lambda: app.close() is None and other.close() is None)
assert read("u") == ["h1"] == asyncio.run(aread("u"))
"""
    with serve(session_core(lambda _: HANDLES)) as server:
        run(
            PREAMBLE + FORK + program, server.url, strict=sys.version_info < (3, 12)
        )  # which warns of threads at a fork


@needs_fork
@needs_pyreqwest
def test_a_fork_before_use() -> None:
    """A child of a process that had only made an object uses it, and so do its parent and its siblings."""
    program = """
for _ in range(2):
    in_child(lambda: read("u") == ["h1"] == asyncio.run(aread("u")))
assert read("u") == ["h1"] == asyncio.run(aread("u"))
"""
    with serve(session_core(lambda _: HANDLES)) as server:
        run(PREAMBLE + FORK + program, server.url)


@pytest.mark.slow
@needs_pyreqwest
def test_an_end_right_after_a_reply() -> None:
    """A process that ends right after a reply ends well: without a wait for the client's thread one in ten aborts."""
    program = """
import asyncio, sys
from supertokens_lite._io.fast import FastAsyncTransport
from supertokens_lite._io.options import TransportOptions
from supertokens_lite.types import HttpRequest
transport = FastAsyncTransport(TransportOptions())
async def main():
    for _ in range(3):
        await asyncio.gather(*(transport.send(HttpRequest("GET", sys.argv[1], "/", {})) for _ in range(16)))
asyncio.run(main())
"""
    with serve(lambda _: HANDLES) as server:
        for _ in range(20):
            run(program, server.url, strict=False)


def test_it_is_imported_only_where_it_is_wanted() -> None:
    """The default transport does not import pyreqwest."""
    program = """
import sys
from tests.apps import build_app
with build_app(sys.argv[1]) as app:
    assert app.session.blocking.get_all_session_handles_for_user("u") == ["h1"]
assert "pyreqwest" not in sys.modules
"""
    with serve(session_core(lambda _: HANDLES)) as server:
        run(program, server.url)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyreqwest is not installed, the error says how to install it."""
    monkeypatch.delitem(sys.modules, "supertokens_lite._io.fast", raising=False)
    monkeypatch.setitem(sys.modules, "pyreqwest", None)
    for name in [name for name in sys.modules if name.startswith("pyreqwest.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigurationError, match=r"pip install 'supertokens-lite\[fast\]'$"):
        build_app(closed_port(), transport="fast")


def test_settings_that_do_not_go_with_it(tmp_path: Path) -> None:
    """What it can't do, and what makes no sense, is an error in one line."""
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    with pytest.raises(ConfigurationError, match=f"^transport='fast' trusts .* whatever ca_file says; {WAY_OUT}"):
        SupertokensConfig("https://core.example", transport="fast", ca_file=certificate)
    with pytest.raises(ConfigurationError, match=r"^transport is for cores over HTTP"):
        SupertokensConfig("sqlite:///:memory:", transport="fast")
    with pytest.raises(ConfigurationError, match="transport: Input should be 'default' or 'fast'"):
        SupertokensConfig("http://core.example", transport="slow")  # type: ignore[arg-type]


@needs_pyreqwest
def test_a_client_certificate_that_is_none(tmp_path: Path) -> None:
    """The setting of a file that holds no certificate is named at the first call."""
    certificate = tmp_path / "client.pem"
    certificate.write_text("nothing")
    with (
        build_app(closed_port(), transport="fast", client_cert=str(certificate)) as app,
        pytest.raises(CoreUnavailableError, match="client_cert can't be read"),
    ):
        app.session.blocking.get_all_session_handles_for_user("u")
