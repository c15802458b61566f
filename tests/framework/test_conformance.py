"""The conformance kit through real servers of every framework, over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from supertokens_lite.testing.conformance import Conformance

pytest_plugins = ["supertokens_lite.testing.plugin"]
pytestmark = pytest.mark.slow

PYTHON = (sys.executable, "-m")
UVICORN = (*PYTHON, "uvicorn", "--port", "{port}", "--log-level", "warning")
HYPERCORN = (*PYTHON, "hypercorn", "--bind", "127.0.0.1:{port}")
GUNICORN = (*PYTHON, "gunicorn", "--bind", "127.0.0.1:{port}", "--log-level", "warning")
GEVENT = (*GUNICORN, "--worker-class", "gevent")

SITE = "tests.framework.served_site:app"
DJANGO = "tests.framework.served_django"


def site(name: str) -> Mapping[str, str]:
    """Give the environment that says which application is to be served."""
    return {"SITE": name}


class TestFastapiOnUvicorn(Conformance):
    command = (*UVICORN, SITE)
    environment = site("fastapi")


class TestFastapiOnHypercorn(Conformance):
    command = (*HYPERCORN, SITE)
    environment = site("fastapi")
    below = "/plain"


class TestAsgiOnUvicorn(Conformance):
    command = (*UVICORN, SITE)
    environment = site("asgi")


class TestFlaskOnGunicorn(Conformance):
    command = (*GUNICORN, SITE)
    environment = site("flask")


class TestFlaskOnGevent(Conformance):
    command = (*GEVENT, SITE)
    environment = site("flask")


class TestWsgiOnGunicorn(Conformance):
    command = (*GUNICORN, SITE)
    environment = site("wsgi")


class TestDjangoOnItsOwnServer(Conformance):
    command = (*PYTHON, DJANGO, "runserver", "--noreload", "{port}")


class TestDjangoOnGunicorn(Conformance):
    command = (*GUNICORN, f"{DJANGO}:wsgi")


class TestDjangoOnUvicorn(Conformance):
    command = (*UVICORN, f"{DJANGO}:asgi")
    below = "/async"


class TestBlockingDjangoOnUvicorn(Conformance):
    command = (*UVICORN, f"{DJANGO}:asgi")
    left_out = ("test_a_stream_comes_in_parts",)  # Django reads a blocking stream to its end before ASGI gets it
