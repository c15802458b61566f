"""Requests as the SDK reads them, and what is recorded for responses."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from supertokens_lite import framework, get_request_from_user_context
from supertokens_lite._protocol.cookies import build_set_cookie, identify_cookie
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, PlainRequest, join_values
from supertokens_lite.exceptions import BadInputError
from tests.protocol.values import JSON

T = TypeVar("T")
Headers = list[tuple[str, str]]

ANY_TEXT = st.text(st.characters(), max_size=40)
TARGET_TEXT = st.one_of(ANY_TEXT, st.text("/?#&=:%+[]@\\ a\ud800", max_size=30))
URLS = st.builds("{}{}".format, st.sampled_from(["", "/", "//", "http://", "https://api.example.com"]), TARGET_TEXT)
HEADER_NAMES = ["X-One", "x-one", "X-Two", "Content-Type", "content-length", "Location", "anti-csrf", "Vary"]
EXPOSED = "Access-Control-Expose-Headers"
VALUES = st.text("abc, ;=/", max_size=10)
LISTS = st.lists(st.sampled_from(["front-token", "Front-Token", "st-access-token", "x", "*"]), max_size=4)
COOKIE_NAMES = ["sAccessToken", "sRefreshToken", "app"]
COOKIES = st.builds(
    lambda name, value, domain, path, expires: build_set_cookie(
        name, value, domain=domain, path=path, secure=True, same_site="lax", expires_ms=expires
    ),
    st.sampled_from(COOKIE_NAMES),
    st.text(max_size=5),
    st.sampled_from([None, "example.com", ".example.com"]),
    st.sampled_from(["/", "/auth"]),
    st.integers(0, 10**12),
)
HEADERS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(HEADER_NAMES), VALUES),
        st.tuples(st.sampled_from(["Set-Cookie", "set-cookie"]), COOKIES),
        st.tuples(st.sampled_from([EXPOSED, EXPOSED.lower()]), LISTS.map(", ".join)),
    ),
    max_size=8,
)


class Change:
    """One call on a response."""

    def __init__(self, name: str, *args: Any) -> None:
        self.name = name
        self.args = args

    def __repr__(self) -> str:
        return f"{self.name}{self.args!r}"


CHANGES = st.lists(
    st.one_of(
        HEADERS.filter(bool).map(lambda headers: Change("set_header", *headers[0])),
        st.sampled_from([*HEADER_NAMES, "Access-Control-Expose-Headers"]).map(
            lambda name: Change("remove_header", name)
        ),
        st.builds(lambda name, value: Change("set_cookie", name, value, 0), st.sampled_from(COOKIE_NAMES), VALUES),
        JSON.map(lambda value: Change("set_json_content", value)),
        st.integers(200, 599).map(lambda status: Change("set_status_code", status)),
    ),
    max_size=8,
)


def record(changes: list[Change]) -> BaseResponse:
    """Record calls on a new response."""
    response = BaseResponse()
    for change in changes:
        getattr(response, change.name)(*change.args)
    return response


def named(headers: Headers, name: str) -> list[str]:
    """Give the values of a header."""
    return [value for each, value in headers if each.lower() == name.lower()]


def finish(body: Coroutine[Any, Any, T]) -> T:
    """Run what never waits, to its end."""
    with pytest.raises(StopIteration) as stopped:
        body.send(None)
    result: T = stopped.value.value
    return result


# Requests


def test_framework_shows_three_names() -> None:
    """`supertokens_lite.framework` has the types that applications and adapters need, and nothing else."""
    assert framework.__all__ == ("BaseRequest", "BaseResponse", "PlainRequest")
    assert (framework.BaseRequest, framework.BaseResponse, framework.PlainRequest) == (
        BaseRequest,
        BaseResponse,
        PlainRequest,
    )


def test_a_plain_request() -> None:
    """Method, path, query, headers and cookies are found, whatever case they are asked for in."""
    request = PlainRequest(
        "post",
        "https://api.example.com:8443/a%20b/c?x=1&y=%C3%A9&x=2&z#top",
        {"Content-Type": "text/plain", "cookie": "a=1; a=2; b=%2B"},
    )
    assert (request.method(), request.get_path()) == ("POST", "/a%20b/c")
    assert request.get_original_url() == "https://api.example.com:8443/a%20b/c?x=1&y=%C3%A9&x=2&z#top"
    assert request.get_query_params() == {"x": "2", "y": "é", "z": ""}
    assert (request.get_query_param("x"), request.get_query_param("none")) == ("2", None)
    assert request.get_query_param("none", "else") == "else"
    assert request.get_header("CONTENT-TYPE") == "text/plain"
    assert request.get_header("rid") is None
    assert (request.get_cookie("a"), request.get_cookies("a")) == ("1", ["1", "2"])
    assert (request.get_cookie("b"), request.get_cookies("b")) == ("+", ["+"])
    assert (request.get_cookie("A"), request.get_cookies("A")) == (None, [])
    assert request.wrapper_used is True
    assert request.request is None


def test_headers_that_come_several_times() -> None:
    """Values of one name are joined by commas, cookies by semicolons, and no cookie is lost."""
    request = PlainRequest("GET", "/", [("Cookie", "a=1"), ("cookie", "a=2"), ("Accept", "x"), ("accept", "y")])
    assert request.get_header("accept") == "x, y"
    assert request.get_header("cookie") == "a=1; a=2"
    assert request.get_cookies("a") == ["1", "2"]


def test_cookies_are_the_callers_to_change() -> None:
    """Changing the list of a cookie's values changes nothing for the next who asks."""
    request = PlainRequest("GET", "/", {"cookie": "a=1"})
    request.get_cookies("a").clear()
    assert request.get_cookies("a") == ["1"]


TARGETS = [
    ("/", "/"),
    ("", "/"),
    ("/a/b/?c", "/a/b/"),
    ("http://h", "/"),
    ("http://h?x=1", "/"),
    ("http://u:p@h:1/a#b?c", "/a"),
    ("HTTP://h/A", "/A"),
    ("//a/b", "//a/b"),
    ("/a?u=http://h/b", "/a"),
    ("*", "*"),
    ("http://[/a", "/a"),
]


@pytest.mark.parametrize(("url", "path"), TARGETS)
def test_paths(url: str, path: str) -> None:
    """The path is what lies between authority and query, as it was sent."""
    assert PlainRequest("GET", url).get_path() == path


@given(ANY_TEXT, URLS, st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=4), st.binary(max_size=30), ANY_TEXT)
@example("GET", "http://[", [("cookie", "\x00=\ud800")], b"\xff", "cookie")
@example("GET", "/", [("content-type", "application/json")], b"[" * 100_000, "content-type")
def test_any_request_is_read(method: str, url: str, headers: Headers, body: bytes, key: str) -> None:
    """No method, URL, header or body of a client makes reading fail."""
    request = PlainRequest(method, url, headers, body)
    assert request.method() == method.upper()
    assert not set("?#") & set(request.get_path())
    assert request.get_path()
    assert isinstance(request.get_query_params(), dict)
    assert (request.get_header(key) is None) == (key.lower() not in {name.lower() for name, _ in headers})
    assert isinstance(request.get_cookies(key), list)
    finish(request.json())
    finish(request.form_data())
    finish(request.get_json_or_form_data())


BODIES: list[tuple[str | None, bytes, Any]] = [
    ("application/json", b'{"a": [1]}', {"a": [1]}),
    ("Application/JSON; charset=utf-8", b"[1]", [1]),
    (None, b'{"a": 1}', {"a": 1}),
    ("application/json", b"", {}),
    ("application/json", b"{", {}),
    ("application/json", b"NaN", {}),
    ("application/json", b"\xff", {}),
    ("application/x-www-form-urlencoded", b"a=1&b=%C3%A9&a=2", {"a": "2", "b": "é"}),
    (" Application/X-WWW-Form-Urlencoded ; charset=utf-8", b"a=1", {"a": "1"}),
    ("multipart/form-data; boundary=x", b"--x\r\n", {}),
]


@pytest.mark.parametrize(("kind", "body", "expected"), BODIES)
def test_bodies(kind: str | None, body: bytes, expected: Any) -> None:
    """A form is read as one, all else as JSON; what is neither is an empty object."""
    request = PlainRequest("POST", "/", {} if kind is None else {"content-type": kind}, body)
    assert finish(request.get_json_or_form_data()) == expected


class Adapter(BaseRequest):
    """The least that an adapter has to say; it calls no `__init__` of its base."""

    def __init__(self, cookie: str) -> None:
        self.cookie = cookie
        self.reads = 0

    def method(self) -> str:
        return "GET"

    def get_path(self) -> str:
        return "/"

    def get_header(self, key: str) -> str | None:
        self.reads += 1
        return self.cookie if key == "cookie" else None

    def get_original_url(self) -> str:
        return "/"

    def get_query_params(self) -> dict[str, str]:
        return {"a": "1"}


def test_an_adapter_gets_the_rest() -> None:
    """All that is not abstract works on what an adapter says; the Cookie header is read once a request."""
    request = Adapter("a=1; b=2")
    assert [request.get_cookie(name) for name in "abc"] == ["1", "2", None]
    assert request.reads == 1
    assert request.get_query_param("a") == "1"
    assert [finish(each) for each in (request.json(), request.form_data(), request.get_json_or_form_data())] == [{}] * 3
    assert request.get_session() is None
    session: Any = object()
    request.set_session(session)
    assert request.get_session() is session
    assert Adapter("").get_session() is None
    request.set_session_as_none()
    assert request.get_session() is None


def test_a_request_without_its_parts_is_none() -> None:
    """What doesn't say where its parts are can't be built."""
    kind: Any = BaseRequest
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_the_request_of_a_user_context() -> None:
    """The request is found where the middleware puts it; anything else is none."""
    request = PlainRequest("GET", "/")
    assert get_request_from_user_context({"_default": {"request": request}}) is request
    wrong: list[Any] = [None, {}, {"_default": None}, {"_default": {}}, {"_default": {"request": "GET /"}}]
    assert [get_request_from_user_context(each) for each in wrong] == [None] * 5


# Responses


def test_a_new_response_changes_nothing() -> None:
    """What was not touched leaves the framework's response as it is."""
    native = object()
    response = BaseResponse(native)
    existing = [("a", "1"), ("A", "2"), ("set-cookie", "x=1"), ("set-cookie", "x=2"), ("vary", "")]
    assert response.apply(existing) == existing
    assert (response.status, response.content, response.headers) == (None, None, [])
    assert (response.status_set, response.response_sent, response.response) == (False, False, native)
    assert response.wrapper_used is True


def test_the_first_status_and_body_win() -> None:
    """What was decided first stays; so the answer to an error is not changed by what comes later."""
    response = BaseResponse()
    response.set_status_code(401)
    response.set_status_code(200)
    response.set_json_content({"message": "é"})
    response.set_html_content("<p>")
    response.set_json_content({})
    assert (response.status, response.content) == (401, '{"message":"é"}'.encode())
    assert (response.status_set, response.response_sent) == (True, True)
    assert response.apply([("Content-Type", "text/plain"), ("Content-Length", "9")]) == [
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "16"),
    ]


def test_html() -> None:
    """HTML goes as UTF-8."""
    response = BaseResponse()
    response.set_html_content("<p>é\ud800</p>")
    assert response.content == "<p>é?</p>".encode()
    assert response.get_header("Content-Type") == "text/html; charset=utf-8"


@given(JSON)
def test_json(value: Any) -> None:
    """Any JSON value comes back from the body, and its length is the one that is announced."""
    response = BaseResponse()
    response.set_json_content(value)
    assert response.content is not None
    assert json.loads(response.content) == value
    assert response.get_header("content-length") == str(len(response.content))


REDIRECTS = [
    ("/a?b=c&d=%20#e", "/a?b=c&d=%20#e"),
    ("https://example.com/é b", "https://example.com/%C3%A9%20b"),
    ("/\r\nset-cookie: a=1", "/%0D%0Aset-cookie:%20a=1"),
    ("/\ud800", "/?"),
]


@pytest.mark.parametrize(("url", "location"), REDIRECTS)
def test_redirects(url: str, location: str) -> None:
    """A redirect is a 302 to an encoded URL, in which no line can end."""
    response = BaseResponse()
    assert response.redirect(url) is response
    assert (response.status, response.headers) == (302, [("location", location)])


def test_headers_of_one_name_are_replaced() -> None:
    """A header is set once, whatever case it is written in, and is read in any."""
    response = BaseResponse()
    response.set_header("X-One", "1")
    response.set_header("x-one", "2")
    assert response.headers == [("x-one", "2")]
    assert response.get_header("X-ONE") == "2"
    assert response.get_header("x") is None
    assert response.apply([("x-ONE", "0"), ("y", "0"), ("X-One", "0")]) == [("y", "0"), ("x-one", "2")]


def test_headers_are_removed() -> None:
    """What is removed is gone from here and from elsewhere; set again it is there again, once."""
    response = BaseResponse()
    response.set_header("Anti-CSRF", "1")
    response.remove_header("anti-csrf")
    assert response.get_header("anti-csrf") is None
    assert response.removed == {"anti-csrf"}
    assert response.apply([("ANTI-csrf", "0"), ("y", "0")]) == [("y", "0")]
    response.set_header("anti-csrf", "2")
    assert response.apply([("ANTI-csrf", "0"), ("y", "0")]) == [("y", "0"), ("anti-csrf", "2")]


def test_what_is_exposed_adds_up() -> None:
    """Names of exposed headers are merged with those set before and those of the framework, each once."""
    response = BaseResponse()
    response.set_header("Access-Control-Expose-Headers", "front-token")
    response.set_header("access-control-expose-headers", "st-access-token, Front-Token,,")
    assert response.headers == [("access-control-expose-headers", "front-token,st-access-token")]
    existing = [("Access-Control-Expose-Headers", "X-Total , ST-Access-Token"), ("access-control-expose-headers", "y")]
    assert response.apply(existing) == [
        ("access-control-expose-headers", "X-Total,ST-Access-Token,y,front-token"),
    ]
    response.remove_header("Access-Control-Expose-Headers")
    response.set_header("Access-Control-Expose-Headers", "z")
    assert response.apply(existing) == [("Access-Control-Expose-Headers", "z")]


def test_the_same_cookie_is_replaced_and_others_stay() -> None:
    """A cookie replaces the one of its name, domain and path, here and in the framework's response, and no other."""
    response = BaseResponse()
    response.set_cookie("a", "1", 0)
    response.set_cookie("a", "2", 0, domain=".example.com")
    response.set_cookie("a", "3", 0, path="/x")
    response.set_cookie("a", "4", 0)
    existing = [("Set-Cookie", "b=1; Path=/"), ("Set-Cookie", "a=0; path=/; Max-Age=1"), ("Set-Cookie", "a=5; Path=/y")]
    tail = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"
    assert response.apply(existing) == [
        ("Set-Cookie", "b=1; Path=/"),
        ("Set-Cookie", "a=5; Path=/y"),
        ("set-cookie", f"a=2; Domain=.example.com; Path=/; {tail}"),
        ("set-cookie", f"a=3; Path=/x; {tail}"),
        ("set-cookie", f"a=4; Path=/; {tail}"),
    ]


def test_a_cookie_has_all_that_was_asked_for() -> None:
    """Each argument arrives in the cookie."""
    response = BaseResponse()
    response.set_cookie("a", "b c", 86_400_000, "/p", "example.com", True, False, "none")
    assert response.headers == [
        (
            "set-cookie",
            "a=b%20c; Domain=example.com; Path=/p; Expires=Fri, 02 Jan 1970 00:00:00 GMT; Secure; SameSite=None",
        )
    ]


UNSENDABLE = ["a\r\nb: c", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x0bb", "a\u0100b", "a\ud800b"]


@pytest.mark.parametrize("value", UNSENDABLE)
def test_values_that_are_none(value: str) -> None:
    """What would end a header or can't be sent is refused, and is not shown."""
    with pytest.raises(BadInputError, match="the value of the header x has characters") as caught:
        BaseResponse().set_header("x", value + "secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\n", "a\r\nb", "\x00", "é", "a,b"])
def test_names_that_are_none(name: str) -> None:
    """What is no name of a header is refused."""
    with pytest.raises(BadInputError, match="this can't be the name of a header"):
        BaseResponse().set_header(name, "1")


@given(ANY_TEXT, ANY_TEXT)
def test_any_header_is_set_or_refused(name: str, value: str) -> None:
    """What is set can be sent; nothing but `BadInputError` comes out of setting."""
    response = BaseResponse()
    try:
        response.set_header(name, value)
    except BadInputError:
        assert response.headers == []
        return
    for each in response.headers[0]:
        assert not set("\r\n\x00") & set(each)
        each.encode("latin-1")


@given(HEADERS, CHANGES)
def test_applying_is_what_was_recorded(existing: Headers, changes: list[Change]) -> None:
    """What was recorded is there once; all else is as it was, in its order; applying again changes nothing."""
    response = record(changes)
    applied = response.apply(existing)
    assert response.apply(applied) == applied
    ours = {name.lower() for name, _ in response.headers} - {"set-cookie"}
    touched = ours | response.removed
    assert [each for each in applied if each[0].lower() not in touched | {"set-cookie"}] == [
        each for each in existing if each[0].lower() not in touched | {"set-cookie"}
    ]
    for name in ours - {"access-control-expose-headers"}:
        assert named(applied, name) == [response.get_header(name)]
    for name in response.removed - ours:
        assert named(applied, name) == []


@given(HEADERS, CHANGES)
def test_cookies_are_never_lost(existing: Headers, changes: list[Change]) -> None:
    """Each cookie that anyone set is set, with the value that was given last."""
    response = record(changes)
    applied = named(response.apply(existing), "set-cookie")
    recorded = {identify_cookie(value): value for name, value in response.headers if name.lower() == "set-cookie"}
    assert sum(name.lower() == "set-cookie" for name, _ in response.headers) == len(recorded)
    foreign = [value for value in named(existing, "set-cookie") if identify_cookie(value) not in recorded]
    assert applied == [*foreign, *recorded.values()]


@given(HEADERS, CHANGES, LISTS)
def test_nothing_exposed_is_lost(existing: Headers, changes: list[Change], more: list[str]) -> None:
    """All that anyone exposed is exposed, each name once, unless it was taken away here."""
    assume(more)
    response = record(changes)
    response.set_header(EXPOSED, ",".join(more))
    (merged,) = named(response.apply(existing), EXPOSED)
    names = [each.lower() for each in merged.split(",")]
    assert len(names) == len(set(names))
    wanted = {each.lower() for each in more}
    if EXPOSED.lower() not in response.removed:
        wanted |= {each.strip().lower() for value in named(existing, EXPOSED) for each in value.split(",")} - {""}
    assert wanted <= set(names)


@given(st.lists(st.binary(max_size=8), max_size=3), st.sampled_from([("Cookie", b"; "), ("accept", b", ")]))
def test_values_of_a_header(values: list[bytes], header: tuple[str, bytes]) -> None:
    """What a server took for UTF-8 is read as Latin-1, and all values as one."""
    name, between = header
    read = join_values(name, [value.decode(errors="surrogateescape") for value in values])
    assert read == (between.join(values).decode("latin-1") if values else None)
