"""Each example starts by its one command, and does what its page needs of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.pages import ROOT

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*_shop.py"))
LONGEST = 90
HEADERS = {"st-auth-mode": "cookie", "rid": "anti-csrf"}
"""What the page sends with each request."""
START_S = 30

pytestmark = pytest.mark.slow


def list_commands(example: Path) -> list[str]:
    """List the commands that an example's docstring shows."""
    docstring = example.read_text(encoding="utf-8").split('"""')[1]
    return re.findall(r"^(?:pip|python) .+$", docstring, re.MULTILINE)


def stop(process: subprocess.Popen[str]) -> str:
    """End a server as a process manager does; give what it wrote."""
    process.terminate()
    try:
        return process.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def answers(port: int, process: subprocess.Popen[str]) -> bool:
    """Tell whether a server listens yet; raises `AssertionError` if it has ended."""
    assert process.poll() is None, process.communicate()[0]
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda example: example.stem)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Start an example by the command that it shows; give its address, and see that it ends well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _, command = list_commands(request.param)
    process = subprocess.Popen(
        [sys.executable, *command.split()[1:]],
        cwd=ROOT,
        env={**os.environ, "PORT": str(port), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_S
        while not answers(port, process):
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.02)  # nothing tells when another program's port opens
        yield f"http://localhost:{port}"
    finally:
        written = stop(process)
    assert process.returncode in (0, -signal.SIGTERM), written
    assert "Traceback" not in written, written


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    """Give a client with cookies of its own that has signed in, as the page does it."""
    with httpx.Client(base_url=address, headers=HEADERS, trust_env=False) as client:
        assert client.post("/login", json={"user": "anna"}).json() == {"user": "anna"}
        yield client


def test_the_page_is_served(address: str) -> None:
    """Every example has the same page, and no data for somebody who has not signed in."""
    with httpx.Client(base_url=address, headers=HEADERS, trust_env=False) as client:
        page = client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert page.content == (ROOT / "docs" / "examples" / "page.html").read_bytes()
        for refused in (client.get("/data"), client.put("/data", json={})):
            assert (refused.status_code, refused.json()) == (401, {"message": "unauthorised"})


def test_data_is_shown_and_changed(browser: httpx.Client) -> None:
    """The session's data is replaced by what was written; its payload stays."""
    before = browser.get("/data").json()
    assert (before["user"], before["data"]) == ("anna", {"cart": ["apple"]})
    assert (before["payload"]["sub"], before["payload"]["role"]) == ("anna", "customer")
    assert browser.put("/data", json={"cart": [], "größe": {"x": None}}).status_code == 200
    assert browser.get("/data").json() == {**before, "data": {"cart": [], "größe": {"x": None}}}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"word"', '{"x": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(browser: httpx.Client, text: str | bytes) -> None:
    """What can't be data of a session is the client's mistake, is answered in JSON, and changes nothing."""
    refused = browser.put("/data", content=text, headers={"content-type": "application/json"})
    assert refused.status_code in (400, 422), refused.text
    assert refused.json().keys() & {"message", "detail"}
    assert browser.get("/data").json()["data"] == {"cart": ["apple"]}


def test_refresh_and_sign_out(browser: httpx.Client) -> None:
    """A refresh gives new tokens for the same session; after signing out there is none."""
    before, tokens = browser.get("/data").json(), dict(browser.cookies)
    assert browser.post("/auth/session/refresh").status_code == 200
    assert {"sAccessToken", "sRefreshToken"} <= {name for name in tokens if browser.cookies[name] != tokens[name]}
    after = browser.get("/data").json()
    assert after["payload"]["sessionHandle"] == before["payload"]["sessionHandle"]
    assert after["data"] == before["data"]
    assert browser.post("/auth/signout").json() == {"status": "OK"}
    assert browser.get("/data").status_code == 401


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_short_and_listed(example: Path) -> None:
    """An example can be read in one go, names what to install, and stands in the page of examples with its command."""
    text = example.read_text(encoding="utf-8")
    install, start = list_commands(example)
    assert start == f"python docs/examples/{example.name}"
    assert len(text.splitlines()) <= LONGEST
    row = f"| `{install}` | `{start}` |"
    assert row in (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
