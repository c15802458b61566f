"""The default implementation of what can be done with sessions: calls to the core, and what they mean."""

from __future__ import annotations

import copy
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.querier import Querier
from supertokens_lite._core.wire import parse_object
from supertokens_lite._io.base import Effects
from supertokens_lite._io.turns import Turns
from supertokens_lite._protocol import cdi
from supertokens_lite._protocol.jsondata import check_object, merge_claims
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS, build_front_token, read_payload
from supertokens_lite.exceptions import BadInputError, CoreResponseError, GeneralError, ReentrantCallError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.interfaces import Change, RecipeInterface
from supertokens_lite.recipe.session.results import (
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GetJWKSResult,
    JsonWebKey,
    RegenerateAccessTokenOkResult,
    SessionInformationResult,
    SessionObj,
    TokenInfo,
)
from supertokens_lite.types import CoreCall, RecipeUserId, UserContext

__all__ = ("SessionFunctions",)

T = TypeVar("T")

AT_ONCE: Final = 8
HANDLES_A_CALL: Final = 1000
JWT_VALIDITY_S: Final = 3_153_600_000
JWKS_VALIDITY_S: Final = 60
MOST_CONFLICTS: Final = 1000
CONFLICT_WAIT_S: Final = 0.02


class _Changing:
    """A change that is being made: the mark that a call for the same handle inside it runs into."""

    __slots__ = ("active", "handle", "outer", "owner")

    def __init__(self, owner: object, handle: str, outer: _Changing | None) -> None:
        self.owner = owner
        self.handle = handle
        self.outer = outer
        self.active = True


_changing: ContextVar[_Changing | None] = ContextVar("supertokens_lite_changing", default=None)


class SessionFunctions(RecipeInterface):
    """The default implementation.

    Args:
        querier: the way to the core.
        effects: what waiting there is.
        config: the settings of the recipe.
    """

    def __init__(self, querier: Querier, effects: Effects, config: Any) -> None:
        self._querier = querier
        self._effects = effects
        self._config = config
        self._turns = Turns()
        self.front: RecipeInterface = self
        """What new session objects call: this, with the overrides over it."""

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
        payload, data = access_token_payload or {}, session_data_in_database or {}
        check_object(payload, "access_token_payload")
        check_object(data, "session_data_in_database")
        reply = await self._querier.send(
            cdi.create_session(
                tenant_id=tenant_id,
                user_id=recipe_user_id.get_as_string(),
                payload=payload,
                data=data,
                enable_anti_csrf=self._config.anti_csrf == "VIA_TOKEN" and not disable_anti_csrf,
                use_dynamic_key=self._config.use_dynamic_access_token_signing_key,
            ),
            user_context,
        )
        created = cdi.read_created(reply)
        claims = read_payload(created.access_token)
        return SessionContainer(
            self.front,
            self._config,
            created.access_token,
            build_front_token(created.user_id, claims),
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

    async def get_session_information(  # noqa: D102
        self, session_handle: str, user_context: dict[str, Any]
    ) -> SessionInformationResult | None:
        reply = await self._of_handle(session_handle, cdi.get_session(session_handle), user_context)
        return None if reply is None else _information(cdi.read_info(reply))

    async def update_session_data_in_database(  # noqa: D102
        self, session_handle: str, new_session_data: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        check_object(new_session_data, "new_session_data")
        call = cdi.put_data(session_handle, new_session_data)
        return await self._of_handle(session_handle, call, user_context) is not None

    async def merge_into_access_token_payload(  # noqa: D102
        self, session_handle: str, access_token_payload_update: dict[str, Any], user_context: dict[str, Any]
    ) -> bool:
        check_object(access_token_payload_update, "access_token_payload_update")
        information = await settle(self.front.get_session_information(session_handle, user_context))
        if information is None:
            return False
        existing = information.custom_claims_in_access_token_payload
        payload = merge_claims(existing, access_token_payload_update, PROTECTED_CLAIMS)
        call = cdi.put_payload(session_handle, payload)
        return await self._of_handle(session_handle, call, user_context) is not None

    async def get_all_session_handles_for_user(  # noqa: D102
        self,
        user_id: str,
        fetch_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        fetch_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        tenant = None if fetch_across_all_tenants else tenant_id
        call = cdi.list_handles(user_id, tenant_id=tenant, linked=fetch_sessions_for_linked_accounts)
        reply = await self._querier.send(call, user_context)
        return list(reply["sessionHandles"])

    async def revoke_all_sessions_for_user(  # noqa: D102
        self,
        user_id: str,
        revoke_sessions_for_linked_accounts: bool,
        tenant_id: str | None,
        revoke_across_all_tenants: bool | None,
        user_context: dict[str, Any],
    ) -> list[str]:
        tenant = None if revoke_across_all_tenants else tenant_id
        call = cdi.remove_by_user(user_id, tenant_id=tenant, linked=revoke_sessions_for_linked_accounts)
        reply = await self._querier.send(call, user_context)
        return list(reply["sessionHandlesRevoked"])

    async def revoke_session(self, session_handle: str, user_context: dict[str, Any]) -> bool:  # noqa: D102
        reply = await self._of_handle(session_handle, cdi.remove_handles([session_handle]), user_context)
        return reply is not None and len(reply["sessionHandlesRevoked"]) == 1

    async def revoke_multiple_sessions(  # noqa: D102
        self, session_handles: list[str], user_context: dict[str, Any]
    ) -> list[str]:
        for handle in session_handles:
            self._check_handle(handle)
        reply = await self._querier.send(cdi.remove_handles(session_handles), user_context)
        return list(reply["sessionHandlesRevoked"])

    async def regenerate_access_token(  # noqa: D102
        self, access_token: str, new_access_token_payload: dict[str, Any] | None, user_context: dict[str, Any]
    ) -> RegenerateAccessTokenOkResult | None:
        if new_access_token_payload is not None:
            check_object(new_access_token_payload, "access_token_payload")
        reply = await self._querier.send(cdi.regenerate(access_token, new_access_token_payload), user_context)
        found = cdi.read_regenerated(reply)
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
        if await self._querier.has_extensions(user_context):
            sessions = await self._read_many(handles, user_context)
        else:

            async def read(handle: str) -> SessionInformationResult | None:
                return await settle(self.front.get_session_information(handle, user_context))

            sessions = await self._effects.io.each(read, handles, limit=AT_ONCE)
        return sorted((session for session in sessions if session is not None), key=_time_created)

    async def _read_many(self, handles: list[str], user_context: UserContext) -> list[SessionInformationResult | None]:
        """Read sessions by our core's batch call."""
        sessions: list[SessionInformationResult | None] = []
        for begin in range(0, len(handles), HANDLES_A_CALL):
            reply = await self._querier.send(cdi.read_many(handles[begin : begin + HANDLES_A_CALL]), user_context)
            sessions += [None if found is None else _information(cdi.read_info(found)) for found in reply["sessions"]]
        return sessions

    async def modify_session_data_in_database(  # noqa: D102
        self, session_handle: str, change: Change, user_context: dict[str, Any]
    ) -> dict[str, Any] | None:
        self._check_handle(session_handle)
        # what this context remembers of the core is older than the turn that is waited for
        fresh: UserContext | None = None
        modify = self._modify_versioned if await self._querier.has_extensions(fresh) else self._modify_plain
        async with self._turns.turn(self._effects.io, session_handle):
            stored = await modify(session_handle, change, fresh)
        default = user_context.get("_default")
        if default is not None:
            default.pop("core_call_cache", None)
        return stored

    async def _modify_versioned(
        self, handle: str, change: Change, user_context: UserContext | None
    ) -> dict[str, Any] | None:
        """Read, change and compare-and-set, again and again until no other process came between."""
        reply = await self._of_handle(handle, cdi.read_versioned_data(handle), user_context)
        io = self._effects.io
        for _ in range(MOST_CONFLICTS):
            found = None if reply is None else cdi.read_versioned(reply)
            if found is None:
                return None
            data = await self._apply(handle, change, found.data)
            if data is None:
                return found.data
            reply = await self._of_handle(handle, cdi.put_data_if(handle, data, found.version), user_context)
            if reply is not None and reply["status"] == cdi.OK:
                return data
            await io.sleep(io.random() * CONFLICT_WAIT_S)
        raise GeneralError(
            f"the data of session {handle!r} was changed by others {MOST_CONFLICTS} times while it was being modified"
        )

    async def _modify_plain(
        self, handle: str, change: Change, user_context: UserContext | None
    ) -> dict[str, Any] | None:
        """Read, change and replace; other processes may come between."""
        reply = await self._of_handle(handle, cdi.get_session(handle), user_context)
        if reply is None:
            return None
        current = cdi.read_info(reply).data
        data = await self._apply(handle, change, current)
        if data is None:
            return current
        written = await self._of_handle(handle, cdi.put_data(handle, data), user_context)
        return None if written is None else data

    async def _apply(self, handle: str, change: Change, data: dict[str, Any]) -> dict[str, Any] | None:
        """Call the change with a copy of the data; what it gives is checked and copied, so that it stays what it is."""
        mark = _Changing(self, handle, _changing.get())
        token = _changing.set(mark)
        try:
            outcome: Any = change(copy.deepcopy(data))
            changed: dict[str, Any] | None = await settle(outcome)
        finally:
            mark.active = False
            _changing.reset(token)
        if changed is None:
            return None
        check_object(changed, "data")
        return copy.deepcopy(changed)

    async def create_jwt(  # noqa: D102
        self,
        payload: dict[str, Any],
        validity_seconds: int | None,
        use_static_signing_key: bool | None,
        user_context: dict[str, Any],
    ) -> CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm:
        check_object(payload, "payload")
        reply = await self._querier.send(
            cdi.create_jwt(
                {"iss": self._config.issuer} | payload,
                validity_s=JWT_VALIDITY_S if validity_seconds is None else validity_seconds,
                domain=self._config.api_domain,
                use_static_key=use_static_signing_key is not False,
            ),
            user_context,
        )
        return CreateJwtOkResult(reply["jwt"]) if reply["status"] == cdi.OK else CreateJwtResultUnsupportedAlgorithm()

    async def get_jwks(self, user_context: dict[str, Any]) -> GetJWKSResult:  # noqa: D102
        reply = await self._querier.send_raw(cdi.get_jwks(), user_context)
        parsed = parse_object(reply.body) or {}
        keys = [JsonWebKey(*(key[name] for name in ("kty", "kid", "n", "e", "alg", "use"))) for key in parsed["keys"]]
        validity = cdi.max_age_s(reply.headers.get("cache-control"))
        return GetJWKSResult(keys, JWKS_VALIDITY_S if validity is None else validity)

    async def _of_handle(self, handle: str, call: CoreCall, user_context: UserContext | None) -> dict[str, Any] | None:
        """Make a call about one session; None if there is no such session."""
        self._check_handle(handle)
        try:
            reply = await self._querier.send(call, user_context)
        except CoreResponseError as error:
            if cdi.is_tenant_unknown(error.status, error.excerpt) and "_" in handle:
                return None
            raise
        return None if reply["status"] == "UNAUTHORISED" else reply

    def _check_handle(self, handle: str) -> None:
        """Refuse what is no handle, and a handle that is being changed by whoever calls."""
        if not isinstance(handle, str):
            raise BadInputError(f"must be a string, not {type(handle).__name__}", "session_handle")
        mark = _changing.get()
        while mark is not None:
            if mark.active and mark.owner is self and mark.handle == handle:
                raise ReentrantCallError(handle)
            mark = mark.outer


def _information(found: cdi.SessionInfo) -> SessionInformationResult:
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
