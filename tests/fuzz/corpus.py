"""What a fuzzer begins with, so that it need not find out for itself what tokens, cookies and replies look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite._protocol.tokens import V2_HEADER
from tests.core.scripted import jwk
from tests.fuzz.cookies import fuzz_cookies_read, fuzz_cookies_written
from tests.fuzz.replies import WHOLE, fuzz_core_replies, fuzz_key_sets
from tests.fuzz.requests import fuzz_requests
from tests.fuzz.tokens import HEADER, fuzz_token_parser, fuzz_token_verifier, signer, valid_token
from tests.protocol.signing import NOW_S

__all__ = ("HARNESSES", "build_corpus")

HARNESSES: Final[dict[str, Callable[[bytes], None]]] = {
    "token_parser": fuzz_token_parser,
    "token_verifier": fuzz_token_verifier,
    "cookies_read": fuzz_cookies_read,
    "cookies_written": fuzz_cookies_written,
    "core_replies": fuzz_core_replies,
    "key_sets": fuzz_key_sets,
    "requests": fuzz_requests,
}

V2_CLAIMS: Final = {
    "sessionHandle": "h",
    "userId": "u",
    "refreshTokenHash1": "0",
    "userData": {},
    "expiryTime": (NOW_S + 3600) * 1000,
    "timeCreated": NOW_S * 1000,
}


def build_corpus(name: str) -> list[bytes]:
    """Give what the fuzzer of a harness begins with."""
    return [b"", b"\0", *CORPORA[name]()]


def _tokens_read() -> list[bytes]:
    header, claims = HEADER.encode(), build_json(signer().claims()).encode()
    older = header.replace(b'"5"', b'"3"')
    return [
        b"\0" + valid_token().encode(),
        b"\0" + f"{V2_HEADER}.e30.c2ln".encode(),
        b"\0a.b.c",
        b"\1" + header + b"\0" + claims,
        b"\1" + older + b"\0" + claims,
        b"\1" + header.replace(b"RS256", b"none") + b"\0" + claims,
        b"\1" + header.replace(b"RS256", b"HS256") + b"\0" + claims,
        b"\2" + claims,
        b"\2" + claims.replace(b'"iat":', b'"iat":1e9,"nbf":'),
        b"\3" + build_json(V2_CLAIMS).encode(),
    ]


def _tokens_verified() -> list[bytes]:
    header, claims = HEADER.encode(), build_json(signer().claims()).encode()
    return [
        b"\0" + valid_token().encode(),
        b"\1\0\0\0",
        b"\1\0\5\1A",
        b"\1\1\0\1",
        b"\1\1\xf0\0.",
        b"\2\0" + header + b"\0" + claims,
        b"\2\4" + header.replace(b'"5"', b'"4"') + b"\0" + claims,
        b"\2\2" + header.replace(b'"d-', b'"s-') + b"\0" + claims,
        b"\3\1" + claims,
        b"\3\4" + claims.replace(b'"iss"', b'"aud"'),
        b"\3\0" + claims.replace(b'"tId"', b'"stt"'),
        b"\3\0" + claims[:-1] + b',"stt":1}',
        b"\3\0" + claims[:-1] + b',"stt":0,"aud":1,"nbf":1e99}',
        b"\2\0" + header.replace(b"RS256", b"HS256") + b"\0" + claims,
        b"\2\0" + header[:-1] + b',"alg":"none"}\0' + claims,
        b"\3\x0f" + claims,
    ]


def _cookies_read() -> list[bytes]:
    token = valid_token().encode()
    return [
        b"sAccessToken=" + token + b"; sRefreshToken=a%2Fb%3D%3D; sIdRefreshToken=1",
        b'sAccessToken="' + token + b'"; sAccessToken=x\nsAccessToken=y',
        b"a=%00%ff%zz%; =b; c; ;;d==e=f\n\tg = h ",
        b"Bearer " + token,
        b"header",
        b"\xff\xfe=\x00; \xc3\xa9=\xc3\xa9",
    ]


def _cookies_written() -> list[bytes]:
    return [
        b"sAccessToken\nvalue\n.example.com\n/auth/session/refresh\nset-cookie:sAccessToken=x; Domain=example.com",
        b"front-token\nabc\n\n/\naccess-control-expose-headers:front-token, anti-csrf\nanti-csrf:x",
        b"x\r\nset-cookie: y\n\n\n",
        b"Access-Control-Expose-Headers\na,b , a\n\n\nACCESS-CONTROL-EXPOSE-HEADERS: B,c",
        b"a\n\xf0\x9f\x92\xa9\nexa mple\n/;\n",
    ]


def _replies() -> list[bytes]:
    whole = [b"\0" + build_json(reply).encode() for _, reply in WHOLE]
    return [*whole, *(bytes((1, number, number % 7)) + b'"x"' for number in range(len(WHOLE))), b"\1\1\3", b"\1\1\2{}"]


def _key_sets() -> list[bytes]:
    private = {**jwk("d-3"), "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}
    return [
        b"max-age=60, must-revalidate\n" + build_json({"keys": [jwk("d-1"), jwk("s-2")]}).encode(),
        b"public, MAX-AGE = 99999999999\n" + build_json({"keys": [jwk("d-1"), private, 1, None]}).encode(),
        b"\n" + build_json({"keys": [{"kty": "EC", "kid": "x"}, jwk("d-1"), jwk("d-1")]}).encode(),
        b"no-store\n" + b'{"keys":[]}',
        b"max-age=-1\n[]",
    ]


def _requests() -> list[bytes]:
    token = valid_token().encode()
    return [
        b"\0authorization:Bearer " + token + b"\nrid:session",
        b"\1cookie:sAccessToken=" + token + b"; sAccessToken=x\nst-auth-mode:cookie",
        b"\2cookie:sRefreshToken=x; sRefreshToken=y\nanti-csrf:x",
        b"\2authorization:bearer x\nst-auth-mode:header",
        b"\3authorization:Bearer " + token,
        b"\4cookie:sIdRefreshToken=1",
    ]


CORPORA: Final[dict[str, Callable[[], list[bytes]]]] = {
    "token_parser": _tokens_read,
    "token_verifier": _tokens_verified,
    "cookies_read": _cookies_read,
    "cookies_written": _cookies_written,
    "core_replies": _replies,
    "key_sets": _key_sets,
    "requests": _requests,
}
