"""`verify_session` for Flask: a decorator of views, which find the session in `flask.g.supertokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, request
from typing_extensions import ParamSpec

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework.flask import answer_error, request_of, show
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
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Give a decorator that verifies the session of a request before the view is called.

    It stands below `@app.route(…)`, and may be called before `init`. Views are `def` or `async def`. A request without
    a good session is answered here.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header.
        session_required: False: a request without a session is fine, and `g.supertokens` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Raises:
        ConfigurationError: at a request: the middleware is missing.
    """

    def decorate(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def verified(*args: P.args, **kwargs: P.kwargs) -> Any:
            known = request_of(request)
            doors = (app or known.supertokens).blocking_doors
            try:
                session = doors.verify_session(
                    known,
                    anti_csrf_check,
                    session_required,
                    check_database,
                    override_global_claim_validators,
                    user_context,
                )
            except SuperTokensError as error:
                return answer_error(known, error)
            show(session)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return verified

    return decorate
