"""Whether a request has shown that it comes from the website and not from some other site's form.

Only cookies travel by themselves, so only they need it. Three modes:

    VIA_TOKEN            the `anti-csrf` header has to repeat what the access token holds
    VIA_CUSTOM_HEADER    the `rid` header has to be there: another site can't set it without our CORS answer
    NONE                 browsers don't send the cookies along from other sites (SameSite is `lax` or `strict`)
"""

from __future__ import annotations

import hmac
from typing import Literal

from supertokens_lite._protocol.cookies import SameSite
from supertokens_lite.types import Refusal

__all__ = ("Mode", "check", "choose_mode", "needs_check")

Mode = Literal["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"]


def choose_mode(configured: Mode | None, same_site: SameSite) -> Mode:
    """Give the mode that is set; where none is, the one that the cookies of this request need."""
    if configured is not None:
        return configured
    return "VIA_CUSTOM_HEADER" if same_site == "none" else "NONE"


def needs_check(anti_csrf_check: bool | None, method: str, transfer: Literal["cookie", "header"] | None) -> bool:
    """Tell whether a request has to be checked.

    Args:
        anti_csrf_check: what the caller wants; None: all methods but GET.
        method: of the request, in any case.
        transfer: how its token came; only cookies are checked.
    """
    if transfer != "cookie":
        return False
    return method.upper() != "GET" if anti_csrf_check is None else anti_csrf_check


def check(
    mode: Mode, needs: bool, *, token_claim: str | None, header_value: str | None, has_rid: bool
) -> Refusal | None:
    """Give why a request is refused; None if it is not.

    Args:
        mode: from `choose_mode`.
        needs: from `needs_check`.
        token_claim: the `antiCsrfToken` of the access token.
        header_value: the `anti-csrf` header.
        has_rid: whether there is a `rid` header, whatever it says.
    """
    if not needs or mode == "NONE":
        return None
    if mode == "VIA_CUSTOM_HEADER":
        return None if has_rid else Refusal.CUSTOM_HEADER
    if token_claim is None or header_value is None:
        return Refusal.ANTI_CSRF
    expected, given = (text.encode("utf-8", "surrogatepass") for text in (token_claim, header_value))
    return None if hmac.compare_digest(expected, given) else Refusal.ANTI_CSRF
