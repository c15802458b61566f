"""The door of AWS Lambda: a middleware of handlers of HTTP events.

It answers the session endpoints itself, puts what the session of a request wants on the handler's result, and answers
requests that end with an error of this package. Events of other kinds pass through. No event loop is involved.
Source: AWS's documentation of Lambda proxy integrations, payload format 1.0 (REST APIs, and HTTP APIs that ask for it)
and 2.0 (HTTP APIs, function URLs), and of Lambda functions as targets of load balancers.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import update_wrapper
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseResponse, PlainRequest
from supertokens_lite.exceptions import BadInputError, ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import changes_of
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.types import is_array, is_object

__all__ = ("LambdaEvent", "LambdaRequest", "Middleware", "request_of")

Handler = Callable[[Any, Any], Any]
Header = tuple[str, str]

MISSING: Final = (
    "the middleware of supertokens_lite is missing: write @Middleware, of supertokens_lite.framework.aws_lambda, above "
    "the handler"
)
NO_REQUEST: Final = "this event is no HTTP request of API Gateway, a function URL or a load balancer: it has no session"
SINGLE_VALUES: Final = (
    "the load balancer would drop all cookies of an answer but one: turn lambda.multi_value_headers.enabled on at its "
    "target group"
)

KEPT_IN_PATHS: Final = "/:@!$&'()*+,;=~%"


class LambdaRequest(PlainRequest):
    """A request as an event has it.

    Args:
        event: the event.
        supertokens: the SDK that answers for it.

    Raises:
        ConfigurationError: it is of a load balancer that can't take several cookies.

    Attributes:
        supertokens: the SDK that answers for it.
        is_second_format: whether the event is of payload format 2.0, and so has the result to be.
    """

    def __init__(self, event: Mapping[str, Any], supertokens: Supertokens) -> None:
        context = _object(event.get("requestContext"))
        self.is_second_format = _is_second_format(event)
        parts = (_read_second_format if self.is_second_format else _read_first_format)(event, context)
        target = quote(parts.whole_path, KEPT_IN_PATHS, errors="replace") + (f"?{parts.query}" if parts.query else "")
        super().__init__(parts.method, target, parts.headers)
        self._url = f"https://{self.get_header('host') or _text(context.get('domainName'))}{target}"
        self.request = event
        self.supertokens = supertokens
        path, stage = parts.path, _text(context.get("stage"))
        if stage and path == parts.whole_path and path.startswith(f"/{stage}/"):
            path = path[len(stage) + 1 :]
        self._path = supertokens.doors.choose_path(unquote(parts.whole_path), unquote(path)) or "/"

    def get_path(self) -> str:
        """Give the path; that the stage stands before it is no concern of the application's."""
        return self._path

    async def body(self) -> bytes:
        """Give the body.

        Raises:
            BadInputError: it is said to be base64, and is not.
        """
        body = _text(self.request.get("body")).encode(errors="replace")
        try:
            return b64decode(body) if self.request.get("isBase64Encoded") else body
        except binascii.Error:
            raise BadInputError("is not base64, and the event says so", "body") from None


class LambdaEvent(dict[str, Any]):
    """An event as a handler gets it: the same JSON object, which besides knows its session.

    The functions on sessions take it as a request. A copy of it is a plain dict.

    Args:
        event: the event that Lambda gave.
        request: what was read of it.

    Attributes:
        scope: where the functions on sessions find the request.
    """

    __slots__ = ("scope",)

    def __init__(self, event: Mapping[str, Any], request: LambdaRequest) -> None:
        super().__init__(event)
        self.scope = {REQUEST_KEY: request}

    @property
    def supertokens(self) -> SessionContainer | None:
        """The session of the request; None before there is one."""
        return self.scope[REQUEST_KEY].get_session()

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on results; a decorator of handlers.

    Within another one it does nothing more.

    Args:
        handler: the handler; it gets HTTP events as `LambdaEvent`.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each event.
    """

    def __init__(self, handler: Handler, supertokens: Supertokens | None = None) -> None:
        update_wrapper(self, handler, updated=())
        self._handler = handler
        self._supertokens = supertokens

    def __call__(self, event: Any, context: Any) -> Any:
        """Handle one event."""
        if isinstance(event, LambdaEvent) or not _is_request(event):
            return self._handler(event, context)
        supertokens = self._supertokens or Supertokens.get_instance()
        request = LambdaRequest(event, supertokens)
        if supertokens.doors.is_endpoint(request.get_path()):
            answer = supertokens.blocking_doors.answer(request)
            if answer is not None:
                return _build_result(answer, request)
        try:
            result = self._handler(LambdaEvent(event, request), context)
        except SuperTokensError as error:
            return _build_result(supertokens.blocking_doors.answer_error(request, error), request)
        changes = changes_of(request)
        return result if changes is None else _change(result, changes, request)


def request_of(event: object) -> LambdaRequest:
    """Give the request that the middleware made of an event.

    Raises:
        ConfigurationError: the middleware is missing, or the event is of another kind.
    """
    if not isinstance(event, LambdaEvent):
        raise ConfigurationError(MISSING if _is_request(event) else NO_REQUEST)
    return event.scope[REQUEST_KEY]


class _Parts(NamedTuple):
    """What each format has in places of its own; of a REST API only the whole path has the stage."""

    method: str
    whole_path: str
    path: str
    query: str
    headers: list[Header]


def _read_first_format(event: Mapping[str, Any], context: Mapping[str, Any]) -> _Parts:
    several = event.get("multiValueHeaders")
    is_of_balancer = "elb" in context
    if is_of_balancer and not is_object(several):
        raise ConfigurationError(SINGLE_VALUES)
    headers = list(_pairs(several if is_object(several) else event.get("headers")))
    parameters = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    # a load balancer leaves them encoded
    query = urlencode(list(_pairs(parameters)), safe="%+" if is_of_balancer else "", errors="replace")
    path = event["path"]
    return _Parts(event["httpMethod"], _text(context.get("path")) or path, path, query, headers)


def _read_second_format(event: Mapping[str, Any], context: Mapping[str, Any]) -> _Parts:
    headers = list(_pairs(event.get("headers")))
    cookies = list(_pairs({"cookie": event.get("cookies")}))
    if cookies:  # the same may stand among the headers too
        headers = [header for header in headers if header[0].lower() != "cookie"] + cookies
    path = event["rawPath"]
    return _Parts(context["http"]["method"], path, path, _text(event.get("rawQueryString")), headers)


def _is_request(event: object) -> bool:
    """Tell whether an event is an HTTP request, in either format."""
    if not is_object(event):
        return False
    is_first_format = isinstance(event.get("httpMethod"), str) and isinstance(event.get("path"), str)
    return is_first_format or _is_second_format(event)


def _is_second_format(event: Mapping[str, Any]) -> bool:
    http = _object(_object(event.get("requestContext")).get("http"))
    is_second = event.get("version") == "2.0"
    return is_second and isinstance(http.get("method"), str) and isinstance(event.get("rawPath"), str)


def _change(result: Any, changes: BaseResponse, request: LambdaRequest) -> Any:
    """Put on a handler's result what the request's session wants there."""
    if not is_object(result) or "statusCode" not in result:
        if not request.is_second_format:
            return result  # none that the gateway takes: it answers with an error
        result = _spell_out(result)
    headers = dict.fromkeys(_pairs(result.get("headers")))
    more = {"set-cookie": result.get("cookies")} if request.is_second_format else result.get("multiValueHeaders")
    headers |= dict.fromkeys(_pairs(more))
    return _with_headers(result, changes.apply(headers), request)


def _spell_out(body: Any) -> dict[str, Any]:
    """Give in full what the gateway makes of a result that is a body and no more; with decimals as Lambda has them."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=float)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": text}


def _build_result(recorded: BaseResponse, request: LambdaRequest) -> dict[str, Any]:
    """Make a result of what was recorded."""
    headers = recorded.apply(())
    if recorded.content is None:
        headers.append(("content-length", "0"))
    result = {"statusCode": recorded.status or 200, "body": (recorded.content or b"").decode()}
    return _with_headers(result, headers, request)


def _with_headers(result: dict[str, Any], headers: Iterable[Header], request: LambdaRequest) -> dict[str, Any]:
    """Give a result with other headers; a new one, for a handler may give one object again and again."""
    spelled: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(spelled.setdefault(name.lower(), name), []).append(value)
    if not request.is_second_format:
        return {**result, "headers": {}, "multiValueHeaders": grouped}
    cookies = grouped.pop(spelled.get("set-cookie", ""), [])
    return {**result, "headers": {name: ", ".join(values) for name, values in grouped.items()}, "cookies": cookies}


def _pairs(headers: object) -> Iterator[Header]:
    """Give names and values, of one value each or of lists of them."""
    for name, values in _object(headers).items():
        for value in values if is_array(values) else (values,):
            if value is not None:
                yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _object(value: object) -> dict[str, Any]:
    return value if is_object(value) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
