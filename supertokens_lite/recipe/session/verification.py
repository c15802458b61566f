"""Whether a session is good: access tokens verified here, by the core where that is needed; refresh tokens by the core.

An access token is verified with the public keys at hand. The core is asked only if

    the token is of version 2, not expired, and signed by a key     the core's answer decides
    the caller wants the database to be checked                     the session may have been revoked
    the token is the first after a refresh, on a core below 5.6     the core has to learn that it was used

and the keys are fetched only if there are none that may be used, or the token names one that is not among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, Final, NoReturn

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.keys import Keys
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import Effects
from supertokens_lite._io.flights import Flights
from supertokens_lite._protocol import anti_csrf, cdi_tokens
from supertokens_lite._protocol.cdi import Created
from supertokens_lite._protocol.jwks import UnknownKey
from supertokens_lite._protocol.tokens import (
    AccessToken,
    TokenRefused,
    check_readable,
    is_session_token,
    read_payload,
)
from supertokens_lite._protocol.versions import promotes_at_verify
from supertokens_lite.recipe.session.container import SessionContainer, VerifiedBy, new_session, verified_session
from supertokens_lite.recipe.session.exceptions import TokenTheftError, TryRefreshTokenError, UnauthorisedError
from supertokens_lite.recipe.session.interfaces import RecipeInterface
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.types import RecipeUserId, Refusal, UserContext

__all__ = ("Verification",)

UNREADABLE: Final = "the access token is not one of a session"
REFUSED: Final = "the access token is not good: "


class Verification:
    """Verifies and refreshes.

    Args:
        querier: the way to the core.
        effects: what waiting there is.
        config: the settings of the recipe.
        keys: the public keys.

    Attributes:
        recall_by: gives what a token says that was verified before, by the headers that it came in; None if they are
            not known, or it is not good any more.
        recall_as: does so by the token's text, and knows the headers from now on.
    """

    def __init__(self, querier: Querier, effects: Effects, config: SessionConfig, keys: Keys) -> None:
        self._querier = querier
        self._effects = effects
        self._config = config
        self._keys = keys
        self.recall_by, self.recall_as = keys.recall_by, keys.recall_as
        self._uses_csrf_tokens = config.anti_csrf == "VIA_TOKEN"
        self._refreshes: Flights[cdi_tokens.RefreshOutcome] = Flights()

    async def verify(
        self,
        front: RecipeInterface,
        access_token: str,
        anti_csrf_token: str | None,
        check_anti_csrf: bool,
        check_database: bool,
        user_context: UserContext,
    ) -> SessionContainer:
        """Give the session of an access token.

        Raises:
            UnauthorisedError: it is not an access token of a session, or the session has ended.
            TryRefreshTokenError: it is not good any more.
            CoreError: the keys or the session could not be asked for; nothing is known about the session.
        """
        check_anti_csrf = check_anti_csrf and self._uses_csrf_tokens
        verified_by: VerifiedBy = "cache"
        token = self._keys.recall(access_token)
        if token is None:
            verified_by = "local"
            try:
                token = await self._verify_here(access_token, user_context)
            except TokenRefused as refused:
                if refused.reason is not Refusal.UNSUPPORTED_VERSION:
                    _refuse(access_token, refused)
            if token is None:  # of version 2, and no invention
                return await self._ask(
                    front, access_token, None, anti_csrf_token, check_anti_csrf, check_database, user_context
                )
        if check_anti_csrf:
            _check_anti_csrf(token, anti_csrf_token)
        if check_database or (token.has_parent and await self._has_to_tell(user_context)):
            return await self._ask(
                front, access_token, token, anti_csrf_token, check_anti_csrf, check_database, user_context
            )
        return verified_session(front, self._config, token, verified_by)

    async def _verify_here(self, access_token: str, user_context: UserContext) -> AccessToken:
        """Check the signature with the keys at hand; only for a token of a session are others fetched."""
        keys = self._keys.fresh()
        if keys is None:
            _check_form(access_token)
            keys = await self._keys.get(user_context)
        now_s, rules = self._effects.io.now(), self._config.rules
        try:
            return keys.verify(access_token, now_s, rules)
        except UnknownKey as unknown:
            _check_form(access_token)
            newer = await self._keys.with_kid(unknown.kid, user_context)
            if newer is None:
                raise
            return newer.verify(access_token, now_s, rules)

    async def _has_to_tell(self, user_context: UserContext) -> bool:
        return promotes_at_verify(await self._querier.cdi_version(user_context))

    async def _ask(
        self,
        front: RecipeInterface,
        access_token: str,
        token: AccessToken | None,
        anti_csrf_token: str | None,
        check_anti_csrf: bool,
        check_database: bool,
        user_context: UserContext,
    ) -> SessionContainer:
        """Have the core verify a token; what it gives instead of it is the session's token from now on."""
        call = cdi_tokens.verify(
            access_token,
            anti_csrf_token=anti_csrf_token,
            check_anti_csrf=check_anti_csrf,
            enable_anti_csrf=self._uses_csrf_tokens,
            check_database=check_database,
        )
        answer = await self._querier.send(call, _read_verified, user_context)
        if isinstance(answer, cdi_tokens.Refused):
            if answer.try_refresh:
                raise TryRefreshTokenError(REFUSED + answer.message, reason=Refusal.REFUSED_BY_CORE)
            self._keys.forget((token.session_handle,) if token is not None else ())
            raise UnauthorisedError(answer.message, reason=Refusal.SESSION_ENDED)
        newer = answer.access_token
        if newer is None and answer.payload_update_available:
            regenerated = await settle(front.regenerate_access_token(access_token, None, user_context))
            if regenerated is None:
                raise UnauthorisedError("the session has ended", reason=Refusal.SESSION_ENDED)
            newer = None if regenerated.access_token is None else regenerated.access_token.token
        payload: dict[str, Any] | AccessToken
        if token is None or newer is not None:
            payload = read_payload(newer or access_token)
            anti_csrf_token = payload.get("antiCsrfToken")
        else:
            payload, anti_csrf_token = token, token.anti_csrf_token
        return SessionContainer(
            front,
            self._config,
            newer or access_token,
            None,
            None,
            anti_csrf_token,
            answer.handle,
            answer.user_id,
            RecipeUserId(answer.recipe_user_id),
            payload,
            None,
            newer is not None,
            answer.tenant_id,
            "core",
        )

    async def refresh(
        self,
        front: RecipeInterface,
        refresh_token: str,
        anti_csrf_token: str | None,
        disable_anti_csrf: bool,
        user_context: UserContext,
    ) -> SessionContainer:
        """Give the session of a refresh token, with new tokens. Who presents the same token meanwhile gets the same.

        Raises:
            UnauthorisedError: the session has ended, or the token is none.
            TokenTheftError: the token had been replaced; the session has been ended.
            CoreError: the core could not be asked, or gave no answer; nothing is known about the session.
        """
        enable_anti_csrf = self._uses_csrf_tokens and not disable_anti_csrf
        call = cdi_tokens.refresh(
            refresh_token,
            anti_csrf_token=anti_csrf_token,
            enable_anti_csrf=enable_anti_csrf,
            use_dynamic_key=self._config.use_dynamic_access_token_signing_key,
        )
        digest = hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()
        outcome = await self._refreshes.join(
            self._effects.io,
            (digest, anti_csrf_token, enable_anti_csrf),
            lambda: self._querier.send(call, _read_refreshed, user_context),
        )
        if isinstance(outcome, cdi_tokens.Refused):
            raise UnauthorisedError(outcome.message, reason=Refusal.SESSION_ENDED, subtype=outcome.subtype)
        if isinstance(outcome, cdi_tokens.Theft):
            self._keys.forget((outcome.handle,))
            if outcome.subtype is None:  # below CDI 5.6 the core leaves the session as it is
                await settle(front.revoke_session(outcome.handle, user_context))
            raise TokenTheftError(
                outcome.user_id, RecipeUserId(outcome.recipe_user_id), outcome.handle, subtype=outcome.subtype
            )
        # claims of its own for each who shares the outcome
        return new_session(front, self._config, outcome, read_payload(outcome.access_token))

    def forget(self, handles: Collection[str]) -> None:
        """Verify tokens of these sessions anew when they come again."""
        self._keys.forget(handles)


def _check_form(access_token: str) -> None:
    """Refuse what no key could vouch for, like some other service's token, before the core is asked for keys."""
    if not is_session_token(access_token):
        raise TokenRefused(Refusal.MALFORMED)


def _refuse(access_token: str, refused: TokenRefused) -> NoReturn:
    """Raise what a token deserves: one of a session that is not good may be refreshed, anything else is no session."""
    if refused.reason in (Refusal.MALFORMED, Refusal.TOO_LARGE) or not is_session_token(access_token):
        raise UnauthorisedError(UNREADABLE, clear_tokens=False, reason=Refusal.MALFORMED) from None
    raise TryRefreshTokenError(REFUSED + str(refused), reason=refused.reason) from None


def _check_anti_csrf(token: AccessToken, given: str | None) -> None:
    reason = anti_csrf.check("VIA_TOKEN", True, token_claim=token.anti_csrf_token, header_value=given, has_rid=False)
    if reason is not None:
        raise TryRefreshTokenError("anti-csrf check failed", reason=reason)


def _read_verified(reply: dict[str, Any]) -> cdi_tokens.Verified | cdi_tokens.Refused:
    answer = cdi_tokens.read_verified(reply)
    if isinstance(answer, cdi_tokens.Verified) and answer.access_token is not None:
        check_readable(answer.access_token, answer.user_id)  # the session object will want to read it
    return answer


def _read_refreshed(reply: dict[str, Any]) -> cdi_tokens.RefreshOutcome:
    outcome = cdi_tokens.read_refreshed(reply)
    if isinstance(outcome, Created):
        check_readable(outcome.access_token, outcome.user_id)
    return outcome
