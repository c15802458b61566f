"""How large access tokens are said to become."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite._protocol.sizes import LARGE_BYTES, check_size, measure_token
from supertokens_lite.exceptions import BadInputError
from tests.protocol.values import OBJECTS, TEXT


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assemble(payload: dict[str, Any], user_id: str) -> str:
    """Put a token together as a core does after a refresh."""
    header = {"kid": "d-1731234567890", "typ": "JWT", "version": "5", "alg": "RS256"}
    own = {
        "sub": user_id,
        "rsub": user_id,
        "tId": "public",
        "iat": 1731234567,
        "exp": 1731238167,
        "sessionHandle": "6f7ea4c6-9a5e-4ec6-a4f5-5a5e4ec6a4f5",
        "refreshTokenHash1": "0" * 64,
        "parentRefreshTokenHash1": "0" * 64,
        "antiCsrfToken": None,
    }
    text = build_json(own)[:-1] + "," + build_json(payload)[1:] if payload else build_json(own)
    return ".".join((encode(json.dumps(header, separators=(",", ":")).encode()), encode(text.encode()), "s" * 342))


@given(OBJECTS, TEXT)
def test_the_size_is_close(payload: dict[str, Any], user_id: str) -> None:
    """It is never too small, and at most a little too large, whatever characters claims and user have."""
    assert 0 <= measure_token(payload, user_id) - len(assemble(payload, user_id)) <= 40


@given(OBJECTS, st.text(min_size=1, max_size=200))
def test_more_is_larger(payload: dict[str, Any], text: str) -> None:
    """A further claim makes a token larger by what it takes in base64."""
    larger = measure_token({**payload, "one more": text}) - measure_token({"one more": ""} | payload)
    assert "one more" in payload or larger >= len(text.encode("utf-8", "surrogatepass"))


@given(st.integers(0, 4000), st.one_of(st.none(), st.integers(1024, 5000)))
def test_warnings_and_refusals(count: int, limit: int | None) -> None:
    """Over the limit it is refused; else there is a warning from 3,072 bytes on."""
    payload = {"a": 1, "text": "z" * count}
    size = measure_token(payload)
    if limit is not None and size > limit:
        with pytest.raises(BadInputError, match=f"about {size} bytes, and max_access_token_bytes is {limit}"):
            check_size(payload, limit)
        return
    warning = check_size(payload, limit)
    assert (warning is not None) == (size >= LARGE_BYTES)
    if warning is not None:
        assert f"about {size} bytes" in warning
        assert f"'text' ({count + 9} bytes), 'a' (5 bytes)" in warning
        assert "zz" not in warning


def test_only_the_largest_claims_are_named() -> None:
    """Three are named, largest first, with their sizes in bytes, long names cut; of values nothing is said."""
    payload = {"b" * 100: "secret" * 400, "é": "é" * 500, "c": ["secret"] * 60, "d": "secret" * 50, "e": 1}
    warning = check_size(payload, None)
    assert warning is not None
    assert warning.endswith(f"the largest claims are {'b' * 60!r} (2505 bytes), 'é' (1007 bytes), 'c' (545 bytes)")
    assert "secret" not in warning


def test_a_user_s_id_counts() -> None:
    """A token holds it twice."""
    assert measure_token({}, "u" * 300) - measure_token({}, "u") == pytest.approx(598 * 4 / 3, abs=2)
    with pytest.raises(BadInputError, match="none of yours"):
        check_size({}, 1024, "u" * 300)
