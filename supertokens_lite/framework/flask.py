"""Flask's door: `Middleware(app)`, or `Middleware().init_app(app)` in an application factory.

Everything in it blocks, so there is no event loop; Flask gives async views one of their own.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, Request, Response, g, has_app_context
from flask import request as current_request

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseResponse
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.framework.wsgi import WsgiRequest
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("FlaskRequest", "Middleware", "build_response", "request_of")

MISSING: Final = "the middleware of supertokens_lite is missing: Middleware(app), from supertokens_lite.framework.flask"


class FlaskRequest(WsgiRequest):
    """A request as Flask has it; its session is `flask.g.supertokens` too.

    Args:
        request: Flask's own.
        supertokens: the SDK that answers for it.

    Attributes:
        answered: whether the response is one of ours, with all that the session wants on it.
    """

    answered = False

    def __init__(self, request: Request, supertokens: Supertokens) -> None:
        super().__init__(request.environ, supertokens)
        self.request: Request = request

    def set_session(self, session: SessionContainer) -> None:  # noqa: D102  # as in BaseRequest
        super().set_session(session)
        show(session)

    def set_session_as_none(self) -> None:  # noqa: D102
        super().set_session_as_none()
        show(None)

    async def form_data(self) -> dict[str, Any]:  # noqa: D102
        return dict(self.request.form)

    async def body(self) -> bytes:  # noqa: D102
        return self.request.get_data()


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    Args:
        app: the application; None: `init_app` is told.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    def __init__(self, app: Flask | None = None, supertokens: Supertokens | None = None) -> None:
        self._supertokens = supertokens
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set an application up, before its first request; one object may serve several."""
        app.register_error_handler(SuperTokensError, self._answer_error)
        app.teardown_request(self._end)
        # before the application's own functions, whenever those were registered; on the way out the first is the last
        app.before_request_funcs.setdefault(None, []).insert(0, self._begin)
        app.after_request_funcs.setdefault(None, []).insert(0, self._finish)

    def _begin(self) -> Response | None:
        supertokens = self._supertokens or Supertokens.get_instance()
        request = FlaskRequest(current_request._get_current_object(), supertokens)  # type: ignore[attr-defined]
        request.request.environ[REQUEST_KEY] = request
        if supertokens.doors.is_endpoint(request.get_path()):
            answer = supertokens.blocking_doors.answer(request)
            if answer is not None:
                request.answered = True
                return build_response(answer)
        return None

    def _finish(self, response: Response) -> Response:
        request = current_request.environ.get(REQUEST_KEY)
        if isinstance(request, FlaskRequest) and not request.answered:
            changes = changes_of(request)
            if changes is not None:
                headers = changes.apply(list(response.headers))
                response.headers.clear()
                response.headers.extend(headers)
        return response

    def _answer_error(self, error: SuperTokensError) -> Response:
        request = current_request.environ.get(REQUEST_KEY)
        if not isinstance(request, FlaskRequest):  # it was `_begin` that failed
            raise error
        return answer_error(request, error)

    def _end(self, error: BaseException | None) -> None:
        g.pop("supertokens", None)  # an application context may outlive a request


def request_of(request: Request) -> FlaskRequest:
    """Give the request that the middleware made of Flask's own.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    found = request.environ.get(REQUEST_KEY)
    if not isinstance(found, FlaskRequest):
        raise ConfigurationError(MISSING)
    return found


def answer_error(request: FlaskRequest, error: SuperTokensError) -> Response:
    """Answer a request that ended with an error of this package.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    answer = request.supertokens.blocking_doors.answer_error(request, error)
    request.answered = True
    return build_response(answer)


def build_response(recorded: BaseResponse) -> Response:
    """Make Flask's response of what was recorded."""
    response = Response(recorded.content or b"", recorded.status or 200)
    response.headers.clear()
    response.headers.extend(recorded.apply(()))
    return response


def show(session: SessionContainer | None) -> None:
    """Let the view see the session of its request."""
    if has_app_context():
        g.supertokens = session
