"""FastAPI's and Starlette's door: `app.add_middleware(get_middleware())`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.asgi import Middleware, answer_error, encode_headers, request_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("get_middleware", "lifespan", "session_exception_handler")

LINE = "app.add_middleware(get_middleware())"


def get_middleware() -> type[Middleware]:
    """Give the middleware: `app.add_middleware(get_middleware())`, below any CORS middleware.

    It is plain ASGI: nothing is buffered, and background tasks and streams are left alone.
    """
    return Middleware


async def session_exception_handler(request: Request, exc: Exception) -> Response:
    """Answer a request that ended with an error of this package, as the middleware does.

    For applications whose own handlers or middlewares would catch such errors first:
    `app.add_exception_handler(SuperTokensError, session_exception_handler)`. Headers and cookies are kept.

    Raises:
        Exception: the error itself, if it is not about the request.
    """
    if not isinstance(exc, SuperTokensError):
        raise exc
    answer = await answer_error(request_of(request.scope, LINE), exc)
    response = Response(answer.content or b"", answer.status or 200)
    response.raw_headers = encode_headers(answer.apply(()))
    return response


@asynccontextmanager
async def lifespan(app: object) -> AsyncGenerator[None, None]:
    """Close the connections to the core when the application ends: `FastAPI(lifespan=lifespan)`."""
    try:
        yield
    finally:
        await Supertokens.get_instance().aclose()
