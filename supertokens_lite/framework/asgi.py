"""The door of every ASGI framework: a middleware that buffers nothing and touches nothing but the headers.

It answers the session endpoints itself, puts what the session of a request wants on the head of its response, and
answers requests that end with an error of this package. Everything else passes through as it is. Source: ASGI 3.0.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, BaseResponse
from supertokens_lite._protocol.tokens import Credentials
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.doors import Doors, changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("MISSING", "AsgiRequest", "Middleware", "answer_error", "encode_headers", "request_of")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MISSING: Final = "the middleware of supertokens_lite is missing: {line}"


class AsgiRequest(BaseRequest):
    """A request as ASGI has it.

    Args:
        scope: its scope.
        receive: gives its body, for the session endpoints; None leaves the body to the application.
        supertokens: the SDK that answers for it.

    Attributes:
        supertokens: the SDK that answers for it.
        answered: whether the response is one of ours, with all that the session wants on it.
    """

    answered = False
    _headers: dict[bytes, bytes] | None = None
    _body: bytes | None = None

    def __init__(self, scope: Scope, receive: Receive | None, supertokens: Supertokens) -> None:
        self.request: Any = scope
        self._scope = scope
        self.supertokens = supertokens
        self._receive = receive

    def method(self) -> str:  # noqa: D102  # as in BaseRequest
        method: str = self._scope.get("method", "GET")  # a websocket has none: it begins as a GET
        return method

    def get_path(self) -> str:  # noqa: D102
        return path_of(self._scope, self.supertokens.doors)

    def get_header(self, key: str) -> str | None:  # noqa: D102
        headers = self._headers
        if headers is None:
            headers = self._headers = _read_headers(self._scope["headers"])
        found = headers.get(key.lower().encode("latin-1", "replace"))
        return None if found is None else found.decode("latin-1")

    def read_credentials(self) -> Credentials:  # noqa: D102
        authorization = cookie = None
        for name, value in self._scope["headers"]:  # most requests to a protected route need no other header
            if name == b"authorization":
                if authorization is not None:
                    return super().read_credentials()
                authorization = value.decode("latin-1")
            elif name == b"cookie":
                if cookie is not None:
                    return super().read_credentials()
                cookie = value.decode("latin-1")
        return authorization, cookie

    def get_original_url(self) -> str:  # noqa: D102
        scope = self._scope
        query = scope.get("query_string", b"").decode("latin-1")
        host = self.get_header("host") or ""
        return f"{scope.get('scheme', 'http')}://{host}{scope['path']}" + (f"?{query}" if query else "")

    def get_query_params(self) -> dict[str, str]:  # noqa: D102
        return dict(parse_qsl(self._scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))

    async def body(self) -> bytes:
        """Read the body, once."""
        if self._body is None:
            parts: list[bytes] = []
            more = self._receive is not None
            while more and self._receive is not None:
                message = await self._receive()
                parts.append(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
            self._body = b"".join(parts)
        return self._body


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    Args:
        app: the application.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    def __init__(self, app: Application, supertokens: Supertokens | None = None) -> None:
        self._app = app
        self._supertokens = supertokens

    def look_around(self, scope: Scope) -> None:
        """Look for what can't work in the application, when it starts; here nothing is known of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            self.look_around(scope)
            await self._app(scope, receive, send)
            return
        supertokens = self._supertokens or Supertokens.get_instance()
        doors = supertokens.doors
        if kind == "http" and doors.is_endpoint(path_of(scope, doors)):
            answer = await doors.answer(AsgiRequest(scope, receive, supertokens))
            if answer is not None:
                await _send(answer, send)
                return
        earlier = scope.get(REQUEST_KEY)
        request = scope[REQUEST_KEY] = AsgiRequest(scope, None, supertokens)
        started = False

        def send_changed(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                session = request.get_session()
                if session is not None and session.response_mutators and not request.answered:
                    _change(request, message)
            return send(message)

        try:
            await self._app(scope, receive, send_changed if kind == "http" else send)
        except SuperTokensError as error:
            if started or kind != "http":
                raise
            await _send(await doors.answer_error(request, error), send)
        scope[REQUEST_KEY] = earlier  # what holds one another in a ring stays in memory until it is looked for
        session = request.get_session()
        if session is not None:
            session.req_res_info = None


def request_of(scope: Scope, line: str) -> AsgiRequest:
    """Give the request that the middleware made of a scope.

    Args:
        scope: the scope.
        line: what to write where the middleware is missing.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    request = scope.get(REQUEST_KEY)
    if not isinstance(request, AsgiRequest):
        raise ConfigurationError(MISSING.format(line=line))
    return request


async def answer_error(request: AsgiRequest, error: Exception) -> BaseResponse:
    """Answer a request that ended with an error of this package, where the framework has to send the answer.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    answer = await request.supertokens.doors.answer_error(request, error)
    request.answered = True
    return answer


def path_of(scope: Scope, doors: Doors) -> str:
    """Give the path of a request to the application."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    return doors.choose_path(path, path[len(root) :]) if root and path.startswith(root) else path


def _read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Give headers by their names; those that came several times as one."""
    pairs = list(pairs)
    headers = dict(pairs)
    if len(headers) < len(pairs):
        headers.clear()
        for name, value in pairs:
            earlier = headers.get(name)
            between = b"; " if name == b"cookie" else b", "
            headers[name] = value if earlier is None else earlier + between + value
    return headers


def _change(request: AsgiRequest, message: Message) -> None:
    """Put on the head of a response what the request's session wants there."""
    changes = changes_of(request)
    if changes is not None:
        existing = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        message["headers"] = encode_headers(changes.apply(existing))


async def _send(response: BaseResponse, send: Send) -> None:
    content = response.content or b""
    headers = response.apply(())
    if response.content is None:
        headers.append(("content-length", "0"))
    status = response.status or 200
    await send({"type": "http.response.start", "status": status, "headers": encode_headers(headers)})
    await send({"type": "http.response.body", "body": content})


def encode_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Give headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
