"""The official frontend SDK in a real browser: log in, call, refresh, ten tabs at once, sign out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("SUPERTOKENS_LITE_BROWSER", ""))
"""Where `nox -s browser` put the packages from npm and the bundle."""
CHROMIUM = os.environ.get("SUPERTOKENS_LITE_CHROMIUM", "")


@contextmanager
def shop(*arguments: str) -> Iterator[str]:
    """Serve the application; give its address."""
    command = [sys.executable, "-m", "tests.browser.shop", str(TOOLS / "bundle.js"), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def visit(url: str, transfer: str) -> dict[str, Any]:
    """Have a browser visit it; give what happened."""
    command = ["node", str(TOOLS / "visit.mjs"), CHROMIUM, url, transfer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("cdi_version", ["5.4", "5.6"])
@pytest.mark.parametrize(
    ("transfer", "anti_csrf"),
    [
        ("cookie", None),
        ("cookie", "VIA_TOKEN"),
        ("cookie", "VIA_CUSTOM_HEADER"),
        ("cookie", "NONE"),
        ("header", None),
        ("header", "VIA_TOKEN"),
    ],
)
def test_a_visit(transfer: str, anti_csrf: str | None, cdi_version: str) -> None:
    """Everything that the frontend SDK does works, in every mode, at both ways of rotating tokens."""
    with shop(cdi_version, *([anti_csrf] if anti_csrf else [])) as url:
        said = visit(url, transfer)
    assert said["login"] == {"status": 200, "body": {"user": "ada"}}
    assert (said["exists"], said["user"]) == (True, "ada")
    assert said["first"] == {"status": 200, "body": {"count": 1}}
    assert said["role"] == "admin"
    assert said["refreshed"] == {"status": 200, "body": {"count": 2}}
    assert said["tabs"] == [200] * 10
    tokens = {"sAccessToken", "sRefreshToken"}
    assert tokens & set(said["cookies"]) == (tokens if transfer == "cookie" else set())
    assert said["signedOut"] is False
    assert said["after"] == {"status": 401, "body": {"message": "unauthorised"}}
    assert not (tokens | {"sFrontToken", "st-access-token", "st-refresh-token"}) & set(said["left"])
    assert {"SESSION_CREATED", "ACCESS_TOKEN_PAYLOAD_UPDATED", "REFRESH_SESSION", "SIGN_OUT"} <= set(said["events"])
    assert said["faults"] == []
