"""What every framework's door does with a request, whatever the framework is.

A door gives each request in the one form that is read here, asks `answer` first, and has what `changes` says put on
every response that the application makes. `_doors_blocking.py` beside this module is GENERATED: the same for frameworks
that do not await.
"""

from __future__ import annotations

from typing import Any, Final

from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.exceptions import BadInputError, CoreError, PluginError, SuperTokensError
from supertokens_lite.recipe.session.apis import apply_session, handle_error, is_default
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators
from supertokens_lite.recipe.session.recall import recall_nothing
from supertokens_lite.recipe.session.recipe import SessionRecipe
from supertokens_lite.recipe.session.requests import new_context

__all__ = ("ABOUT_REQUESTS", "ANOTHER_PAGE", "NO_SESSION", "POLICY_VIOLATION", "Doors", "changes_of", "is_usual")

ABOUT_REQUESTS: Final = (SuperTokensSessionError, CoreError, BadInputError, PluginError)
"""The errors that `answer_error` answers; all others are about the application or its settings."""

POLICY_VIOLATION: Final = 1008
"""With what a websocket is closed that may not be. Source: RFC 6455, section 7.4.1."""
ANOTHER_PAGE: Final = "another page's websocket"
NO_SESSION: Final = "no session"


class Doors:
    """Takes requests in and lets responses out, awaited.

    Args:
        recipe: the session recipe.

    Attributes:
        is_endpoint: tells whether a path may lead to an endpoint of the SDK.
        list_endpoints: gives method and path of each, with what is given in the place of a tenant.
        recall: gives the session of a request at once, where `verify_session` may do no more than that: see
            `is_usual`; None if it has to look closer.
    """

    def __init__(self, recipe: SessionRecipe) -> None:
        self._recipe = recipe
        self.is_endpoint = recipe.apis.is_below_base
        self.list_endpoints = recipe.apis.list_places
        self._verifies_itself = is_default(recipe.api_implementation)
        self.recall = recipe.requests.recall if self._verifies_itself else recall_nothing

    def choose_path(self, whole: str, inner: str) -> str:
        """Give the path of a request: what the application is mounted below belongs to it only if the endpoints do.

        Args:
            whole: with what the server, or a mount, puts before the application's paths.
            inner: without it.
        """
        return whole if self.is_endpoint(whole) else inner

    def is_from_website(self, request: BaseRequest, anti_csrf_check: bool | None) -> bool:
        """Tell whether a websocket that is verified by cookies may be of the website: no other page's may be.

        Browsers open websockets for any page, and let pages set no header that could show where they come from; they
        say so themselves. Who says nothing is no browser.

        Args:
            request: what the websocket begins with.
            anti_csrf_check: False: any page's is welcome.
        """
        origin = request.get_header("origin")
        if anti_csrf_check is False or origin is None or request.get_header("authorization") is not None:
            return True
        config = self._recipe.config
        context = new_context(request, {})
        if config.get_anti_csrf(request, context) == "NONE":
            return True
        return origin.lower() in (config.get_origin(request, context), config.api_domain)

    async def answer(self, request: BaseRequest) -> BaseResponse | None:
        """Answer a request to a session endpoint: refresh, sign-out, public keys; None if it is the application's.

        Raises:
            GeneralError: the settings can't work.
        """
        response = BaseResponse(None)
        try:
            return await self._recipe.apis.handle(request, response, {})
        except SuperTokensError as error:
            return await self.answer_error(request, error)

    async def answer_error(self, request: BaseRequest, error: Exception) -> BaseResponse:
        """Answer a request that ended with an error of this package.

        Raises:
            Exception: the error itself, if it is not about the request but about the application or its settings.
        """
        return await handle_error(self._recipe, request, error, BaseResponse(None), {})

    async def verify_session(
        self,
        request: BaseRequest,
        anti_csrf_check: bool | None = None,
        session_required: bool = True,
        check_database: bool = False,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer | None:
        """Give the session of a request; None if it has none and needs none.

        Raises:
            SuperTokensSessionError: there is no good session.
            CoreError: the core had to be asked and could not be, or refused.
        """
        if is_usual(anti_csrf_check, check_database, override_global_claim_validators):
            session = self.recall(request)
            if session is not None:
                return session
        return await self.verify_closely(
            request,
            anti_csrf_check,
            session_required,
            check_database,
            override_global_claim_validators,
            user_context,
        )

    async def verify_closely(
        self,
        request: BaseRequest,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any] | None,
    ) -> SessionContainer | None:
        """Do as `verify_session` with a request that `recall` gave no session for, or was not asked for any.

        Raises:
            SuperTokensSessionError: there is no good session.
            CoreError: the core had to be asked and could not be, or refused.
        """
        context = new_context(request, user_context or {})
        if request.method() == "GET" and self._verifies_itself:  # as nearly all do: the endpoint would do the same
            return await self._recipe.requests.verify(
                request, session_required, anti_csrf_check, check_database, override_global_claim_validators, context
            )
        return await self._recipe.verify_session(
            request, anti_csrf_check, session_required, check_database, override_global_claim_validators, context
        )


def is_usual(
    anti_csrf_check: bool | None,
    check_database: bool,
    override_global_claim_validators: OverrideGlobalClaimValidators | None,
) -> bool:
    """Tell whether `verify_session` is asked for no more than most routes ask for."""
    return not anti_csrf_check and not check_database and override_global_claim_validators is None


def changes_of(request: BaseRequest) -> BaseResponse | None:
    """Give what the session of a request wants on its response; None if it wants nothing."""
    session = request.get_session()
    if session is None or not session.response_mutators:
        return None
    response = BaseResponse(None)
    apply_session(request, response, {})
    return response
