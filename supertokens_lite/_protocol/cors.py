"""What CORS has to let through between a website of another origin and the API.

Source: FDI, names of headers; the Fetch standard, "CORS protocol": with credentials a `*` stands for itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from supertokens_lite._protocol.transfer import (
    ACCESS_HEADER,
    ANTI_CSRF_HEADER,
    AUTH_MODE_HEADER,
    FRONT_HEADER,
    REFRESH_HEADER,
    RID_HEADER,
)

__all__ = ("REQUEST_HEADERS", "RESPONSE_HEADERS", "find_faults")

REQUEST_HEADERS: Final = (ANTI_CSRF_HEADER, "authorization", "fdi-version", RID_HEADER, AUTH_MODE_HEADER)
"""What the website sends."""
RESPONSE_HEADERS: Final = (FRONT_HEADER, ACCESS_HEADER, REFRESH_HEADER, ANTI_CSRF_HEADER)
"""What the website's scripts read; each answer exposes those that it has, if nothing replaces the list."""


def find_faults(*, credentials: bool, allowed: Collection[str], exposed: Collection[str]) -> list[str]:
    """Say what a CORS middleware's settings lack.

    Args:
        credentials: whether it lets cookies travel.
        allowed: the request headers that it lets through; `*` for what is asked for.
        exposed: the response headers that it has scripts read, instead of those on the answer; empty leaves these.
    """
    faults = [] if credentials else ["credentials are not allowed, so that cookies don't travel"]
    lower = {name.lower() for name in allowed}
    missing = [name for name in REQUEST_HEADERS if name not in lower]
    if missing and "*" not in lower:
        faults.append(f"these request headers are not allowed: {', '.join(missing)}; get_all_cors_headers() gives them")
    lower = {name.lower() for name in exposed}
    hidden = [name for name in RESPONSE_HEADERS if name not in lower]
    if exposed and hidden:
        faults.append(f"its list of exposed headers replaces ours and lacks {', '.join(hidden)}")
    return faults
