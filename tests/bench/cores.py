"""Cores to measure: served in a process of its own, or in this one; and an SDK on each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session

DATA = {"cart": ["apple", "pear"], "visits": 12, "locale": "de-DE"}


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


def build_app(uri: str, **options: Any) -> Supertokens:
    """Build an SDK."""
    return Supertokens(
        InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
        framework="fastapi",
        supertokens_config=SupertokensConfig(uri, cdi_version="5.4", **options),
        recipe_list=[session.init()],
    )


def new_handle(app: Supertokens) -> str:
    """Create a session; give its handle."""
    create = app.session.blocking.create_new_session_without_request_response
    return create("public", RecipeUserId("bench"), {}, DATA).get_handle()
