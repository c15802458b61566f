"""The door of every WSGI framework that has none of its own: a middleware that touches nothing but the headers.

It answers the session endpoints itself, puts what the session of a request wants on the head of its response, and
answers requests that end with an error of this package. Bodies pass through as they are. No event loop is involved.
Source: PEP 3333.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl
from wsgiref.util import request_uri

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, BaseResponse, name_in_environment
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.doors import changes_of
from supertokens_lite.supertokens import Supertokens

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ("Middleware", "WsgiRequest", "request_of")

Write = Any  # what start_response gives; nobody uses it any more

MISSING: Final = (
    "the middleware of supertokens_lite is missing: application = Middleware(application), from "
    "supertokens_lite.framework.wsgi"
)


class WsgiRequest(BaseRequest):
    """A request as WSGI has it.

    Args:
        environ: its environment.
        supertokens: the SDK that answers for it.

    Attributes:
        supertokens: the SDK that answers for it.
    """

    def __init__(self, environ: WSGIEnvironment, supertokens: Supertokens) -> None:
        self.request = environ
        self.supertokens = supertokens
        self._environ = environ

    def method(self) -> str:  # noqa: D102  # as in BaseRequest
        method: str = self._environ["REQUEST_METHOD"]
        return method.upper()

    def get_path(self) -> str:  # noqa: D102
        path = _decode(self._environ.get("PATH_INFO", "")) or "/"
        return self.supertokens.doors.choose_path(_decode(self._environ.get("SCRIPT_NAME", "")) + path, path)

    def get_header(self, key: str) -> str | None:
        """Give a header; what the process's environment left beside them is none."""
        found: str | None = self._environ.get(name_in_environment(key))
        return found

    def get_original_url(self) -> str:  # noqa: D102
        return request_uri(self._environ)

    def get_query_params(self) -> dict[str, str]:  # noqa: D102
        return dict(parse_qsl(self._environ.get("QUERY_STRING", ""), keep_blank_values=True))

    async def body(self) -> bytes:
        """Read the body, and leave it to be read again."""
        length = self._environ.get("CONTENT_LENGTH") or "0"
        stream = self._environ["wsgi.input"]
        if self._environ.get("wsgi.input_terminated"):
            body: bytes = stream.read()
        else:
            body = stream.read(int(length)) if length.isdecimal() else b""
        self._environ["wsgi.input"] = BytesIO(body)
        return body


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    Args:
        app: the application.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    def __init__(self, app: WSGIApplication, supertokens: Supertokens | None = None) -> None:
        self._app = app
        self._supertokens = supertokens

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        supertokens = self._supertokens or Supertokens.get_instance()
        request = WsgiRequest(environ, supertokens)
        if supertokens.doors.is_endpoint(request.get_path()):
            answer = supertokens.blocking_doors.answer(request)
            if answer is not None:
                return _send(answer, start_response)
        environ[REQUEST_KEY] = request
        head = _Head(request, start_response)
        try:
            body = self._app(environ, head)
        except SuperTokensError as error:
            if head.started:
                raise
            return _send(supertokens.blocking_doors.answer_error(request, error), start_response)
        # a generator has not begun yet, and its first step may end with an error
        return body if head.started else _iterate(body, head)


class _Head:
    """A `start_response` that puts on the head of a response what the request's session wants there."""

    def __init__(self, request: WsgiRequest, start_response: StartResponse) -> None:
        self.request = request
        self.start_response = start_response
        self.started = False

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /) -> Write:
        self.started = True
        changes = changes_of(self.request)
        if changes is not None:
            headers = changes.apply(headers)
        return (
            self.start_response(status, headers) if exc_info is None else self.start_response(status, headers, exc_info)
        )


def request_of(environ: WSGIEnvironment) -> WsgiRequest:
    """Give the request that the middleware made of an environment.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    request = environ.get(REQUEST_KEY)
    if not isinstance(request, WsgiRequest):
        raise ConfigurationError(MISSING)
    return request


def _iterate(body: Iterable[bytes], head: _Head) -> Iterator[bytes]:
    """Give the parts of a body, or those of the answer to the error with which it begins."""
    try:
        yield from body
    except SuperTokensError as error:
        if head.started:
            raise
        doors = head.request.supertokens.blocking_doors
        yield from _send(doors.answer_error(head.request, error), head.start_response)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _send(response: BaseResponse, start_response: StartResponse) -> list[bytes]:
    content = response.content or b""
    headers = response.apply(())
    if response.content is None:
        headers.append(("content-length", "0"))
    start_response(_describe(response.status or 200), headers)
    return [content]


def _describe(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _decode(text: str) -> str:
    """Read a path: WSGI gives bytes, each as the character of its number."""
    return text.encode("latin-1", "replace").decode(errors="replace")
