"""A Sanic application with the routes of the conformance kit: `python -m tests.framework.sanic_site PORT`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sanic import Blueprint, HTTPResponse, Request, Sanic
from sanic.response import json as json_response

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.sanic import Middleware, request_of
from supertokens_lite.recipe.session.framework.sanic import verify_session
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    BLOCKING,
    OPTIONS,
    begin,
    find_late_awaited,
    find_quiet_awaited,
    iter_parts_awaited,
    log_in_awaited,
)
from tests.framework import asgi_calls

__all__ = ("build_app", "send_to", "serving")


def _answer(given: Any) -> HTTPResponse:
    return json_response(given, headers=dict(ANSWER_HEADERS))


async def _login(request: Request) -> HTTPResponse:
    made = await log_in_awaited(request, request_of(request).get_header("x-user") or "ada")
    assert request.ctx.supertokens.get_handle() == made["handle"]
    return _answer(made)


async def _late(request: Request) -> HTTPResponse:
    return _answer(await find_late_awaited(request))


async def _quiet(request: Request) -> HTTPResponse:
    found = await find_quiet_awaited(request)
    session = request.ctx.supertokens
    assert found == (None if session is None else session.get_handle())
    return _answer(found)


@verify_session()
async def _stream(request: Request) -> None:
    await AWAITED["merge"](request.ctx.supertokens)
    response: Any = await request.respond()
    async for part in iter_parts_awaited(request.headers["x-gate"]):
        await response.send(part)
    await response.eof()


def _awaited(name: str) -> Callable[[Request], Any]:
    @verify_session(**OPTIONS[name])
    async def view(request: Request) -> HTTPResponse:
        return _answer(await AWAITED[name](request.ctx.supertokens))

    return view


def _blocking(name: str) -> Callable[[Request], Any]:
    @verify_session(**OPTIONS[name])
    def view(request: Request) -> HTTPResponse:
        return _answer(BLOCKING[name](request.ctx.supertokens))

    return view


def build_app(supertokens: Supertokens | None = None) -> Any:
    """Build the application; its handlers are `def` below `/blocking`.

    Sanic knows each by a name of its own. Without `error_format` it would parse the source of each handler, which
    threads can't do at the same time.
    """
    app: Any = Sanic(f"shop-{uuid4().hex}", configure_logging=False)
    app.config.SERVER_NAME = "https://api.example.com"  # on ASGI it does not ask the server
    app.config.TOUCHUP = False  # it rewrites what all applications share
    part: Any = Blueprint(f"part-{uuid4().hex}", url_prefix="/blocking")
    methods = ["GET", "POST", "OPTIONS"]
    for place, make in ((app, _awaited), (part, _blocking)):
        for name in OPTIONS:
            place.add_route(make(name), f"/{name}", methods=methods, name=name, error_format="json")
        place.add_route(_login, "/login", methods=["POST"], name="login", error_format="json")
        for name, view in (("quiet", _quiet), ("late", _late), ("stream", _stream)):
            place.add_route(view, f"/{name}", name=name, error_format="json")
    app.blueprint(part)
    Middleware(supertokens=supertokens).init_app(app)
    return app


def serving(app: Any) -> Any:
    """Give an ASGI application that is begun before each call, for no server does it here."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        said: asyncio.Queue[Any] = asyncio.Queue()
        for kind in ("startup", "shutdown"):
            await said.put({"type": f"lifespan.{kind}"})
        await app({"type": "lifespan", "asgi": scope["asgi"]}, said.get, _drop)
        await app(scope, receive, send)

    return call


async def _drop(message: Any) -> None:
    assert message["type"].endswith(".complete"), message


def send_to(build: Callable[[], Any], request: PlainRequest) -> BaseResponse:
    """Send a request to an application of its own."""
    return asgi_calls.send_to(serving(build()), request)


if __name__ == "__main__":
    begin()
    alone = build_app()
    alone.config.TOUCHUP = True
    alone.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
