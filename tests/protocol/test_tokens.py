"""Reading access token payloads, and front tokens."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS, build_front_token, read_payload
from tests.protocol.values import JSON, OBJECTS, TEXT


def jwt(payload: object, *, padded: bool) -> str:
    """Build what looks like a JWT."""
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode()
    return f"e30.{encoded if padded else encoded.rstrip('=')}.x"


@given(OBJECTS, st.booleans())
def test_a_payload_is_read(payload: dict[str, Any], padded: bool) -> None:
    """What was put into a token is read from it, with padding or without."""
    assert read_payload(jwt(payload, padded=padded)) == payload


@given(st.one_of(st.text(), st.lists(st.text(max_size=10), min_size=3, max_size=3).map(".".join)))
def test_text_that_is_no_token(text: str) -> None:
    """Text is refused with ValueError, or holds an object after all."""
    try:
        payload = read_payload(text)
    except ValueError:
        return
    assert isinstance(payload, dict)


@given(JSON.filter(lambda value: not isinstance(value, dict)))
def test_a_payload_that_is_no_object(value: Any) -> None:
    """A token whose payload is no object is none."""
    with pytest.raises(ValueError, match="not a JWT"):
        read_payload(jwt(value, padded=True))


def test_a_payload_that_is_too_deep() -> None:
    """Depth is no danger."""
    deep = base64.urlsafe_b64encode(b'{"a":' * 200_000).decode()
    with pytest.raises(ValueError, match="not a JWT"):
        read_payload(f"e30.{deep}.x")


@given(TEXT, OBJECTS, st.integers(0, 2**40))
def test_a_front_token_tells_all(user_id: str, payload: dict[str, Any], expiry: int) -> None:
    """The front token is plain base64 of sorted compact ASCII JSON with user, expiry in milliseconds and payload."""
    token = build_front_token(user_id, {**payload, "exp": expiry})
    text = base64.b64decode(token, validate=True).decode("ascii")
    parsed = json.loads(text)
    assert parsed == {"uid": user_id, "ate": expiry * 1000, "up": {**payload, "exp": expiry}}
    assert text == json.dumps(parsed, sort_keys=True, separators=(",", ":"))


@given(OBJECTS)
def test_a_front_token_needs_an_expiry(payload: dict[str, Any]) -> None:
    """A payload without a whole number in `exp` is refused."""
    payload.pop("exp", None)
    with pytest.raises(KeyError, match="exp"):
        build_front_token("u", payload)
    for wrong in ("1", None, 1.5, [1]):
        with pytest.raises(TypeError, match="exp"):
            build_front_token("u", {**payload, "exp": wrong})


def test_protected_claims() -> None:
    """The claims that are the core's own are those of the protocol."""
    names = "sub iat exp sessionHandle parentRefreshTokenHash1 refreshTokenHash1 antiCsrfToken rsub tId"
    assert frozenset(names.split()) == PROTECTED_CLAIMS
