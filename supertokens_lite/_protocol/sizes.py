"""How large an access token will be, before the core is asked to make it.

Browsers drop cookies of more than 4,096 bytes, name and attributes included, and proxies refuse large headers; either
way a login that works for most users fails for those with many claims. Tokens are bearers: what is said here names
claims and their sizes, never their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supertokens_lite._protocol.jsontext import build_json, build_string
from supertokens_lite.exceptions import BadInputError

__all__ = ("LARGE_BYTES", "check_size", "measure_token")

LARGE_BYTES: Final = 3_072
"""From this size on a cookie is close to what browsers keep."""

HEADER_AND_SIGNATURE: Final = 440
"""Encoded, with both dots: a header with a key id, and the signature of a 2,048-bit key."""
OWN_CLAIMS: Final = 320
"""The core's own claims as JSON, as they are after a refresh, without the user's id."""
SHOWN: Final = 3
LONGEST_NAME: Final = 60


def measure_token(payload: Mapping[str, Any], user_id: str = "") -> int:
    """Give the size that the access token of a payload will have, in bytes, give or take a few.

    Args:
        payload: the claims besides the core's own.
        user_id: of the session; each token holds it twice.
    """
    content = OWN_CLAIMS + 2 * _length(build_string(user_id)) + _length(build_json(payload))
    return HEADER_AND_SIGNATURE + (content * 4 + 2) // 3


def check_size(payload: Mapping[str, Any], limit: int | None, user_id: str = "") -> str | None:
    """Tell whether an access token would be too large.

    Args:
        payload: the claims besides the core's own.
        limit: the most bytes that it may have; None: any number.
        user_id: of the session.

    Returns:
        A warning, for the log, if it would be so large that browsers may lose it; else None.

    Raises:
        BadInputError: it would be larger than the limit.
    """
    size = measure_token(payload, user_id)
    if limit is not None and size > limit:
        raise BadInputError(
            f"the access token would have about {size} bytes, and max_access_token_bytes is {limit}; "
            f"the largest claims are {_name_largest(payload)}. "
            "What the browser need not carry can be session data instead",
            "access_token_payload",
        )
    if size < LARGE_BYTES:
        return None
    return (
        f"an access token has about {size} bytes, and browsers lose cookies of more than 4,096; "
        f"the largest claims are {_name_largest(payload)}"
    )


def _name_largest(payload: Mapping[str, Any]) -> str:
    sizes = {name: _length(build_string(name)) + 1 + _length(build_json(value)) for name, value in payload.items()}
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:SHOWN]
    return ", ".join(f"{name[:LONGEST_NAME]!r} ({sizes[name]} bytes)" for name in largest) or "none of yours"


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
