"""A Quart application with the routes of the conformance kit: awaited ones, and blocking ones below `/blocking`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from quart import Blueprint, Quart, g, request
from quart import Response as QuartResponse

from supertokens_lite import Supertokens
from supertokens_lite.framework.quart import Middleware
from supertokens_lite.recipe.session.framework.quart import verify_session
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    BLOCKING,
    OPTIONS,
    find_late_awaited,
    find_quiet_awaited,
    iter_parts_awaited,
    log_in_awaited,
)

__all__ = ("build_app",)


def _answer(given: Any) -> QuartResponse:
    return QuartResponse(json.dumps(given), headers=dict(ANSWER_HEADERS))


async def _login() -> QuartResponse:
    made = await log_in_awaited(request, request.headers.get("x-user", "ada"))
    assert g.supertokens.get_handle() == made["handle"]
    return _answer(made)


async def _late() -> QuartResponse:
    return _answer(await find_late_awaited(request))


async def _quiet() -> QuartResponse:
    found = await find_quiet_awaited(request)
    assert found == (None if g.supertokens is None else g.supertokens.get_handle())
    return _answer(found)


@verify_session()
async def _stream() -> QuartResponse:
    await AWAITED["merge"](g.supertokens)
    return QuartResponse(iter_parts_awaited(request.headers["x-gate"]))


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
    """Build the application, as a factory does."""
    app = Quart(__name__)
    later = Blueprint("later", __name__, url_prefix="/blocking")
    methods = ["GET", "POST", "OPTIONS"]
    place: Any
    for place, make in ((app, _awaited), (later, _blocking)):
        for name in OPTIONS:
            place.add_url_rule(f"/{name}", name, make(name), methods=methods, provide_automatic_options=False)
        place.add_url_rule("/login", "login", _login, methods=["POST"])
        place.add_url_rule("/quiet", "quiet", _quiet)
        place.add_url_rule("/late", "late", _late)
        place.add_url_rule("/stream", "stream", _stream)
    app.register_blueprint(later)
    Middleware(supertokens=supertokens).init_app(app)
    return app
