"""The examples' page in Chromium: `python -m tests.browser.example CHROMIUM` makes the picture in the documentation.

FastAPI's example serves the page. A script is added to it that does what a user would, for Chromium alone has no hands.
"""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.responses import HTMLResponse, JSONResponse, Response

__all__ = ("PICTURE", "run_chromium", "serve_example")

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "assets" / "example.png"
WAIT_MS = 10_000

UNTIL = "const until = async (ready) => { while (!ready()) await new Promise((done) => setTimeout(done, 20)); };"
SIGN_IN = """
await until(() => !$("login").hidden);
$("user").value = "anna";
$("login").requestSubmit();
await until(() => !$("session").hidden);
"""
SAVE = """
$("data").value = JSON.stringify({ cart: ["apple", "pear"], voucher: { code: "SPRING" }, visits: 3 }, null, 2);
$("save").requestSubmit();
await until(() => $("said").textContent === "Saved.");
document.activeElement.blur();
"""


@contextmanager
def serve_example(script: str) -> Iterator[str]:
    """Serve FastAPI's example on a free port, with a script at the end of a copy of its page; give the copy's address.

    The script finds `until`, and `POST /expire`, after which the next request for data is told that its token expired.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    os.environ["PORT"] = str(listening.getsockname()[1])
    app: FastAPI = runpy.run_path(str(DOCS / "examples" / "fastapi_shop.py"))["app"]
    page = (DOCS / "examples" / "page.html").read_text(encoding="utf-8")
    expired: list[bool] = []

    @app.get("/visit")
    async def visit() -> Response:
        return HTMLResponse(f"{page}<script type=module>{UNTIL}{script}</script>")

    @app.post("/expire")
    async def expire() -> None:
        expired.append(True)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if expired and scope["type"] == "http" and scope["path"] == "/data":
            expired.clear()
            await JSONResponse({"message": "try refresh token"}, 401)(scope, receive, send)
        else:
            await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(serve, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://localhost:{os.environ['PORT']}/visit"
    finally:
        server.should_exit = True
        thread.join()


def run_chromium(chromium: str, *options: str) -> str:
    """Have Chromium open a page without a window, with a profile of its own; give what it printed."""
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"]
        command += [f"--user-data-dir={profile}", f"--virtual-time-budget={WAIT_MS}", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


if __name__ == "__main__":
    with serve_example(SIGN_IN + SAVE) as address:
        run_chromium(sys.argv[1], "--window-size=1280,760", f"--screenshot={PICTURE}", *sys.argv[2:], address)
