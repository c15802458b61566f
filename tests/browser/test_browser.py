"""The official frontend SDK in a real browser: log in, call, refresh, ten tabs at once, theft, sign out.

What is not marked slow takes less than a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.browser.certificate import write_certificate

ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("SUPERTOKENS_LITE_BROWSER", ""))
"""Where `nox -s browser` put the packages from npm and the bundle."""
CHROMIUM = os.environ.get("SUPERTOKENS_LITE_CHROMIUM", "")
TOKENS = {"sAccessToken", "sRefreshToken"}
LEFT = TOKENS | {"sFrontToken", "st-access-token", "st-refresh-token"}
"""What a browser keeps of a session, in either way; nothing of it is left after the session."""


def slow(*values: object) -> Any:
    """Mark values as those of a test that is left out where time is short."""
    return pytest.param(*values, marks=pytest.mark.slow)


@contextmanager
def shop(framework: str, *options: str) -> Iterator[dict[str, str]]:
    """Serve the application; give where API, website and a stranger's page are."""
    command = [sys.executable, "-m", f"tests.browser.shop_{framework}", str(TOOLS / "bundle.js"), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def travel(journey: str, places: dict[str, str], transfer: str, *, cookies_off: bool = False) -> dict[str, Any]:
    """Have a browser make a journey; give what happened."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        wanted = {"chromium": CHROMIUM, "profile": profile, "transfer": transfer, "cookiesOff": cookies_off, **places}
        command = ["node", str(TOOLS / f"{journey}.mjs"), json.dumps(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def check(said: dict[str, Any], transfer: str) -> None:
    """A whole visit went as it should: every answer, every event, and nothing left behind."""
    assert said["login"] == {"status": 200, "body": {"user": "ada"}}
    assert (said["exists"], said["user"]) == (True, "ada")
    assert said["first"] == {"status": 200, "body": {"count": 1}}
    assert said["role"] == "admin"
    assert said["refreshed"] == {"status": 200, "body": {"count": 2}}
    assert said["tabs"] == [200] * 10
    assert 1 <= said["refreshes"] < 10  # one, unless the machine is so slow that what it gave expires
    assert TOKENS & set(said["cookies"]) == (TOKENS if transfer == "cookie" else set())
    assert said["signedOut"] is False
    assert said["after"] == {"status": 401, "body": {"message": "unauthorised"}}
    assert not LEFT & set(said["left"])
    assert {"SESSION_CREATED", "ACCESS_TOKEN_PAYLOAD_UPDATED", "REFRESH_SESSION", "SIGN_OUT"} <= set(said["events"])
    assert said["faults"] == []


@pytest.mark.parametrize("cdi_version", ["5.6", slow("5.4")])
@pytest.mark.parametrize(
    ("transfer", "anti_csrf"),
    [
        ("cookie", None),
        slow("cookie", "VIA_TOKEN"),
        slow("cookie", "VIA_CUSTOM_HEADER"),
        slow("cookie", "NONE"),
        ("header", None),
        slow("header", "VIA_TOKEN"),
    ],
)
def test_fastapi(transfer: str, anti_csrf: str | None, cdi_version: str) -> None:
    """Everything that the frontend SDK does works, in every mode, at both ways of rotating tokens."""
    options = ["--anti-csrf", anti_csrf] if anti_csrf else []
    with shop("fastapi", "--cdi-version", cdi_version, *options) as places:
        said = travel("visit", places, transfer)
    check(said, transfer)
    open_to_all = transfer == "cookie" and anti_csrf in {None, "NONE"}
    assert said["forged"] == {"status": 200 if open_to_all else 401, "cookies": transfer == "cookie"}


@pytest.mark.slow
@pytest.mark.parametrize("transfer", ["cookie", "header"])
@pytest.mark.parametrize("framework", ["flask", "django"])
def test_other_frameworks(framework: str, transfer: str) -> None:
    """The other frameworks do the same."""
    with shop(framework) as places:
        check(travel("visit", places, transfer), transfer)


@pytest.fixture
def across_sites(tmp_path: Path) -> tuple[str, str]:
    """Give the options of an application whose website is at another site."""
    certificate = tmp_path / "certificate.pem"
    write_certificate(certificate, "api.test", "website.test", "stranger.test")
    return "--certificate", str(certificate)


@pytest.mark.parametrize("framework", ["fastapi", slow("flask"), slow("django")])
def test_cookies_across_sites(framework: str, across_sites: tuple[str, str]) -> None:
    """With its website at another site, an application does the same, and a third site can't use its cookies."""
    with shop(framework, *across_sites) as places:
        said = travel("visit", places, "cookie")
    check(said, "cookie")
    assert said["forged"] == {"status": 401, "cookies": True}


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
def test_headers_across_sites(framework: str, across_sites: tuple[str, str]) -> None:
    """Tokens in headers travel to another site also where the browser keeps no cookies of it."""
    with shop(framework, *across_sites) as places:
        check(travel("visit", places, "header", cookies_off=True), "header")


@pytest.mark.slow
def test_cookies_off(across_sites: tuple[str, str]) -> None:
    """There a session that comes in cookies would be lost."""
    with shop("fastapi", *across_sites) as places:
        kept = travel("cookies_off", places, "cookie")
        said = travel("cookies_off", places, "cookie", cookies_off=True)
    assert (kept["login"], set(kept["cookies"])) == (200, TOKENS)
    assert (said["login"], said["cookies"]) == (200, [])


@pytest.mark.parametrize(
    ("framework", "cdi_version", "transfer"),
    [
        slow("fastapi", "5.4", "cookie"),
        slow("fastapi", "5.4", "header"),
        ("fastapi", "5.6", "cookie"),
        ("fastapi", "5.6", "header"),
        slow("flask", "5.6", "header"),
        slow("django", "5.6", "cookie"),
    ],
)
def test_theft(framework: str, cdi_version: str, transfer: str) -> None:
    """A refresh token that was replaced, and its successor used, ends the session of the thief and of its owner."""
    with shop(framework, "--cdi-version", cdi_version) as places:
        said = travel("theft", places, transfer)
    assert said["refreshed"] == [True, True]
    assert said["before"] == {"status": 200, "body": {"count": 1}}
    assert said["thief"] == {"status": 401, "body": {"message": "token theft detected"}}
    assert said["owner"] == {"status": 401, "body": {"message": "unauthorised"}}
    assert said["after"]["status"] == 401
    assert said["exists"] is False
    assert not LEFT & set(said["left"])
    assert "UNAUTHORISED" in said["events"]
    assert said["faults"] == []
