"""The core's protocol about tokens that come from a client: verifying an access token, exchanging a refresh token.

A reply that lacks what the protocol has is an error, as `members` says. An answer that the protocol does not have is
never taken for a refusal or for a theft: nothing is known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from supertokens_lite._protocol import paths
from supertokens_lite._protocol.cdi import Created, read_created
from supertokens_lite._protocol.members import (
    read_identity,
    read_object,
    read_status,
    read_text,
    read_text_or_none,
)
from supertokens_lite.types import CoreCall

__all__ = ("RefreshOutcome", "Refused", "Theft", "Verified", "read_refreshed", "read_verified", "refresh", "verify")

OK: Final = "OK"
ENDED: Final = "UNAUTHORISED"
TRY_REFRESH: Final = "TRY_REFRESH_TOKEN"
THEFT: Final = "TOKEN_THEFT_DETECTED"
REUSE: Final = "recentTokenReuseSubtype"
ROTATED_OUT: Final = "rotated-out token branch"
"""How a core of CDI 5.6 begins to say that a token was replaced, twice or more often, in a session that lives on."""


class Verified(NamedTuple):
    """A session whose access token is good.

    Attributes:
        payload: the access token payload, custom claims only.
        access_token: a newer token to use from now on; only below CDI 5.6.
        payload_update_available: whether the stored payload is another one than the token's; only from CDI 5.6.
    """

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    payload: dict[str, Any]
    access_token: str | None
    payload_update_available: bool

    def __repr__(self) -> str:
        return f"Verified({self.handle!r})"


class Refused(NamedTuple):
    """A token that the core does not take.

    Attributes:
        message: why, in the core's words; empty if it does not say.
        try_refresh: whether the session may live on under a new access token; False if it is over.
        subtype: how the refresh token was reused, if that is why; only from CDI 5.6.
    """

    message: str
    try_refresh: bool
    subtype: str | None = None


class Theft(NamedTuple):
    """A refresh token that had been replaced came again.

    Attributes:
        subtype: how it was reused; from CDI 5.6 on always given, and the core has ended the session. Before that None,
            and the session lives until someone ends it.
    """

    handle: str
    user_id: str
    recipe_user_id: str
    subtype: str | None


RefreshOutcome: TypeAlias = Created | Refused | Theft
"""What may become of a refresh token."""


def verify(
    access_token: str,
    *,
    anti_csrf_token: str | None,
    check_anti_csrf: bool,
    enable_anti_csrf: bool,
    check_database: bool,
) -> CoreCall:
    """Verify an access token: POST /recipe/session/verify.

    It may be sent again: below CDI 5.6 it may mark a refresh token as used, which twice is no more than once; from 5.6
    on it writes nothing.
    """
    body: dict[str, Any] = {
        "accessToken": access_token,
        "doAntiCsrfCheck": check_anti_csrf,
        "enableAntiCsrf": enable_anti_csrf,
        "checkDatabase": check_database,
    }
    if anti_csrf_token is not None:
        body["antiCsrfToken"] = anti_csrf_token
    return CoreCall("POST", paths.SESSION_VERIFY, None, body)


def read_verified(reply: Mapping[str, Any]) -> Verified | Refused:
    """Read the reply to a verification."""
    status = read_status(reply, OK, ENDED, TRY_REFRESH)
    if status != OK:
        message = _message(reply)
        # the session lives on then, under newer tokens, and the client must not lose them for a late request
        return Refused(message, status == TRY_REFRESH or message.startswith(ROTATED_OUT))
    session, access = reply["session"], reply.get("accessToken")
    return Verified(
        *read_identity(session),
        read_text(session["tenantId"]),
        read_object(session["userDataInJWT"]),
        None if access is None else read_text(access["token"]),
        reply.get("payloadUpdateAvailable") is True,
    )


def refresh(
    refresh_token: str, *, anti_csrf_token: str | None, enable_anti_csrf: bool, use_dynamic_key: bool
) -> CoreCall:
    """Exchange a refresh token: POST /recipe/session/refresh.

    Not to be sent again when in doubt: the second may look like a theft.
    """
    body: dict[str, Any] = {
        "refreshToken": refresh_token,
        "enableAntiCsrf": enable_anti_csrf,
        "useDynamicSigningKey": use_dynamic_key,
    }
    if anti_csrf_token is not None:
        body["antiCsrfToken"] = anti_csrf_token
    return CoreCall("POST", paths.SESSION_REFRESH, None, body, repeatable=False)


def read_refreshed(reply: Mapping[str, Any]) -> RefreshOutcome:
    """Read what became of a refresh token."""
    status = read_status(reply, OK, ENDED, THEFT)
    if status == ENDED:
        return Refused(_message(reply), try_refresh=False, subtype=read_text_or_none(reply.get(REUSE)))
    if status == THEFT:
        return Theft(*read_identity(reply["session"]), read_text_or_none(reply.get(REUSE)))
    return read_created(reply)


def _message(reply: Mapping[str, Any]) -> str:
    message = reply.get("message")
    return message if isinstance(message, str) else ""
