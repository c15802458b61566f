"""Cores to measure: served in a process of its own, or in this one; and an SDK on each."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session

DATA = {"cart": ["apple", "pear"], "visits": 12, "locale": "de-DE"}

NGINX = """
daemon off;
worker_processes 1;
pid %(folder)s/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s;
    keepalive_requests 1000000000;
    default_type application/json;
    server {
        listen 127.0.0.1:%(port)d;
        location / { return 200 '{"status":"OK"}'; }
        location = /apiversion { return 200 '{"status":"OK","versions":["5.4"]}'; }
    }
}
"""


@contextmanager
def served_core(folder: Path, *module: str) -> Iterator[str]:
    """Serve a core at durability normal, or another server that prints its URL; give the URL."""
    command = module or (
        "supertokens_lite",
        "core",
        "serve",
        "--port",
        "0",
        "--durability",
        "normal",
        "--database",
        str(folder / "served.db"),
    )
    with served([sys.executable, "-m", *command]) as url:
        yield url


@contextmanager
def constant_server(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve one constant answer, from one process of nginx or else of uvicorn; give its name and the URL."""
    nginx = shutil.which("nginx")
    if nginx is None:
        with served_core(folder, "tests.bench.bare") as url:
            yield "uvicorn", url
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = folder / "nginx.conf"
    settings.write_text(NGINX % {"port": port, "folder": folder}, encoding="utf-8")
    with subprocess.Popen([nginx, "-c", settings, "-e", folder / "nginx.log"]) as process:
        try:
            while process.poll() is None:
                with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.01)
            yield "nginx", f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def served(command: list[str]) -> Iterator[str]:
    """Run a server that prints its URL; give the URL."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://[0-9.:]+", line)
            if found is None:
                raise RuntimeError(f"no server: {line}")
            yield found[0]
        finally:
            process.terminate()


def build_app(uri: str, recipe: Any = None, **options: Any) -> Supertokens:
    """Build an SDK, of sessions as they come unless a recipe is given."""
    return Supertokens(
        InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
        framework="fastapi",
        supertokens_config=SupertokensConfig(uri, cdi_version="5.4", **options),
        recipe_list=[recipe or session.init()],
    )


def new_handle(app: Supertokens) -> str:
    """Create a session; give its handle."""
    create = app.session.blocking.create_new_session_without_request_response
    return create("public", RecipeUserId("bench"), {}, DATA).get_handle()
