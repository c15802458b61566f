"""`verify_session` for AWS Lambda: a decorator of handlers, which find the session in `event.supertokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from supertokens_lite.framework.aws_lambda import Middleware, request_of
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("verify_session",)

Handler = Callable[[Any, Any], Any]


def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Callable[[Handler], Handler]:
    """Give a decorator that verifies the session of a request before the handler is called.

    The middleware is in it: a function of one route needs nothing else. It may be called before `init`. A request
    without a good session is answered here.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header.
        session_required: False: a request without a session is fine, and `event.supertokens` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware, or the one that `init` made.

    Raises:
        ConfigurationError: at an event: it is no HTTP request.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def verified(event: Any, context: Any) -> Any:
            request = request_of(event)
            (app or request.supertokens).blocking_doors.verify_session(
                request,
                anti_csrf_check,
                session_required,
                check_database,
                override_global_claim_validators,
                user_context,
            )
            return handler(event, context)

        return Middleware(verified, app)

    return decorate
