"""The doors of all frameworks that do not need a server: each sends a request in, and gives what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from supertokens_lite import InputAppInfo, Supertokens, SupertokensConfig, init
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.recipe import session
from tests.framework import (
    aiohttp_site,
    asgi_calls,
    asgi_site,
    django_site,
    fastapi_site,
    flask_site,
    lambda_events,
    lambda_site,
    litestar_site,
    quart_site,
    sanic_site,
    wsgi_site,
)

Begin = Callable[..., Supertokens]
Door = Callable[[PlainRequest], BaseResponse]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, core_uri: str) -> Iterator[Begin]:
    """Give what sets the process's default SDK up, with arguments of `session.init`."""
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    Supertokens.reset()

    def set_up(uri: str | None = None, **recipe: Any) -> Supertokens:
        info = InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.com")
        init(info, "flask", SupertokensConfig(uri or core_uri, max_retries=0), [session.init(**recipe)])
        return Supertokens.get_instance()

    yield set_up
    Supertokens.reset()


def _below(prefix: str, send: Door) -> Door:
    """Send to the views below a prefix; the endpoints of the SDK are where they are."""

    def door(request: PlainRequest) -> BaseResponse:
        if not request.get_path().startswith("/auth/"):
            scheme, rest = request._url.split("://")
            host, path = rest.split("/", 1)
            request._url = f"{scheme}://{host}{prefix}/{path}"
        return send(request)

    return door


DOORS: dict[str, Callable[[], Door]] = {
    "flask": lambda: _through(flask_site.build_app(), flask_site.send_to),
    "flask, async views": lambda: _below("/async", _through(flask_site.build_app(), flask_site.send_to)),
    "django": lambda: django_site.send_to,
    "django, async views": lambda: _below("/async", django_site.send_to),
    "django on asgi": lambda: _below("/async", django_site.send_to_async),
    "django on asgi, blocking views": lambda: django_site.send_to_async,
    "litestar": lambda: _later(litestar_site.build_app, asgi_calls.send_to),
    "quart": lambda: _through(quart_site.build_app(), asgi_calls.send_to),
    "quart, blocking views": lambda: _below("/blocking", _through(quart_site.build_app(), asgi_calls.send_to)),
    "aiohttp": lambda: _through(aiohttp_site.build_app, aiohttp_site.send_to),
    "aiohttp, classes": lambda: _below("/classes", _through(aiohttp_site.build_app, aiohttp_site.send_to)),
    "sanic": lambda: _through(sanic_site.build_app, sanic_site.send_to),
    "sanic, blocking views": lambda: _below("/blocking", _through(sanic_site.build_app, sanic_site.send_to)),
    "wsgi": lambda: _through(wsgi_site.build_app(), wsgi_site.send_to),
    "lambda, HTTP API": lambda: _through(lambda_site.build_handler(), lambda_events.send_http_api),
    "lambda, REST": lambda: _through(lambda_site.build_handler(), lambda_events.send_rest),
    "asgi": lambda: _through(asgi_site.build_app(), asgi_calls.send_to),
    "fastapi": lambda: _through(fastapi_site.build_app(), asgi_calls.send_to),
    "fastapi, plain functions": lambda: _below("/plain", _through(fastapi_site.build_app(), asgi_calls.send_to)),
}


def _through(app: Any, send: Callable[[Any, PlainRequest], BaseResponse]) -> Door:
    return lambda request: send(app, request)


def _later(build: Callable[[], Any], send: Callable[[Any, PlainRequest], BaseResponse]) -> Door:
    """Send to an application that is built once the SDK is there."""
    build_once = cache(build)
    return lambda request: send(build_once(), request)


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    """Give each door in turn."""
    return DOORS[request.param]()
