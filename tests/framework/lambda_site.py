"""A Lambda function with the blocking routes of `views`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.framework.aws_lambda import LambdaEvent, Middleware, request_of
from supertokens_lite.recipe.session import syncio
from supertokens_lite.recipe.session.framework.aws_lambda import verify_session
from supertokens_lite.testing.application import iter_parts
from tests.framework.views import BLOCKING, OPTIONS

__all__ = ("build_handler",)

Route = Callable[[LambdaEvent, Any], Any]


def _view(name: str) -> Route:
    @verify_session(**OPTIONS[name])
    def view(event: LambdaEvent, context: Any) -> Any:
        return BLOCKING[name](event.supertokens)

    return view


def _login(event: LambdaEvent, context: Any) -> Any:
    user = RecipeUserId(request_of(event).get_header("x-user") or "ada")
    made = syncio.create_new_session(event, "public", user, {"role": "guest"}, {"visits": 1})
    assert event.supertokens is made
    return {"handle": made.get_handle(), "user": made.get_user_id()}


def _late(event: LambdaEvent, context: Any) -> Any:
    return syncio.get_session(event).get_handle()


def _quiet(event: LambdaEvent, context: Any) -> Any:
    syncio.get_session(event, session_required=False)
    return None if event.supertokens is None else event.supertokens.get_handle()


@verify_session()
def _stream(event: LambdaEvent, context: Any) -> Any:
    """Give the parts as one: what Lambda gives the gateway has no parts."""
    BLOCKING["merge"](event.supertokens)
    return b"".join(iter_parts(request_of(event).get_header("x-gate") or "")).decode()


ROUTES = {"login": _login, "late": _late, "quiet": _quiet, "stream": _stream} | {name: _view(name) for name in OPTIONS}


def _handle(event: LambdaEvent, context: Any) -> dict[str, Any]:
    route = ROUTES.get(request_of(event).get_path().removeprefix("/"))
    if route is None:
        return {"statusCode": 404, "body": "not found"}
    given = route(event, context)
    body = given if route is _stream else json.dumps(given)
    headers = {"Content-Type": "application/json", "X-Kept": "app", "X-Removed": "app"}
    headers["Access-Control-Expose-Headers"] = "x-total"
    result = {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": False}
    if "rawPath" in event:
        return result | {"cookies": ["theme=dark; Path=/"]}
    return result | {"multiValueHeaders": {"Set-Cookie": ["theme=dark; Path=/"]}}


def build_handler(supertokens: Supertokens | None = None) -> Middleware:
    """Build the handler."""
    return Middleware(_handle, supertokens)
