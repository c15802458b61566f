"""Domains, paths and core hosts, from whatever people write."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.urls import NormalisedURLDomain, NormalisedURLPath, is_local, parse_core_host

SIGNS = "/:?#@[].%\t\n "
PARTS = ("http://", "https://", "HTTP://", "supertokens://", "://", "localhost", "127.0.0.1", "[::1]", ":3567", ":x")
NAMES = ("example.com", "API.example.com", "/appid-a", "a", "é", "İ", "\u2100", "\ud800", "\x00")
PIECES = st.sampled_from([*SIGNS, *PARTS, *NAMES])
WRITTEN = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=30))


def domain_of(text: str) -> str:
    """Normalise a domain."""
    return NormalisedURLDomain(text).get_as_string_dangerous()


def path_of(text: str) -> str:
    """Normalise a path."""
    return NormalisedURLPath(text).get_as_string_dangerous()


@given(WRITTEN)
@example("http://[")
@example("//")
@example("http://é\u2100.com")
@example("localhost:x")
def test_domains_have_one_form(text: str) -> None:
    """A domain is refused with ValueError, or has a scheme and a host and stays as it is when normalised again."""
    try:
        domain = domain_of(text)
    except ValueError:
        return
    assert re.match(r"(https?|supertokens)://[^/?#\s]+\Z", domain), domain
    assert domain == domain.lower()
    assert domain_of(domain) == domain
    assert NormalisedURLDomain(domain) == NormalisedURLDomain(text)
    assert hash(NormalisedURLDomain(domain)) == hash(NormalisedURLDomain(text))
    NormalisedURLDomain(domain).is_an_ip_address()


@given(WRITTEN)
@example("a//")
@example("http://[/x")
@example("/x//y/?q#f")
def test_paths_have_one_form(text: str) -> None:
    """A path is refused with ValueError, or begins with a slash, ends without one and stays as it is."""
    try:
        path = path_of(text)
    except ValueError:
        return
    assert path == "" or (path.startswith("/") and not path.endswith("/"))
    assert path_of(path) == path
    assert NormalisedURLPath(path) == NormalisedURLPath(text)
    assert NormalisedURLPath(text).equals(NormalisedURLPath(path))
    assert NormalisedURLPath("").append(NormalisedURLPath(path)) == NormalisedURLPath(path)
    assert NormalisedURLPath("/x").append(NormalisedURLPath(path)).get_as_string_dangerous() == "/x" + path
    assert NormalisedURLPath("/x").append(NormalisedURLPath(path)).startswith(NormalisedURLPath("/x"))


@given(WRITTEN)
def test_core_hosts_have_one_form(text: str) -> None:
    """The address of a core is refused with ValueError, or comes out the same when it is put together again."""
    try:
        host = parse_core_host(text)
    except ValueError:
        return
    assert host.origin == domain_of(text)
    assert parse_core_host(host.origin) == (host.origin, "")
    assert not host.base_path.endswith("/")


@given(WRITTEN)
def test_local_names(text: str) -> None:
    """Whether a name means this machine is answered for any text."""
    assert is_local(text) in (True, False)
    assert not is_local(text + ".example.com")


DOMAINS = [
    ("http://api.example.com", "http://api.example.com"),
    ("  HTTPS://Api.Example.com:8080/path?q=1#f ", "https://api.example.com:8080"),
    ("api.example.com", "https://api.example.com"),
    ("api.example.com/path", "https://api.example.com"),
    ("//api.example.com", "https://api.example.com"),
    ("localhost", "http://localhost"),
    ("localhost:4000", "http://localhost:4000"),
    ("127.0.0.1:4000/x", "http://127.0.0.1:4000"),
    ("10.1.2.3", "http://10.1.2.3"),
    ("https://127.0.0.1", "https://127.0.0.1"),
    ("[::1]:3567", "http://[::1]:3567"),
    ("supertokens://localhost", "supertokens://localhost"),
]


@pytest.mark.parametrize(("text", "domain"), DOMAINS)
def test_domains(text: str, domain: str) -> None:
    """Case, path, query and blanks go; a scheme comes where there is none."""
    assert domain_of(text) == domain


@pytest.mark.parametrize("text", ["", " ", "/", "http://", "ftp://x", "http:///path", "http://a b", "://x", "http://["])
def test_what_is_no_domain(text: str) -> None:
    """What holds no host is refused."""
    with pytest.raises(ValueError, match=r"domain|IPv6|netloc"):
        NormalisedURLDomain(text)


PATHS = [
    ("", ""),
    ("/", ""),
    ("//", ""),
    ("auth", "/auth"),
    ("/Auth/", "/Auth"),
    ("/auth//", "/auth"),
    ("/auth?x=1", "/auth"),
    ("/auth#x", "/auth"),
    ("example.com/auth", "/auth"),
    ("localhost:3000/auth", "/auth"),
    ("example.com", ""),
    ("/example.com/auth", "/example.com/auth"),
    ("http://example.com/auth/", "/auth"),
    ("https://example.com", ""),
    ("/a.b/c", "/a.b/c"),
]


@pytest.mark.parametrize(("text", "path"), PATHS)
def test_paths(text: str, path: str) -> None:
    """Query and trailing slashes go, a leading domain too; case stays."""
    assert path_of(text) == path


def test_hosts_of_a_core() -> None:
    """What comes before every path is kept apart from the host."""
    assert parse_core_host("http://h:3567/appid-a/") == ("http://h:3567", "/appid-a")
    assert parse_core_host("h.example.com:3567") == ("https://h.example.com:3567", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("a.LOCALHOST", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("x", False),
    ],
)
def test_which_names_are_local(name: str, expected: bool) -> None:
    """Loopback addresses and names below localhost mean this machine."""
    assert is_local(name) is expected
