"""`verify_session` for Sanic: a decorator of handlers, which find the session in `request.ctx.supertokens`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import isawaitable
from typing import Any

from sanic import Request
from typing_extensions import ParamSpec

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.sanic import answer_error, request_of
from supertokens_lite.recipe.session.doors import ANOTHER_PAGE, NO_SESSION, POLICY_VIOLATION
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("verify_session",)

P = ParamSpec("P")


def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Callable[[Callable[P, Any]], Callable[P, Awaitable[Any]]]:
    """Give a decorator that verifies the session of a request before the handler is called.

    It stands below `@app.get(…)` or `@app.websocket(…)`, above a function or a method of a view. It may be called
    before `init`. A request without a good session is answered here; a websocket without one, or of another website's
    page, is closed.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header. A websocket with cookies has to, unless this is False.
        session_required: False: a request without a session is fine, and `request.ctx.supertokens` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Raises:
        ConfigurationError: at a request: the middleware is missing.
    """
    options = (anti_csrf_check, session_required, check_database, override_global_claim_validators, user_context)

    def decorate(handler: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        @wraps(handler)
        async def verified(*args: P.args, **kwargs: P.kwargs) -> Any:
            given: list[Any] = [*args]
            request, *others = given if isinstance(given[0], Request) else given[1:]
            known = request_of(request)
            doors = (app or known.supertokens).doors
            is_websocket = hasattr(request.route.handler, "is_websocket")
            if is_websocket and not doors.is_from_website(known, anti_csrf_check):
                return await _refuse(others[0], ANOTHER_PAGE)
            try:
                session = await doors.verify_session(known, *options)
            except SuperTokensError as error:
                if not is_websocket:
                    return await answer_error(known, error)
                if not isinstance(error, SuperTokensSessionError):
                    raise
                return await _refuse(others[0], NO_SESSION)
            request.ctx.supertokens = session
            answer = handler(*args, **kwargs)
            return await answer if isawaitable(answer) else answer

        return verified

    return decorate


async def _refuse(websocket: Any, reason: str) -> None:
    """Close a websocket, which Sanic has accepted by now; on ASGI it closes it itself, once its handler has ended."""
    close = getattr(websocket, "close", None)
    if close is not None:
        await close(POLICY_VIOLATION, reason)
