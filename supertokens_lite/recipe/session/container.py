"""The session object: what an application holds of one session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from supertokens_lite._core.hooks import settle
from supertokens_lite._io.base import Drive
from supertokens_lite._protocol.jsondata import check_object, merge_claims
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS, build_front_token, read_payload
from supertokens_lite.recipe.session._container_sync import ContainerSync
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.results import SessionInformationResult, TokenInfo
from supertokens_lite.types import RecipeUserId

if TYPE_CHECKING:
    from supertokens_lite.recipe.session.interfaces import RecipeInterface

__all__ = ("SessionContainer",)

GONE = "Session does not exist anymore"


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
        response_mutators: functions of a response and a user context that are to be applied to the answer.
    """

    def __init__(
        self,
        recipe_implementation: RecipeInterface,
        config: Any,
        access_token: str,
        front_token: str,
        refresh_token: TokenInfo | None,
        anti_csrf_token: str | None,
        session_handle: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        user_data_in_access_token: dict[str, Any],
        req_res_info: Any | None,
        access_token_updated: bool,
        tenant_id: str,
    ) -> None:
        self.recipe_implementation = recipe_implementation
        self.config = config
        self.access_token = access_token
        self.front_token = front_token
        self.refresh_token = refresh_token
        self.anti_csrf_token = anti_csrf_token
        self.session_handle = session_handle
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id
        self.user_data_in_access_token = user_data_in_access_token
        self.req_res_info = req_res_info
        self.access_token_updated = access_token_updated
        self.tenant_id = tenant_id
        self.response_mutators: list[Callable[[Any, dict[str, Any]], None]] = []
        self._drive: Drive = config.drive

    def __getitem__(self, item: str) -> Any:
        """Give an attribute."""
        return getattr(self, item)

    def __repr__(self) -> str:
        return f"SessionContainer({self.session_handle!r}, user_id={self.user_id!r}, tenant_id={self.tenant_id!r})"

    async def revoke_session(self, user_context: dict[str, Any] | None = None) -> None:
        """End this session; nothing happens if it has ended.

        Effects: one call to the core.
        """
        await settle(self.recipe_implementation.revoke_session(self.session_handle, _context(user_context)))

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
            raise UnauthorisedError(GONE)

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
        result = await settle(
            self.recipe_implementation.regenerate_access_token(self.access_token, payload, _context(user_context))
        )
        if result is None:
            raise UnauthorisedError(GONE)
        if result.access_token is None:  # the old token has expired: the next refresh brings the payload
            own = {name: value for name, value in self.user_data_in_access_token.items() if name in PROTECTED_CLAIMS}
            self.user_data_in_access_token = result.session.user_data_in_jwt | own
            return
        self.access_token = result.access_token.token
        self.user_data_in_access_token = read_payload(self.access_token)
        self.front_token = build_front_token(self.user_id, self.user_data_in_access_token)
        self.access_token_updated = True

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

    def get_all_session_tokens_dangerously(self) -> dict[str, Any]:
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

    async def _information(self, user_context: dict[str, Any] | None) -> SessionInformationResult:
        information = await settle(
            self.recipe_implementation.get_session_information(self.session_handle, _context(user_context))
        )
        if information is None:
            raise UnauthorisedError(GONE)
        return information


def _context(user_context: dict[str, Any] | None) -> dict[str, Any]:
    return {} if user_context is None else user_context
