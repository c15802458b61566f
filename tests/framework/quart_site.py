"""A Quart application with the routes of `views`: `python -m hypercorn "tests.framework.quart_site:build_app()"`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from quart import Blueprint, Quart, g, request
from quart import Response as QuartResponse

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.framework.quart import Middleware
from supertokens_lite.recipe.session import asyncio as sessions
from supertokens_lite.recipe.session.framework.quart import verify_session
from tests.framework.asgi_calls import send_to
from tests.framework.views import AWAITED, BLOCKING, OPTIONS

__all__ = ("build_app", "send_to")


def _answer(given: Any) -> QuartResponse:
    response = QuartResponse(json.dumps(given), content_type="application/json")
    response.set_cookie("theme", "dark")
    response.headers["X-Kept"] = "app"
    response.headers["X-Removed"] = "app"
    response.headers["Access-Control-Expose-Headers"] = "x-total"
    return response


async def _login() -> QuartResponse:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = await sessions.create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    assert g.supertokens is made
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


async def _late() -> QuartResponse:
    made = await sessions.get_session(request)
    return _answer(made.get_handle())


async def _quiet() -> QuartResponse:
    await sessions.get_session(request, session_required=False)
    return _answer(None if g.supertokens is None else g.supertokens.get_handle())


def _awaited(name: str) -> Callable[[], Any]:
    @verify_session(**OPTIONS[name])
    async def view() -> Any:
        return _answer(await AWAITED[name](g.supertokens))

    return view


def _blocking(name: str) -> Callable[[], Any]:
    @verify_session(**OPTIONS[name])
    def view() -> Any:
        return _answer(BLOCKING[name](g.supertokens))

    return view


def build_app(supertokens: Supertokens | None = None) -> Quart:
    """Build the application, as a factory does; below `/blocking` its views are."""
    app = Quart(__name__)
    later = Blueprint("later", __name__, url_prefix="/blocking")
    methods = ["GET", "POST", "OPTIONS"]
    for name in OPTIONS:
        app.add_url_rule(f"/{name}", name, _awaited(name), methods=methods, provide_automatic_options=False)
        later.add_url_rule(f"/{name}", name, _blocking(name), methods=methods, provide_automatic_options=False)
    for place in (app, later):
        place.add_url_rule("/login", "login", _login, methods=["POST"])
        place.add_url_rule("/quiet", "quiet", _quiet)
        place.add_url_rule("/late", "late", _late)
    app.register_blueprint(later)
    Middleware(supertokens=supertokens).init_app(app)
    return app
