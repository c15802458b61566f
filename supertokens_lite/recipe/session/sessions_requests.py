"""The public functions on sessions as they come and go with requests, or with tokens that travel in some other way."""

from __future__ import annotations

from typing import Any, Literal, overload

from supertokens_lite._core.hooks import settle
from supertokens_lite.exceptions import BadInputError, GeneralError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators, RecipeInterface
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.requests import Requests
from supertokens_lite.recipe.session.sessions_stored import context_of, tenant_of
from supertokens_lite.types import RecipeUserId

__all__ = ("RequestSessions",)


class RequestSessions:
    """Sessions created, verified and refreshed, awaited."""

    _implementation: RecipeInterface
    _config: SessionConfig
    _requests: Requests

    async def create_new_session(
        self,
        request: Any,
        tenant_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any] | None = None,
        session_data_in_database: dict[str, Any] | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer:
        """Create a session for a user; the answer to the request carries its tokens, by cookies or headers.

        Args:
            request: the request of the login.
            tenant_id: the tenant, usually `"public"`.
            recipe_user_id: the user; no such user has to exist.
            access_token_payload: your claims in the access tokens.
            session_data_in_database: the session data.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The session; it is the request's session from now on.

        Raises:
            BadInputError: an argument is not what it must be; nothing was sent.
            ConfigurationError: cookies can't reach the website with the settings as they are; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: one call to the core; cookies or headers on the answer. Source: CDI, POST /recipe/session; FDI.
        """
        _check_user(recipe_user_id)
        return await self._requests.create(
            request,
            tenant_of(tenant_id),
            recipe_user_id,
            access_token_payload,
            session_data_in_database,
            context_of(user_context),
        )

    async def create_new_session_without_request_response(
        self,
        tenant_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any] | None = None,
        session_data_in_database: dict[str, Any] | None = None,
        disable_anti_csrf: bool = False,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer:
        """Create a session for a user; hand its tokens to the client yourself.

        Args:
            tenant_id: the tenant, usually `"public"`.
            recipe_user_id: the user; no such user has to exist.
            access_token_payload: your claims in the access tokens.
            session_data_in_database: the session data.
            disable_anti_csrf: make no anti-CSRF token, for clients that send tokens in headers.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The session, with all its tokens.

        Raises:
            BadInputError: an argument is not what it must be; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: one call to the core. Source: CDI, POST /recipe/session.
        """
        _check_user(recipe_user_id)
        context = context_of(user_context)
        tenant = tenant_of(tenant_id)
        if self._config.anti_csrf == "VIA_CUSTOM_HEADER" and not disable_anti_csrf:
            raise GeneralError(
                "anti_csrf VIA_CUSTOM_HEADER needs a request to look at: pass disable_anti_csrf=True, and check the "
                "header yourself"
            )
        return await settle(
            self._implementation.create_new_session(
                recipe_user_id.get_as_string(),
                recipe_user_id,
                await self._requests.new_payload(tenant, recipe_user_id, access_token_payload, context),
                {} if session_data_in_database is None else session_data_in_database,
                disable_anti_csrf,
                tenant,
                context,
            )
        )

    @overload
    async def get_session(
        self,
        request: Any,
        session_required: Literal[True] | None = None,
        anti_csrf_check: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer: ...
    @overload
    async def get_session(
        self,
        request: Any,
        session_required: bool | None = None,
        anti_csrf_check: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None: ...
    async def get_session(
        self,
        request: Any,
        session_required: bool | None = None,
        anti_csrf_check: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None:
        """Verify the session of a request.

        Args:
            request: the request.
            session_required: False: a request without a session is fine, and gives None.
            anti_csrf_check: whether the request has to show that it comes from the website; None: unless it is a GET,
                or its token came in a header.
            check_database: True: ask the core whether the session still exists.
            override_global_claim_validators: gets the validators that every session has to pass, the session and the
                user context, and gives the validators to use; `def` or `async def`.
            user_context: travels to overrides and the network interceptor.
            max_token_age_s: ask the core, as with `check_database`, if the access token is older than this.

        Returns:
            The session; `.verified_by` says whether the core was asked. None without one, if none is required.

        Raises:
            UnauthorisedError: there is no session, or it has ended; answer 401.
            TryRefreshTokenError: the access token is not good any more; answer 401, and the client refreshes.
            InvalidClaimsError: a validator does not agree; answer 403.
            CoreError: the core had to be asked and could not be, or refused; that says nothing about the session.

        Effects: none in most cases. One call to the core where the database is to be checked, for the first access
        token after a refresh on a core below CDI 5.6, and once in a while for the public keys. A new access token goes
        on the answer. Source: FDI; CDI, POST /recipe/session/verify.
        """
        return await self._requests.get(
            request,
            session_required is not False,
            anti_csrf_check,
            check_database is True,
            override_global_claim_validators,
            context_of(user_context),
            max_token_age_s,
        )

    @overload
    async def get_session_without_request_response(
        self,
        access_token: str,
        anti_csrf_token: str | None = None,
        anti_csrf_check: bool | None = None,
        session_required: Literal[True] | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer: ...
    @overload
    async def get_session_without_request_response(
        self,
        access_token: str,
        anti_csrf_token: str | None = None,
        anti_csrf_check: bool | None = None,
        session_required: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None: ...
    async def get_session_without_request_response(
        self,
        access_token: str,
        anti_csrf_token: str | None = None,
        anti_csrf_check: bool | None = None,
        session_required: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
        *,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None:
        """Verify an access token that reached you in your own way.

        Args:
            access_token: the access token.
            anti_csrf_token: what the client sent beside it.
            anti_csrf_check: False: don't compare it, as for a token that came in a header.
            session_required: False: a text that is not an access token is fine, and gives None.
            check_database: True: ask the core whether the session still exists.
            override_global_claim_validators: gets the validators that every session has to pass, the session and the
                user context, and gives the validators to use; `def` or `async def`.
            user_context: travels to overrides and the network interceptor.
            max_token_age_s: ask the core, as with `check_database`, if the access token is older than this.

        Returns:
            The session; `.verified_by` says whether the core was asked. If `.access_token_updated`, hand its new access
            token to the client. None without one, if none is required.

        Raises:
            UnauthorisedError: it is no access token, or the session has ended.
            TryRefreshTokenError: the access token is not good any more; refresh the session.
            InvalidClaimsError: a validator does not agree.
            CoreError: the core had to be asked and could not be, or refused; that says nothing about the session.

        Effects: none in most cases. One call to the core where the database is to be checked, for the first access
        token after a refresh on a core below CDI 5.6, and once in a while for the public keys. Source: CDI, POST
        /recipe/session/verify.
        """
        context: dict[str, Any] = {} if user_context is None else user_context
        if max_token_age_s is not None and not check_database:
            check_database = self._requests.is_older(access_token, max_token_age_s)
        session = await settle(
            self._implementation.get_session(
                access_token,
                anti_csrf_token,
                anti_csrf_check,
                session_required,
                check_database,
                override_global_claim_validators,
                context,
            )
        )
        if session is not None and self._requests.has_to_assert(override_global_claim_validators):
            await self._requests.assert_claims(session, override_global_claim_validators, context)
        return session

    async def refresh_session(self, request: Any, user_context: dict[str, Any] | None = None) -> SessionContainer:
        """Refresh the session of a request; the answer carries new tokens.

        Args:
            request: the request, with the refresh token in a cookie or a header.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The session; it is the request's session from now on.

        Raises:
            UnauthorisedError: there is no session, or it has ended; answer 401.
            TokenTheftError: the refresh token had been replaced, and the session was ended; answer 401.
            ClearDuplicateSessionCookiesError: cookies of the older domain go first; answer 200, and the client tries
                again.
            CoreError: the core could not be asked, or gave no answer. The client keeps its tokens and tries again.

        Effects: one call to the core; cookies or headers on the answer. Requests that bring the same refresh token at
        the same time are answered by one call. Source: CDI, POST /recipe/session/refresh; FDI.
        """
        return await self._requests.refresh(request, context_of(user_context))

    async def refresh_session_without_request_response(
        self,
        refresh_token: str,
        disable_anti_csrf: bool = False,
        anti_csrf_token: str | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer:
        """Refresh a session by its refresh token; hand the new tokens to the client yourself.

        Args:
            refresh_token: the refresh token.
            disable_anti_csrf: don't compare the anti-CSRF token, and make no new one.
            anti_csrf_token: what the client sent beside it.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The session, with all its tokens.

        Raises:
            BadInputError: the token is not a string; nothing was sent.
            UnauthorisedError: the session has ended, or the token is none.
            TokenTheftError: the refresh token had been replaced, and the session was ended.
            CoreError: the core could not be asked, or gave no answer; try again with the same token.

        Effects: one call to the core. Source: CDI, POST /recipe/session/refresh.
        """
        return await settle(
            self._implementation.refresh_session(
                refresh_token, anti_csrf_token, disable_anti_csrf, context_of(user_context)
            )
        )

    async def revoke_other_sessions(
        self, session: SessionContainer, user_context: dict[str, Any] | None = None
    ) -> list[str]:
        """End all sessions of a session's user but this one, in all tenants and of linked accounts.

        Args:
            session: the session that stays.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The handles of the sessions that were ended.

        Raises:
            CoreError: the core could not be asked, or refused. Ask it again: some sessions may have ended.

        Effects: two calls to the core. A session that is created between them stays. Source: CDI, GET
        /recipe/session/user and POST /recipe/session/remove.
        """
        context = context_of(user_context)
        handles = await settle(
            self._implementation.get_all_session_handles_for_user(session.get_user_id(), True, None, True, context)
        )
        others = [handle for handle in handles if handle != session.get_handle()]
        return await settle(self._implementation.revoke_multiple_sessions(others, context)) if others else []


def _check_user(recipe_user_id: object) -> None:
    if not isinstance(recipe_user_id, RecipeUserId):
        raise BadInputError("must be a RecipeUserId: RecipeUserId('…')", "recipe_user_id")
