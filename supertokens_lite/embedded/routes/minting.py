"""What create, refresh, verify and regenerate have in common: minting tokens and writing them into replies."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from supertokens_lite._protocol.jsontext import build_json, build_string, parse_json
from supertokens_lite.embedded.calls import Call
from supertokens_lite.embedded.fields import optional_integer
from supertokens_lite.embedded.replies import Refused
from supertokens_lite.embedded.tokens import PROTECTED, payload_for_token, sign_jwt
from supertokens_lite.types import is_array, is_object

__all__ = (
    "PROTECTED_FIELD",
    "Subject",
    "check_payload",
    "has_protected",
    "is_same_json",
    "lifetime_ms",
    "mint_access_token",
    "parse_payload",
    "session_json",
    "token_json",
    "token_version",
)

PROTECTED_FIELD = "The user payload contains protected field"


class Subject(NamedTuple):
    """Whom and what an access token is for.

    Attributes:
        handle: the session.
        user_id: its user.
        tenant_id: its tenant.
        token_hash: hash of the refresh token that belongs to it.
        parent_hash: hash of the refresh token that it was refreshed with, if that matters to the core later.
        anti_csrf: the anti-CSRF token.
    """

    handle: str
    user_id: str
    tenant_id: str
    token_hash: str
    parent_hash: str | None
    anti_csrf: str | None


def token_version(call: Call) -> str:
    """Give the version of access tokens that a request's protocol version asks for."""
    return "5" if call.version >= 40 else "4"


def has_protected(payload: Mapping[str, Any], version: str) -> bool:
    """Tell whether a payload has a claim that is the core's own in a version of access tokens."""
    return not PROTECTED[version].isdisjoint(payload)


def check_payload(payload: Mapping[str, Any], version: str) -> None:
    """Refuse a payload that has a claim of the core's own."""
    if has_protected(payload, version):
        raise Refused(400, PROTECTED_FIELD)


def parse_payload(text: str) -> dict[str, Any]:
    """Parse a stored payload."""
    payload: dict[str, Any] = parse_json(text)
    return payload


def lifetime_ms(call: Call, body: Mapping[str, Any]) -> int:
    """Give the life of a new access token: what the request asks for (CDI 5.6), else the setting, less the jitter."""
    longest = call.settings.access_token_ms
    asked = optional_integer(body, "accessTokenValidity") if call.version >= 56 else None
    if asked is None:
        share = call.settings.access_token_validity_jitter * secrets.randbelow(1_000_001) / 1_000_000
        return int(longest * (1 - share))
    if not 0 < asked <= longest:
        raise Refused(
            400,
            "accessTokenValidity must be greater than 0 and at most the configured access_token_validity "
            f"({longest} ms)",
        )
    return asked


def mint_access_token(
    call: Call, subject: Subject, custom: Mapping[str, Any], *, version: str, static_key: bool, expires_at: int
) -> str:
    """Mint an access token; give it as the JSON of a reply's `accessToken`.

    Args:
        call: the request.
        subject: whom it is for.
        custom: the session's own claims.
        version: the version of the token.
        static_key: whether a static key signs.
        expires_at: milliseconds since the epoch; cut to whole seconds.
    """
    key = call.app.keyring.signing(call.now, static=static_key)
    issued_s, expires_s = call.now // 1000, expires_at // 1000
    claims: dict[str, Any] = {"iat": issued_s, "exp": expires_s, "sub": subject.user_id}
    if version >= "4":
        claims["tId"] = subject.tenant_id
    if version >= "5":
        claims["rsub"] = subject.user_id
    claims |= {
        "sessionHandle": subject.handle,
        "refreshTokenHash1": subject.token_hash,
        "parentRefreshTokenHash1": subject.parent_hash,
        "antiCsrfToken": subject.anti_csrf,
    }
    token = sign_jwt(key.private, key.header(version), payload_for_token(custom) | claims)
    return token_json(token, expires_s * 1000, issued_s * 1000)


def token_json(token: str, expires_at: int, created_at: int) -> str:
    """Write a token as it stands in a reply."""
    return f'{{"token":"{token}","expiry":{expires_at},"createdTime":{created_at}}}'


def session_json(call: Call, handle: str, user_id: str, payload: str | Mapping[str, Any], tenant_id: str) -> str:
    """Write a session as it stands in a reply; `payload` is JSON text or an object."""
    user = build_string(user_id)
    recipe_user = f'"recipeUserId":{user},' if call.version >= 40 else ""
    text = payload if isinstance(payload, str) else build_json(payload)
    return (
        f'{{"handle":{build_string(handle)},"userId":{user},{recipe_user}'
        f'"userDataInJWT":{text},"tenantId":{build_string(tenant_id)}}}'
    )


def is_same_json(one: Any, other: Any) -> bool:
    """Compare two JSON values: the order of keys does not matter, 1 and 1.0 are the same, 1 and true are not."""
    if is_object(one) and is_object(other):
        return one.keys() == other.keys() and all(is_same_json(one[key], other[key]) for key in one)
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
