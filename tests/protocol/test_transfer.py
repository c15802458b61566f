"""By cookie or by header: the table, row by row, and what is put on a response."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.cookies import ACCESS_COOKIE, REFRESH_COOKIE, parse_cookies
from supertokens_lite._protocol.messages import BaseResponse
from supertokens_lite._protocol.transfer import (
    RULES,
    Allowed,
    CookieSettings,
    Method,
    Operation,
    Rule,
    Wish,
    attach_tokens,
    choose_for_attach,
    choose_for_create,
    choose_for_refresh,
    choose_for_verify,
    choose_other,
    choose_to_clear,
    clear_doubled_cookies,
    clear_legacy_cookie,
    clear_older_cookies,
    clear_tokens,
    drop_tokens,
    read_bearer,
    read_wish,
)

Case = tuple[Operation, Allowed, bool, bool, Wish]

EACH_ALLOWED: tuple[Allowed, ...] = get_args(Allowed)
WISHES: tuple[Wish, ...] = get_args(Wish)
AUTH_MODES: dict[Wish, list[str | None]] = {
    "cookie": ["cookie", "COOKIE", " cookie "],
    "header": ["header", "Header"],
    "none": [None, "", "x", "any"],
}
CASES: list[Case] = list(
    itertools.product(get_args(Operation), EACH_ALLOWED, (False, True), (False, True), get_args(Wish))
)

SETTINGS = CookieSettings(None, None, secure=True, same_site="lax", refresh_path="/auth/session/refresh")
NOW_MS = 1_700_000_000_000
LATER_MS = NOW_MS + 86_400_000
PAST = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def holds(rule: Rule, case: Case) -> bool:
    """Tell whether a row decides a case."""
    return all(wanted is None or wanted == given for wanted, given in zip(rule, case, strict=False))


def choose(case: Case) -> set[tuple[Method, ...]]:
    """Give what the functions choose, with every header that means the wish."""
    operation, allowed, has_header, has_cookie, wish = case
    if operation == "create":
        return {(choose_for_create(allowed, each),) for each in AUTH_MODES[wish]}
    if operation == "attach":
        return {(choose_for_attach(allowed),)}
    if operation == "clear":
        return {choose_to_clear(allowed, has_header, has_cookie, each) for each in AUTH_MODES[wish]}
    one = (choose_for_verify if operation == "verify" else choose_for_refresh)(allowed, has_header, has_cookie)
    return {() if one is None else (one,)}


@pytest.mark.parametrize("case", CASES)
def test_exactly_one_row_decides(case: Case) -> None:
    """No case is left out and none is decided twice."""
    assert len([rule for rule in RULES if holds(rule, case)]) == 1


@pytest.mark.parametrize("rule", RULES)
def test_the_functions_do_what_the_row_says(rule: Rule) -> None:
    """Each row decides some cases, and the functions choose for all of them what it says."""
    decided = [case for case in CASES if holds(rule, case)]
    assert decided
    assert {methods for case in decided for methods in choose(case)} == {rule.methods}


@pytest.mark.parametrize("case", CASES)
def test_the_table_says_what_the_protocol_says(case: Case) -> None:
    """The protocol's sentences, said again without the table: what is allowed, then header first, then cookie."""
    operation, allowed, has_header, has_cookie, wish = case
    asked: Method = "cookie" if wish == "cookie" else "header"
    sent: dict[Method, bool] = {"header": has_header, "cookie": has_cookie}
    came = [method for method, has in sent.items() if has]
    expected: list[Method]
    if operation == "create":
        expected = [asked if allowed == "any" else allowed]
    elif operation == "attach":
        expected = ["header" if allowed == "any" else allowed]
    elif operation == "clear":
        silent: Method = "header" if wish == "header" else "cookie"
        expected = sorted(came) or [silent if allowed == "any" else allowed]
    else:
        expected = [method for method in came if allowed in ("any", method)][:1]
    assert choose(case) == {tuple(expected)}


OTHERS: list[tuple[Method, bool, bool, Method | None]] = [
    ("cookie", False, False, None),
    ("cookie", False, True, None),
    ("cookie", True, False, "header"),
    ("cookie", True, True, "header"),
    ("header", False, False, None),
    ("header", True, False, None),
    ("header", False, True, "cookie"),
    ("header", True, True, "cookie"),
]


@pytest.mark.parametrize(("method", "has_header", "has_cookie", "other"), OTHERS)
def test_tokens_of_the_other_method_go(
    method: Method, has_header: bool, has_cookie: bool, other: Method | None
) -> None:
    """Once tokens travel by one method, those that came by the other have to go."""
    assert choose_other(method, has_header, has_cookie) == other


@given(st.one_of(st.none(), st.text(st.characters(), max_size=12)))
def test_any_wish_is_read(text: str | None) -> None:
    """Whatever the header says, it is one of three."""
    assert read_wish(text) in WISHES


BEARERS = [
    (None, None),
    ("", None),
    (" ", None),
    ("Bearer", None),
    ("Bearer ", None),
    ("Bearer a.b.c", "a.b.c"),
    ("bearer a.b.c", "a.b.c"),
    ("BEARER  a.b.c ", "a.b.c"),
    ("Bearer a+/=", "a+/="),
    ("Bearer\ta", None),
    ("Bearer a, Bearer b", None),
    ("Bearer a b", None),
    ("Bearera", None),
    ("Basic dXNlcjpwdw==", None),
    ("a.b.c", None),
    ("Bearer \x00", "\x00"),
]


@pytest.mark.parametrize(("header", "token"), BEARERS)
def test_bearer_tokens(header: str | None, token: str | None) -> None:
    """The scheme counts in any case; two tokens, another scheme or none give none."""
    assert read_bearer(header) == token


@given(st.text(st.characters(), max_size=40))
@example("Bearer \ud800")
@example("\u2003")
def test_any_authorization_is_read(text: str) -> None:
    """Nothing that a client sends makes reading fail, and a token is never empty."""
    assert read_bearer(text) != ""


def attach(
    method: Method, *, refreshed: bool, expose: bool = False, response: BaseResponse | None = None
) -> BaseResponse:
    """Put tokens on a response."""
    response = BaseResponse() if response is None else response
    attach_tokens(
        response,
        SETTINGS,
        method,
        access_token="a.b.c",
        front_token="e30=",
        now_ms=NOW_MS,
        refresh_token="r+/=" if refreshed else None,
        refresh_expires_ms=LATER_MS,
        anti_csrf_token="repeat-me" if refreshed else None,
        expose_access_token=expose,
    )
    return response


ACCESS = "sAccessToken=a.b.c; Path=/; Expires=Wed, 13 Nov 2024 22:13:20 GMT; HttpOnly; Secure; SameSite=Lax"
REFRESH = (
    "sRefreshToken=r%2B%2F%3D; Path=/auth/session/refresh; Expires=Wed, 15 Nov 2023 22:13:20 GMT; "
    "HttpOnly; Secure; SameSite=Lax"
)
EXPOSED = "Access-Control-Expose-Headers"


def headers(response: BaseResponse) -> set[tuple[str, str]]:
    """Give what is on a response."""
    found = response.apply([])
    assert len(set(found)) == len(found)
    return set(found)


def without_exposed(response: BaseResponse) -> set[tuple[str, str]]:
    """Give what is on a response, without the names of headers that scripts may read."""
    return {header for header in headers(response) if header[0] != EXPOSED}


def test_attach_by_cookie() -> None:
    """New tokens go in two cookies and the front token in a header, which scripts may read."""
    assert headers(attach("cookie", refreshed=True)) == {
        ("front-token", "e30="),
        ("set-cookie", ACCESS),
        ("set-cookie", REFRESH),
        ("anti-csrf", "repeat-me"),
        (EXPOSED, "front-token,anti-csrf"),
    }


def test_attach_by_header() -> None:
    """New tokens go in headers as they are, and no cookie is set."""
    assert headers(attach("header", refreshed=True)) == {
        ("front-token", "e30="),
        ("st-access-token", "a.b.c"),
        ("st-refresh-token", "r+/="),
        ("anti-csrf", "repeat-me"),
        (EXPOSED, "front-token,st-refresh-token,st-access-token,anti-csrf"),
    }


def test_attach_an_access_token_alone() -> None:
    """Where only the access token is new, the client keeps its refresh and anti-CSRF tokens."""
    assert headers(attach("cookie", refreshed=False)) == {
        ("front-token", "e30="),
        ("set-cookie", ACCESS),
        (EXPOSED, "front-token"),
    }
    assert headers(attach("header", refreshed=False)) == {
        ("front-token", "e30="),
        ("st-access-token", "a.b.c"),
        (EXPOSED, "front-token,st-access-token"),
    }


def test_attach_and_expose() -> None:
    """By cookie the access token goes in a header as well if it is to be exposed; the refresh token never does."""
    assert headers(attach("cookie", refreshed=True, expose=True)) == headers(attach("cookie", refreshed=True)) - {
        (EXPOSED, "front-token,anti-csrf")
    } | {("st-access-token", "a.b.c"), (EXPOSED, "front-token,st-access-token,anti-csrf")}
    assert headers(attach("header", refreshed=True, expose=True)) == headers(attach("header", refreshed=True))


CLEARED_COOKIES = {
    ("set-cookie", f"sAccessToken=; Path=/; {PAST}; HttpOnly; Secure; SameSite=Lax"),
    ("set-cookie", f"sRefreshToken=; Path=/auth/session/refresh; {PAST}; HttpOnly; Secure; SameSite=Lax"),
}


def test_clearing_by_cookie_adds_no_empty_headers() -> None:
    """An app with cookies gets two empty cookies and the word that the session is over, nothing more."""
    response = BaseResponse()
    clear_tokens(response, SETTINGS, "cookie")
    assert headers(response) == {*CLEARED_COOKIES, ("front-token", "remove"), (EXPOSED, "front-token")}
    assert response.apply([("Anti-CSRF", "old"), ("x", "y")])[0] == ("x", "y")


def test_clearing_by_header() -> None:
    """An app with headers gets two empty headers and the word that the session is over; no cookie is set."""
    response = BaseResponse()
    clear_tokens(response, SETTINGS, "header")
    assert headers(response) == {
        ("st-access-token", ""),
        ("st-refresh-token", ""),
        ("front-token", "remove"),
        (EXPOSED, "st-access-token,st-refresh-token,front-token"),
    }


@pytest.mark.parametrize("method", get_args(Method))
def test_clearing_after_attaching(method: Method) -> None:
    """Tokens that were put on the same response before are gone with the rest."""
    response = attach(method, refreshed=True)
    clear_tokens(response, SETTINGS, method)
    text = repr(response.apply([]))
    assert all(secret not in text for secret in ("a.b.c", "r+/=", "r%2B", "repeat-me", "e30="))
    expected = BaseResponse()
    clear_tokens(expected, SETTINGS, method)
    assert without_exposed(response) == without_exposed(expected)


@pytest.mark.parametrize("method", get_args(Method))
def test_attaching_after_clearing(method: Method) -> None:
    """Tokens of a new session win over the clearing of an old one on the same response."""
    response = BaseResponse()
    clear_tokens(response, SETTINGS, method)
    attach(method, refreshed=True, response=response)
    assert without_exposed(response) == without_exposed(attach(method, refreshed=True))


def test_dropping_the_other_method_leaves_the_session_alone() -> None:
    """Dropping what travels otherwise says nothing of the session, whatever comes first."""
    for first, second in itertools.permutations([True, False]):
        response = BaseResponse()
        for dropping in (first, second):
            if dropping:
                drop_tokens(response, SETTINGS, "cookie")
            else:
                attach("header", refreshed=True, response=response)
        found = headers(response)
        assert found == headers(attach("header", refreshed=True)) | CLEARED_COOKIES


def test_the_legacy_cookie_goes() -> None:
    """The cookie of old clients is cleared where it was set."""
    response = BaseResponse()
    clear_legacy_cookie(response, SETTINGS._replace(domain=".example.com"))
    assert headers(response) == {
        ("set-cookie", f"sIdRefreshToken=; Domain=.example.com; Path=/; {PAST}; HttpOnly; Secure; SameSite=Lax")
    }


OLDER = [(".example.com", "Domain=.example.com; "), ("", "")]


@pytest.mark.parametrize(("older", "attribute"), OLDER)
def test_cookies_of_an_older_domain_go(older: str, attribute: str) -> None:
    """Only cookies of the given names are cleared, for the older domain; an empty one is the API's host."""
    settings = SETTINGS._replace(domain="api.example.com", older_domain=older)
    response = BaseResponse()
    clear_older_cookies(response, settings, [REFRESH_COOKIE])
    assert headers(response) == {
        (
            "set-cookie",
            f"sRefreshToken=; {attribute}Path=/auth/session/refresh; {PAST}; HttpOnly; Secure; SameSite=Lax",
        )
    }
    clear_older_cookies(response, settings, [ACCESS_COOKIE])
    assert len(headers(response)) == 2


def test_doubled_cookies_go_for_both_domains() -> None:
    """Where nothing says which domain is the older one, cookies of the domain that is set and of the host go."""
    response = BaseResponse()
    clear_doubled_cookies(response, SETTINGS._replace(domain=".example.com"))
    cleared = [value for name, value in response.apply([]) if name == "set-cookie"]
    assert headers(response) > CLEARED_COOKIES
    assert sum("Domain=.example.com; " in value for value in cleared) == 2
    assert len(cleared) == 4
    assert ("front-token", "remove") in headers(response)


def test_doubled_cookies_without_a_domain() -> None:
    """Where cookies are the host's own, clearing doubled ones is clearing them."""
    response = BaseResponse()
    clear_doubled_cookies(response, SETTINGS)
    assert headers(response) == {*CLEARED_COOKIES, ("front-token", "remove"), (EXPOSED, "front-token")}


@given(st.text(min_size=1, max_size=30))
def test_tokens_come_back(token: str) -> None:
    """A refresh token of any characters is read as it was when the browser sends its cookie back."""
    response = BaseResponse()
    attach_tokens(
        response,
        SETTINGS,
        "cookie",
        access_token="a.b.c",
        front_token="e30=",
        now_ms=NOW_MS,
        refresh_token=token,
        refresh_expires_ms=LATER_MS,
    )
    sent = "; ".join(value.partition(";")[0] for name, value in response.apply([]) if name == "set-cookie")
    assert parse_cookies(sent) == {ACCESS_COOKIE: ["a.b.c"], REFRESH_COOKIE: [token]}
