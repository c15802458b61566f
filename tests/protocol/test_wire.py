"""JSON on the wire: written and read strictly, whatever comes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._core.wire import Wire, parse_object
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.types import CoreCall, HttpRequest
from tests.protocol.values import JSON, OBJECTS, TEXT

HOST = CoreHost("http://h:3567", "/appid-a")
BODIES = st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "replace")))


@given(OBJECTS)
def test_objects_are_read(value: dict[str, Any]) -> None:
    """What json.dumps writes is read, in either form."""
    assert parse_object(json.dumps(value).encode()) == value
    assert parse_object(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")) in (
        value,
        None,
    )


@given(BODIES)
@example(b"")
@example(b"[]")
@example(b"\xff")
@example(b"{} {}")
@example(b"\xef\xbb\xbf{}")
@example(b'{"a":' * 100_000)
@example(b'{"a":' + b"9" * 5000 + b"}")
def test_anything_else_is_none(body: bytes) -> None:
    """Bytes that are no JSON object give None, never an error."""
    found = parse_object(body)
    assert found is None or found == json.loads(body)


@given(JSON)
def test_text_is_read_as_it_was_written(value: Any) -> None:
    """What is written is read again, and is compact JSON that UTF-8 can hold."""
    text = build_json(value)
    text.encode()
    assert parse_json(text) == value
    assert json.loads(text) == value
    assert parse_json(f" \n{text}\t ") == value


@given(st.one_of(st.text(), JSON.map(json.dumps), JSON.map(lambda value: json.dumps(value) + "x")))
@example("NaN")
@example('{"a":-Infinity}')
@example("1 1")
def test_text_is_read_as_the_standard_library_does(text: str) -> None:
    """What json.loads refuses is refused with ValueError, and NaN too; the rest is the same."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ValueError, match=r"\S"):
            parse_json(text)
    else:
        assert parse_json(text) == expected


def test_what_has_no_form_in_json() -> None:
    """Numbers that are not finite and foreign objects are refused."""
    with pytest.raises(ValueError, match="JSON"):
        build_json({"a": float("nan")})
    with pytest.raises(TypeError, match=r"no form in JSON|not JSON serializable"):
        build_json({"a": {1}})


def _request(call: CoreCall, wire: Wire | None = None) -> HttpRequest:
    return run((wire or Wire(None, None)).request(HOST, call, "5.4", None))


@given(TEXT, OBJECTS)
def test_requests(text: str, body: dict[str, Any]) -> None:
    """A request holds the call and nothing else: path below the base path, query encoded, body as JSON."""
    call = CoreCall("PUT", "/recipe/session/data", {"a": text}, body)
    request = _request(call)
    path, _, query = request.target.partition("?")
    assert path == "/appid-a/recipe/session/data"
    assert request.target.isascii()
    assert parse_qsl(query, keep_blank_values=True, errors="surrogatepass") == [("a", text)]
    assert json.loads(request.body) == body
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert (request.headers["cdi-version"], request.headers["rid"]) == ("5.4", "session")


@given(TEXT, OBJECTS)
def test_an_interceptor_that_changes_nothing(text: str, body: dict[str, Any]) -> None:
    """With an interceptor that changes nothing the same is sent as without one."""
    wire = Wire(None, lambda *given: given[:5])
    for call in (
        CoreCall("PUT", "/recipe/session/data", {"a": text}, body),
        CoreCall("GET", "/recipe/session", {"a": text, "b": ""}),
        CoreCall("POST", "/public/recipe/session", None, {}),
        CoreCall("GET", "/.well-known/jwks.json"),
    ):
        assert _request(call, wire) == _request(call)


def test_an_interceptor_that_changes_the_port() -> None:
    """A host whose name only begins like ours is another host."""
    wire = Wire(None, lambda url, *rest: (url.replace(":3567", ":35670"), *rest[:4]))
    request = _request(CoreCall("GET", "/recipe/session"), wire)
    assert (request.host, request.target) == ("http://h:35670", "/appid-a/recipe/session")
