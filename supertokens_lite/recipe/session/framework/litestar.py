"""`verify_session` for Litestar: a dependency that gives the session of a request, and a guard."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from supertokens_lite.framework.asgi import request_of
from supertokens_lite.framework.litestar import LINE, WantsSession
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import ANOTHER_PAGE, NO_SESSION, POLICY_VIOLATION
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.supertokens import Supertokens

__all__ = ("VerifySession", "verify_session")


class VerifySession(WantsSession):
    """A dependency that gives the session of a request; what `verify_session` makes."""

    def __init__(
        self,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any] | None,
        app: Supertokens | None,
    ) -> None:
        self._arguments = (
            anti_csrf_check,
            session_required,
            check_database,
            override_global_claim_validators,
            user_context,
        )
        self._app = app

    async def __call__(self, scope: Scope) -> SessionContainer | None:
        """Give the session of a request; None if it has none and needs none.

        Raises:
            SuperTokensSessionError: there is no good session; the middleware answers.
            WebSocketException: the same for a websocket, which is closed.
        """
        holder: Any = scope
        request = request_of(holder, LINE)
        doors = (self._app or request.supertokens).doors
        is_websocket = holder["type"] == "websocket"
        if is_websocket and not doors.is_from_website(request, self._arguments[0]):
            raise WebSocketException(detail=ANOTHER_PAGE, code=POLICY_VIOLATION)
        try:
            session = await doors.verify_session(request, *self._arguments)
        except SuperTokensSessionError as error:
            if not is_websocket:
                raise
            raise WebSocketException(detail=NO_SESSION, code=POLICY_VIOLATION) from error
        holder.setdefault("state", {})["supertokens"] = session
        return session

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let nobody in without a session, for handlers that need to know no more: `guards=[verify_session().guard]`.

        Raises:
            SuperTokensSessionError: there is no good session; the middleware answers.
            WebSocketException: the same for a websocket, which is closed.
        """
        await self(connection.scope)


def verify_session(
    anti_csrf_check: bool | None = None,
    session_required: bool = True,
    check_database: bool = False,
    override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    user_context: dict[str, Any] | None = None,
    *,
    app: Supertokens | None = None,
) -> VerifySession:
    """Give a dependency that verifies the session of a request: `dependencies={"session": Provide(verify_session())}`.

    It may be called before `init`. The handler's argument is a `SessionContainer`.

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
        ConfigurationError: at a request: the plugin is missing.
    """
    return VerifySession(
        anti_csrf_check, session_required, check_database, override_global_claim_validators, user_context, app
    )
