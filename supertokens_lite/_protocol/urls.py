"""Domains and paths as users write them, brought to one form; and where a connection URI leads.

Pure text work: nothing is looked up.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

__all__ = ("CoreHost", "NormalisedURLDomain", "NormalisedURLPath", "is_address", "is_local", "parse_core_host")

SCHEMES: Final = ("http", "https", "supertokens")
URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
BLANK: Final = re.compile(r"\s")
TAIL: Final = re.compile(r"[/\s]+\Z")


class CoreHost(NamedTuple):
    """One host of a session core.

    Attributes:
        origin: scheme and authority, `http://127.0.0.1:3567`; for a core in process its connection URI.
        base_path: what comes before every path, like `/appid-a`; empty or with a leading slash.
    """

    origin: str
    base_path: str


def is_address(name: str) -> bool:
    """Tell whether a host is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local(name: str) -> bool:
    """Tell whether a host name means this machine."""
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return is_address(name) and ipaddress.ip_address(name).is_loopback


class NormalisedURLDomain:
    """Scheme and authority of a URL: lower case, no path. Without a scheme: `http` for localhost and IPs, else `https`.

    Raises:
        ValueError: the text holds no host name.
    """

    def __init__(self, url: str) -> None:
        self._value = _normalise_domain(url)

    def get_as_string_dangerous(self) -> str:
        """Give the domain as text."""
        return self._value

    def is_an_ip_address(self) -> bool:
        """Tell whether the host is an IP address."""
        return is_address(urlsplit(self._value).hostname or "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NormalisedURLDomain) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"NormalisedURLDomain({self._value!r})"


class NormalisedURLPath:
    """The path of a URL: one leading slash, none at the end, no query. A leading domain is dropped."""

    def __init__(self, url: str) -> None:
        self._value = _normalise_path(url)

    def get_as_string_dangerous(self) -> str:
        """Give the path as text, empty for the root."""
        return self._value

    def append(self, other: NormalisedURLPath) -> NormalisedURLPath:
        """Give this path with another one behind it."""
        return NormalisedURLPath(self._value + other._value)

    def startswith(self, other: NormalisedURLPath) -> bool:
        """Tell whether this path begins with another one."""
        return self._value.startswith(other._value)

    def equals(self, other: NormalisedURLPath) -> bool:
        """Tell whether both are the same."""
        return self == other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NormalisedURLPath) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"NormalisedURLPath({self._value!r})"


def _normalise_domain(given: str) -> str:
    text = given.strip().lower()
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in SCHEMES:
        if separator:
            raise ValueError("please provide a valid domain name")
        text = "//" + text.lstrip("/")
        scheme = ""
    parts = urlsplit(text)
    if not parts.hostname or BLANK.search(parts.netloc):
        raise ValueError("please provide a valid domain name")
    if not scheme:
        scheme = "http" if is_local(parts.hostname) or is_address(parts.hostname) else "https"
    return f"{scheme}://{parts.netloc}"


def _normalise_path(given: str) -> str:
    text = given.strip()
    if URL.match(text):
        path = urlsplit(text).path
    else:
        path = text.partition("?")[0].partition("#")[0]
        head, slash, rest = path.partition("/")
        if head and _looks_like_domain(head):
            path = slash + rest
    path = TAIL.sub("", path)
    return path if path.startswith("/") or not path else "/" + path


def _looks_like_domain(segment: str) -> bool:
    return "." in segment or segment == "localhost" or segment.startswith("localhost:")


def parse_core_host(given: str) -> CoreHost:
    """Read one host of a connection URI, with what comes before every path.

    Raises:
        ValueError: it is not the URL of a core.
    """
    return CoreHost(_normalise_domain(given), _normalise_path(given))
