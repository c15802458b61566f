"""A WSGI application of no framework, with the blocking routes of `views`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.framework.wsgi import Middleware, WsgiRequest, request_of
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    BLOCKING,
    OPTIONS,
    find_late,
    find_quiet,
    iter_parts,
    log_in,
)

__all__ = ("build_app", "send_to")


def _answer(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
    request = request_of(environ)
    name = environ["PATH_INFO"].removeprefix("/")
    if name == "login" and request.method() == "POST":
        given: Any = log_in(request, request.get_header("x-user") or "ada")
    elif name == "late":
        given = find_late(request)
    elif name == "quiet":
        given = find_quiet(request)
    elif name == "stream":
        BLOCKING["merge"](_verify(request, {}))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter_parts(request.get_header("x-gate") or "")
    elif name in OPTIONS:
        given = BLOCKING[name](_verify(request, OPTIONS[name]))
    else:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found"]
    start_response("200 OK", [*ANSWER_HEADERS])
    return [json.dumps(given).encode()]


def _verify(request: WsgiRequest, options: dict[str, Any]) -> Any:
    return request.supertokens.blocking_doors.verify_session(request, **options)


def build_app(supertokens: Supertokens | None = None) -> Any:
    """Build the application."""
    return Middleware(_answer, supertokens)


def send_to(app: Any, request: PlainRequest, **environ: Any) -> BaseResponse:
    """Call the application as a server does; give what came back."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": request.method(),
        "PATH_INFO": request.get_path(),
        "QUERY_STRING": urlsplit(request.get_original_url()).query,
        "wsgi.input": BytesIO(request._body),
        "CONTENT_LENGTH": str(len(request._body)),
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
        content = b"".join(body)
        response.content = b"" if request.method() == "HEAD" else content  # servers leave it out
    finally:
        getattr(body, "close", lambda: None)()
    return response
