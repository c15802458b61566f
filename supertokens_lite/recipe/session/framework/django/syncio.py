"""`verify_session` for Django's blocking views, which find the session in `request.supertokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast

from django.http import HttpRequest

from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.framework.django.django_middleware import build_response, request_of, show
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("verify_session",)

ASYNC_VIEW: Final = (
    "{name} is async: take verify_session from supertokens_lite.recipe.session.framework.django.asyncio for it"
)

View = TypeVar("View", bound=Callable[..., Any])


def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Callable[[View], View]:
    """Give a decorator that verifies the session of a request before the view is called.

    It may be called before `init`. On the class of a view: `@method_decorator(verify_session(), name="dispatch")`. A
    request without a good session is answered here.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header.
        session_required: False: a request without a session is fine, and `request.supertokens` is None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Raises:
        ConfigurationError: at a request: the middleware is missing; at once: the view is async.
    """

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):
            raise ConfigurationError(ASYNC_VIEW.format(name=getattr(view, "__qualname__", "the view")))

        @wraps(view)
        def verified(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
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
                answer = doors.answer_error(known, error)
                known.answered = True
                return build_response(answer)
            show(request, session)  # Django REST Framework has a request of its own around Django's
            return view(request, *args, **kwargs)

        return cast("View", verified)

    return decorate
