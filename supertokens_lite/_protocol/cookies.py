"""Cookies: what a client sent, all of it, and the one form in which they are set on every framework.

Reading never fails: a hostile header gives odd values, not errors. Reading gives back what was written: values are
percent-encoded on the way out and decoded on the way in. Source: RFC 6265, sections 4.1.1, 4.2.1 and 5.2.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from supertokens_lite.exceptions import BadInputError

__all__ = (
    "ACCESS_COOKIE",
    "COOKIE_LIFETIME_MS",
    "LEGACY_COOKIE",
    "REFRESH_COOKIE",
    "CookieIdentity",
    "SameSite",
    "build_set_cookie",
    "identify_cookie",
    "parse_cookies",
)

ACCESS_COOKIE: Final = "sAccessToken"
REFRESH_COOKIE: Final = "sRefreshToken"
LEGACY_COOKIE: Final = "sIdRefreshToken"
COOKIE_LIFETIME_MS: Final = 31_536_000_000
"""How long a browser keeps the access token's cookie: a year, whatever the token's own expiry is."""

SameSite = Literal["lax", "none", "strict"]

BLANKS: Final = " \t"
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
DOMAIN: Final = re.compile(r"\.?[0-9A-Za-z_:-][0-9A-Za-z_.:-]*\Z")
ENCODED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
KEPT_IN_PATHS: Final = "/:@!$&'()*+,=|[]%"

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
LATEST_MS: Final = 253_402_300_799_000
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class CookieIdentity(NamedTuple):
    """What makes a browser take two cookies for one: the later replaces the earlier."""

    name: str
    domain: str
    path: str


def parse_cookies(header: str | None) -> dict[str, list[str]]:
    """Read a Cookie header: each name with all its values, in the order they were sent.

    Pieces without `=` and without a name are left out. Quotes around a value are taken off, percent-encoding is
    decoded; what can't be decoded stays as it is.

    Returns:
        The values by name; no list is empty.
    """
    cookies: dict[str, list[str]] = {}
    if not header:
        return cookies
    for piece in header.split(";") if ";" in header else (header,):  # to split a text that is one piece is slow
        name, separator, value = piece.partition("=")
        name = name.strip(BLANKS)
        if not separator or not name:
            continue
        value = value.strip(BLANKS)
        if value.startswith('"') and value.endswith('"') and value != '"':
            value = value[1:-1]
        if "%" in value:
            value = ENCODED.sub(_decode, value)
        if name in cookies:
            cookies[name].append(value)
        else:
            cookies[name] = [value]
    return cookies


def build_set_cookie(
    name: str,
    value: str,
    *,
    domain: str | None,
    path: str,
    secure: bool,
    same_site: SameSite,
    expires_ms: int,
    http_only: bool = True,
) -> str:
    """Build the value of a Set-Cookie header: `name=value; Domain=…; Path=…; Expires=…; HttpOnly; Secure; SameSite=…`.

    Args:
        name: of the cookie.
        value: any text; it is percent-encoded.
        domain: None or empty: the host that answers, and no other.
        path: characters that a path can't have are percent-encoded, as browsers do it.
        secure: whether browsers send it over TLS only.
        same_site: whether it travels between sites.
        expires_ms: since the epoch; a moment before it becomes the epoch, one after the year 9999 its last second.
        http_only: whether it is kept from scripts.

    Raises:
        BadInputError: the name or the domain can't be those of a cookie, or the value is no text that can be sent.
    """
    if not NAME.match(name):
        raise BadInputError("a cookie needs a name of letters, digits and !#$%&'*+-.^_`|~", "key")
    if domain and not DOMAIN.match(domain):
        raise BadInputError("a cookie's domain is a host name, with or without a dot before it", "domain")
    try:
        parts = [f"{name}={quote(value, safe='')}"]
        target = quote(path, safe=KEPT_IN_PATHS)
    except UnicodeEncodeError:
        raise BadInputError("a cookie's value and path must be text that UTF-8 can hold", "value") from None
    if domain:
        parts.append(f"Domain={domain}")
    parts += (f"Path={target}", f"Expires={_build_date(expires_ms)}")
    if http_only:
        parts.append("HttpOnly")
    if secure:
        parts.append("Secure")
    parts.append(f"SameSite={same_site.capitalize()}")
    return "; ".join(parts)


def identify_cookie(set_cookie: str) -> CookieIdentity:
    """Read from a Set-Cookie header which cookie it sets. Of equal attributes the last counts, as in browsers."""
    pair, *attributes = set_cookie.split(";")
    found = {"domain": "", "path": ""}
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        name = name.strip(BLANKS).lower()
        if name in found:
            found[name] = value.strip(BLANKS)
    return CookieIdentity(
        pair.partition("=")[0].strip(BLANKS), found["domain"].lower().removeprefix("."), found["path"]
    )


def _decode(encoded: re.Match[str]) -> str:
    return bytes.fromhex(encoded.group().replace("%", "")).decode(errors="replace")


def _build_date(ms: int) -> str:
    """Write a moment as RFC 9110 (section 5.6.7) has it; no locale and no local time have a say in it."""
    moment = EPOCH + timedelta(seconds=min(max(ms, 0), LATEST_MS) // 1000)
    return (
        f"{DAYS[moment.weekday()]}, {moment.day:02} {MONTHS[moment.month - 1]} {moment.year:04} "
        f"{moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )
