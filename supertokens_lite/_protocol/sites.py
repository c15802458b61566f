"""Which hosts belong to one site, as browsers see it, and the domain that cookies are set for.

A site is a registrable domain: one label more than a suffix under which anyone may register, like `com`, `co.uk` or
`github.io`. Those suffixes are the public suffix list's, private section included, as in browsers; the list comes with
the package `publicsuffixlist` and is never fetched.

The list is read at the first comparison that needs it (about 15 ms, once) and kept, and so are the answers. Neither is
state: the file does not change while a process runs, and the answers follow from the arguments alone. A bound keeps
origins that come from requests from filling the memory.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Final, Literal
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from supertokens_lite.exceptions import ConfigurationError

__all__ = ("normalise_session_scope", "same_site", "top_level_domain")

ANSWERS_REMEMBERED: Final = 1024
HOST: Final = re.compile(r"[0-9a-z_-]+(\.[0-9a-z_-]+)*\Z")
PUNYCODE: Final = "xn--"


@functools.cache
def _load_suffixes() -> PublicSuffixList:
    """Read the list; hosts are looked up in Unicode, which spares it the slow encoding of its own rules."""
    return PublicSuffixList(accept_encoded_idn=False)


def top_level_domain(host: str) -> str:
    """Give the site of a host: its registrable domain, in Unicode. IPs and names that have none are their own."""
    name = _normalise_host(host)
    if is_address(name) or "." not in name:
        return name
    return _load_suffixes().privatesuffix(name) or name


@functools.lru_cache(ANSWERS_REMEMBERED)
def same_site(api_domain: str, website_domain: str) -> Literal["lax", "none"]:
    """Give the `SameSite` that cookies need: `lax` if API and website are of one site and scheme, else `none`.

    Args:
        api_domain: scheme and authority, as `NormalisedURLDomain` gives them.
        website_domain: likewise.
    """
    api_scheme, api_host = _split(api_domain)
    scheme, host = _split(website_domain)
    if api_scheme != scheme:
        return "none"
    return "lax" if api_host == host or top_level_domain(api_host) == top_level_domain(host) else "none"


def normalise_session_scope(text: str) -> str:
    """Bring the domain of cookies to one form: no scheme, port or path; a dot before it stays.

    Raises:
        ConfigurationError: it holds no host name that a cookie can have.
    """
    given = text.strip().lower()
    dot = given.startswith(".")
    _, _, rest = given.removeprefix(".").rpartition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host = authority[: authority.find("]") + 1] if authority.startswith("[") else authority.partition(":")[0]
    host = host.removesuffix(".")
    if is_address(host.strip("[]")) or host == "localhost":
        return host
    if not HOST.match(host):
        raise ConfigurationError(
            f"{text.strip()[:80]!r} can't be the domain of cookies: give a host name like 'example.com', "
            "names beyond ASCII in their xn-- form"
        )
    return "." + host if dot else host


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _split(domain: str) -> tuple[str, str]:
    scheme, _, authority = domain.rpartition("://")
    try:
        host = urlsplit("//" + authority).hostname or ""
    except ValueError:
        host = authority
    return scheme.lower(), _normalise_host(host)


def _normalise_host(host: str) -> str:
    name = host.strip().strip("[]").lower().removesuffix(".")
    if PUNYCODE not in name:
        return name
    return ".".join(map(_decode_label, name.split(".")))


def _decode_label(label: str) -> str:
    if not label.startswith(PUNYCODE):
        return label
    try:
        return label.removeprefix(PUNYCODE).encode("ascii").decode("punycode")
    except UnicodeError:
        return label
