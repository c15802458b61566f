"""The public functions on the claims of a session, by its handle."""

from __future__ import annotations

from typing import Any, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite.recipe.session.claims import SessionClaim
from supertokens_lite.recipe.session.interfaces import OverrideClaimValidatorsOfHandle, RecipeInterface
from supertokens_lite.recipe.session.requests import Requests
from supertokens_lite.recipe.session.results import (
    ClaimsValidationResult,
    GetClaimValueOkResult,
    SessionDoesNotExistError,
)
from supertokens_lite.recipe.session.sessions_stored import context_of

__all__ = ("ClaimSessions",)

T = TypeVar("T")


class ClaimSessions:
    """What can be done with the claims of sessions by their handles, awaited."""

    _implementation: RecipeInterface
    _requests: Requests

    async def validate_claims_for_session_handle(
        self,
        session_handle: str,
        override_global_claim_validators: OverrideClaimValidatorsOfHandle | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionDoesNotExistError | ClaimsValidationResult:
        """Have the validators that every session has to pass look at the stored claims of a session.

        Args:
            session_handle: the session.
            override_global_claim_validators: gets those validators, the session's information and the user context,
                and gives the validators to use; `def` or `async def`.
            user_context: travels to overrides and the network interceptor.

        Returns:
            What does not pass, in `.invalid_claims`; a `SessionDoesNotExistError`, as a value, if there is no session.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core, a second one if a claim was too old and fetched anew.
        """
        context = context_of(user_context)
        found = await settle(self._implementation.get_session_information(session_handle, context))
        if found is None:
            return SessionDoesNotExistError()
        validators = await self._requests.global_validators(
            found.tenant_id, found.user_id, found.recipe_user_id, context
        )
        if override_global_claim_validators is not None:
            given: Any = override_global_claim_validators(validators, found, context)
            validators = await settle(given)
        payload = found.custom_claims_in_access_token_payload | {"tId": found.tenant_id}
        result = await settle(
            self._implementation.validate_claims(found.user_id, found.recipe_user_id, payload, validators, context)
        )
        update = result.access_token_payload_update
        if update is not None:
            own = {name: value for name, value in update.items() if name != "tId"}
            if not await settle(self._implementation.merge_into_access_token_payload(session_handle, own, context)):
                return SessionDoesNotExistError()
        return result

    async def fetch_and_set_claim(
        self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any] | None = None
    ) -> bool:
        """Fetch the value of a claim and put it into the access token payload of a session.

        Args:
            session_handle: the session.
            claim: the claim; its `fetch_value` is called.
            user_context: travels to `fetch_value`, overrides and the network interceptor.

        Returns:
            False if there is no such session.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: three calls to the core, besides what fetching the value takes. The session's access tokens have it
        after their next refresh.
        """
        return await settle(self._implementation.fetch_and_set_claim(session_handle, claim, context_of(user_context)))

    async def set_claim_value(
        self, session_handle: str, claim: SessionClaim[T], value: T, user_context: dict[str, Any] | None = None
    ) -> bool:
        """Put a value of a claim into the access token payload of a session.

        Args:
            session_handle: the session.
            claim: the claim.
            value: its value.
            user_context: travels to overrides and the network interceptor.

        Returns:
            False if there is no such session.

        Raises:
            BadInputError: the handle is not a string, or the value has no form in JSON; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: two calls to the core. The session's access tokens have it after their next refresh.
        """
        return await settle(
            self._implementation.set_claim_value(session_handle, claim, value, context_of(user_context))
        )

    async def get_claim_value(
        self, session_handle: str, claim: SessionClaim[T], user_context: dict[str, Any] | None = None
    ) -> SessionDoesNotExistError | GetClaimValueOkResult[T]:
        """Give the value of a claim as it is stored for a session.

        Args:
            session_handle: the session.
            claim: the claim.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The value in `.value`, None if the claim is not there; a `SessionDoesNotExistError`, as a value, if there is
            no such session.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core.
        """
        return await settle(self._implementation.get_claim_value(session_handle, claim, context_of(user_context)))

    async def remove_claim(
        self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any] | None = None
    ) -> bool:
        """Take a claim out of the access token payload of a session.

        Args:
            session_handle: the session.
            claim: the claim.
            user_context: travels to overrides and the network interceptor.

        Returns:
            False if there is no such session.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: two calls to the core. The session's access tokens are without it after their next refresh.
        """
        return await settle(self._implementation.remove_claim(session_handle, claim, context_of(user_context)))
