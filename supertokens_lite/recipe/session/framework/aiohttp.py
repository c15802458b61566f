"""`verify_session` for aiohttp: a decorator of handlers, which find the session in `request[SESSION]`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from aiohttp import web
from typing_extensions import ParamSpec

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.aiohttp import SESSION, answer_error, request_of
from supertokens_lite.recipe.session.doors import ANOTHER_PAGE
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("verify_session",)

P = ParamSpec("P")

Handled = Awaitable[web.StreamResponse]


def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Callable[[Callable[P, Handled]], Callable[P, Handled]]:
    """Give a decorator that verifies the session of a request before the handler is called.

    It stands below `@routes.get(…)`, above a function, a method that takes a request, or a method of a `web.View`. It
    may be called before `init`. A request without a good session is answered here, and so is one for a websocket of
    another website's page.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header. A websocket with cookies has to, unless this is False.
        session_required: False: a request without a session is fine, and `request[SESSION]` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Raises:
        ConfigurationError: at a request: the middleware is missing.
    """
    options = (anti_csrf_check, session_required, check_database, override_global_claim_validators, user_context)

    def decorate(handler: Callable[P, Handled]) -> Callable[P, Handled]:
        @wraps(handler)
        async def verified(*args: P.args, **kwargs: P.kwargs) -> web.StreamResponse:
            request = _find_request(*args)
            known = request_of(request)
            doors = (app or known.supertokens).doors
            is_websocket = request.headers.get("upgrade", "").lower() == "websocket"
            if is_websocket and not doors.is_from_website(known, anti_csrf_check):
                return web.Response(status=403, text=ANOTHER_PAGE)
            try:
                session = await doors.verify_session(known, *options)
            except SuperTokensError as error:
                return await answer_error(known, error)
            request[SESSION] = session
            return await handler(*args, **kwargs)

        return verified

    return decorate


def _find_request(*args: Any) -> web.Request:
    """Give the request among the arguments of a handler."""
    last = args[-1]
    request: web.Request = last.request if isinstance(last, web.View) else last
    return request
