"""Quart's door: `Middleware(app)`, or `Middleware().init_app(app)` in an application factory.

Requests are read from their ASGI scopes. The endpoints are answered inside the application, as in Flask, so that what
it does with all its responses, as an extension for CORS does, is done with those of the endpoints too.
"""

from __future__ import annotations

from typing import Any, Final

from quart import Quart, Request, Response, Websocket, g, has_app_context, has_request_context, request, websocket

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseResponse, find_attached
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.framework.asgi import AsgiRequest
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("Middleware", "QuartRequest", "answer_error", "request_of", "show")

MISSING: Final = "the middleware of supertokens_lite is missing: Middleware(app), from supertokens_lite.framework.quart"


class QuartRequest(AsgiRequest):
    """A request as Quart has it; its session is `quart.g.supertokens` too.

    Args:
        request: Quart's own, or its websocket.
        supertokens: the SDK that answers for it.
    """

    def __init__(self, request: Request | Websocket, supertokens: Supertokens) -> None:
        super().__init__(request.scope, None, supertokens)  # type: ignore[arg-type]  # a typed dictionary is one too
        self.request = request

    def set_session(self, session: SessionContainer) -> None:  # noqa: D102  # as in BaseRequest
        super().set_session(session)
        show(session)

    def set_session_as_none(self) -> None:  # noqa: D102
        super().set_session_as_none()
        show(None)

    async def form_data(self) -> dict[str, Any]:  # noqa: D102
        return dict(await self.request.form)

    async def body(self) -> bytes:  # noqa: D102
        body: bytes = await self.request.get_data()
        return body


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    Args:
        app: the application; None: `init_app` is told.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    def __init__(self, app: Quart | None = None, supertokens: Supertokens | None = None) -> None:
        self._supertokens = supertokens
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Set an application up, before its first request; one object may serve several."""
        app.register_error_handler(SuperTokensError, _answer_error)
        app.teardown_request(_end)
        app.teardown_websocket(_end)
        # before the application's own functions, whenever those were registered; on the way out the first is the last
        app.before_request_funcs.setdefault(None, []).insert(0, self._begin)
        app.before_websocket_funcs.setdefault(None, []).insert(0, self._begin_websocket)
        app.after_request_funcs.setdefault(None, []).insert(0, _finish)

    async def _begin(self) -> Response | None:
        known = self._attach(request)
        doors = known.supertokens.doors
        if doors.is_endpoint(known.get_path()):
            answer = await doors.answer(known)
            if answer is not None:
                known.answered = True
                return _build_response(answer)
        return None

    async def _begin_websocket(self) -> None:
        self._attach(websocket)

    def _attach(self, proxy: Any) -> QuartRequest:
        """Attach what is read here to Quart's own request."""
        native = proxy._get_current_object()
        known = QuartRequest(native, self._supertokens or Supertokens.get_instance())
        native.scope[REQUEST_KEY] = known
        return known


def request_of(native: Request | Websocket) -> QuartRequest:
    """Give the request that the middleware made of Quart's own.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    found = find_attached(native)
    if not isinstance(found, QuartRequest):
        raise ConfigurationError(MISSING)
    return found


async def answer_error(known: QuartRequest, error: SuperTokensError) -> Response:
    """Answer a request that ended with an error of this package.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    answer = await known.supertokens.doors.answer_error(known, error)
    known.answered = True
    return _build_response(answer)


def show(session: SessionContainer | None) -> None:
    """Let the view see the session of its request."""
    if has_app_context():
        g.supertokens = session


async def _answer_error(error: SuperTokensError) -> Response:
    known = find_attached(request) if has_request_context() else None
    if not isinstance(known, QuartRequest):  # it is a websocket's, or it was `_begin` that failed
        raise error
    return await answer_error(known, error)


async def _finish(response: Any) -> Any:
    known = find_attached(request)
    if isinstance(known, QuartRequest) and not known.answered:
        changes = changes_of(known)
        if changes is not None:
            _set_headers(response, changes.apply(list(response.headers)))
    return response


async def _end(error: BaseException | None) -> None:
    g.pop("supertokens", None)  # an application context may outlive a request


def _build_response(recorded: BaseResponse) -> Response:
    """Make Quart's response of what was recorded."""
    response = Response(recorded.content or b"", recorded.status or 200)
    _set_headers(response, recorded.apply(()))
    return response


def _set_headers(response: Any, headers: list[tuple[str, str]]) -> None:
    response.headers.clear()
    response.headers.extend(headers)
