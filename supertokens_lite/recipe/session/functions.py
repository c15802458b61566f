"""The default implementation of what can be done with sessions: calls to the core, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.keys import Keys
from supertokens_lite._core.querier import Querier
from supertokens_lite._core.wire import parse_object
from supertokens_lite._io.base import Effects
from supertokens_lite._io.turns import Turn
from supertokens_lite._protocol import cdi
from supertokens_lite._protocol.jsondata import check_object, merge_claims
from supertokens_lite._protocol.paths import PUBLIC_TENANT
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS, build_front_token, check_readable, read_payload
from supertokens_lite.exceptions import BadInputError, CoreResponseError, GeneralError
from supertokens_lite.recipe.session.claims import (
    SessionClaim,
    SessionClaimValidator,
    failed_claims,
    refetch_claims,
)
from supertokens_lite.recipe.session.container import SessionContainer, new_session
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.interfaces import Change, OverrideGlobalClaimValidators, RecipeInterface
from supertokens_lite.recipe.session.modification import Modification, check_text
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.results import (
    ClaimsValidationResult,
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
from supertokens_lite.recipe.session.verification import Verification
from supertokens_lite.types import HttpReply, RecipeUserId, Refusal, UserContext, is_array

__all__ = ("SessionFunctions", "build_information")

T = TypeVar("T")

AT_ONCE: Final = 8
HANDLES_A_CALL: Final = 1000
JWT_VALIDITY_S: Final = 3_153_600_000
JWKS_VALIDITY_S: Final = 60

ABSENT: Final = (
    "there is no access token. Are you sending the session tokens in the request with the appropriate token transfer "
    "method?"
)
NEEDS_A_REQUEST: Final = (
    "anti_csrf VIA_CUSTOM_HEADER needs a request to look at: pass {}, and check the header yourself"
)


class SessionFunctions(RecipeInterface):
    """The default implementation.

    Args:
        querier: the way to the core.
        effects: what waiting there is.
        config: the settings of the recipe.
        keys: the public keys.

    Attributes:
        recall_by, recall_as: as `Verification` has them.
        front: what new session objects call: this, with the overrides over it.
    """

    def __init__(self, querier: Querier, effects: Effects, config: SessionConfig, keys: Keys) -> None:
        self._querier = querier
        self._effects = effects
        self._config = config
        self._modification = Modification(querier, effects)
        self._verification = Verification(querier, effects, config, keys)
        self.recall_by, self.recall_as = self._verification.recall_by, self._verification.recall_as
        self.front: RecipeInterface = self

    async def create_new_session(  # noqa: D102  # the interface says it
        self,
        user_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any] | None,
        session_data_in_database: dict[str, Any] | None,
        disable_anti_csrf: bool | None,
        tenant_id: str,
        user_context: dict[str, Any],
    ) -> SessionContainer:
        payload = {} if access_token_payload is None else access_token_payload
        data = {} if session_data_in_database is None else session_data_in_database
        check_object(payload, "access_token_payload")
        check_object(data, "session_data_in_database")
        core_user_id = recipe_user_id.get_as_string()
        check_text(core_user_id, "recipe_user_id")
        created, claims, front_token = await self._querier.send(
            cdi.create_session(
                tenant_id=tenant_id,
                user_id=core_user_id,
                payload=payload,
                data=data,
                enable_anti_csrf=self._config.anti_csrf == "VIA_TOKEN" and not disable_anti_csrf,
                use_dynamic_key=self._config.use_dynamic_access_token_signing_key,
            ),
            _read_created,
            user_context,
        )
        return new_session(self.front, self._config, created, claims, front_token)

    def get_global_claim_validators(  # noqa: D102
        self,
        tenant_id: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        claim_validators_added_by_other_recipes: list[SessionClaimValidator],
        user_context: dict[str, Any],
    ) -> list[SessionClaimValidator]:
        return claim_validators_added_by_other_recipes

    async def get_session(  # noqa: D102
        self,
        access_token: str | None,
        anti_csrf_token: str | None = None,
        anti_csrf_check: bool | None = None,
        session_required: bool | None = None,
        check_database: bool | None = None,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> SessionContainer | None:
        checked = anti_csrf_check is not False
        if checked and self._config.anti_csrf == "VIA_CUSTOM_HEADER":
            raise GeneralError(NEEDS_A_REQUEST.format("anti_csrf_check=False"))
        context = {} if user_context is None else user_context
        if not isinstance(access_token, str):
            if session_required is False:
                return None
            raise UnauthorisedError(ABSENT, clear_tokens=False, reason=Refusal.NO_TOKEN)
        try:
            return await self._verification.verify(
                self.front, access_token, anti_csrf_token, checked, check_database is True, context
            )
        except UnauthorisedError as error:
            if session_required is False and not error.clear_tokens:  # there was none
                return None
            raise

    async def refresh_session(  # noqa: D102
        self, refresh_token: str, anti_csrf_token: str | None, disable_anti_csrf: bool, user_context: dict[str, Any]
    ) -> SessionContainer:
        check_text(refresh_token, "refresh_token")
        if not disable_anti_csrf and self._config.anti_csrf == "VIA_CUSTOM_HEADER":
            raise GeneralError(NEEDS_A_REQUEST.format("disable_anti_csrf=True"))
        return await self._verification.refresh(
            self.front, refresh_token, anti_csrf_token, disable_anti_csrf, user_context
        )

    async def validate_claims(  # noqa: D102
        self,
        user_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any],
        claim_validators: Sequence[SessionClaimValidator],
        user_context: dict[str, Any],
    ) -> ClaimsValidationResult:
        tenant_id = access_token_payload.get("tId", PUBLIC_TENANT)
        payload = await refetch_claims(
            access_token_payload, claim_validators, user_id, recipe_user_id, tenant_id, user_context
        )
        invalid = await failed_claims(payload, claim_validators, user_context)
        return ClaimsValidationResult(invalid, None if payload is access_token_payload else payload)

    async def fetch_and_set_claim(  # noqa: D102
        self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any]
    ) -> bool:
        found = await settle(self.front.get_session_information(session_handle, user_context))
        if found is None:
            return False
        payload = found.custom_claims_in_access_token_payload
        update = await claim.build(found.user_id, found.recipe_user_id, found.tenant_id, payload, user_context)
        if not update:  # there is no value: nothing to be put anywhere
            return True
        return await settle(self.front.merge_into_access_token_payload(session_handle, update, user_context))

    async def set_claim_value(  # noqa: D102
        self, session_handle: str, claim: SessionClaim[T], value: T, user_context: dict[str, Any]
    ) -> bool:
        update = claim.add_to_payload_({}, value, user_context)
        return await settle(self.front.merge_into_access_token_payload(session_handle, update, user_context))

    async def get_claim_value(  # noqa: D102
        self, session_handle: str, claim: SessionClaim[T], user_context: dict[str, Any]
    ) -> SessionDoesNotExistError | GetClaimValueOkResult[T]:
        found = await settle(self.front.get_session_information(session_handle, user_context))
        if found is None:
            return SessionDoesNotExistError()
        value = claim.get_value_from_payload(found.custom_claims_in_access_token_payload, user_context)
        return GetClaimValueOkResult(value)

    async def remove_claim(  # noqa: D102
        self, session_handle: str, claim: SessionClaim[Any], user_context: dict[str, Any]
    ) -> bool:
        update = claim.remove_from_payload_by_merge_({}, user_context)
        return await settle(self.front.merge_into_access_token_payload(session_handle, update, user_context))

    async def get_session_information(  # noqa: D102
        self, session_handle: str, user_context: dict[str, Any]
    ) -> SessionInformationResult | None:
        found = await self._modification.of_handle(
            session_handle, cdi.get_session(session_handle), cdi.read_found, user_context
        )
        return None if found is None else build_information(found)

    async def update_session_data_in_database(  # noqa: D102
        self, session_handle: str, new_session_data: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        check_object(new_session_data, "new_session_data")
        call = cdi.put_data(session_handle, new_session_data)
        return bool(await self._modification.of_handle(session_handle, call, cdi.read_done, user_context))

    async def merge_into_access_token_payload(  # noqa: D102
        self, session_handle: str, access_token_payload_update: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        check_object(access_token_payload_update, "access_token_payload_update")
        information = await settle(self.front.get_session_information(session_handle, user_context))
        if information is None:
            return False
        existing = information.custom_claims_in_access_token_payload
        payload = merge_claims(existing, access_token_payload_update, PROTECTED_CLAIMS)
        return await self.replace_payload(session_handle, payload, information.user_id, user_context)

    async def replace_payload(
        self, session_handle: str, payload: dict[str, Any], user_id: str, user_context: UserContext
    ) -> bool:
        """Replace the claims in the access token payload of a session; False if there is no such session."""
        self._config.check_token_size(payload, user_id)
        call = cdi.put_payload(session_handle, payload)
        return bool(await self._modification.of_handle(session_handle, call, cdi.read_done, user_context))

    async def get_all_session_handles_for_user(  # noqa: D102
        self,
        user_id: str,
        fetch_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        fetch_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        check_text(user_id, "user_id")
        tenant = None if fetch_across_all_tenants else tenant_id
        call = cdi.list_handles(user_id, tenant_id=tenant, linked=fetch_sessions_for_linked_accounts)
        return await self._querier.send(call, cdi.read_handles, user_context)

    async def revoke_all_sessions_for_user(  # noqa: D102
        self,
        user_id: str,
        revoke_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        revoke_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        check_text(user_id, "user_id")
        tenant = None if revoke_across_all_tenants else tenant_id
        call = cdi.remove_by_user(user_id, tenant_id=tenant, linked=revoke_sessions_for_linked_accounts)
        revoked = await self._querier.send(call, cdi.read_revoked, user_context)
        self._verification.forget(revoked)
        return revoked

    async def revoke_session(self, session_handle: str, user_context: dict[str, Any]) -> bool:  # noqa: D102
        call = cdi.remove_handles([session_handle])
        revoked = await self._modification.of_handle(session_handle, call, cdi.read_revoked, user_context)
        self._verification.forget((session_handle,))
        return revoked is not None and len(revoked) == 1

    async def revoke_multiple_sessions(  # noqa: D102
        self, session_handles: list[str], user_context: dict[str, Any]
    ) -> list[str]:
        if not is_array(session_handles) and not isinstance(session_handles, tuple):
            raise BadInputError("must be a list of session handles", "session_handles")
        for handle in session_handles:
            self._modification.check_handle(handle)
        try:
            return await self._querier.send(cdi.remove_handles(session_handles), cdi.read_revoked, user_context)
        except CoreResponseError as error:
            if not (cdi.is_tenant_unknown(error.status, error.excerpt) and any("_" in h for h in session_handles)):
                raise
        finally:  # only now: what was verified meanwhile is remembered too
            self._verification.forget(session_handles)

        # a handle names a tenant that does not exist, so the core did nothing: the others are to end all the same
        async def revoke(handle: str) -> bool:
            return await SessionFunctions.revoke_session(self, handle, user_context)

        ended = await self._effects.io.each(revoke, session_handles, limit=AT_ONCE)
        return [handle for handle, was_there in zip(session_handles, ended, strict=True) if was_there]

    async def regenerate_access_token(  # noqa: D102
        self, access_token: str, new_access_token_payload: dict[str, Any] | None, user_context: dict[str, Any]
    ) -> RegenerateAccessTokenOkResult | None:
        if new_access_token_payload is not None:
            check_object(new_access_token_payload, "access_token_payload")
            self._config.check_token_size(new_access_token_payload)
        self._modification.check_token(access_token)
        call = cdi.regenerate(access_token, new_access_token_payload)
        found = await self._querier.send(call, _read_regenerated, user_context)
        if found is None:
            return None
        session = SessionObj(
            found.handle, found.user_id, RecipeUserId(found.recipe_user_id), found.payload, found.tenant_id
        )
        return RegenerateAccessTokenOkResult(session, TokenInfo(*found.access_token) if found.access_token else None)

    async def list_sessions_for_user(  # noqa: D102
        self, user_id: str, user_context: dict[str, Any]
    ) -> list[SessionInformationResult]:
        handles = await settle(self.front.get_all_session_handles_for_user(user_id, True, None, True, user_context))
        for handle in handles:
            self._modification.check_handle(handle)
        # what reads one session may be overridden, and then has to see each of them
        if not self.is_overridden("get_session_information") and await self._querier.has_extensions(user_context):
            sessions = await self._read_many(handles, user_context)
        else:

            async def read(handle: str) -> SessionInformationResult | None:
                return await settle(self.front.get_session_information(handle, user_context))

            sessions = await self._effects.io.each(read, handles, limit=AT_ONCE)
        # of one millisecond: in the order of the core's list, which our own core gives in the order of creation
        return sorted((session for session in sessions if session is not None), key=_time_created)

    def is_overridden(self, name: str) -> bool:
        """Tell whether an operation is another's than this object's own."""
        there: Any = getattr(self.front, name, None)
        return getattr(there, "__func__", None) is not getattr(SessionFunctions, name) or there.__self__ is not self

    def turn(self, session_handle: str) -> Turn:
        """Give an async context manager that has the turn at a session's data while it is entered."""
        return self._modification.turn(session_handle)

    async def apply_change(self, session_handle: str, change: Callable[[T], Any], given: T) -> Any:
        """Call a caller's change of a session, in which a call for that session is an error."""
        return await self._modification.apply(session_handle, change, given)

    async def _read_many(self, handles: list[str], user_context: UserContext) -> list[SessionInformationResult | None]:
        """Read sessions by our core's batch call."""
        sessions: list[SessionInformationResult | None] = []
        for begin in range(0, len(handles), HANDLES_A_CALL):
            call = cdi.read_many(handles[begin : begin + HANDLES_A_CALL])
            found = await self._querier.send(call, cdi.read_many_found, user_context)
            sessions += [None if session is None else build_information(session) for session in found]
        return sessions

    async def modify_session_data_in_database(  # noqa: D102
        self, session_handle: str, change: Change, user_context: dict[str, Any]
    ) -> dict[str, Any] | None:
        return await self._modification.modify(session_handle, change, user_context)

    async def create_jwt(  # noqa: D102
        self,
        payload: dict[str, Any],
        validity_seconds: int | None,
        use_static_signing_key: bool | None,
        user_context: dict[str, Any],
    ) -> CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm:
        check_object(payload, "payload")
        jwt = await self._querier.send(
            cdi.create_jwt(
                {"iss": self._config.issuer} | payload,
                validity_s=JWT_VALIDITY_S if validity_seconds is None else validity_seconds,
                domain=self._config.api_domain,
                use_static_key=use_static_signing_key is not False,
            ),
            cdi.read_jwt,
            user_context,
        )
        return CreateJwtResultUnsupportedAlgorithm() if jwt is None else CreateJwtOkResult(jwt)

    async def get_jwks(self, user_context: dict[str, Any]) -> GetJWKSResult:  # noqa: D102
        return await self._querier.send_raw(cdi.get_jwks(), _read_jwks, user_context)


class _NewSession(NamedTuple):
    """A session as it was created, the payload of its access token, and its front token."""

    created: cdi.Created
    claims: dict[str, Any]
    front_token: str


def _read_created(reply: dict[str, Any]) -> _NewSession:
    created = cdi.read_created(reply)
    claims = read_payload(created.access_token)
    return _NewSession(created, claims, build_front_token(created.user_id, claims))


def _read_regenerated(reply: dict[str, Any]) -> cdi.Regenerated | None:
    found = cdi.read_regenerated(reply)
    if found is not None and found.access_token is not None:  # the session object will want to read it
        check_readable(found.access_token[0], found.user_id)
    return found


def _read_jwks(reply: HttpReply) -> GetJWKSResult:
    keys = [JsonWebKey(*members) for members in cdi.read_jwks(parse_object(reply.body) or {})]
    validity = cdi.max_age_s(reply.headers.get("cache-control"))
    return GetJWKSResult(keys, JWKS_VALIDITY_S if validity is None else validity)


def build_information(found: cdi.SessionInfo) -> SessionInformationResult:
    """Give a session as users see it."""
    return SessionInformationResult(
        found.handle,
        found.user_id,
        RecipeUserId(found.recipe_user_id),
        found.data,
        found.expiry,
        found.payload,
        found.time_created,
        found.tenant_id,
    )


def _time_created(session: SessionInformationResult) -> int:
    return session.time_created
