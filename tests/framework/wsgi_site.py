"""A WSGI application of no framework, with the blocking routes of `views`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.framework.wsgi import Middleware, request_of
from supertokens_lite.recipe.session import syncio
from tests.framework.views import BLOCKING, OPTIONS

__all__ = ("build_app", "send_to")

HEADERS = [
    ("Content-Type", "application/json"),
    ("Set-Cookie", "theme=dark; Path=/"),
    ("X-Kept", "app"),
    ("X-Removed", "app"),
    ("Access-Control-Expose-Headers", "x-total"),
]


def _answer(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
    request = request_of(environ)
    supertokens = request.supertokens
    name = environ["PATH_INFO"].removeprefix("/")
    if name not in ("login", "late", "quiet", *OPTIONS):
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found"]
    if name == "login":
        user = RecipeUserId(request.get_header("x-user") or "ada")
        made = syncio.create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
        given: Any = {"handle": made.get_handle(), "user": made.get_user_id()}
    elif name in ("late", "quiet"):
        found = syncio.get_session(request, session_required=name == "late")
        given = None if found is None else found.get_handle()
    else:
        options = {
            "anti_csrf_check": None,
            "session_required": True,
            "check_database": False,
            "override_global_claim_validators": None,
            "user_context": None,
        }
        session = supertokens.blocking_doors.verify_session(request, **(options | OPTIONS[name]))
        given = BLOCKING[name](session)  # type: ignore[arg-type]
    start_response("200 OK", [*HEADERS])
    return [json.dumps(given).encode()]


def build_app(supertokens: Supertokens | None = None) -> Any:
    """Build the application."""
    return Middleware(_answer, supertokens)


def send_to(app: Any, request: PlainRequest, **environ: Any) -> BaseResponse:
    """Call the application as a server does; give what came back."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": request.method(),
        "PATH_INFO": request.get_path(),
        "QUERY_STRING": urlsplit(request.get_original_url()).query,
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": "https",
        "SCRIPT_NAME": "",
    }
    for name, value in request._headers.items():
        given["HTTP_" + name.upper().replace("-", "_")] = value
    setup_testing_defaults(given)
    given |= environ
    response = BaseResponse()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        response.status, response.headers = int(status[:3]), headers
        return None

    try:
        body = app(given, start_response)
    except ConfigurationError:
        response.status = 500  # as every server answers
        return response
    try:
        response.content = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    return response
