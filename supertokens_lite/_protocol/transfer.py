"""Whether tokens travel by cookie or by header, as one table; and what is put on a response for them.

`RULES` is the whole decision. Each case that can come up is decided by exactly one of its rows; the functions that
begin with `choose_` look it up. Source: FDI, names and server rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Final, Literal, NamedTuple

from supertokens_lite._protocol.cookies import (
    ACCESS_COOKIE,
    COOKIE_LIFETIME_MS,
    LEGACY_COOKIE,
    REFRESH_COOKIE,
    SameSite,
)
from supertokens_lite._protocol.messages import BaseResponse

__all__ = (
    "ACCESS_HEADER",
    "ANTI_CSRF_HEADER",
    "AUTH_MODE_HEADER",
    "FRONT_HEADER",
    "REFRESH_HEADER",
    "RID_HEADER",
    "RULES",
    "Allowed",
    "CookieSettings",
    "Method",
    "Operation",
    "Rule",
    "Wish",
    "attach_tokens",
    "choose_for_attach",
    "choose_for_create",
    "choose_for_refresh",
    "choose_for_verify",
    "choose_other",
    "choose_to_clear",
    "clear_doubled_cookies",
    "clear_legacy_cookie",
    "clear_older_cookies",
    "clear_tokens",
    "drop_tokens",
    "read_bearer",
    "read_wish",
)

Method = Literal["cookie", "header"]
Allowed = Literal["cookie", "header", "any"]
Operation = Literal["create", "attach", "verify", "refresh", "clear"]
Wish = Literal["cookie", "header", "none"]

ACCESS_HEADER: Final = "st-access-token"
REFRESH_HEADER: Final = "st-refresh-token"
FRONT_HEADER: Final = "front-token"
ANTI_CSRF_HEADER: Final = "anti-csrf"
AUTH_MODE_HEADER: Final = "st-auth-mode"
RID_HEADER: Final = "rid"

EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
SESSION_OVER: Final = "remove"
LONG_PAST_MS: Final = 0
BEARER: Final = "bearer"
BLANKS: Final = " \t"


class Rule(NamedTuple):
    """One row: an operation, what has to hold for it, and the methods that follow. None holds whatever is the case.

    Attributes:
        operation: `create`, a session is made for this request; `attach`, an override gave a session for a request
            that carried no token; `verify`, by an access token; `refresh`, by a refresh token; `clear`, the session
            is over and the client has to forget its tokens.
        allowed: what `get_token_transfer_method` gave.
        has_header: whether a token came in the `authorization` header.
        has_cookie: whether a token came in a cookie.
        wish: the `st-auth-mode` header; `none` if it is absent or says anything else.
        methods: none, one, or (to clear) both.
    """

    operation: Operation
    allowed: Allowed | None
    has_header: bool | None
    has_cookie: bool | None
    wish: Wish | None
    methods: tuple[Method, ...]


RULES: Final = (
    Rule("create", "cookie", None, None, None, ("cookie",)),
    Rule("create", "header", None, None, None, ("header",)),
    Rule("create", "any", None, None, "cookie", ("cookie",)),
    Rule("create", "any", None, None, "header", ("header",)),
    Rule("create", "any", None, None, "none", ("header",)),
    #
    Rule("attach", "cookie", None, None, None, ("cookie",)),
    Rule("attach", "header", None, None, None, ("header",)),
    Rule("attach", "any", None, None, None, ("header",)),
    #
    Rule("verify", "any", True, None, None, ("header",)),
    Rule("verify", "any", False, True, None, ("cookie",)),
    Rule("verify", "any", False, False, None, ()),
    Rule("verify", "header", True, None, None, ("header",)),
    Rule("verify", "header", False, None, None, ()),
    Rule("verify", "cookie", None, True, None, ("cookie",)),
    Rule("verify", "cookie", None, False, None, ()),
    #
    Rule("refresh", "any", True, None, None, ("header",)),
    Rule("refresh", "any", False, True, None, ("cookie",)),
    Rule("refresh", "any", False, False, None, ()),
    Rule("refresh", "header", True, None, None, ("header",)),
    Rule("refresh", "header", False, None, None, ()),
    Rule("refresh", "cookie", None, True, None, ("cookie",)),
    Rule("refresh", "cookie", None, False, None, ()),
    # What came is cleared. If nothing did, one method is: clients of header apps send their wish with each call, and
    # apps with cookies are spared empty headers.
    Rule("clear", None, True, True, None, ("cookie", "header")),
    Rule("clear", None, True, False, None, ("header",)),
    Rule("clear", None, False, True, None, ("cookie",)),
    Rule("clear", "cookie", False, False, None, ("cookie",)),
    Rule("clear", "header", False, False, None, ("header",)),
    Rule("clear", "any", False, False, "cookie", ("cookie",)),
    Rule("clear", "any", False, False, "header", ("header",)),
    Rule("clear", "any", False, False, "none", ("cookie",)),
)


def _cases_of(rule: Rule) -> itertools.product[tuple[Operation, Allowed, bool, bool, Wish]]:
    """Give the cases that a row decides."""
    allowed: tuple[Allowed, ...] = ("cookie", "header", "any") if rule.allowed is None else (rule.allowed,)
    wishes: tuple[Wish, ...] = ("cookie", "header", "none") if rule.wish is None else (rule.wish,)
    by_header, by_cookie = ((False, True) if each is None else (each,) for each in (rule.has_header, rule.has_cookie))
    return itertools.product((rule.operation,), allowed, by_header, by_cookie, wishes)


CASES: Final[Mapping[tuple[Operation, Allowed, bool, bool, Wish], tuple[Method, ...]]] = {
    case: rule.methods for rule in RULES for case in _cases_of(rule)
}


def choose_for_create(allowed: Allowed, auth_mode: str | None) -> Method:
    """Give how the tokens of a new session travel.

    Args:
        allowed: what `get_token_transfer_method` gave.
        auth_mode: the `st-auth-mode` header.
    """
    return CASES["create", allowed, False, False, read_wish(auth_mode)][0]


def choose_for_attach(allowed: Allowed) -> Method:
    """Give how the tokens travel of a session that an override gave for a request without a token."""
    return CASES["attach", allowed, False, False, "none"][0]


def choose_for_verify(allowed: Allowed, has_header: bool, has_cookie: bool) -> Method | None:
    """Give where the access token is taken from; None: there is none.

    Args:
        allowed: what `get_token_transfer_method` gave.
        has_header: whether the `authorization` header holds a token that is one of a session.
        has_cookie: whether a cookie does.
    """
    return next(iter(CASES["verify", allowed, has_header, has_cookie, "none"]), None)


def choose_for_refresh(allowed: Allowed, has_header: bool, has_cookie: bool) -> Method | None:
    """Give where the refresh token is taken from; None: there is none. Any text but an empty one may be one."""
    return next(iter(CASES["refresh", allowed, has_header, has_cookie, "none"]), None)


def choose_to_clear(allowed: Allowed, has_header: bool, has_cookie: bool, auth_mode: str | None) -> tuple[Method, ...]:
    """Give the methods by which a client is told to forget its tokens, when its session is over.

    Args:
        allowed: what `get_token_transfer_method` gave.
        has_header: whether any token came in the `authorization` header.
        has_cookie: whether any token came in a cookie.
        auth_mode: the `st-auth-mode` header.
    """
    return CASES["clear", allowed, has_header, has_cookie, read_wish(auth_mode)]


def choose_other(method: Method, has_header: bool, has_cookie: bool) -> Method | None:
    """Give the method whose tokens have to go once a session was made or refreshed by `method`; None: there are none.

    Args:
        method: by which the new tokens travel.
        has_header: whether the request carried a token in the `authorization` header.
        has_cookie: whether it carried one in a cookie.
    """
    if method == "cookie":
        return "header" if has_header else None
    return "cookie" if has_cookie else None


def read_wish(auth_mode: str | None) -> Wish:
    """Read an `st-auth-mode` header."""
    text = "" if auth_mode is None else auth_mode.strip().lower()
    return "cookie" if text == "cookie" else "header" if text == "header" else "none"


def read_bearer(authorization: str | None) -> str | None:
    """Read the token of an `authorization` header; None if it holds none.

    The scheme counts in any case (RFC 9110, section 11.1). Two tokens are none: nothing says which is meant.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip(BLANKS)
    if scheme.lower() != BEARER or not token or " " in token or "\t" in token:
        return None
    return token


class CookieSettings(NamedTuple):
    """What the session cookies of a request are like.

    Attributes:
        domain: None: the API's host only.
        older_domain: where cookies may still be from before `domain` was changed; empty: the API's host only; None:
            nothing is known of any.
        secure: whether browsers send them over TLS only.
        same_site: whether they travel between sites.
        refresh_path: the path of the refresh endpoint, which alone gets the refresh token.
    """

    domain: str | None
    older_domain: str | None
    secure: bool
    same_site: SameSite
    refresh_path: str


def attach_tokens(
    response: BaseResponse,
    settings: CookieSettings,
    method: Method,
    *,
    access_token: str,
    front_token: str,
    now_ms: int,
    refresh_token: str | None = None,
    refresh_expires_ms: int = LONG_PAST_MS,
    anti_csrf_token: str | None = None,
    expose_access_token: bool = False,
) -> None:
    """Put the tokens of a session on a response.

    Args:
        response: what records the changes.
        settings: what cookies are like.
        method: how tokens travel.
        access_token: always new, like the front token, which never goes without it.
        front_token: what the browser may know.
        now_ms: milliseconds since the epoch.
        refresh_token: None: the client keeps the one that it has.
        refresh_expires_ms: when the refresh token expires, in milliseconds since the epoch.
        anti_csrf_token: None: the client keeps the one that it has.
        expose_access_token: whether the access token goes in a header as well, if it travels in a cookie.
    """
    _set_exposed(response, FRONT_HEADER, front_token)
    if method == "cookie":
        _set_cookie(response, settings, ACCESS_COOKIE, access_token, now_ms + COOKIE_LIFETIME_MS)
        if refresh_token is not None:
            _set_cookie(response, settings, REFRESH_COOKIE, refresh_token, refresh_expires_ms)
    elif refresh_token is not None:
        _set_exposed(response, REFRESH_HEADER, refresh_token)
    if method == "header" or expose_access_token:
        _set_exposed(response, ACCESS_HEADER, access_token)
    if anti_csrf_token is not None:
        _set_exposed(response, ANTI_CSRF_HEADER, anti_csrf_token)


def clear_tokens(response: BaseResponse, settings: CookieSettings, method: Method) -> None:
    """Tell the client that its session is over, and make it forget the tokens that travel by `method`."""
    drop_tokens(response, settings, method)
    _set_exposed(response, FRONT_HEADER, SESSION_OVER)
    response.remove_header(ANTI_CSRF_HEADER)


def drop_tokens(response: BaseResponse, settings: CookieSettings, method: Method) -> None:
    """Make the client forget the tokens that travel by `method`, because those of its session travel otherwise."""
    if method == "cookie":
        for name in (ACCESS_COOKIE, REFRESH_COOKIE):
            _set_cookie(response, settings, name, "", LONG_PAST_MS)
    else:
        for name in (ACCESS_HEADER, REFRESH_HEADER):
            _set_exposed(response, name, "")


def clear_legacy_cookie(response: BaseResponse, settings: CookieSettings) -> None:
    """Make the client forget the cookie that clients of old versions had."""
    _set_cookie(response, settings, LEGACY_COOKIE, "", LONG_PAST_MS)


def clear_older_cookies(response: BaseResponse, settings: CookieSettings, names: Collection[str]) -> None:
    """Make the client forget the cookies of these names that were set for the older domain."""
    for name in names:
        _set_cookie(response, settings._replace(domain=settings.older_domain), name, "", LONG_PAST_MS)


def clear_doubled_cookies(response: BaseResponse, settings: CookieSettings) -> None:
    """Tell the client that its session is over, where it sent cookies twice and nothing says of which domain.

    The cookies go for the domain that is set and for the API's host, which are the two that can be known.
    """
    clear_tokens(response, settings, "cookie")
    drop_tokens(response, settings._replace(domain=None), "cookie")


def _set_exposed(response: BaseResponse, name: str, value: str) -> None:
    """Set a header that scripts of the website may read."""
    response.set_header(name, value)
    response.set_header(EXPOSE_HEADERS, name)


def _set_cookie(response: BaseResponse, settings: CookieSettings, name: str, value: str, expires_ms: int) -> None:
    response.set_cookie(
        name,
        value,
        expires_ms,
        path=settings.refresh_path if name == REFRESH_COOKIE else "/",
        domain=settings.domain or None,
        secure=settings.secure,
        httponly=True,
        samesite=settings.same_site,
    )
