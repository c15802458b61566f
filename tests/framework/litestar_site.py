"""A Litestar application with the routes of the conformance kit."""

from __future__ import annotations

import json
from typing import Any

from litestar import Litestar, Request, Response, get, post, route
from litestar.di import NamedDependency, Provide
from litestar.enums import HttpMethod
from litestar.response import Stream

from supertokens_lite import Supertokens
from supertokens_lite.framework.litestar import SupertokensPlugin
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.framework.litestar import verify_session
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    OPTIONS,
    find_late_awaited,
    find_quiet_awaited,
    iter_parts_awaited,
    log_in_awaited,
)

__all__ = ("build_app",)

METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.OPTIONS]
AnyRequest = Request[Any, Any, Any]


def _verified(name: str) -> dict[str, Any]:
    return {"session": Provide(verify_session(**OPTIONS[name]))}


def _answer(given: Any) -> Response[bytes]:
    return Response(json.dumps(given).encode(), status_code=200, headers=dict(ANSWER_HEADERS))


@post("/login")
async def _login(request: AnyRequest) -> Response[bytes]:
    return _answer(await log_in_awaited(request, request.headers.get("x-user", "ada")))


@get("/late")
async def _late(request: AnyRequest) -> Response[bytes]:
    return _answer(await find_late_awaited(request))


@get("/quiet")
async def _quiet(request: AnyRequest) -> Response[bytes]:
    return _answer(await find_quiet_awaited(request))


@get("/stream", dependencies=_verified("merge"))
async def _stream(request: AnyRequest, session: NamedDependency[SessionContainer]) -> Stream:
    await AWAITED["merge"](session)
    return Stream(iter_parts_awaited(request.headers["x-gate"]))


def _awaited(name: str) -> Any:
    async def view(session: NamedDependency[SessionContainer | None]) -> Response[bytes]:
        return _answer(await AWAITED[name](session))  # it is there unless it is optional

    return route(f"/{name}", http_method=METHODS, dependencies=_verified(name))(view)


def build_app(supertokens: Supertokens | None = None) -> Litestar:
    """Build the application; `init` was called, or an SDK is given."""
    handlers = [_login, _late, _quiet, _stream, *(_awaited(name) for name in OPTIONS)]
    return Litestar(handlers, plugins=[SupertokensPlugin(supertokens)], logging_config=None)
