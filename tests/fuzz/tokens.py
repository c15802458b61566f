"""Harnesses on access tokens: what is read of one without believing it, and what is believed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from supertokens_lite._protocol.jwks import KeySet
from supertokens_lite._protocol.tokens import (
    V2_HEADER,
    AccessToken,
    TokenRefused,
    TokenRules,
    build_decoder,
    decode_base64url,
    is_session_token,
    parse_access_token,
    read_issue_time_s,
    read_payload,
)
from supertokens_lite.types import Refusal
from tests.fuzz.shown import shows_none
from tests.protocol.signing import KID, NOW_S, Signer, encode

__all__ = ("HEADER", "fuzz_token_parser", "fuzz_token_verifier", "signer", "valid_token")

HEADER: Final = '{"kid":"' + KID + '","typ":"JWT","version":"5","alg":"RS256"}'
ISSUER: Final = "https://api.example.com/auth"
REMEMBERED: Final = 4

Decode = Callable[[str], bytes]
SLOW: Final = build_decoder(None)


@functools.cache
def signer() -> Signer:
    """Give the key that tokens are signed with."""
    return Signer()


@functools.cache
def valid_token() -> str:
    """Give a token that is good."""
    return signer().sign(
        signer().claims(sub="ada", rsub="ada", sessionHandle="handle", refreshTokenHash1="0" * 64, iss=ISSUER)
    )


def fuzz_token_parser(data: bytes) -> None:
    """Read a token that is anything: raw, or with a header or a payload that is anything."""
    kind, rest = _kind(data, 4)
    first, _, second = rest.partition(b"\0")
    if kind == 0:
        text = rest.decode("utf-8", "surrogateescape")
    elif kind == 1:
        text = f"{encode(first)}.{encode(second)}.c2ln"
    elif kind == 2:
        text = f"{encode(HEADER.encode())}.{encode(rest)}.c2ln"
    else:
        text = f"{V2_HEADER}.{_pad(encode(rest))}.c2ln"
    _read(text)
    for part in text.split("."):
        _decode(part)


def fuzz_token_verifier(data: bytes) -> None:
    """Verify a token that is anything, one that was good, and one that says anything over a good signature."""
    kind, rest = _kind(data, 4)
    keys = KeySet([signer().jwk], cache_size=REMEMBERED)
    if kind == 0:
        text = rest.decode("utf-8", "surrogateescape")
        _verify(keys, text, TokenRules(), may_be_good=text == valid_token())
    elif kind == 1:
        text = _edit(valid_token(), rest)
        assert keys.verify(valid_token(), NOW_S, TokenRules()).session_handle == "handle"
        _verify(keys, text, TokenRules(), may_be_good=text == valid_token())
    else:
        flags, rest = _kind(rest, 16)
        header, _, payload = rest.partition(b"\0") if kind == 2 else (HEADER.encode(), b"", rest)
        rules = TokenRules(
            leeway_s=5 * (flags & 1),
            dynamic_keys=not flags & 2,
            issuers=frozenset((ISSUER,)) if flags & 4 else None,
            max_bytes=1000 if flags & 8 else None,
        )
        _verify(keys, signer().sign_parts(encode(header), encode(payload)), rules, may_be_good=True)
    assert keys.remembered <= REMEMBERED


def _kind(data: bytes, kinds: int) -> tuple[int, bytes]:
    """Give what the first byte chooses, and the rest."""
    return (data[0] % kinds if data else 0), data[1:]


def _edit(text: str, data: bytes) -> str:
    """Take something out of a text and put something else in: where, how much, and what, come from the data."""
    at = int.from_bytes(data[:2], "big") % (len(text) + 1)
    taken = data[2] if len(data) > 2 else 0
    return text[:at] + data[3:].decode("latin-1") + text[at + taken :]


def _read(text: str) -> None:
    ours = is_session_token(text)
    assert ours == (read_issue_time_s(text) is not None)
    with suppress(ValueError):
        assert isinstance(read_payload(text), dict)
    try:
        token = parse_access_token(text)
    except TokenRefused as refused:
        _is_refused(refused, Refusal.MALFORMED, text)
        assert not ours
        return
    assert text.count(".") == 2
    assert token.version == 2 if text.startswith(V2_HEADER) else token.version >= 3
    assert token.kid.isprintable()
    assert token.version == 2 or _is_plain(text)
    assert bool(token.kid) == (token.version != 2)
    assert len(token.payload) < 20 or token.payload not in repr(token)
    try:
        parse_access_token(text, len(text) - 1)
    except TokenRefused as refused:
        _is_refused(refused, Refusal.TOO_LARGE, text)
    else:
        raise AssertionError("a bound does not bind")


def _verify(keys: KeySet, text: str, rules: TokenRules, *, may_be_good: bool) -> None:
    try:
        token = keys.verify(text, NOW_S, rules)
    except TokenRefused as refused:
        assert keys.recall(text, NOW_S) is None
        _is_refused(refused, refused.reason, text)
        return
    assert may_be_good
    assert token.text == text
    assert token.kid == KID
    assert _is_plain(text)
    assert rules.dynamic_keys
    assert rules.max_bytes is None or len(text) <= rules.max_bytes
    _says_what_it_must(token, rules)
    assert is_session_token(text)
    assert read_issue_time_s(text) == token.issued_s
    if token.expires_s > NOW_S:
        recalled = keys.recall(text, NOW_S)
        assert recalled is not None
        assert recalled.text == text
        assert keys.recall(text, token.expires_s) is None
    keys.forget([token.session_handle])
    assert keys.recall(text, NOW_S) is None


def _says_what_it_must(token: AccessToken, rules: TokenRules) -> None:
    claims = token.payload()
    assert claims == token.payload()
    assert claims is not token.payload()
    assert token.version >= 3
    for text in (token.session_handle, token.user_id, token.recipe_user_id.get_as_string(), token.tenant_id):
        assert isinstance(text, str)
    assert type(token.issued_s) is type(token.expires_s) is int
    assert NOW_S - rules.leeway_s < token.expires_s
    assert token.anti_csrf_token is None or isinstance(token.anti_csrf_token, str)
    assert claims.get("stt", 0) == 0
    assert rules.issuers is None or claims["iss"] in rules.issuers


def _is_plain(text: str) -> bool:
    """Tell whether the header of a token says RS256, and nothing twice."""
    pairs: list[tuple[str, object]] = json.loads(decode_base64url(text.partition(".")[0]), object_pairs_hook=list)
    return dict(pairs).get("alg") == "RS256" and len(dict(pairs)) == len(pairs)


def _decode(part: str) -> None:
    """Decode base64url; both decoders say the same, and bytes have one spelling."""
    found = _decoded(decode_base64url, part)
    assert found == _decoded(SLOW, part)
    assert found is None or encode(found) == part


def _decoded(decode: Decode, part: str) -> bytes | None:
    try:
        return decode(part)
    except ValueError:
        return None


def _pad(text: str) -> str:
    return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)


def _is_refused(refused: TokenRefused, reason: Refusal, text: str) -> None:
    assert refused.reason is reason
    shows_none(refused, *text.split("."))
