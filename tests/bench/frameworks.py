"""What each framework's door costs a request, with the application called as a server would call it."""

from __future__ import annotations

import asyncio
import gc
import io
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from types import ModuleType
from typing import Any, NamedTuple

from supertokens_lite import Supertokens
from tests.bench.measure import Figure
from tests.bench.sessions import build_app
from tests.protocol.signing import Signer

__all__ = ("figures",)

ROUNDS = 9
VARIANTS = ("alone", "passed", "verified")
HEADERS = {"host": "localhost:8000", "accept": "*/*", "user-agent": "bench"}

Call = Callable[[], Any]


class Tried(NamedTuple):
    """A framework; `build` gives what makes one request, blocking or to be awaited."""

    name: str
    build: Callable[[str, Supertokens, dict[str, str]], Call]


def figures(calls: int) -> Iterator[Figure]:
    """Measure."""
    signer = Signer()
    now_s = int(time.time())
    headers = HEADERS | {"authorization": "Bearer " + signer.sign(signer.claims(iat=now_s, exp=now_s + 3600))}
    with build_app(signer) as supertokens:
        for tried in (
            Tried("FastAPI", fastapi),
            Tried("Litestar", litestar),
            Tried("Quart", quart),
            Tried("aiohttp", aiohttp),
            Tried("Sanic", sanic),
            Tried("Flask", flask),
            Tried("Django, sync", django),
            Tried("Django, async", django_async),
        ):
            took = measure({name: tried.build(name, supertokens, headers) for name in VARIANTS}, calls)
            alone, passed, verified = (statistics.median(took[name]) for name in VARIANTS)
            adds = f"the middleware adds {passed - alone:.0f} µs, verify_session {verified - passed:.0f} µs"
            what = f"{tried.name}, a request with a session whose token was seen before, against one without the SDK"
            yield Figure(what, verified / alone, None, detail=f"{alone:.0f} µs, {adds}")


def measure(variants: dict[str, Call], calls: int) -> dict[str, list[float]]:
    """Give the microseconds of a call of each, round by round, in turn."""
    took: dict[str, list[float]] = {name: [] for name in variants}
    with closing(asyncio.new_event_loop()) as loop:

        async def await_all(call: Callable[[], Awaitable[Any]]) -> None:
            for _ in range(calls):
                await call()

        for round_ in range(ROUNDS + 1):
            for name, call in variants.items():
                gc.collect()
                begun = time.process_time()
                if asyncio.iscoroutinefunction(call):
                    loop.run_until_complete(await_all(call))
                else:
                    for _ in range(calls):
                        call()
                if round_:
                    took[name].append((time.process_time() - begun) / calls * 1e6)
    return took


def asgi(app: Any, headers: dict[str, str], path: str = "/") -> Call:
    """Give what calls an ASGI application."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    async def call() -> None:
        asked = False

        async def receive() -> Any:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # nobody hangs up
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8000),
            "state": {},
        }
        await app(scope, receive, send)

    return call


def wsgi(app: Any, headers: dict[str, str], path: str = "/") -> Call:
    """Give what calls a WSGI application."""
    named = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        assert status.startswith("200")

    def call() -> None:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            **named,
        }
        body = app(environ, start_response)
        b"".join(body)
        getattr(body, "close", lambda: None)()

    return call


def fastapi(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build a FastAPI application."""
    from fastapi import Depends, FastAPI
    from starlette.responses import PlainTextResponse

    from supertokens_lite.framework.fastapi import get_middleware
    from supertokens_lite.recipe.session.framework.fastapi import verify_session

    app = FastAPI()
    answer = PlainTextResponse("x")

    async def plain() -> Any:
        return answer

    async def verified(session: Any = Depends(verify_session(app=supertokens))) -> Any:  # noqa: B008
        return answer

    app.get("/", response_model=None)(verified if variant == "verified" else plain)
    if variant != "alone":
        app.add_middleware(get_middleware(), supertokens=supertokens)
    return asgi(app, headers)


def litestar(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build a Litestar application."""
    from litestar import Litestar, get

    from supertokens_lite.framework.litestar import SupertokensPlugin
    from supertokens_lite.recipe.session.framework.litestar import verify_session

    guards = [verify_session(app=supertokens).guard] if variant == "verified" else []

    @get("/", guards=guards, media_type="text/plain")
    async def plain() -> str:
        return "x"

    plugins = [] if variant == "alone" else [SupertokensPlugin(supertokens)]
    return asgi(Litestar([plain], plugins=plugins, logging_config=None), headers)


def quart(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build a Quart application."""
    from quart import Quart

    from supertokens_lite.framework.quart import Middleware
    from supertokens_lite.recipe.session.framework.quart import verify_session

    app = Quart(__name__)

    async def plain() -> str:
        return "x"

    app.add_url_rule("/", "x", verify_session(app=supertokens)(plain) if variant == "verified" else plain)
    if variant != "alone":
        Middleware(app, supertokens)
    return asgi(app, headers)


def aiohttp(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build an aiohttp application."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    from supertokens_lite.framework.aiohttp import setup
    from supertokens_lite.recipe.session.framework.aiohttp import verify_session

    async def plain(request: web.Request) -> web.StreamResponse:
        return web.Response(text="x")

    app = web.Application()
    app.router.add_get("/", verify_session(app=supertokens)(plain) if variant == "verified" else plain)
    if variant != "alone":
        setup(app, supertokens)

    async def call() -> None:
        app.freeze()
        request = make_mocked_request("GET", "/", headers=headers, app=app)
        response = await app._handle(request)
        await response.prepare(request)
        assert response.status == 200

    return call


def sanic(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build a Sanic application."""
    from sanic import Request, Sanic
    from sanic.response import HTTPResponse, text

    from supertokens_lite.framework.sanic import Middleware
    from supertokens_lite.recipe.session.framework.sanic import verify_session

    app: Any = Sanic(f"bench_{variant}", configure_logging=False)
    app.config.TOUCHUP = False  # it would rewrite itself once for all applications of the process

    async def plain(request: Request) -> HTTPResponse:
        return text("x")

    app.add_route(verify_session(app=supertokens)(plain) if variant == "verified" else plain, "/")
    if variant != "alone":
        Middleware(app, supertokens)
    serve = asgi(app, headers)
    has_begun = False

    async def call() -> None:
        nonlocal has_begun
        if not has_begun:
            has_begun = True
            said = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
            await app({"type": "lifespan", "asgi": {"version": "3.0"}}, _of(said), _drop)
        await serve()

    return call


def _of(messages: Iterator[Any]) -> Callable[[], Awaitable[Any]]:
    async def receive() -> Any:
        return next(messages)

    return receive


async def _drop(message: Any) -> None:
    pass


def flask(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build a Flask application."""
    from flask import Flask

    from supertokens_lite.framework.flask import Middleware
    from supertokens_lite.recipe.session.framework.flask import verify_session

    app = Flask(__name__)

    def plain() -> str:
        return "x"

    app.add_url_rule("/", "x", verify_session(app=supertokens)(plain) if variant == "verified" else plain)
    if variant != "alone":
        Middleware(app, supertokens)
    return wsgi(app, headers)


def django(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build what Django serves by WSGI."""
    from django.core.handlers.wsgi import WSGIHandler

    return wsgi(_django_handler(WSGIHandler, variant, supertokens, is_async=False), headers, f"/{variant}")


def django_async(variant: str, supertokens: Supertokens, headers: dict[str, str]) -> Call:
    """Build what Django serves by ASGI."""
    from django.core.handlers.asgi import ASGIHandler

    return asgi(_django_handler(ASGIHandler, variant, supertokens, is_async=True), headers, f"/{variant}/async")


def _django_handler(kind: Any, variant: str, supertokens: Supertokens, *, is_async: bool) -> Any:
    import django
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse
    from django.test import override_settings
    from django.urls import path

    from supertokens_lite.recipe.session.framework.django import asyncio, syncio

    if not settings.configured:
        settings.configure(ROOT_URLCONF=ModuleType("urls"), ALLOWED_HOSTS=["*"], SECRET_KEY="for the bench")
        settings.ROOT_URLCONF.urlpatterns = []
        django.setup()

    def plain(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x")

    async def plain_async(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x")

    view: Any = plain_async if is_async else plain
    if variant == "verified":
        view = (asyncio if is_async else syncio).verify_session(app=supertokens)(view)
    settings.ROOT_URLCONF.urlpatterns.append(path(f"{variant}/async" if is_async else variant, view))
    middleware = [] if variant == "alone" else ["supertokens_lite.framework.django.django_middleware.middleware"]
    Supertokens._instance = supertokens  # which is where Django's middleware looks for it
    with override_settings(MIDDLEWARE=middleware):
        return kind()
