"""A Litestar application with the routes of `views`: `uvicorn --factory tests.framework.litestar_site:build_app`."""

from __future__ import annotations

import json
from typing import Any

from litestar import Litestar, Request, Response, get, post, route
from litestar.di import NamedDependency, Provide
from litestar.enums import HttpMethod

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.framework.litestar import SupertokensPlugin
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.asyncio import create_new_session, get_session
from supertokens_lite.recipe.session.framework.litestar import verify_session
from tests.framework.asgi_calls import send_to
from tests.framework.views import AWAITED, OPTIONS

__all__ = ("build_app", "send_to")

METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.OPTIONS]
AnyRequest = Request[Any, Any, Any]


def _answer(given: Any) -> Response[bytes]:
    response = Response(
        json.dumps(given).encode(),
        status_code=200,
        headers={"X-Kept": "app", "X-Removed": "app", "Access-Control-Expose-Headers": "x-total"},
        media_type="application/json",
    )
    response.set_cookie("theme", "dark")
    return response


@post("/login")
async def _login(request: AnyRequest) -> Response[bytes]:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = await create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


@get("/late")
async def _late(request: AnyRequest) -> Response[bytes]:
    return _answer((await get_session(request)).get_handle())


@get("/quiet")
async def _quiet(request: AnyRequest) -> Response[bytes]:
    found = await get_session(request, session_required=False)
    return _answer(None if found is None else found.get_handle())


def _awaited(name: str) -> Any:
    async def view(session: NamedDependency[SessionContainer | None]) -> Response[bytes]:
        return _answer(await AWAITED[name](session))  # it is there unless it is optional

    return route(f"/{name}", http_method=METHODS, dependencies={"session": Provide(verify_session(**OPTIONS[name]))})(
        view
    )


def build_app(supertokens: Supertokens | None = None) -> Litestar:
    """Build the application; `init` was called, or an SDK is given."""
    handlers = [_login, _late, _quiet, *(_awaited(name) for name in OPTIONS)]
    return Litestar(handlers, plugins=[SupertokensPlugin(supertokens)], logging_config=None)
