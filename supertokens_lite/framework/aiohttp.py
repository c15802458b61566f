"""aiohttp's door: `setup(app)`, after CORS and what else has to be outside.

A middleware serves the endpoints and answers errors; what the session of a request wants is put on its response when
the head is about to be sent, so that streams are left alone. Both are needed, hence `setup`, as aiohttp's own
extensions have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, BaseResponse, find_attached, join_values
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("SESSION", "AiohttpRequest", "answer_error", "lifespan", "request_of", "setup")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MISSING: Final = "the middleware of supertokens_lite is missing: setup(app), from supertokens_lite.framework.aiohttp"


def _key(kind: str, name: str) -> Any:
    """Give a key of the kind that aiohttp wants; before 3.14 it wanted text."""
    make: Any = getattr(web, kind, None)
    return name if make is None else make(name, object)


SESSION: Final[Any] = _key("RequestKey", "supertokens")
"""Under which a request has its session: `request[SESSION]`."""

ATTACHED: Final[Any] = _key("RequestKey", REQUEST_KEY)
ANSWERED: Final[Any] = _key("ResponseKey", REQUEST_KEY)


class AiohttpRequest(BaseRequest):
    """A request as aiohttp has it; its session is `request[SESSION]` too.

    Args:
        request: aiohttp's own.
        supertokens: the SDK that answers for it.

    Attributes:
        supertokens: the SDK that answers for it.
        started: whether the head of its response is on its way.
        answered: whether the response is one of ours, with all that the session wants on it.
    """

    started = False
    answered = False

    def __init__(self, request: web.Request, supertokens: Supertokens) -> None:
        self.request: web.Request = request
        self.supertokens = supertokens

    def method(self) -> str:  # noqa: D102  # as in BaseRequest
        return self.request.method

    def get_path(self) -> str:  # noqa: D102
        return self.request.path

    def get_header(self, key: str) -> str | None:  # noqa: D102
        return join_values(key, self.request.headers.getall(key, ()))

    def get_original_url(self) -> str:  # noqa: D102
        return str(self.request.url)

    def get_query_params(self) -> dict[str, str]:  # noqa: D102
        return dict(self.request.query.items())

    async def body(self) -> bytes:  # noqa: D102
        return await self.request.read()

    async def form_data(self) -> dict[str, Any]:  # noqa: D102
        return dict((await self.request.post()).items())

    def set_session(self, session: SessionContainer) -> None:  # noqa: D102
        super().set_session(session)
        self.request[SESSION] = session

    def set_session_as_none(self) -> None:  # noqa: D102
        super().set_session_as_none()
        self.request[SESSION] = None


def setup(app: web.Application, supertokens: Supertokens | None = None) -> None:
    """Serve the session endpoints, and let sessions of requests have their say on responses.

    Args:
        app: the application, not one that is mounted in another.
        supertokens: the SDK to use; None: the one that `init` made, looked for at each request.
    """

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        known = AiohttpRequest(request, supertokens or Supertokens.get_instance())
        request[ATTACHED] = known
        doors = known.supertokens.doors
        if doors.is_endpoint(request.path):
            answer = await doors.answer(known)
            if answer is not None:
                return _build_response(known, answer)
        try:
            response = await handler(request)
        except web.HTTPException as raised:
            raised[ANSWERED] = known
            raise
        except SuperTokensError as error:
            if known.started:
                raise
            return await answer_error(known, error)
        response[ANSWERED] = known  # other middlewares may have made a request of their own around ours
        return response

    app.middlewares.append(serve)
    app.on_response_prepare.append(_finish)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """Close the connections to the core when the application ends: `app.cleanup_ctx.append(lifespan)`."""
    yield
    await Supertokens.get_instance().aclose()


def request_of(request: web.Request) -> AiohttpRequest:
    """Give the request that the middleware made of aiohttp's own.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    found = find_attached(request)
    if not isinstance(found, AiohttpRequest):
        raise ConfigurationError(MISSING)
    return found


async def answer_error(known: AiohttpRequest, error: SuperTokensError) -> web.Response:
    """Answer a request that ended with an error of this package.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    return _build_response(known, await known.supertokens.doors.answer_error(known, error))


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put on the head of a response what the request's session wants there."""
    known = response.get(ANSWERED) or request.get(ATTACHED)
    if known is None:
        return
    known.started = True
    changes = None if known.answered else changes_of(known)
    if changes is not None:
        headers = changes.apply(list(response.headers.items()))
        response.headers.clear()
        response.headers.extend(headers)


def _build_response(known: AiohttpRequest, recorded: BaseResponse) -> web.Response:
    """Make aiohttp's response of what was recorded."""
    known.answered = True
    response = web.Response(body=recorded.content, status=recorded.status or 200)
    response.headers.clear()
    response.headers.extend(recorded.apply(()))
    response[ANSWERED] = known
    return response
