"""`verify_session` for Quart: a decorator of views, which find the session in `quart.g.supertokens`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from quart import current_app, has_websocket_context, request, websocket
from typing_extensions import ParamSpec

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.quart import answer_error, request_of, show
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
    """Give a decorator that verifies the session of a request before the view is called.

    It stands below `@app.route(…)` or `@app.websocket(…)`, and may be called before `init`. Views are `async def` or
    `def`. A request without a good session is answered here; a websocket without one, or of another website's page, is
    closed.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header. A websocket with cookies has to, unless this is False.
        session_required: False: a request without a session is fine, and `g.supertokens` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Raises:
        ConfigurationError: at a request: the middleware is missing.
    """
    options = (anti_csrf_check, session_required, check_database, override_global_claim_validators, user_context)

    def decorate(view: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        @wraps(view)
        async def verified(*args: P.args, **kwargs: P.kwargs) -> Any:
            is_websocket = has_websocket_context()
            known = request_of(websocket if is_websocket else request)
            doors = (app or known.supertokens).doors
            if is_websocket and not doors.is_from_website(known, anti_csrf_check):
                return await websocket.close(POLICY_VIOLATION, ANOTHER_PAGE)
            try:
                session = await doors.verify_session(known, *options)
            except SuperTokensError as error:
                if not is_websocket:
                    return await answer_error(known, error)
                if not isinstance(error, SuperTokensSessionError):
                    raise
                return await websocket.close(POLICY_VIOLATION, NO_SESSION)
            show(session)
            return await current_app.ensure_async(view)(*args, **kwargs)

        return verified

    return decorate
