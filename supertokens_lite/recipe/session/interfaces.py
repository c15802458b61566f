"""What applications can override, and what they get back.

An override takes the default implementation, replaces methods of it, and gives it back. Replacements may be `def` or
`async def`; each serves the asynchronous and the blocking functions alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.results import (
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GetClaimValueOkResult,
    GetJWKSResult,
    JsonWebKey,
    RegenerateAccessTokenOkResult,
    SessionDoesNotExistError,
    SessionInformationResult,
    SessionObj,
    TokenInfo,
)
from supertokens_lite.types import MaybeAwaitable, RecipeUserId

__all__ = (
    "APIInterface",
    "Change",
    "CreateJwtOkResult",
    "CreateJwtResultUnsupportedAlgorithm",
    "GetClaimValueOkResult",
    "GetJWKSResult",
    "JsonWebKey",
    "RecipeInterface",
    "RegenerateAccessTokenOkResult",
    "SessionContainer",
    "SessionDoesNotExistError",
    "SessionInformationResult",
    "SessionObj",
    "TokenInfo",
)

Change = Callable[[dict[str, Any]], MaybeAwaitable["dict[str, Any] | None"]]
"""Gets a copy of the session data and gives the new data, or None to leave it as it is."""


class RecipeInterface(ABC):
    """The operations on sessions, as the default implementation has them and overrides replace them."""

    @abstractmethod
    async def create_new_session(
        self,
        user_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any] | None,
        session_data_in_database: dict[str, Any] | None,
        disable_anti_csrf: bool | None,
        tenant_id: str,
        user_context: dict[str, Any],
    ) -> SessionContainer:
        """Create a session."""

    @abstractmethod
    async def revoke_session(self, session_handle: str, user_context: dict[str, Any]) -> bool:
        """End a session; False if there was none."""

    @abstractmethod
    async def revoke_all_sessions_for_user(
        self,
        user_id: str,
        revoke_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        revoke_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        """End a user's sessions; give their handles."""

    @abstractmethod
    async def get_all_session_handles_for_user(
        self,
        user_id: str,
        fetch_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        fetch_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        """Give the handles of a user's sessions."""

    @abstractmethod
    async def revoke_multiple_sessions(self, session_handles: list[str], user_context: dict[str, Any]) -> list[str]:
        """End sessions; give the handles of those that there were."""

    @abstractmethod
    async def get_session_information(
        self, session_handle: str, user_context: dict[str, Any]
    ) -> SessionInformationResult | None:
        """Read a session; None if there is none."""

    @abstractmethod
    async def update_session_data_in_database(
        self, session_handle: str, new_session_data: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        """Replace session data; False if there is no session."""

    @abstractmethod
    async def modify_session_data_in_database(
        self, session_handle: str, change: Change, user_context: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Read session data, change it and write it back; None if there is no session."""

    @abstractmethod
    async def list_sessions_for_user(
        self, user_id: str, user_context: dict[str, Any]
    ) -> list[SessionInformationResult]:
        """Read all sessions of a user, oldest first."""

    @abstractmethod
    async def merge_into_access_token_payload(
        self, session_handle: str, access_token_payload_update: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        """Merge claims into a session's access token payload; False if there is no session."""

    @abstractmethod
    async def regenerate_access_token(
        self, access_token: str, new_access_token_payload: dict[str, Any] | None, user_context: dict[str, Any]
    ) -> RegenerateAccessTokenOkResult | None:
        """Mint an access token anew; None if there is no session."""

    @abstractmethod
    async def create_jwt(
        self,
        payload: dict[str, Any],
        validity_seconds: int | None,
        use_static_signing_key: bool | None,
        user_context: dict[str, Any],
    ) -> CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm:
        """Sign a JWT."""

    @abstractmethod
    async def get_jwks(self, user_context: dict[str, Any]) -> GetJWKSResult:
        """Read the public keys."""


class APIInterface:
    """The endpoints that a browser calls, as overrides see them."""

    def __init__(self) -> None:
        self.disable_refresh_post = False
        self.disable_signout_post = False
