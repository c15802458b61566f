"""Sites as browsers see them, and the domains of cookies."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.cookies import build_set_cookie
from supertokens_lite._protocol.sites import normalise_session_scope, same_site, top_level_domain
from supertokens_lite._protocol.urls import is_address
from supertokens_lite.exceptions import ConfigurationError

LABELS = st.sampled_from(
    ["a", "example", "com", "co", "uk", "github", "io", "xn--", "xn--mnchen-3ya", "xn--zzz---", "é", "İ", "", "\ud800"]
)
HOSTS = st.one_of(st.lists(LABELS, max_size=6).map(".".join), st.text(st.characters(), max_size=30))

SITES = [
    ("example.com", "example.com"),
    ("api.example.com", "example.com"),
    ("a.b.c.example.com", "example.com"),
    ("API.Example.COM", "example.com"),
    ("api.example.com.", "example.com"),
    ("api.example.co.uk", "example.co.uk"),
    ("co.uk", "co.uk"),
    ("com", "com"),
    ("a.shop.github.io", "shop.github.io"),
    ("github.io", "github.io"),
    ("x.ec2.amazonaws.com", "amazonaws.com"),
    ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
    ("a.city.kawasaki.jp", "city.kawasaki.jp"),
    ("api.example.no-such-suffix", "example.no-such-suffix"),
    ("www.münchen.de", "münchen.de"),
    ("www.xn--mnchen-3ya.de", "münchen.de"),
    ("a.b.xn--fiqs8s", "b.中国"),
    ("localhost", "localhost"),
    ("localhost.", "localhost"),
    ("a.localhost", "a.localhost"),
    ("intranet", "intranet"),
    ("127.0.0.1", "127.0.0.1"),
    ("10.1.2.3", "10.1.2.3"),
    ("[::1]", "::1"),
    ("", ""),
]


@pytest.mark.parametrize(("host", "site"), SITES)
def test_the_site_of_a_host(host: str, site: str) -> None:
    """The registrable domain, in Unicode; addresses, single labels and suffixes are their own."""
    assert top_level_domain(host) == site


@given(HOSTS)
@example("xn--.com")
@example("xn--é.com")
@example("xn--99999999999.com")
@example("xn--xn--a-.com")
@example("a..b")
@example("...")
@example("x" * 3000 + ".com")
@example("." * 3000)
def test_any_host_has_a_site(host: str) -> None:
    """Whatever a host is written like, it has a site, which is its own site."""
    site = top_level_domain(host)
    assert top_level_domain(site) == site


def test_a_label_that_is_too_long_stays_as_it_is() -> None:
    """No label has more than 63 characters, so a longer one is not worth decoding."""
    labels = ["xn--" + ("\u00fc" * count).encode("punycode").decode() for count in range(1, 120)]
    for label in labels:
        assert top_level_domain(f"a.{label}.de").startswith("\u00fc") is (len(label) <= 63)
    assert {len(label) <= 63 for label in labels} == {True, False}


def test_a_host_that_is_too_long_is_a_site_of_its_own() -> None:
    """No host has more than 253 characters."""
    within, beyond = "a" * 59 + ".b" * 91 + ".example.com", "a" * 60 + ".b" * 91 + ".example.com"
    assert (len(within), len(beyond)) == (253, 254)
    assert top_level_domain(within) == "example.com"
    assert top_level_domain(beyond) == beyond
    for far in (beyond, "b." * 200 + "example.com", "b." * 30_000 + "example.com", "xn--" + "a" * 60_000):
        assert same_site("https://example.com", f"https://{far}") == "none"
        assert same_site(f"https://{far}", f"https://{far}") == "lax"
    assert same_site("https://example.com", f"https://{within}:65535") == "lax"


def test_long_domains_are_not_remembered() -> None:
    """What anybody may send does not fill the memory."""
    same_site("https://api.example.com", "https://www.example.com")
    tracemalloc.start()
    try:
        for number in range(200):
            assert same_site("https://example.com", f"https://{number}.{'a' * 60_000}.com") == "none"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


ADDRESSES = [("127.0.0.1", True), ("::1", True), ("[::1]", False), ("1.2.3", False), ("localhost", False), ("", False)]


@pytest.mark.parametrize(("host", "expected"), ADDRESSES)
def test_addresses(host: str, expected: bool) -> None:
    """Addresses are told from names; an IPv6 address stands without its brackets."""
    assert is_address(host) is expected


SAME = [
    ("https://api.example.com", "https://example.com", "lax"),
    ("https://api.example.com", "https://www.example.com:8443", "lax"),
    ("https://api.example.com:444", "https://api.example.com", "lax"),
    ("http://localhost:8000", "http://localhost:3000", "lax"),
    ("http://127.0.0.1:8000", "http://127.0.0.1:3000", "lax"),
    ("http://[::1]:8000", "http://[::1]:3000", "lax"),
    ("https://api.xn--mnchen-3ya.de", "https://münchen.de", "lax"),
    ("http://api.example.com", "https://example.com", "none"),
    ("https://api.example.com", "https://example.org", "none"),
    ("https://api.example.co.uk", "https://other.co.uk", "none"),
    ("https://shop.github.io", "https://other.github.io", "none"),
    ("https://github.io", "https://shop.github.io", "none"),
    ("http://localhost:8000", "http://127.0.0.1:8000", "none"),
    ("http://127.0.0.1", "http://127.0.0.2", "none"),
    ("http://10.0.0.1", "http://20.0.0.1", "none"),
]


@pytest.mark.parametrize(("api", "website", "expected"), SAME)
def test_same_site(api: str, website: str, expected: str) -> None:
    """Cookies may be `lax` if scheme and site are the same; ports and the order make no difference."""
    assert same_site(api, website) == expected
    assert same_site(website, api) == expected


@given(HOSTS, HOSTS)
def test_any_two_domains_are_compared(one: str, other: str) -> None:
    """Any two texts are compared; one and the same are of one site."""
    assert same_site(one, other) in ("lax", "none")
    assert same_site(f"https://{one}", f"https://{one}") == "lax"


def test_same_site_is_decided_for_each_pair() -> None:
    """What one website needs says nothing about the next one."""
    assert [same_site("https://api.example.com", f"https://{host}") for host in ("x.org", "example.com", "x.org")] == [
        "none",
        "lax",
        "none",
    ]


SCOPES = [
    ("example.com", "example.com"),
    (".example.com", ".example.com"),
    (" .example.com ", ".example.com"),
    ("\t.Example.COM\n", ".example.com"),
    ("https://api.example.com:8080/path?q#f", "api.example.com"),
    ("https://.example.com", ".example.com"),
    (".https://example.com", ".example.com"),
    ("api.example.com:8080", "api.example.com"),
    ("api.example.com/path", "api.example.com"),
    ("user@example.com", "example.com"),
    ("example.com.", "example.com"),
    ("localhost", "localhost"),
    (".localhost", "localhost"),
    ("http://localhost:3000", "localhost"),
    ("127.0.0.1", "127.0.0.1"),
    (".127.0.0.1:80", "127.0.0.1"),
    ("http://[::1]:80", "::1"),
    ("::1", "::1"),
    ("a_b.example.com", "a_b.example.com"),
    ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
]


@pytest.mark.parametrize(("text", "scope"), SCOPES)
def test_domains_of_cookies(text: str, scope: str) -> None:
    """Blanks go first, then scheme, port and path; the dot stays, but not where it can't work."""
    assert normalise_session_scope(text) == scope


NO_SCOPES = ["", " ", ".", "..", "http://", "..example.com", "a b.com", "münchen.de", "a;b", "a\nb", "*.x", "a\x00"]


@pytest.mark.parametrize("text", NO_SCOPES)
def test_what_is_no_domain_of_cookies(text: str) -> None:
    """What holds no host name that a cookie can have is refused, with how to mend it."""
    with pytest.raises(ConfigurationError, match=r"give a host name like 'example\.com'"):
        normalise_session_scope(text)


@given(HOSTS)
def test_domains_of_cookies_have_one_form(text: str) -> None:
    """A domain is refused, or stays as it is when it is normalised again and can be set."""
    try:
        scope = normalise_session_scope(text)
    except ConfigurationError:
        return
    assert normalise_session_scope(scope) == scope
    assert f"Domain={scope};" in build_set_cookie(
        "a", "", domain=scope, path="/", secure=True, same_site="lax", expires_ms=0
    )


LAZY = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and "public_suffix" in str(args[0]) and opened.append(args[0]))
sys.addaudithook(lambda event, args: event.startswith("socket.") and opened.append(event))
from supertokens_lite._protocol import sites
sites.same_site("http://localhost:8000", "http://localhost:3000")
sites.same_site("https://example.com", "http://example.com")
first = len(opened)
for website in ("https://example.com", "https://example.org", "https://www.example.com"):
    sites.same_site("https://api.example.com", website)
print(first, len(opened), "requests" in sys.modules)
"""


def test_the_list_is_read_when_it_is_needed() -> None:
    """Importing reads no list, nor do hosts that are equal; it is read once, from a file and nowhere else."""
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0 1 False\n", "")
