"""What applications can override, and what they get back.

An override takes the default implementation, replaces methods of it, and gives it back. Replacements may be `def` or
`async def`; each serves the asynchronous and the blocking functions alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.recipe.session.claims import SessionClaim, SessionClaimValidator
from supertokens_lite.recipe.session.container import ReqResInfo, SessionContainer
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.results import (
    AccessTokenObj,
    ClaimsValidationResult,
    ClaimValidationResult,
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GeneralErrorResponse,
    GetClaimValueOkResult,
    GetJWKSResult,
    GetSessionTokensDangerouslyDict,
    JsonWebKey,
    RegenerateAccessTokenOkResult,
    SessionDoesNotExistError,
    SessionInformationResult,
    SessionObj,
    SignOutOkayResponse,
    TokenInfo,
)
from supertokens_lite.types import MaybeAwaitable, RecipeUserId

__all__ = (
    "APIInterface",
    "APIOptions",
    "AccessTokenObj",
    "Change",
    "ClaimValidationResult",
    "ClaimsValidationResult",
    "CreateJwtOkResult",
    "CreateJwtResultUnsupportedAlgorithm",
    "GeneralErrorResponse",
    "GetClaimValueOkResult",
    "GetJWKSResult",
    "GetSessionTokensDangerouslyDict",
    "JsonWebKey",
    "OverrideClaimValidatorsOfHandle",
    "OverrideGlobalClaimValidators",
    "RecipeInterface",
    "RegenerateAccessTokenOkResult",
    "ReqResInfo",
    "SessionClaim",
    "SessionClaimValidator",
    "SessionContainer",
    "SessionDoesNotExistError",
    "SessionInformationResult",
    "SessionObj",
    "SignOutOkayResponse",
    "TokenInfo",
)

T = TypeVar("T")

Change = Callable[[dict[str, Any]], MaybeAwaitable["dict[str, Any] | None"]]
"""Gets a copy of the session data and gives the new data, or None to leave it as it is."""

OverrideGlobalClaimValidators = Callable[
    [list[SessionClaimValidator], SessionContainer, dict[str, Any]], MaybeAwaitable[list[SessionClaimValidator]]
]
"""Gets the validators that every session has to pass, the session and the user context, and gives those to use."""

OverrideClaimValidatorsOfHandle = Callable[
    [list[SessionClaimValidator], SessionInformationResult, dict[str, Any]],
    MaybeAwaitable[list[SessionClaimValidator]],
]
"""The same for a session that is only known by its handle."""


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
    def get_global_claim_validators(
        self,
        tenant_id: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        claim_validators_added_by_other_recipes: list[SessionClaimValidator],
        user_context: dict[str, Any],
    ) -> MaybeAwaitable[list[SessionClaimValidator]]:
        """Give the validators that every verified session has to pass; the default gives them without being awaited."""

    @abstractmethod
    async def get_session(
        self,
        access_token: str | None,
        anti_csrf_token: str | None = None,
        anti_csrf_check: bool | None = None,
        session_required: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer | None:
        """Give the session of an access token; None if there is none and none is required."""

    @abstractmethod
    async def validate_claims(
        self,
        user_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any],
        claim_validators: list[SessionClaimValidator],
        user_context: dict[str, Any],
    ) -> ClaimsValidationResult:
        """Have validators look at a payload, its claims fetched anew where they are too old."""

    @abstractmethod
    async def refresh_session(
        self, refresh_token: str, anti_csrf_token: str | None, disable_anti_csrf: bool, user_context: dict[str, Any]
    ) -> SessionContainer:
        """Give the session of a refresh token, with new tokens."""

    @abstractmethod
    async def fetch_and_set_claim(
        self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any]
    ) -> bool:
        """Fetch a claim's value into a session's payload; False if there is no session."""

    @abstractmethod
    async def set_claim_value(
        self, session_handle: str, claim: SessionClaim[T], value: T, user_context: dict[str, Any]
    ) -> bool:
        """Put a claim's value into a session's payload; False if there is no session."""

    @abstractmethod
    async def get_claim_value(
        self, session_handle: str, claim: SessionClaim[T], user_context: dict[str, Any]
    ) -> SessionDoesNotExistError | GetClaimValueOkResult[T]:
        """Give a claim's value from a session's payload."""

    @abstractmethod
    async def remove_claim(self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any]) -> bool:
        """Take a claim out of a session's payload; False if there is no session."""

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


class APIOptions:
    """What an endpoint has to do with.

    Attributes:
        request: the request.
        response: what records the answer; None where a session is only verified.
        recipe_id: `"session"`.
        config: the settings of the recipe.
        recipe_implementation: what can be done with sessions, overrides and all.
    """

    def __init__(
        self,
        request: BaseRequest,
        response: BaseResponse | None,
        recipe_id: str,
        config: SessionConfig,
        recipe_implementation: RecipeInterface,
    ) -> None:
        self.request = request
        self.response = response
        self.recipe_id = recipe_id
        self.config = config
        self.recipe_implementation = recipe_implementation


class APIInterface(ABC):
    """The endpoints that a browser calls, as overrides see them.

    Attributes:
        disable_refresh_post: leave `POST /session/refresh` to the application.
        disable_signout_post: leave `POST /signout` to the application.
        disable_jwks_get: leave `GET /jwt/jwks.json` to the application.
        disable_open_id_discovery_configuration_get: leave `GET /.well-known/openid-configuration` to the application.
    """

    def __init__(self) -> None:
        self.disable_refresh_post = False
        self.disable_signout_post = False
        self.disable_jwks_get = False
        self.disable_open_id_discovery_configuration_get = False

    @abstractmethod
    async def refresh_post(self, api_options: APIOptions, user_context: dict[str, Any]) -> SessionContainer:
        """Refresh the session of a request; the answer has its new tokens."""

    @abstractmethod
    async def signout_post(
        self, session: SessionContainer, api_options: APIOptions, user_context: dict[str, Any]
    ) -> SignOutOkayResponse | GeneralErrorResponse:
        """End the session of a request; the answer has the client forget its tokens."""

    @abstractmethod
    async def verify_session(
        self,
        api_options: APIOptions,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any],
    ) -> SessionContainer | None:
        """Give the session of a request to an endpoint of the application; None if it has none and needs none."""
