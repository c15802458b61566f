"""Sanic's door: `Middleware(app)`, or `Middleware().init_app(app)` in an application factory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from sanic import HTTPResponse, Request, Sanic

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, BaseResponse, find_attached, join_values
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import ABOUT_REQUESTS, changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("Middleware", "SanicRequest", "answer_error", "close", "request_of")

MISSING: Final = "the middleware of supertokens_lite is missing: Middleware(app), from supertokens_lite.framework.sanic"
OUTERMOST: Final = 1_000_000
"""The priority of what comes before the application's own middlewares on the way in, and after them on the way out."""


class SanicRequest(BaseRequest):
    """A request as Sanic has it; its session is `request.ctx.supertokens` too.

    Args:
        request: Sanic's own.
        supertokens: the SDK that answers for it.

    Attributes:
        supertokens: the SDK that answers for it.
        answered: whether the response is one of ours, with all that the session wants on it.
    """

    answered = False

    def __init__(self, request: Any, supertokens: Supertokens) -> None:
        self.request = request
        self.supertokens = supertokens

    def method(self) -> str:  # noqa: D102  # as in BaseRequest
        method: str = self.request.method
        return method

    def get_path(self) -> str:  # noqa: D102
        path: str = self.request.path
        return path

    def get_header(self, key: str) -> str | None:  # noqa: D102
        return join_values(key, self.request.headers.getall(key, ()))

    def get_original_url(self) -> str:  # noqa: D102
        url: str = self.request.url
        return url

    def get_query_params(self) -> dict[str, str]:  # noqa: D102
        return dict(parse_qsl(self.request.query_string, keep_blank_values=True))

    async def body(self) -> bytes:  # noqa: D102
        await self.request.receive_body()
        body: bytes = self.request.body
        return body

    async def form_data(self) -> dict[str, Any]:  # noqa: D102
        await self.request.receive_body()
        return {name: values[-1] for name, values in self.request.form.items()}

    def set_session(self, session: SessionContainer) -> None:  # noqa: D102
        super().set_session(session)
        self.request.ctx.supertokens = session

    def set_session_as_none(self) -> None:  # noqa: D102
        super().set_session_as_none()
        self.request.ctx.supertokens = None


class Middleware:
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    Args:
        app: the application; None: `init_app` is told.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    def __init__(self, app: Sanic[Any, Any] | None = None, supertokens: Supertokens | None = None) -> None:
        self._supertokens = supertokens
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Sanic[Any, Any]) -> None:
        """Set an application up, before it runs; one object may serve several."""
        to: Any = app  # Sanic's own types leave much open
        to.register_middleware(self._begin, "request", priority=OUTERMOST)
        to.register_middleware(_finish, "response", priority=OUTERMOST)
        for kind in ABOUT_REQUESTS:
            to.error_handler.add(kind, _answer_error)

    async def _begin(self, request: Any) -> HTTPResponse | None:
        known = SanicRequest(request, self._supertokens or Supertokens.get_instance())
        setattr(request.ctx, REQUEST_KEY, known)
        doors = known.supertokens.doors
        if doors.is_endpoint(known.get_path()):
            answer = await doors.answer(known)
            if answer is not None:
                known.answered = True
                return _Answer(answer)
        return None


class _Answer(HTTPResponse):
    """A response with the headers that were recorded; Sanic would have a type for content that is not there."""

    __slots__ = ()

    def __init__(self, recorded: BaseResponse) -> None:
        super().__init__(recorded.content, recorded.status or 200)
        headers: Any = self.headers
        headers.extend(recorded.apply(()))

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the headers as they are sent."""
        headers: Any = self.headers  # an extension may have set a number
        return ((name.lower().encode(), str(value).encode("latin-1")) for name, value in headers.items())


async def close(app: object) -> None:
    """Close the connections to the core when the application ends: `app.after_server_stop(close)`."""
    await Supertokens.get_instance().aclose()


def request_of(request: Request) -> SanicRequest:
    """Give the request that the middleware made of Sanic's own.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    found = find_attached(request)
    if not isinstance(found, SanicRequest):
        raise ConfigurationError(MISSING)
    return found


async def answer_error(known: SanicRequest, error: SuperTokensError) -> HTTPResponse:
    """Answer a request that ended with an error of this package.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    answer = await known.supertokens.doors.answer_error(known, error)
    known.answered = True
    return _Answer(answer)


async def _answer_error(request: Request, error: SuperTokensError) -> HTTPResponse:
    return await answer_error(request_of(request), error)


async def _finish(request: Request, response: Any) -> None:
    """Put on the head of a response what the request's session wants there."""
    known = find_attached(request)
    if isinstance(known, SanicRequest) and not known.answered:
        changes = changes_of(known)
        if changes is not None:
            headers = changes.apply([(name, str(value)) for name, value in response.headers.items()])
            response.headers.clear()
            response.headers.extend(headers)
