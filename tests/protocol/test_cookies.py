"""Cookies: read whatever comes, and written in one form."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.cookies import (
    ACCESS_COOKIE,
    COOKIE_LIFETIME_MS,
    LEGACY_COOKIE,
    REFRESH_COOKIE,
    SameSite,
    build_set_cookie,
    identify_cookie,
    parse_cookies,
)
from supertokens_lite.exceptions import BadInputError

NAMES = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12)
DOMAINS = st.sampled_from([None, "", "example.com", ".example.com", "localhost", "127.0.0.1", "::1"])
PATHS = st.one_of(st.sampled_from(["/", "/auth/session/refresh"]), st.text(max_size=12).map("/{}".format))
SAME_SITES: st.SearchStrategy[SameSite] = st.sampled_from(["lax", "none", "strict"])
MOMENTS = st.integers(-(10**20), 10**20)
SIGNS = '=;," \t%25\\\x00\r\nsAccessToken\u00e9\ud800'
HOSTILE = st.one_of(st.text(SIGNS, max_size=60), st.text(st.characters(), max_size=60))


def build(
    name: str,
    value: str,
    domain: str | None = None,
    path: str = "/",
    secure: bool = True,
    same_site: SameSite = "lax",
    expires_ms: int = 0,
    http_only: bool = True,
) -> str:
    """Build a cookie, most of it in the usual way."""
    return build_set_cookie(
        name,
        value,
        domain=domain,
        path=path,
        secure=secure,
        same_site=same_site,
        expires_ms=expires_ms,
        http_only=http_only,
    )


def pair(set_cookie: str) -> str:
    """Give what a browser sends back."""
    return set_cookie.partition("; ")[0]


@given(st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=8))
def test_what_is_set_is_read(cookies: list[tuple[str, str]]) -> None:
    """All cookies that were set come back with their values, in order, those of one name too."""
    header = "; ".join(pair(build(name, value)) for name, value in cookies)
    expected: dict[str, list[str]] = {}
    for name, value in cookies:
        expected.setdefault(name, []).append(value)
    assert parse_cookies(header) == expected


@given(HOSTILE)
@example("=")
@example(";;;==;a=")
@example('a="')
@example('a=""')
@example("a=%;b=%zz;c=%ff")
@example("%41=1")
def test_reading_never_fails(header: str) -> None:
    """Any text at all is read: names that aren't empty to lists that aren't empty, none with a separator in it."""
    for name, values in parse_cookies(header).items():
        assert name
        assert values
        assert "=" not in name
        assert ";" not in name


@given(HOSTILE, st.text(max_size=10))
def test_garbage_hides_nothing(garbage: str, value: str) -> None:
    """Whatever comes before and after a cookie, its value is among those that are read."""
    header = f"{garbage};{pair(build(ACCESS_COOKIE, value))};{garbage}"
    assert value in parse_cookies(header)[ACCESS_COOKIE]


READ = [
    (None, {}),
    ("", {}),
    ("a=1", {"a": ["1"]}),
    ("a=1; b=2", {"a": ["1"], "b": ["2"]}),
    ("a=1;b=2", {"a": ["1"], "b": ["2"]}),
    (" a = 1 ;\tb\t=\t2\t", {"a": ["1"], "b": ["2"]}),
    ("a=1; a=2; a=1", {"a": ["1", "2", "1"]}),
    ("a=x==; a==y", {"a": ["x==", "=y"]}),
    ('a="1"; b="; c=""; d="x', {"a": ["1"], "b": ['"'], "c": [""], "d": ['"x']}),
    ('a="b=c"', {"a": ["b=c"]}),
    ("a; =1; ; b=", {"b": [""]}),
    ("a=%2B%2F%3D", {"a": ["+/="]}),
    ("a=+ /=", {"a": ["+ /="]}),
    ("a=%zz%", {"a": ["%zz%"]}),
    ("a=%FF", {"a": ["\ufffd"]}),
    ("A=1; a=2", {"A": ["1"], "a": ["2"]}),
    ("a=1,b=2", {"a": ["1,b=2"]}),
    ("a=\x00", {"a": ["\x00"]}),
    ("\xa0a=\xa0", {"\xa0a": ["\xa0"]}),
]


@pytest.mark.parametrize(("header", "cookies"), READ)
def test_how_cookies_are_read(header: str | None, cookies: dict[str, list[str]]) -> None:
    """Split at semicolons and the first `=`; quotes and percent-encoding are undone; nothing else is changed."""
    assert parse_cookies(header) == cookies


def test_a_second_cookie_whose_value_has_an_equals_sign_is_seen() -> None:
    """Two tokens of one name are both found, also where a value ends in padding."""
    assert parse_cookies("sRefreshToken=one==; sRefreshToken=two==") == {"sRefreshToken": ["one==", "two=="]}


WRITTEN = [
    (
        build(ACCESS_COOKIE, "", secure=False),
        "sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
    ),
    (
        build(REFRESH_COOKIE, "a+b/c=", ".example.com", "/auth/session/refresh", True, "none", 1_700_000_000_999),
        "sRefreshToken=a%2Bb%2Fc%3D; Domain=.example.com; Path=/auth/session/refresh; "
        "Expires=Tue, 14 Nov 2023 22:13:20 GMT; HttpOnly; Secure; SameSite=None",
    ),
    (
        build(LEGACY_COOKIE, "é;\r\n", "", "/a b;c", False, "strict", 951_782_400_000, http_only=False),
        "sIdRefreshToken=%C3%A9%3B%0D%0A; Path=/a%20b%3Bc; Expires=Tue, 29 Feb 2000 00:00:00 GMT; SameSite=Strict",
    ),
    (
        build("a", "a.b-c_d~e", expires_ms=10**18),
        "a=a.b-c_d~e; Path=/; Expires=Fri, 31 Dec 9999 23:59:59 GMT; HttpOnly; Secure; SameSite=Lax",
    ),
    (
        build("a", "", path="/%41/é", expires_ms=-1),
        "a=; Path=/%41/%C3%A9; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax",
    ),
]


@pytest.mark.parametrize(("built", "expected"), WRITTEN)
def test_the_form_of_cookies(built: str, expected: str) -> None:
    """Each attribute stands in its place, and nothing in a value gets out of it."""
    assert built == expected


@given(NAMES, st.text(max_size=20), DOMAINS, PATHS, st.booleans(), SAME_SITES, MOMENTS, st.booleans())
def test_one_form_for_all(
    name: str,
    value: str,
    domain: str | None,
    path: str,
    secure: bool,
    same_site: SameSite,
    expires_ms: int,
    http_only: bool,
) -> None:
    """Whatever is set, the header is plain ASCII of as many parts as are asked for, with a date that is the moment."""
    built = build(name, value, domain, path, secure, same_site, expires_ms, http_only)
    assert built.isascii()
    assert built.isprintable()
    parts = built.split("; ")
    assert len(parts) == 4 + bool(domain) + secure + http_only
    assert built.count(";") == len(parts) - 1
    date = next(part for part in parts if part.startswith("Expires=")).removeprefix("Expires=")
    moment = parsedate_to_datetime(date).replace(tzinfo=timezone.utc).timestamp()
    assert moment == min(max(expires_ms, 0) // 1000, datetime(9999, 12, 31, 23, 59, 59, 0, timezone.utc).timestamp())
    assert identify_cookie(built)[:2] == (name, (domain or "").removeprefix("."))


@given(st.integers(0, 253_402_300_799_999))
def test_other_readers_agree(expires_ms: int) -> None:
    """The standard library's reader finds the same attributes."""
    jar: SimpleCookie = SimpleCookie()
    jar.load(build(ACCESS_COOKIE, "x.y.z", "example.com", "/p", True, "none", expires_ms))
    morsel = jar[ACCESS_COOKIE]
    assert morsel.value == "x.y.z"
    assert (morsel["domain"], morsel["path"], morsel["samesite"]) == ("example.com", "/p", "None")
    assert (morsel["secure"], morsel["httponly"]) == (True, True)
    assert parsedate_to_datetime(morsel["expires"]).timestamp() == expires_ms // 1000


@pytest.mark.parametrize("name", ["", " ", "a b", "a=b", "a;b", "a\n", "é", 'a"', "a,b", "\x00"])
def test_what_is_no_name(name: str) -> None:
    """A name that a reader would take for something else is refused."""
    with pytest.raises(BadInputError, match="a cookie needs a name"):
        build(name, "1")


@pytest.mark.parametrize("domain", ["a b", "a;b", "a\r\nb", "é.com", "http://example.com", "a,b", "..a", "\x00"])
def test_what_is_no_domain(domain: str) -> None:
    """A domain with something else in it is refused."""
    with pytest.raises(BadInputError, match="a cookie's domain is a host name"):
        build("a", "1", domain)


@pytest.mark.parametrize(("value", "path"), [("\ud800", "/"), ("", "/\udfff")])
def test_what_is_no_text(value: str, path: str) -> None:
    """Half of a surrogate pair can't be sent, and the error doesn't show the value."""
    with pytest.raises(BadInputError, match="UTF-8") as caught:
        build("a", "secret" + value, path=path)
    assert "secret" not in str(caught.value)


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20), st.text(max_size=20))
def test_building_fails_in_one_way(name: str, value: str, domain: str) -> None:
    """Only `BadInputError` comes out of building."""
    try:
        built = build(name, value, domain)
    except BadInputError:
        return
    assert parse_cookies(pair(built)) == {name: [value]}


IDENTITIES = [
    ("a=1", ("a", "", "")),
    ("a=1; Path=/", ("a", "", "/")),
    (" a =1;path=/x;DOMAIN=.Example.COM;HttpOnly", ("a", "example.com", "/x")),
    ("a=1; Path=/; Path=/y; Domain=b.c; domain=d.e", ("a", "d.e", "/y")),
    ("a", ("a", "", "")),
    ("", ("", "", "")),
    ("a=Path=/x", ("a", "", "")),
]


@pytest.mark.parametrize(("header", "identity"), IDENTITIES)
def test_which_cookie_a_header_sets(header: str, identity: tuple[str, str, str]) -> None:
    """Name, domain and path say which; case and a dot before the domain make no difference."""
    assert identify_cookie(header) == identity


@given(HOSTILE)
def test_any_header_sets_some_cookie(header: str) -> None:
    """Any text is taken for some cookie."""
    assert all(isinstance(part, str) for part in identify_cookie(header))


def test_the_lifetime_is_a_year() -> None:
    """The access token's cookie stays for 365 days."""
    assert COOKIE_LIFETIME_MS == 365 * 24 * 60 * 60 * 1000
