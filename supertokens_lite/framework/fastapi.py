"""FastAPI's and Starlette's door: `app.add_middleware(get_middleware())`."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from supertokens_lite._protocol.cors import find_faults
from supertokens_lite.exceptions import SuperTokensError, SuperTokensWarning
from supertokens_lite.framework.asgi import MISSING, Middleware, Scope, answer_error, encode_headers, request_of
from supertokens_lite.supertokens import Supertokens, is_recipe_initialized

__all__ = ("get_middleware", "lifespan", "session_exception_handler")

LINE = "app.add_middleware(get_middleware())"


class StarletteMiddleware(Middleware):
    """The middleware of every ASGI application, which at the start has a look at CORS."""

    def look_around(self, scope: Scope) -> None:
        """Warn of CORS middleware that a website of another origin would stumble over."""
        supertokens = self._supertokens
        if supertokens is None and is_recipe_initialized("session"):
            supertokens = Supertokens.get_instance()
        if supertokens is None or not supertokens.app_info.crosses_origins:
            return
        stack: list[Any] = list(getattr(scope.get("app"), "user_middleware", ()))
        for place, entry in enumerate(stack):
            if entry.cls is CORSMiddleware:
                inside = any(each.cls is type(self) for each in stack[:place])
                for fault in _find_faults(entry.kwargs, inside=inside):
                    warnings.warn(f"CORSMiddleware: {fault}", SuperTokensWarning, stacklevel=2)


def _find_faults(options: dict[str, Any], *, inside: bool) -> list[str]:
    faults = find_faults(
        credentials=bool(options.get("allow_credentials")),
        allowed=options.get("allow_headers", ()),
        exposed=options.get("expose_headers", ()),
    )
    if "*" in options.get("allow_origins", ()):
        faults.append("it allows the origin *, which browsers refuse with credentials: name the website's")
    if inside:
        faults.append("it is inside of get_middleware(), whose answers it does not see: add it afterwards")
    return faults


def get_middleware() -> type[Middleware]:
    """Give the middleware: `app.add_middleware(get_middleware())`, below any CORS middleware.

    It is plain ASGI: nothing is buffered, and background tasks and streams are left alone. When the application starts
    it warns of CORS middleware that would keep the website from its session.
    """
    return StarletteMiddleware


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
    """Close the connections to the core when the application ends: `FastAPI(lifespan=lifespan)`.

    When it starts, it warns where the middleware is missing.
    """
    stack: list[Any] = list(getattr(app, "user_middleware", ()))
    if not any(isinstance(entry.cls, type) and issubclass(entry.cls, Middleware) for entry in stack):
        warnings.warn(MISSING.format(line=LINE), SuperTokensWarning, stacklevel=2)
    try:
        yield
    finally:
        await Supertokens.get_instance().aclose()
