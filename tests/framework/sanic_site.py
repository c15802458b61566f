"""A Sanic application with the routes of `views`: `python -m tests.framework.sanic_site HOST PORT`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sanic import Blueprint, HTTPResponse, Request, Sanic
from sanic.response import json as json_response

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.sanic import Middleware
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.asyncio import create_new_session, get_session
from supertokens_lite.recipe.session.framework.sanic import verify_session
from tests.framework import asgi_calls
from tests.framework.views import AWAITED, BLOCKING, OPTIONS

__all__ = ("build_app", "send_to", "serving")


def _answer(given: Any) -> HTTPResponse:
    response = json_response(given)
    response.add_cookie("theme", "dark")
    response.headers["X-Kept"] = "app"
    response.headers["X-Removed"] = "app"
    response.headers["Access-Control-Expose-Headers"] = "x-total"
    return response


async def _login(request: Request) -> HTTPResponse:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = await create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    assert request.ctx.supertokens is made
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


async def _late(request: Request) -> HTTPResponse:
    return _answer((await get_session(request)).get_handle())


async def _quiet(request: Request) -> HTTPResponse:
    await get_session(request, session_required=False)
    found = request.ctx.supertokens
    return _answer(None if found is None else found.get_handle())


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
        place.add_route(_quiet, "/quiet", name="quiet", error_format="json")
        place.add_route(_late, "/late", name="late", error_format="json")
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
    places = InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000")
    init(places, "sanic", SupertokensConfig("sqlite:///:memory:"), [session.init()])
    build_app().run(host=sys.argv[1], port=int(sys.argv[2]), single_process=True, access_log=False, motd=False)
