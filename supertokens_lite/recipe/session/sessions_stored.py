"""The public functions on sessions as they are stored: read, changed, listed and ended by their handles; and keys."""

from __future__ import annotations

import re
from typing import Any, Final

from supertokens_lite._core.hooks import settle
from supertokens_lite._protocol.paths import PUBLIC_TENANT
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.recipe.session.interfaces import Change, RecipeInterface
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.results import (
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GetJWKSResult,
    GetOpenIdDiscoveryConfigurationResult,
    SessionInformationResult,
)

__all__ = ("StoredSessions", "context_of", "tenant_of")

TENANT_ID: Final = re.compile(r"[a-zA-Z0-9-]+")


class StoredSessions:
    """What can be done with sessions by their handles, awaited."""

    _implementation: RecipeInterface
    _config: SessionConfig

    async def revoke_session(self, session_handle: str, user_context: dict[str, Any] | None = None) -> bool:
        """End a session.

        Args:
            session_handle: the session.
            user_context: travels to overrides and the network interceptor.

        Returns:
            True if there was one.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core. Source: CDI, POST /recipe/session/remove.
        """
        return await settle(self._implementation.revoke_session(session_handle, context_of(user_context)))

    async def revoke_all_sessions_for_user(
        self,
        user_id: str,
        revoke_sessions_for_linked_accounts: bool = True,
        tenant_id: str | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> list[str]:
        """End all sessions of a user.

        Args:
            user_id: the user.
            revoke_sessions_for_linked_accounts: those of linked accounts too.
            tenant_id: only those of this tenant; None: of all tenants.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The handles of the sessions that were ended; empty for an unknown user.

        Raises:
            BadInputError: an id is not what it must be; nothing was sent.
            CoreError: the core could not be asked, or refused. Ask it again: some sessions may have ended.

        Effects: one call to the core. Source: CDI, POST /recipe/session/remove.
        """
        return await settle(
            self._implementation.revoke_all_sessions_for_user(
                user_id,
                revoke_sessions_for_linked_accounts,
                PUBLIC_TENANT if tenant_id is None else tenant_of(tenant_id),
                tenant_id is None,
                context_of(user_context),
            )
        )

    async def get_all_session_handles_for_user(
        self,
        user_id: str,
        fetch_sessions_for_linked_accounts: bool = True,
        tenant_id: str | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> list[str]:
        """Give the handles of all live sessions of a user.

        Args:
            user_id: the user.
            fetch_sessions_for_linked_accounts: those of linked accounts too.
            tenant_id: only those of this tenant; None: of all tenants.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The handles, in no promised order; empty for an unknown user.

        Raises:
            BadInputError: an id is not what it must be; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core. Source: CDI, GET /recipe/session/user.
        """
        return await settle(
            self._implementation.get_all_session_handles_for_user(
                user_id,
                fetch_sessions_for_linked_accounts,
                PUBLIC_TENANT if tenant_id is None else tenant_of(tenant_id),
                tenant_id is None,
                context_of(user_context),
            )
        )

    async def revoke_multiple_sessions(
        self, session_handles: list[str], user_context: dict[str, Any] | None = None
    ) -> list[str]:
        """End sessions.

        Args:
            session_handles: the sessions, of any users.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The handles of those that there were.

        Raises:
            BadInputError: it is not a list, or holds something else than strings; nothing was sent.
            CoreError: the core could not be asked, or refused. Ask it again: some sessions may have ended.

        Effects: one call to the core. Source: CDI, POST /recipe/session/remove.
        """
        return await settle(self._implementation.revoke_multiple_sessions(session_handles, context_of(user_context)))

    async def get_session_information(
        self, session_handle: str, user_context: dict[str, Any] | None = None
    ) -> SessionInformationResult | None:
        """Read a session.

        Args:
            session_handle: the session.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The session, its times in milliseconds since the epoch; None if there is none with this handle, or it has
            expired.

        Raises:
            BadInputError: the handle is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core. Source: CDI, GET /recipe/session.
        """
        return await settle(self._implementation.get_session_information(session_handle, context_of(user_context)))

    async def update_session_data_in_database(
        self, session_handle: str, new_session_data: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> bool:
        """Replace the data of a session; what is not in the new object is gone.

        Args:
            session_handle: the session.
            new_session_data: any JSON object.
            user_context: travels to overrides and the network interceptor.

        Returns:
            False if there is no such session. After True every reader sees the new data.

        Raises:
            BadInputError: the data is not a JSON object; `path` names the place. Nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core. Source: CDI, PUT /recipe/session/data.
        """
        return await settle(
            self._implementation.update_session_data_in_database(
                session_handle, new_session_data, context_of(user_context)
            )
        )

    async def modify_session_data_in_database(
        self, session_handle: str, change: Change, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Read the data of a session, change it and write it back, without losing what others change meanwhile.

        Within this process, calls for the same handle take turns, whichever thread, task or facade they come from.
        Across processes, a core that offers compare-and-set (the embedded one does) refuses a write that is based on
        old data, and `change` is called again with the newer data. With a core that doesn't offer it, a write of
        another process between the read and the write is lost.

        Args:
            session_handle: the session.
            change: gets a copy of the data and gives the new data, or None to leave it as it is. It may be `def` or
                `async def`, may be called more than once, and must not call this SDK for the same handle.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The data as it is stored now; None if there is no such session.

        Raises:
            BadInputError: `change` gave something that is not a JSON object; nothing was written.
            ReentrantCallError: `change` called this SDK for the same handle; nothing was written.
            EventLoopRequiredError: in blocking code `change` awaited something that needs an event loop.
            CoreError: the core could not be asked, or refused. If its answer to the write was lost, the change was made
                once or not at all.

        Effects: two calls to the core, more where others write too. Source: `/lite/v1` of the embedded core; CDI.
        """
        return await settle(
            self._implementation.modify_session_data_in_database(session_handle, change, context_of(user_context))
        )

    async def list_sessions_for_user(
        self, user_id: str, user_context: dict[str, Any] | None = None
    ) -> list[SessionInformationResult]:
        """Read all live sessions of a user, of all tenants.

        Args:
            user_id: the user.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The sessions, oldest first; empty for an unknown user.

        Raises:
            BadInputError: the id is not a string; nothing was sent.
            CoreError: the core could not be asked, or refused; that says nothing about the session.

        Effects: one call to the core for the handles, then one for each thousand sessions where the core has a batch
        call (the embedded one does) and `get_session_information` is not overridden, else one for each session, eight
        at once.
        """
        return await settle(self._implementation.list_sessions_for_user(user_id, context_of(user_context)))

    async def merge_into_access_token_payload(
        self,
        session_handle: str,
        new_access_token_payload: dict[str, Any],
        user_context: dict[str, Any] | None = None,
    ) -> bool:
        """Merge claims into the access token payload of a session; a refresh brings them into its tokens.

        Args:
            session_handle: the session.
            new_access_token_payload: the claims; None deletes one.
            user_context: travels to overrides and the network interceptor.

        Returns:
            False if there is no such session.

        Raises:
            BadInputError: the update is not a JSON object; nothing was sent.
            CoreResponseError: a claim is one of the core's own, like `sub` or `exp`.
            CoreError: the core could not be asked, or refused.

        Effects: two calls to the core. Source: CDI, PUT /recipe/jwt/data.
        """
        return await settle(
            self._implementation.merge_into_access_token_payload(
                session_handle, new_access_token_payload, context_of(user_context)
            )
        )

    async def create_jwt(
        self,
        payload: dict[str, Any],
        validity_seconds: int | None = None,
        use_static_signing_key: bool | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm:
        """Sign a JWT of your own with the core's keys.

        Args:
            payload: the claims; `iss` is set to API domain and base path unless given.
            validity_seconds: for how long it is good; None: 100 years.
            use_static_signing_key: None or True: the key that stays; False: a key that rotates.
            user_context: travels to overrides and the network interceptor.

        Returns:
            The token in `.jwt`.

        Raises:
            BadInputError: the payload is not a JSON object; nothing was sent.
            CoreError: the core could not be asked, or refused.

        Effects: one call to the core. Source: CDI, POST /recipe/jwt.
        """
        return await settle(
            self._implementation.create_jwt(payload, validity_seconds, use_static_signing_key, context_of(user_context))
        )

    async def get_jwks(self, user_context: dict[str, Any] | None = None) -> GetJWKSResult:
        """Read the public keys that verify access tokens and JWTs.

        Returns:
            `.keys`, each with `kty`, `kid`, `n`, `e`, `alg` and `use`, and `.validity_in_secs`.

        Raises:
            CoreError: the core could not be asked, or answered with something else.

        Effects: one call to the core. Source: CDI, GET /.well-known/jwks.json.
        """
        return await settle(self._implementation.get_jwks(context_of(user_context)))

    async def get_open_id_discovery_configuration(
        self, user_context: dict[str, Any] | None = None
    ) -> GetOpenIdDiscoveryConfigurationResult:
        """Give what tells others where the public keys are, and the endpoints beside them.

        Returns:
            `.issuer`, `.jwks_uri` and the other members of the document; the endpoints for OAuth are named as the
            protocol has them, whether something serves them or not.

        Effects: none. Source: OpenID Connect Discovery 1.0, section 3; FDI 4.0.
        """
        return GetOpenIdDiscoveryConfigurationResult.of_issuer(self._config.issuer)


def context_of(user_context: dict[str, Any] | None) -> dict[str, Any]:
    """Give the user context, a new one if there is none."""
    return {} if user_context is None else user_context


def tenant_of(tenant_id: str) -> str:
    """Refuse what can't be a tenant."""
    if not TENANT_ID.fullmatch(str(tenant_id)):
        raise BadInputError("must be a string of letters, digits and hyphens", "tenant_id")
    return tenant_id
