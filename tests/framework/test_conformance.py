"""The conformance kit through real servers of every framework, over HTTP.

All but one are marked slow: what the kit itself does is covered by one, and what the doors do by `test_doors.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from supertokens_lite.testing.conformance import Conformance

pytest_plugins = ["supertokens_lite.testing.plugin"]

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


@pytest.mark.slow
class TestFastapiOnUvicorn(Conformance):
    command = (*UVICORN, SITE)
    environment = site("fastapi")


@pytest.mark.slow
class TestFastapiOnHypercorn(Conformance):
    command = (*HYPERCORN, SITE)
    environment = site("fastapi")
    below = "/plain"


class TestAsgiOnUvicorn(Conformance):
    command = (*UVICORN, SITE)
    environment = site("asgi")


@pytest.mark.slow
class TestLitestarOnUvicorn(Conformance):
    command = (*UVICORN, SITE)
    environment = site("litestar")


@pytest.mark.slow
class TestQuartOnHypercorn(Conformance):
    command = (*HYPERCORN, SITE)
    environment = site("quart")


@pytest.mark.slow
class TestAiohttpOnItsOwnServer(Conformance):
    command = (*PYTHON, "tests.framework.aiohttp_site", "{port}")


@pytest.mark.slow
class TestSanicOnItsOwnServer(Conformance):
    command = (*PYTHON, "tests.framework.sanic_site", "{port}")


@pytest.mark.slow
class TestFlaskOnGunicorn(Conformance):
    command = (*GUNICORN, SITE)
    environment = site("flask")


@pytest.mark.slow
class TestFlaskOnGevent(Conformance):
    command = (*GEVENT, SITE)
    environment = site("flask")


@pytest.mark.slow
class TestWsgiOnGunicorn(Conformance):
    command = (*GUNICORN, SITE)
    environment = site("wsgi")


@pytest.mark.slow
class TestDjangoOnItsOwnServer(Conformance):
    command = (*PYTHON, DJANGO, "runserver", "--noreload", "{port}")


@pytest.mark.slow
class TestDjangoOnGunicorn(Conformance):
    command = (*GUNICORN, f"{DJANGO}:wsgi")


@pytest.mark.slow
class TestDjangoOnUvicorn(Conformance):
    command = (*UVICORN, f"{DJANGO}:asgi")
    below = "/async"


@pytest.mark.slow
class TestBlockingDjangoOnUvicorn(Conformance):
    command = (*UVICORN, f"{DJANGO}:asgi")
    left_out = ("test_a_stream_comes_in_parts",)  # Django reads a blocking stream to its end before ASGI gets it
