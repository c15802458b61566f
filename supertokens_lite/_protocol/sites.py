"""Which hosts belong to one site, as browsers see it, and the domain that cookies are set for.

A site is a registrable domain: one label more than a suffix under which anyone may register, like `com`, `co.uk` or
`github.io`. Those suffixes are the public suffix list's, private section included, as in browsers; the list comes with
the package `publicsuffixlist` and is never fetched.

The list is read at the first comparison that needs it (about 15 ms, once) and kept, and so are the answers. Neither is
state: the file does not change while a process runs, and the answers follow from the arguments alone. Bounds keep
origins that come from requests from filling the memory: on how many answers are kept, and on how long a domain may be
that is looked into at all. What is longer than any name can be is a site of its own.

Source: RFC 1035, section 2.3.4.
"""

from __future__ import annotations

import functools
import re
from typing import Final, Literal

from publicsuffixlist import PublicSuffixList

from supertokens_lite._protocol.urls import is_address
from supertokens_lite.exceptions import ConfigurationError

__all__ = ("normalise_session_scope", "same_site", "top_level_domain")

ANSWERS_REMEMBERED: Final = 1024
LONGEST_LABEL: Final = 63
LONGEST_HOST: Final = 253
LONGEST_DOMAIN: Final = 300
"""The longest host, and more than enough for scheme and port."""
HOST: Final = re.compile(r"[0-9a-z_-]+(\.[0-9a-z_-]+)*\Z")
END: Final = re.compile(r"[/?#]")
AROUND: Final = " []."
PUNYCODE: Final = "xn--"


@functools.cache
def _load_suffixes() -> PublicSuffixList:
    """Read the list; hosts are looked up in Unicode, which spares it the slow encoding of its own rules."""
    return PublicSuffixList(accept_encoded_idn=False)


def top_level_domain(host: str) -> str:
    """Give the site of a host: its registrable domain, in Unicode. IPs and names that have none are their own."""
    name = _normalise_host(host)
    if len(name) > LONGEST_HOST or "." not in name or is_address(name):
        return name
    return _load_suffixes().privatesuffix(name) or name


def same_site(api_domain: str, website_domain: str) -> Literal["lax", "none"]:
    """Give the `SameSite` that cookies need: `lax` if API and website are of one site and scheme, else `none`.

    Args:
        api_domain: scheme and authority, as `NormalisedURLDomain` gives them.
        website_domain: likewise.
    """
    if max(len(api_domain), len(website_domain)) > LONGEST_DOMAIN:
        return "lax" if api_domain == website_domain else "none"
    return _compare(api_domain, website_domain)


@functools.lru_cache(ANSWERS_REMEMBERED)
def _compare(api_domain: str, website_domain: str) -> Literal["lax", "none"]:
    if api_domain.partition("://")[0].lower() != website_domain.partition("://")[0].lower():
        return "none"
    api_host, host = (_normalise_host(_read_host(domain)) for domain in (api_domain, website_domain))
    return "lax" if api_host == host or top_level_domain(api_host) == top_level_domain(host) else "none"


def normalise_session_scope(text: str) -> str:
    """Bring the domain of cookies to one form: no scheme, port or path; a dot before it stays.

    Raises:
        ConfigurationError: it holds no host name that a cookie can have.
    """
    given = text.strip().lower()
    host = _read_host(given)
    dot = given.startswith(".") or host.startswith(".")
    host = host.removeprefix(".").removesuffix(".")
    if is_address(host) or host == "localhost":
        return host
    if not HOST.match(host):
        raise ConfigurationError(
            f"{text.strip()[:80]!r} can't be the domain of cookies: give a host name like 'example.com', "
            "names beyond ASCII in their xn-- form"
        )
    return "." + host if dot else host


def _read_host(url: str) -> str:
    """Read the host of a URL with or without a scheme; an IPv6 address comes without its brackets."""
    head, separator, tail = url.partition("://")
    authority = END.split(tail if separator else head, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority if is_address(authority) else authority.partition(":")[0]


def _normalise_host(host: str) -> str:
    name = host.strip(AROUND).lower()
    if PUNYCODE not in name or len(name) > LONGEST_HOST:
        return name
    return ".".join(map(_decode_label, name.split(".")))


def _decode_label(label: str) -> str:
    """Give a label in Unicode; one that is no good Punycode, or too long for a label, stays as it is."""
    if not label.startswith(PUNYCODE) or len(label) > LONGEST_LABEL:
        return label
    try:
        decoded = label.removeprefix(PUNYCODE).encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return label if decoded.isascii() else decoded
