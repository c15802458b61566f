"""An aiohttp application with the routes of the conformance kit: `python -m tests.framework.aiohttp_site PORT`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.aiohttp import SESSION, request_of, setup
from supertokens_lite.recipe.session.framework.aiohttp import verify_session
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    OPTIONS,
    begin,
    find_late_awaited,
    find_quiet_awaited,
    iter_parts_awaited,
    log_in_awaited,
)
from supertokens_lite.testing.servers import ServerDoor

__all__ = ("build_app", "send_to")

Handler = Callable[[web.Request], Any]


@web.middleware
async def _behind_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Believe a proxy that says how it was asked, as aiohttp-remotes does: with a request of its own."""
    scheme = request.headers.get("x-forwarded-proto", request.scheme)
    response: web.StreamResponse = await handler(request.clone(scheme=scheme))
    return response


def _answer(given: Any) -> web.Response:
    return web.Response(body=json.dumps(given).encode(), headers=list(ANSWER_HEADERS))


async def _login(request: web.Request) -> web.Response:
    made = await log_in_awaited(request, request_of(request).get_header("x-user") or "ada")
    assert request[SESSION].get_handle() == made["handle"]
    return _answer(made)


async def _late(request: web.Request) -> web.Response:
    return _answer(await find_late_awaited(request))


async def _quiet(request: web.Request) -> web.Response:
    found = await find_quiet_awaited(request)
    assert found == (None if request[SESSION] is None else request[SESSION].get_handle())
    return _answer(found)


@verify_session()
async def _stream(request: web.Request) -> web.StreamResponse:
    await AWAITED["merge"](request[SESSION])
    response = web.StreamResponse()
    await response.prepare(request)
    async for part in iter_parts_awaited(request.headers["x-gate"]):
        await response.write(part)
    return response


def _awaited(name: str) -> Handler:
    @verify_session(**OPTIONS[name])
    async def view(request: web.Request) -> web.Response:
        return _answer(await AWAITED[name](request[SESSION]))

    return view


def _build_class(name: str) -> type[web.View]:
    class View(web.View):
        @verify_session(**OPTIONS[name])
        async def get(self) -> web.Response:
            return _answer(await AWAITED[name](self.request[SESSION]))

        post = options = get

    return View


def build_app(supertokens: Supertokens | None = None) -> web.Application:
    """Build the application; below `/classes` is one of its own, with classes for views."""
    app, inner = web.Application(middlewares=[_behind_proxy]), web.Application()
    for name in OPTIONS:
        view = _awaited(name)
        for method in ("GET", "POST", "OPTIONS"):
            app.router.add_route(method, f"/{name}", view)
        inner.router.add_view(f"/{name}", _build_class(name))
    for place in (app, inner):
        place.router.add_post("/login", _login)
        place.router.add_get("/quiet", _quiet)
        place.router.add_get("/late", _late)
        place.router.add_get("/stream", _stream)
    app.add_subapp("/classes", inner)
    setup(app, supertokens)
    return app


def send_to(build: Callable[[], web.Application], request: PlainRequest) -> BaseResponse:
    """Send a request to a server of its own, as a proxy does that was asked for it."""
    url = request.get_original_url()
    headers = {"x-forwarded-proto": urlsplit(url).scheme} | request._headers
    forwarded = PlainRequest(request.method(), url, headers, request._body)

    async def call() -> BaseResponse:
        async with TestServer(build()) as server:
            return await asyncio.to_thread(ServerDoor(server.port or 0), forwarded)

    return asyncio.run(call())


if __name__ == "__main__":
    begin()
    web.run_app(build_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
