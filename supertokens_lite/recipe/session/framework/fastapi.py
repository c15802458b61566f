"""`verify_session` for FastAPI and Starlette: a dependency that gives the session of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from typing import Any, Final, Literal, TypeAlias, overload

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection

from supertokens_lite.framework.asgi import AsgiRequest, request_of
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import ANOTHER_PAGE, NO_SESSION, POLICY_VIOLATION, Doors, is_usual
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("VerifySession", "verify_session")

LINE: Final = "app.add_middleware(get_middleware()), from supertokens_lite.framework.fastapi"

Required: TypeAlias = Callable[[HTTPConnection], Awaitable[SessionContainer]]
NotRequired: TypeAlias = Callable[[HTTPConnection], Awaitable["SessionContainer | None"]]


class VerifySession(SecurityBase):
    """A dependency that gives the session of a request; what `verify_session` makes.

    In OpenAPI it is a security scheme, so that the documentation's "Authorize" takes an access token.
    """

    # FastAPI before 0.123 can't look up what the annotations of an object's own call mean
    __signature__ = Signature([Parameter("connection", Parameter.POSITIONAL_OR_KEYWORD, annotation=HTTPConnection)])

    def __init__(
        self,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any] | None,
        app: Supertokens | None,
    ) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="The access token of a session.")
        self.scheme_name = "Session"
        self._arguments = (
            anti_csrf_check,
            session_required,
            check_database,
            override_global_claim_validators,
            user_context,
        )
        self._is_usual = is_usual(anti_csrf_check, check_database, override_global_claim_validators)
        self._app = app

    async def __call__(self, connection: HTTPConnection) -> SessionContainer | None:
        """Give the session of a request; None if it has none and needs none.

        Raises:
            SuperTokensSessionError: there is no good session; the middleware answers.
            WebSocketException: the same for a websocket, which is closed.
        """
        scope = connection.scope
        request = request_of(scope, LINE)
        doors = (self._app or request.supertokens).doors
        if scope["type"] == "websocket":
            session = await self._verify_websocket(request, doors)
        else:
            session = doors.recall(request) if self._is_usual else None  # most requests wait for nothing
            if session is None:
                session = await doors.verify_closely(request, *self._arguments)
        scope.setdefault("state", {})["supertokens"] = session
        return session

    async def _verify_websocket(self, request: AsgiRequest, doors: Doors) -> SessionContainer | None:
        if not doors.is_from_website(request, self._arguments[0]):
            raise WebSocketException(POLICY_VIOLATION, ANOTHER_PAGE)
        try:
            return await doors.verify_session(request, *self._arguments)
        except SuperTokensSessionError as error:
            raise WebSocketException(POLICY_VIOLATION, NO_SESSION) from error


@overload
def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: Literal[True] = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Required: ...
@overload
def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> NotRequired: ...
def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> Any:
    """Give a dependency that verifies the session of a request, for `Depends`. It may be called before `init`.

    Args:
        anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET, or
            its token came in a header. A websocket with cookies has to, unless this is False.
        session_required: False: a request without a session is fine, and gives None.
        check_database: True: ask the core whether the session still exists.
        override_global_claim_validators: gets the validators that every session has to pass, the session and the user
            context, and gives the validators to use; `def` or `async def`.
        user_context: travels to overrides; each request gets a copy of it.
        app: the SDK to use; None: that of the middleware.

    Returns:
        The dependency. It gives the session, which is `request.state.supertokens` too.

    Raises:
        ConfigurationError: at a request: the middleware is missing.
    """
    return VerifySession(
        anti_csrf_check, session_required, check_database, override_global_claim_validators, user_context, app
    )
