"""What hostile clients send instead of tokens, and what nobody may be shown."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import logging
import traceback
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ("NEITHER", "RETRY", "forge", "parts_of", "shown_by", "shown_in_logs")

NEITHER: Final = "unauthorised"
"""What the client of something is told that is no session's token at all."""
RETRY: Final = "try refresh token"
"""What the client of a session's token is told that is not good, for it may have a refresh token that is."""

SHORTEST: Final = 20
LARGE: Final = 8192


def forge(honest: str, keys: Iterable[Any]) -> dict[str, tuple[str, str]]:
    """Make forgeries of a good token; each with what its client is told.

    Args:
        honest: the token.
        keys: the core's public keys, as `get_jwks` gives them.
    """
    header, payload, _ = honest.split(".")
    unread = {repr(text): text for text in ("", ".", "..", "...", "Bearer", "null", "undefined", "[object Object]")}
    unread |= _garbage(header, payload) | _misspelt(honest) | _headed(honest)
    unread |= {f"{name} as HS256": text for name, text in _hashed(honest, keys, "HS256").items()}
    signed = _signed(honest, keys) | {f"{name} as RS256": text for name, text in _hashed(honest, keys, "RS256").items()}
    return {name: (text, NEITHER) for name, text in unread.items()} | {
        name: (text, RETRY) for name, text in signed.items()
    }


def _garbage(header: str, payload: str) -> dict[str, str]:
    payloads = {
        "a deep payload": b'{"sub":' * 1000,
        "a long number": b'{"iat":' + b"9" * 5000 + b"}",
        "no number": b'{"iat":NaN,"exp":Infinity}',
        "null": b"null",
        "bytes that are no text": bytes(range(128, 256)),
    }
    return {name: f"{header}.{encode(data)}.c2ln" for name, data in payloads.items()} | {
        "8 KB of one letter": "x" * LARGE,
        "8 KB of dots": "." * LARGE,
        "8 KB in three parts": ".".join(["QUFB" * 700] * 3),
        "8 KB of bytes": base64.b64encode(bytes(range(256)) * 24).decode(),
        "8 KB of a header": f"{encode(b' ' * 6000)}.{payload}.c2ln",
        "a payload of 8 KB": f"{header}.{'QUFB' * 2000}.c2ln",
        "nothing": f"{header}..",
        "NUL": "\0",
        "not ASCII": "\u00e9\u0660\u4e2d\U0001f600" * 50,
        "half a character": "\ud800\udc80.\udcff.\ud83d",
    }


def _misspelt(honest: str) -> dict[str, str]:
    header, payload, signature = honest.split(".")
    return {
        "NUL in the middle": f"{header}.\0{payload}.{signature}",
        "a letter that looks alike": f"{header[:-1]}\u0430.{payload}.{signature}",
        "padding in the header": f"{pad(header + 'QQ')}.{payload}.{signature}",
        "the other alphabet in the header": f"{header}+/.{payload}.{signature}",
        "padding in the signature": f"{header}.{payload}.{pad(signature)}",
        "a line end": f"{honest}\n",
        "NUL at the end": f"{honest}\0",
        "bits left over": honest[:-1] + chr(ord(honest[-1]) + 1),
        "a signature that is not ASCII": f"{header}.{payload}." + "\u00e9" * 342,
        "four parts": f"{honest}.{signature}",
        "two parts": f"{header}.{payload}",
        "the token twice": honest * 2,
    }


def _headed(honest: str) -> dict[str, str]:
    """Change the header of a token, and keep the rest."""
    header, payload, signature = honest.split(".")
    members = json.loads(decode(header))
    changes: dict[str, dict[str, Any]] = {
        **{f"alg {alg!r}": {"alg": alg} for alg in ("none", "None", "nOnE", "NONE", "", "HS256", "RS512", "ES256", 0)},
        "alg null": {"alg": None},
        "a kid that is a number": {"kid": 1},
        "a kid with a line end": {"kid": "d-1\r\nset-cookie: x=y"},
        "a kid with NUL": {"kid": members["kid"] + "\0"},
        "an empty kid": {"kid": ""},
        "crit": {"crit": ["exp"]},
        "another type": {"typ": "at+jwt"},
        "version 1": {"version": "1"},
        "version -5": {"version": "-5"},
        "version 1e9": {"version": "1e9"},
    }
    found = {name: f"{encode_json(members | change)}.{payload}.{signature}" for name, change in changes.items()}
    for name in ("alg", "kid", "typ"):
        rest = {other: value for other, value in members.items() if other != name}
        found[f"no {name}"] = f"{encode_json(rest)}.{payload}.{signature}"
    twice = json.dumps(members)[:-1] + ',"alg":"none"}'
    return found | {
        "alg none and no signature": f"{encode_json(members | {'alg': 'none'})}.{payload}.",
        "alg none without kid": f"{encode_json({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "alg twice": f"{encode(twice.encode())}.{payload}.{signature}",
        "a header that is a list": f"{encode_json([members])}.{payload}.{signature}",
    }


def _signed(honest: str, keys: Iterable[Any]) -> dict[str, str]:
    """Keep the form of a token, and change what it says, or who signed it."""
    header, payload, signature = honest.split(".")
    members, claims = json.loads(decode(header)), json.loads(decode(payload))
    numbers = _stranger().public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": members["kid"], "n": encode_number(numbers.n), "e": encode_number(numbers.e)}
    headers: dict[str, dict[str, Any]] = {
        "another's key": {},
        "another's key in the header": {"jwk": jwk},
        "another's key at a URL": {"jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/x"},
        "a kid that is a path": {"kid": "../../../../dev/null"},
        "a kid that is a query": {"kid": "d-' OR '1'='1"},
        "a kid of a kilobyte": {"kid": "d-" + "9" * 1000},
        "a key that stays": {"kid": next((each.kid for each in keys if each.kid.startswith("s-")), "s-1")},
        "a version of the future": {"version": "9999"},
    }
    found = {name: _sign(encode_json(members | change), payload) for name, change in headers.items()}
    changed = encode_json(claims | {"sub": "root", "rsub": "root", "st-role": {"v": ["admin"], "t": 0}})
    later = encode_json(claims | {"exp": claims["exp"] + 10**9})
    return found | {
        "other claims": f"{header}.{changed}.{signature}",
        "a later expiry": f"{header}.{later}.{signature}",
        "no signature": f"{header}.{payload}.",
        "half a signature": f"{header}.{payload}.{signature[:200]}",
        "a signature of zeros": f"{header}.{payload}.{encode(bytes(256))}",
        "8 KB of signature": f"{header}.{payload}.{'QUFB' * 2000}",
    }


def _hashed(honest: str, keys: Iterable[Any], alg: str) -> dict[str, str]:
    """Sign with what everybody knows, the public key, as if it were a secret."""
    header, payload, _ = honest.split(".")
    members = json.loads(decode(header))
    (key,) = (each for each in keys if each.kid == members["kid"])
    n, e = (int.from_bytes(decode(number), "big") for number in (key.n, key.e))
    public = RSAPublicNumbers(e, n).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secrets = {
        "PEM": pem,
        "PEM without its end": pem.rstrip(),
        "PKCS1": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "the modulus": decode(key.n),
        "the modulus as text": key.n.encode(),
        "nothing": b"",
    }
    signed = f"{encode_json(members | {'alg': alg})}.{payload}"
    return {
        name: f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
        for name, secret in secrets.items()
    }


@functools.cache
def _stranger() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def _sign(header: str, payload: str) -> str:
    signed = f"{header}.{payload}"
    return f"{signed}.{encode(_stranger().sign(signed.encode(), PKCS1v15(), SHA256()))}"


def encode(data: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode_json(value: object) -> str:
    """Write JSON as a part of a token."""
    return encode(json.dumps(value).encode())


def encode_number(number: int) -> str:
    """Write an integer as a JWK has it."""
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def decode(text: str) -> bytes:
    """Read base64url."""
    return base64.urlsafe_b64decode(pad(text))


def pad(text: str) -> str:
    """Write base64 with padding."""
    return text + "=" * (-len(text) % 4)


def parts_of(*tokens: str | None) -> set[str]:
    """Give what of some tokens would tell something: the tokens, and each part that is long enough."""
    parts = {part for token in tokens if token for part in (token, *token.split("."))}
    return {part for part in parts if len(part) >= SHORTEST and len(set(part)) > 3}


def shown_by(error: BaseException, secrets: set[str]) -> set[str]:
    """Give which of some texts an error shows: its text, its repr, and the traceback that a log has of it."""
    shown = "".join((str(error), repr(error), repr(error.args), *traceback.format_exception(error)))
    return {secret for secret in secrets if secret in shown}


def shown_in_logs(records: Iterable[logging.LogRecord], secrets: set[str]) -> set[str]:
    """Give which of some texts log records show, in their text, their arguments, or the error that they have."""
    shown = "".join(f"{record.getMessage()}{record.args!r}{record.exc_text}{record.exc_info!r}" for record in records)
    return {secret for secret in secrets if secret in shown}
