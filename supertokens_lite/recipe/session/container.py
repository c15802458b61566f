"""The session object: what an application holds of one session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._io.base import Drive
from supertokens_lite._protocol.cdi import Created
from supertokens_lite._protocol.jsondata import check_object, merge_claims
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS, AccessToken, build_front_token, read_payload
from supertokens_lite._protocol.transfer import CookieSettings, attach_tokens, clear_tokens
from supertokens_lite.recipe.session._container_sync import ContainerSync
from supertokens_lite.recipe.session.claims import SessionClaim, SessionClaimValidator
from supertokens_lite.recipe.session.exceptions import InvalidClaimsError, ResponseMutator, UnauthorisedError
from supertokens_lite.recipe.session.options import SessionConfig, TransferMethod
from supertokens_lite.recipe.session.results import (
    GetSessionTokensDangerouslyDict,
    SessionInformationResult,
    TokenInfo,
)
from supertokens_lite.types import RecipeUserId, Refusal

if TYPE_CHECKING:
    from supertokens_lite.recipe.session.interfaces import RecipeInterface

__all__ = ("ReqResInfo", "SessionContainer", "VerifiedBy", "new_session", "verified_session")

T = TypeVar("T")

VerifiedBy = Literal["local", "cache", "core"]

GONE: Final = "Session does not exist anymore"


@dataclass(slots=True)
class ReqResInfo:
    """The request that a session belongs to, and how its tokens travel."""

    request: BaseRequest
    transfer_method: TransferMethod


class SessionContainer(ContainerSync):
    """One session.

    Each method that waits has a blocking twin whose name begins with `sync_`. Those that call the core raise
    `CoreError` where it could not be asked, or refused.

    Attributes:
        session_handle: what the core knows the session by.
        user_id: the user; with linked accounts the primary one.
        recipe_user_id: the login method's user.
        tenant_id: its tenant.
        user_data_in_access_token: the whole payload of the access token.
        verified_by: who vouched for the access token: `"local"`, its signature was checked here; `"cache"`, it was
            checked here before; `"core"`, the core was asked, or has just made it.
        response_mutators: functions of a response and a user context that are to be applied to the answer.
    """

    def __init__(
        self,
        recipe_implementation: RecipeInterface,
        config: SessionConfig,
        access_token: str,
        front_token: str | None,
        refresh_token: TokenInfo | None,
        anti_csrf_token: str | None,
        session_handle: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        user_data_in_access_token: dict[str, Any] | AccessToken,
        req_res_info: ReqResInfo | None,
        access_token_updated: bool,
        tenant_id: str,
        verified_by: VerifiedBy = "core",
    ) -> None:
        self.recipe_implementation = recipe_implementation
        self.config = config
        self.access_token = access_token
        self._front_token = front_token
        self.refresh_token = refresh_token
        self.anti_csrf_token = anti_csrf_token
        self.session_handle = session_handle
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id
        self._payload = user_data_in_access_token
        self.req_res_info = req_res_info
        self.access_token_updated = access_token_updated
        self.tenant_id = tenant_id
        self.verified_by: VerifiedBy = verified_by
        self.response_mutators: list[ResponseMutator] = []
        self._drive: Drive = config.drive

    @property
    def user_data_in_access_token(self) -> dict[str, Any]:
        """The whole payload of the access token; of a token that was only verified it is parsed when first asked."""
        payload = self._payload
        if isinstance(payload, AccessToken):
            payload = self._payload = payload.payload()
        return payload

    @user_data_in_access_token.setter
    def user_data_in_access_token(self, payload: dict[str, Any]) -> None:
        self._payload = payload

    @property
    def front_token(self) -> str:
        """What tells the browser about the session: user, expiry and payload."""
        if self._front_token is None:
            self._front_token = build_front_token(self.user_id, self.user_data_in_access_token)
        return self._front_token

    @front_token.setter
    def front_token(self, front_token: str | None) -> None:
        self._front_token = front_token

    def __getitem__(self, item: str) -> Any:
        """Give an attribute."""
        return getattr(self, item)

    def __repr__(self) -> str:
        return f"SessionContainer({self.session_handle!r}, user_id={self.user_id!r}, tenant_id={self.tenant_id!r})"

    async def revoke_session(self, user_context: dict[str, Any] | None = None) -> None:
        """End this session; nothing happens if it has ended. The answer to its request clears the client's tokens.

        Effects: one call to the core.
        """
        context = _context(user_context)
        await settle(self.recipe_implementation.revoke_session(self.session_handle, context))
        info = self.req_res_info
        if info is not None:
            settings = self.config.get_cookie_settings(info.request, context)
            self.response_mutators.append(partial(_clear, settings, info.transfer_method))

    async def get_session_data_from_database(self, user_context: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read the session data.

        Returns:
            The stored object; yours to change, which changes nothing in the database.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core.
        """
        return (await self._information(user_context)).session_data_in_database

    async def update_session_data_in_database(
        self, new_session_data: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> None:
        """Replace the session data; what is not in the new object is gone.

        Raises:
            UnauthorisedError: the session has ended.
            BadInputError: the data is not a JSON object; nothing was sent.

        Effects: one call to the core.
        """
        updated = await settle(
            self.recipe_implementation.update_session_data_in_database(
                self.session_handle, new_session_data, _context(user_context)
            )
        )
        if not updated:
            raise UnauthorisedError(GONE, reason=Refusal.SESSION_ENDED)

    async def merge_into_access_token_payload(
        self, access_token_payload_update: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> None:
        """Merge claims into the access token payload and take over the new access token; None deletes a claim.

        Raises:
            UnauthorisedError: the session has ended.
            BadInputError: the update is not a JSON object; nothing was sent.
            CoreResponseError: a claim is one of the core's own, like `sub` or `exp`.

        Effects: one call to the core.
        """
        check_object(access_token_payload_update, "access_token_payload_update")
        payload = merge_claims(self.user_data_in_access_token, access_token_payload_update, PROTECTED_CLAIMS)
        context = _context(user_context)
        result = await settle(self.recipe_implementation.regenerate_access_token(self.access_token, payload, context))
        if result is None:
            raise UnauthorisedError(GONE, reason=Refusal.SESSION_ENDED)
        if result.access_token is None:  # the old token has expired: the next refresh brings the payload
            own = {name: value for name, value in self.user_data_in_access_token.items() if name in PROTECTED_CLAIMS}
            self.user_data_in_access_token = result.session.user_data_in_jwt | own
            return
        self._take_access_token(result.access_token.token)
        if self.req_res_info is not None:
            self._attach(self.req_res_info, context)

    async def get_time_created(self, user_context: dict[str, Any] | None = None) -> int:
        """Give when the session was created, in milliseconds since the epoch.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core.
        """
        return (await self._information(user_context)).time_created

    async def get_expiry(self, user_context: dict[str, Any] | None = None) -> int:
        """Give when the session expires unless it is refreshed, in milliseconds since the epoch.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core.
        """
        return (await self._information(user_context)).expiry

    def get_user_id(self, user_context: dict[str, Any] | None = None) -> str:
        """Give the user; with linked accounts the primary one. Effects: none."""
        return self.user_id

    def get_recipe_user_id(self, user_context: dict[str, Any] | None = None) -> RecipeUserId:
        """Give the login method's user. Effects: none."""
        return self.recipe_user_id

    def get_tenant_id(self, user_context: dict[str, Any] | None = None) -> str:
        """Give the tenant. Effects: none."""
        return self.tenant_id

    def get_access_token_payload(self, user_context: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the whole payload of the access token. Effects: none."""
        return self.user_data_in_access_token

    def get_handle(self, user_context: dict[str, Any] | None = None) -> str:
        """Give the session handle. Effects: none."""
        return self.session_handle

    def get_access_token(self, user_context: dict[str, Any] | None = None) -> str:
        """Give the access token. Effects: none."""
        return self.access_token

    def get_all_session_tokens_dangerously(self) -> GetSessionTokensDangerouslyDict:
        """Give all tokens, for transports of your own; keep them out of logs. Effects: none.

        Returns:
            `{"accessToken": str, "accessAndFrontTokenUpdated": bool, "refreshToken": str | None,
            "frontToken": str, "antiCsrfToken": str | None}`.
        """
        return {
            "accessToken": self.access_token,
            "accessAndFrontTokenUpdated": self.access_token_updated,
            "refreshToken": None if self.refresh_token is None else self.refresh_token.token,
            "frontToken": self.front_token,
            "antiCsrfToken": self.anti_csrf_token,
        }

    async def attach_to_request_response(
        self, request: BaseRequest, transfer_method: TransferMethod, user_context: dict[str, Any] | None = None
    ) -> None:
        """Make this the session of a request: what changes its tokens from now on goes on the answer.

        Effects: none but on the answer to the request, once a middleware applies `response_mutators`.
        """
        context = _context(user_context)
        info = self.req_res_info = ReqResInfo(request, transfer_method)
        request.set_session(self)
        if self.access_token_updated:
            self._attach(info, context)

    async def assert_claims(
        self, claim_validators: Sequence[SessionClaimValidator], user_context: dict[str, Any] | None = None
    ) -> None:
        """Check that validators agree with the claims of this session; claims that are too old are fetched first.

        Raises:
            InvalidClaimsError: a validator does not agree; `payload` has what each of them says.
            UnauthorisedError: the session has ended.

        Effects: one call to the core if a claim was fetched, else none.
        """
        context = _context(user_context)
        payload = self.user_data_in_access_token | {"tId": self.tenant_id}  # in version 3 that is any claim
        result = await settle(
            self.recipe_implementation.validate_claims(
                self.user_id, self.recipe_user_id, payload, list(claim_validators), context
            )
        )
        update = result.access_token_payload_update
        if update is not None:
            own = {name: value for name, value in update.items() if name not in PROTECTED_CLAIMS}
            await self.merge_into_access_token_payload(own, context)
        if result.invalid_claims:
            raise InvalidClaimsError("INVALID_CLAIMS", result.invalid_claims)

    async def fetch_and_set_claim(self, claim: SessionClaim[Any], user_context: dict[str, Any] | None = None) -> None:
        """Fetch the value of a claim and put it into the access token payload.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core if there is a value, besides what fetching it takes.
        """
        context = _context(user_context)
        update = await claim.build(
            self.user_id, self.recipe_user_id, self.tenant_id, self.user_data_in_access_token, context
        )
        if update:  # else there is no value, and nothing to be put anywhere
            await self.merge_into_access_token_payload(update, context)

    async def set_claim_value(
        self, claim: SessionClaim[T], value: T, user_context: dict[str, Any] | None = None
    ) -> None:
        """Put a value of a claim into the access token payload.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core.
        """
        context = _context(user_context)
        await self.merge_into_access_token_payload(claim.add_to_payload_({}, value, context), context)

    async def get_claim_value(self, claim: SessionClaim[T], user_context: dict[str, Any] | None = None) -> T | None:
        """Give the value of a claim as this session's access token has it; None if it is not there. Effects: none."""
        return claim.get_value_from_payload(self.user_data_in_access_token, _context(user_context))

    async def remove_claim(self, claim: SessionClaim[Any], user_context: dict[str, Any] | None = None) -> None:
        """Take a claim out of the access token payload.

        Raises:
            UnauthorisedError: the session has ended.

        Effects: one call to the core.
        """
        context = _context(user_context)
        await self.merge_into_access_token_payload(claim.remove_from_payload_by_merge_({}, context), context)

    def _take_access_token(self, token: str) -> None:
        """Be the session of a new access token from the core."""
        self.access_token = token
        self.user_data_in_access_token = read_payload(token)
        self.front_token = None
        self.access_token_updated = True

    def _attach(self, info: ReqResInfo, user_context: dict[str, Any]) -> None:
        """Have the tokens as they are now put on the answer to the request."""
        settings = self.config.get_cookie_settings(info.request, user_context)
        self.response_mutators.append(partial(self._put_on, settings, info.transfer_method))

    def _put_on(
        self,
        settings: CookieSettings,
        method: TransferMethod,
        response: BaseResponse,
        user_context: dict[str, Any],
    ) -> None:
        """Put the tokens as they are on a response; a cookie counts as made when the access token in it was."""
        refresh_token = self.refresh_token
        attach_tokens(
            response,
            settings,
            method,
            access_token=self.access_token,
            front_token=self.front_token,
            now_ms=self.user_data_in_access_token["iat"] * 1000,
            refresh_token=None if refresh_token is None else refresh_token.token,
            refresh_expires_ms=0 if refresh_token is None else refresh_token.expiry,
            anti_csrf_token=self.anti_csrf_token,
            expose_access_token=self.config.expose_access_token_to_frontend_in_cookie_based_auth,
        )

    async def _information(self, user_context: dict[str, Any] | None) -> SessionInformationResult:
        information = await settle(
            self.recipe_implementation.get_session_information(self.session_handle, _context(user_context))
        )
        if information is None:
            raise UnauthorisedError(GONE, reason=Refusal.SESSION_ENDED)
        return information


def new_session(
    front: RecipeInterface,
    config: SessionConfig,
    created: Created,
    claims: dict[str, Any],
    front_token: str | None = None,
) -> SessionContainer:
    """Give the object of a session that the core has just made, or given new tokens.

    Args:
        front: what it calls.
        config: the settings of the recipe.
        created: what the core gave.
        claims: the payload of the access token; nobody else's.
        front_token: what tells the browser; None: built when it is asked for.
    """
    return SessionContainer(
        front,
        config,
        created.access_token,
        front_token,
        TokenInfo(*created.refresh_token),
        created.anti_csrf_token,
        created.handle,
        created.user_id,
        RecipeUserId(created.recipe_user_id),
        claims,
        None,
        True,
        created.tenant_id,
    )


def verified_session(
    front: RecipeInterface,
    config: SessionConfig,
    token: AccessToken,
    verified_by: VerifiedBy,
    info: ReqResInfo | None = None,
) -> SessionContainer:
    """Give the object of a session whose access token is good.

    Args:
        front: what it calls.
        config: the settings of the recipe.
        token: what the token says.
        verified_by: who vouched for it.
        info: the request that it belongs to.
    """
    return SessionContainer(
        front,
        config,
        token.text,
        None,
        None,
        token.anti_csrf_token,
        token.session_handle,
        token.user_id,
        token.recipe_user_id,
        token,
        info,
        False,
        token.tenant_id,
        verified_by,
    )


def _context(user_context: dict[str, Any] | None) -> dict[str, Any]:
    return {} if user_context is None else user_context


def _clear(
    settings: CookieSettings, method: TransferMethod, response: BaseResponse, user_context: dict[str, Any]
) -> None:
    clear_tokens(response, settings, method)
