"""The errors of sessions.

    SuperTokensSessionError             (a SuperTokensError) this request has no good session
    ├── UnauthorisedError               there is no session, or it has ended
    ├── TryRefreshTokenError            the access token is not good any more; a refresh may help
    ├── TokenTheftError                 a refresh token was used that had been replaced
    ├── InvalidClaimsError              the session is good, and its claims are not enough
    └── ClearDuplicateSessionCookiesError   cookies of an older domain have to go first

`response_mutators` are functions of a response and a user context that have to be applied to the answer. `reason` says
in one word why, for logs; the client is not told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.types import RecipeUserId, Refusal

__all__ = (
    "ClaimValidationError",
    "ClearDuplicateSessionCookiesError",
    "InvalidClaimsError",
    "SuperTokensSessionError",
    "TokenTheftError",
    "TryRefreshTokenError",
    "UnauthorisedError",
    "raise_clear_duplicate_session_cookies_exception",
    "raise_invalid_claims_exception",
    "raise_token_theft_exception",
    "raise_try_refresh_token_exception",
    "raise_unauthorised_exception",
)

ResponseMutator = Callable[[Any, dict[str, Any]], None]


class ClaimValidationError:
    """Why a claim was not enough; a plain value.

    Attributes:
        id_: the validator's id.
        reason: what it says, as JSON values; None if nothing.
    """

    def __init__(self, id_: str, reason: dict[str, Any] | None) -> None:
        self.id_ = id_
        self.reason = reason

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {"id": self.id_} | ({} if self.reason is None else {"reason": self.reason})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClaimValidationError) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ClaimValidationError({self.id_!r}, {self.reason!r})"


class SuperTokensSessionError(SuperTokensError):
    """This request has no good session.

    Attributes:
        response_mutators: to be applied to the answer.
        reason: why, in one word; None if it was not said.
    """

    status_hint = 401

    def __init__(
        self, msg: str, response_mutators: list[ResponseMutator] | None = None, *, reason: Refusal | None = None
    ) -> None:
        super().__init__(msg)
        self.response_mutators: list[ResponseMutator] = list(response_mutators or ())
        self.reason = reason


class UnauthorisedError(SuperTokensSessionError):
    """There is no session, or it has ended.

    Attributes:
        clear_tokens: whether the browser is to forget its tokens.
        subtype: how a refresh token was used again, if that is why and the core is set not to call it a theft; as in
            `TokenTheftError`.
    """

    def __init__(
        self,
        msg: str,
        clear_tokens: bool = True,
        response_mutators: list[ResponseMutator] | None = None,
        *,
        reason: Refusal | None = None,
        subtype: str | None = None,
    ) -> None:
        super().__init__(msg, response_mutators, reason=reason)
        self.clear_tokens = clear_tokens
        self.subtype = subtype


class TryRefreshTokenError(SuperTokensSessionError):
    """The access token is not good any more; a refresh may help."""


class TokenTheftError(SuperTokensSessionError):
    """A refresh token was used that had been replaced.

    Attributes:
        user_id: whose session it is; with linked accounts the primary user.
        recipe_user_id: the login method's user.
        session_handle: the session.
        subtype: how it was used again, as a core of CDI 5.6 tells: `"RECENT_PREV"`, `"ORPHANED_BRANCH"` or
            `"STALE_LINEAGE"`; None if the core does not tell.
    """

    status_hint: ClassVar[int] = 401

    def __init__(
        self, user_id: str, recipe_user_id: RecipeUserId, session_handle: str, *, subtype: str | None = None
    ) -> None:
        super().__init__("token theft detected", reason=Refusal.TOKEN_THEFT)
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id
        self.session_handle = session_handle
        self.subtype = subtype


class InvalidClaimsError(SuperTokensSessionError):
    """The session is good, and its claims are not enough.

    Attributes:
        payload: what each validator says.
    """

    status_hint = 403

    def __init__(self, msg: str, payload: list[ClaimValidationError]) -> None:
        super().__init__(msg)
        self.payload = payload


class ClearDuplicateSessionCookiesError(SuperTokensSessionError):
    """Cookies of an older domain have to go first."""

    status_hint = 200


def raise_unauthorised_exception(
    msg: str, clear_tokens: bool = True, response_mutators: list[ResponseMutator] | None = None
) -> NoReturn:
    """Raise `UnauthorisedError`."""
    raise UnauthorisedError(msg, clear_tokens, response_mutators)


def raise_try_refresh_token_exception(ex: str | Exception) -> NoReturn:
    """Raise `TryRefreshTokenError`."""
    if isinstance(ex, SuperTokensError):
        raise ex
    raise TryRefreshTokenError(str(ex)) from None


def raise_token_theft_exception(user_id: str, recipe_user_id: RecipeUserId, session_handle: str) -> NoReturn:
    """Raise `TokenTheftError`."""
    raise TokenTheftError(user_id, recipe_user_id, session_handle)


def raise_invalid_claims_exception(msg: str, payload: list[ClaimValidationError]) -> NoReturn:
    """Raise `InvalidClaimsError`."""
    raise InvalidClaimsError(msg, payload)


def raise_clear_duplicate_session_cookies_exception(msg: str, response_mutators: list[ResponseMutator]) -> NoReturn:
    """Raise `ClearDuplicateSessionCookiesError`."""
    raise ClearDuplicateSessionCookiesError(msg, response_mutators)
