"""What can be read from an access token without believing it, and the front token that tells the browser."""

from __future__ import annotations

import base64
import json
from typing import Any, Final, cast

__all__ = ("PROTECTED_CLAIMS", "build_front_token", "read_payload")

PROTECTED_CLAIMS: Final = frozenset(
    (
        "sub",
        "iat",
        "exp",
        "sessionHandle",
        "parentRefreshTokenHash1",
        "refreshTokenHash1",
        "antiCsrfToken",
        "rsub",
        "tId",
    )
)
"""Claims of the core's own: never sent as custom claims."""


def read_payload(token: str) -> dict[str, Any]:
    """Read the payload of a token that came from the core itself; the signature is not looked at.

    Raises:
        ValueError: it is not a JWT.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except RecursionError:
        raise ValueError("not a JWT") from None
    if not isinstance(payload, dict):
        raise ValueError("not a JWT")  # noqa: TRY004  # the value of a token, not a programmer's type
    return cast("dict[str, Any]", payload)


def build_front_token(user_id: str, payload: dict[str, Any]) -> str:
    """Build the front token: user id, expiry in milliseconds and the whole payload. Source: FDI, front-token header.

    Raises:
        KeyError: the payload has no `exp`.
        TypeError: its `exp` is not a whole number.
    """
    expiry = payload["exp"]
    if not isinstance(expiry, int):
        raise TypeError("exp must be a whole number of seconds")
    content = {"uid": user_id, "ate": expiry * 1000, "up": payload}
    return base64.b64encode(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).decode()
