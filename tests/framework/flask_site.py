"""A Flask application with the routes of `views`: blocking ones, and async ones below `/async`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, g, request
from flask import Response as FlaskResponse

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.framework.flask import Middleware
from supertokens_lite.recipe.session.framework.flask import verify_session
from supertokens_lite.testing.application import (
    AWAITED,
    BLOCKING,
    OPTIONS,
    find_late,
    find_late_awaited,
    find_quiet,
    iter_parts,
    log_in,
)

__all__ = ("build_app", "send_to")


def _answer(given: Any) -> FlaskResponse:
    response = FlaskResponse(json.dumps(given), content_type="application/json")
    response.set_cookie("theme", "dark")
    response.headers["X-Kept"] = "app"
    response.headers["X-Removed"] = "app"
    response.headers["Access-Control-Expose-Headers"] = "x-total"
    return response


def _login() -> FlaskResponse:
    made = log_in(request, request.headers.get("x-user", "ada"))
    assert g.supertokens.get_handle() == made["handle"]
    return _answer(made)


def _late() -> FlaskResponse:
    return _answer(find_late(request))


async def _late_async() -> FlaskResponse:
    return _answer(await find_late_awaited(request))


def _quiet() -> FlaskResponse:
    found = find_quiet(request)
    assert found == (None if g.supertokens is None else g.supertokens.get_handle())
    return _answer(found)


@verify_session()
def _stream() -> FlaskResponse:
    BLOCKING["merge"](g.supertokens)
    return FlaskResponse(iter_parts(request.headers["x-gate"]))


def _blocking(name: str) -> Callable[[], Any]:
    @verify_session(**OPTIONS[name])
    def view() -> Any:
        return _answer(BLOCKING[name](g.supertokens))

    return view


def _awaited(name: str) -> Callable[[], Any]:
    @verify_session(**OPTIONS[name])
    async def view() -> Any:
        return _answer(await AWAITED[name](g.supertokens))

    return view


def build_app(supertokens: Supertokens | None = None) -> Flask:
    """Build the application, as a factory does."""
    app = Flask(__name__)
    later = Blueprint("later", __name__, url_prefix="/async")
    for name in OPTIONS:
        app.add_url_rule(
            f"/{name}", name, _blocking(name), methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False
        )
        later.add_url_rule(
            f"/{name}", name, _awaited(name), methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False
        )
    for place in (app, later):
        place.add_url_rule("/login", "login", _login, methods=["POST"])
        place.add_url_rule("/quiet", "quiet", _quiet)
        place.add_url_rule("/stream", "stream", _stream)
    app.add_url_rule("/late", "late", _late)
    later.add_url_rule("/late", "late", _late_async)
    app.register_blueprint(later)
    Middleware(supertokens=supertokens).init_app(app)
    return app


def send_to(app: Flask, request: PlainRequest, **environ: Any) -> BaseResponse:
    """Send a request with Flask's test client; give what came back."""
    client = app.test_client(use_cookies=False)
    answer = client.open(
        request.get_original_url(),
        method=request.method(),
        headers=request._headers,
        data=request._body,
        environ_overrides=environ,
    )
    response = BaseResponse()
    response.status, response.content, response.headers = answer.status_code, answer.data, list(answer.headers)
    return response
