"""The door for WSGI applications of no framework: what it leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.validate import validator

import pytest

from supertokens_lite import Supertokens
from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.framework.wsgi import Middleware, WsgiRequest, request_of
from supertokens_lite.recipe.session import syncio
from tests.doors import REFRESH, Client, build, content
from tests.framework.wsgi_site import build_app, send_to

Begin = Callable[..., Supertokens]


def test_a_body_passes_as_it_is(begin: Begin) -> None:
    """What an application returns is what the server gets: the same object, not a copy of its parts."""
    begin()
    body = iter([b"a", b"b"])

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    assert Middleware(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None) is body  # type: ignore[arg-type]


def test_the_standard_is_kept_to(begin: Begin) -> None:
    """The checker of the standard library finds nothing wrong with what the middleware does, either way."""
    begin()
    app = validator(build_app())
    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))
    for method, target, status in (
        ("GET", "/me", 200),
        ("POST", REFRESH, 200),
        ("GET", "/bad", 400),
        ("GET", "/", 404),
    ):
        assert client.take(send_to(app, client.request(method, target))).status == status


class Later:
    """A body that begins late, fails before that or after it, and knows whether it was closed."""

    def __init__(self, begin: Callable[[], Any], early: Exception | None = None, late: Exception | None = None) -> None:
        self.begin = begin
        self.early = early
        self.late = late
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        if self.early is not None:
            raise self.early
        self.begin()
        yield b"a"
        if self.late is not None:
            raise self.late

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [(None, 200, b"a"), (BadInputError("is bad", "this"), 400, b'{"message":"this: is bad"}')],
)
def test_an_application_that_begins_late(begin: Begin, error: Exception | None, status: int, said: bytes) -> None:
    """An application that is a generator is served, and answered for, as one that is a function; its end is its own."""
    begin()
    bodies: list[Later] = []

    def app(environ: Any, start_response: Any) -> Any:
        bodies.append(Later(lambda: start_response("200 OK", []), early=error))
        return bodies[-1]

    response = send_to(Middleware(app), Client().request("GET", "/"))
    assert (response.status, response.content) == (status, said)
    assert bodies[0].closed


def test_an_error_in_the_middle_of_a_body(begin: Begin) -> None:
    """Once a head was sent, an error is the server's to deal with."""
    begin()

    def app(environ: Any, start_response: Any) -> Any:
        return Later(lambda: start_response("200 OK", []), late=BadInputError("is bad", "this"))

    def prompt(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        raise BadInputError("is bad", "this")

    for each in (app, prompt):
        with pytest.raises(BadInputError, match="is bad"):
            send_to(Middleware(each), Client().request("GET", "/"))


def test_a_second_head(begin: Begin) -> None:
    """What an application says of an error that it answered itself reaches the server."""
    begin()
    heard: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        try:
            int("mine")
        except ValueError:
            start_response("500 Oh", [("X", "1")], sys.exc_info())
        return [b""]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    Middleware(app)(environ, lambda *given: heard.append(given))  # type: ignore[arg-type]
    assert heard[0][:2] == ("500 Oh", [("X", "1")])
    assert heard[0][2][0] is ValueError


def test_a_missing_middleware() -> None:
    """Without the middleware the error says which line to add."""
    with pytest.raises(ConfigurationError, match=r"application = Middleware\(application\)"):
        request_of({})


def test_an_sdk_of_its_own(core_uri: str) -> None:
    """A middleware may have an SDK object of its own."""
    with build(core_uri) as supertokens:

        def app(environ: Any, start_response: Any) -> Any:
            assert request_of(environ).supertokens is supertokens
            start_response("204 No Content", [])
            return []

        assert send_to(Middleware(app, supertokens), Client().request("GET", "/")).status == 204


BODIES: list[tuple[dict[str, Any], bytes, Any]] = [
    ({"CONTENT_TYPE": "application/json"}, b'{"a":1}', {"a": 1}),
    ({"CONTENT_TYPE": "application/json"}, b"{", {}),
    ({"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}, b"a=1&b=", {"a": "1", "b": ""}),
    ({"CONTENT_TYPE": "multipart/form-data; boundary=x"}, b"--x", {}),
    ({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "no"}, b'{"a":1}', {}),
    ({"CONTENT_TYPE": "", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}, b'{"a":1}', {"a": 1}),
]


@pytest.mark.parametrize(("more", "body", "expected"), BODIES)
def test_a_body_is_read_and_left(begin: Begin, more: dict[str, Any], body: bytes, expected: Any) -> None:
    """A body is read as what it says it is, and can be read again."""
    supertokens = begin()
    length = {"CONTENT_LENGTH": str(len(body))}
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(body + b"the next request"), **length, **more}
    if more.get("wsgi.input_terminated"):
        environ["wsgi.input"] = BytesIO(body)
    request = WsgiRequest(environ, supertokens)
    for _ in range(2):
        read = request.get_json_or_form_data()
        with pytest.raises(StopIteration) as given:
            read.send(None)
        assert given.value.value == expected
        if environ.get("wsgi.input_terminated") is None:
            assert b"next" not in environ["wsgi.input"].getvalue() or expected == {}


def test_paths_are_text(begin: Begin) -> None:
    """A path is read as UTF-8; what is none is replaced, and nothing is refused."""
    supertokens = begin()
    for given, path in (("/\xc3\xbc", "/ü"), ("/\xff", "/\ufffd"), ("", "/"), ("/\u20ac", "/?")):
        assert WsgiRequest({"PATH_INFO": given}, supertokens).get_path() == path


def test_requests_of_other_kinds(begin: Begin) -> None:
    """Whatever object has the environment can be given to the functions on sessions."""
    begin()

    class Native:
        def __init__(self, environ: Any) -> None:
            self.environ = environ

    def app(environ: Any, start_response: Any) -> Any:
        found = syncio.get_session(Native(environ), session_required=False)
        start_response("200 OK", [])
        return [b"null" if found is None else b"1"]

    assert content(send_to(Middleware(app), Client().request("GET", "/"))) is None
