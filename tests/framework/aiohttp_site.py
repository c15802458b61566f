"""An aiohttp application with the routes of `views`: `python -m tests.framework.aiohttp_site HOST PORT`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.aiohttp import SESSION, setup
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.asyncio import create_new_session, get_session
from supertokens_lite.recipe.session.framework.aiohttp import verify_session
from tests.framework.views import AWAITED, OPTIONS

__all__ = ("build_app", "send_to")

Handler = Callable[[web.Request], Any]


@web.middleware
async def _behind_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Believe a proxy that says how it was asked, as aiohttp-remotes does: with a request of its own."""
    scheme = request.headers.get("x-forwarded-proto", request.scheme)
    response: web.StreamResponse = await handler(request.clone(scheme=scheme))
    return response


def _answer(given: Any) -> web.Response:
    response = web.Response(body=json.dumps(given).encode(), content_type="application/json")
    response.set_cookie("theme", "dark")
    response.headers["X-Kept"] = "app"
    response.headers["X-Removed"] = "app"
    response.headers["Access-Control-Expose-Headers"] = "x-total"
    return response


async def _login(request: web.Request) -> web.Response:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = await create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    assert request[SESSION] is made
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


async def _late(request: web.Request) -> web.Response:
    return _answer((await get_session(request)).get_handle())


async def _quiet(request: web.Request) -> web.Response:
    await get_session(request, session_required=False)
    return _answer(None if request[SESSION] is None else request[SESSION].get_handle())


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
    app.add_subapp("/classes", inner)
    setup(app, supertokens)
    return app


def send_to(build: Callable[[], web.Application], request: PlainRequest) -> BaseResponse:
    """Send a request to a server of its own, as a proxy does that was asked for it."""
    url = URL(request.get_original_url(), encoded=True)
    headers = {"host": url.host or "", "x-forwarded-proto": url.scheme} | request._headers
    response = BaseResponse()

    async def call() -> None:
        async with TestClient(TestServer(build()), auto_decompress=False) as client:
            target = url.relative()
            async with client.request(
                request.method(),
                target,
                headers=headers,
                data=request._body or None,
                allow_redirects=False,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            ) as answer:
                response.status, response.content = answer.status, await answer.read()
                response.headers = list(answer.headers.items())

    asyncio.run(call())
    return response


if __name__ == "__main__":
    places = InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000")
    init(places, "aiohttp", SupertokensConfig("sqlite:///:memory:"), [session.init()])
    web.run_app(build_app(), host=sys.argv[1], port=int(sys.argv[2]), print=None)
