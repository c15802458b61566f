"""What frameworks can tell at their start: middleware that is missing, and CORS that the website would stumble over."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from supertokens_lite import Supertokens, get_all_cors_headers
from supertokens_lite.exceptions import SuperTokensWarning
from supertokens_lite.framework.fastapi import get_middleware, lifespan
from tests.doors import build
from tests.framework.django_site import MIDDLEWARE

# after django_site, which configures Django
from supertokens_lite.framework.django.checks import check_cors, check_middleware  # isort: skip

Begin = Callable[..., Supertokens]

GOOD: dict[str, Any] = {
    "allow_origins": ["https://example.com"],
    "allow_credentials": True,
    "allow_headers": ["content-type", *get_all_cors_headers()],
}
CORS = "corsheaders.middleware.CorsMiddleware"
EXPOSED = ["Front-Token", "st-access-token", "st-refresh-token", "anti-csrf"]


def start(cors: dict[str, Any] | None, *, inside: bool = False, supertokens: Supertokens | None = None) -> list[str]:
    """Start an application of FastAPI as a server does, and end it; give what it warned of."""
    app = FastAPI()
    if cors is not None and inside:
        app.add_middleware(CORSMiddleware, **cors)
    app.add_middleware(get_middleware(), supertokens=supertokens)
    if cors is not None and not inside:
        app.add_middleware(CORSMiddleware, **cors)
    said: list[str] = []

    async def live() -> None:
        events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(events)

        async def send(message: Any) -> None:
            said.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", SuperTokensWarning)
        asyncio.run(live())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    return [str(each.message) for each in seen]


STARLETTE: list[tuple[dict[str, Any], str]] = [
    ({"allow_credentials": False}, "credentials are not allowed"),
    ({"allow_headers": ["rid"]}, "not allowed: anti-csrf, authorization, fdi-version, st-auth-mode"),
    ({"expose_headers": ["x-total"]}, "lacks front-token, st-access-token, st-refresh-token, anti-csrf"),
    ({"allow_origins": ["*"]}, "name the website's"),
]


@pytest.mark.parametrize(("changed", "said"), STARLETTE)
def test_fastapi_with_bad_cors(begin: Begin, changed: dict[str, Any], said: str) -> None:
    """When the application starts it warns of what the website would stumble over."""
    begin()
    [warned] = start(GOOD | changed)
    assert warned.startswith("CORSMiddleware: ")
    assert said in warned


def test_fastapi_with_cors_inside(begin: Begin) -> None:
    """CORS middleware that does not see the session endpoints is found."""
    begin()
    [warned] = start(GOOD, inside=True)
    assert "add it afterwards" in warned


@pytest.mark.parametrize("cors", [None, GOOD, GOOD | {"allow_headers": ["*"]}, GOOD | {"expose_headers": EXPOSED}])
def test_fastapi_with_good_cors(begin: Begin, cors: dict[str, Any] | None) -> None:
    """What works is not spoken of; nor is what has no website of another origin, or no SDK yet."""
    begin()
    assert start(cors) == []


def test_fastapi_without_another_origin(core_uri: str) -> None:
    """Where the website is of the API's own origin, CORS is for others, as it is where nothing is known yet."""
    Supertokens._instance = None
    assert start(GOOD | {"allow_credentials": False}) == []
    with build(core_uri, info={"website_domain": "https://api.example.com"}) as app:
        assert start(GOOD | {"allow_credentials": False}, supertokens=app) == []
    with build(core_uri) as app:
        assert len(start(GOOD | {"allow_credentials": False}, supertokens=app)) == 1


def test_fastapi_without_the_middleware(begin: Begin) -> None:
    """An application whose lifespan is ours hears at its start which line is missing, and nothing once it is there."""
    begin()

    async def live(app: FastAPI) -> None:
        async with lifespan(app):
            pass

    app = FastAPI()
    with pytest.warns(SuperTokensWarning, match=r"app\.add_middleware\(get_middleware\(\)\)"):
        asyncio.run(live(app))
    app.add_middleware(get_middleware())
    asyncio.run(live(app))


def test_django_without_the_middleware(begin: Begin) -> None:
    """Django's check says which line to add."""
    begin()
    assert check_middleware(None) == []
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        [found] = check_middleware(None)
    assert (found.id, found.is_serious()) == ("supertokens_lite.E001", True)
    assert f'"{MIDDLEWARE}"' in str(found.hint)


GOOD_CORS = {
    "MIDDLEWARE": [CORS, MIDDLEWARE],
    "CORS_ALLOW_CREDENTIALS": True,
    "CORS_ALLOW_HEADERS": ("content-type", *get_all_cors_headers()),
}
DJANGO: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"CORS_EXPOSE_HEADERS": EXPOSED}, []),
    ({"CORS_ALLOW_CREDENTIALS": False}, ["credentials"]),
    ({"CORS_ALLOW_HEADERS": ["authorization"]}, ["not allowed: anti-csrf, fdi-version, rid, st-auth-mode"]),
    ({"CORS_EXPOSE_HEADERS": ["front-token"]}, ["lacks st-access-token, st-refresh-token, anti-csrf"]),
    ({"MIDDLEWARE": [MIDDLEWARE, CORS]}, ["after the middleware"]),
    ({"MIDDLEWARE": [MIDDLEWARE], "CORS_ALLOW_CREDENTIALS": False}, []),
]


@pytest.mark.parametrize(("changed", "said"), DJANGO)
def test_cors_of_django(begin: Begin, changed: dict[str, Any], said: list[str]) -> None:
    """Django's check warns of settings of django-cors-headers that the website would stumble over."""
    begin()
    with override_settings(**(GOOD_CORS | changed)):
        found = check_cors(None)
    assert len(found) == len(said)
    for warning, part in zip(found, said, strict=True):
        assert warning.id == "supertokens_lite.W001"
        assert part in warning.msg


PROJECT = """
import sys
from django.apps import AppConfig
from django.conf import settings
from django.core.management import execute_from_command_line

class Shop(AppConfig):
    name = "shop"

    def ready(self):
        from supertokens_lite import InputAppInfo, SupertokensConfig, init
        from supertokens_lite.recipe import session
        if "--no-init" in sys.argv:
            return sys.argv.remove("--no-init")
        info = InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.com")
        init(info, "django", SupertokensConfig("sqlite:///:memory:"), [session.init()])

if __name__ == "__main__":
    settings.configure(
        INSTALLED_APPS=["supertokens_lite.framework.django", "shop.Shop"],
        MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"],
    )
    execute_from_command_line(sys.argv)
"""


@pytest.mark.parametrize("option", [(), ("--no-init",)], ids=["init", "no init"])
def test_manage_py_check(tmp_path: Path, option: tuple[str, ...]) -> None:
    """With the application installed `manage.py check` fails where the middleware or `init` is missing."""
    (tmp_path / "shop.py").write_text(PROJECT, encoding="utf-8")
    command = [sys.executable, "-W", "error", "shop.py", "check", *option]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "supertokens_lite.E001" in done.stderr
    assert ("supertokens_lite.E002" in done.stderr) is bool(option)
    assert ("supertokens_lite.W001" in done.stderr) is not bool(option)
