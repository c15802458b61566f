"""A key that signs access tokens as a core does, or as no core would."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite._protocol.jsontext import build_json

__all__ = ("KID", "LIFETIME_S", "NOW_S", "Signer", "encode", "encode_json", "to_bytes")

KID = "d-1700000000000"
NOW_S = 1_700_000_000
LIFETIME_S = 3600


class Signer:
    """A key, and tokens signed with it.

    Attributes:
        jwk: the public key as a key set document has it.
    """

    def __init__(self, kid: str = KID, bits: int = 2048) -> None:
        self.kid = kid
        self.private = generate_private_key(65537, bits)
        numbers = self.private.public_key().public_numbers()
        e, n = encode(to_bytes(numbers.e)), encode(to_bytes(numbers.n))
        self.jwk = {"kty": "RSA", "kid": kid, "n": n, "e": e, "alg": "RS256", "use": "sig"}

    def header(self, **changes: Any) -> dict[str, Any]:
        """Give the header of a token; a change to None leaves a member out."""
        header = {"kid": self.kid, "typ": "JWT", "version": "5", "alg": "RS256"} | changes
        return {name: value for name, value in header.items() if value is not None}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Give the claims of a new session."""
        user = str(uuid.uuid4())
        return {
            "iat": NOW_S,
            "exp": NOW_S + LIFETIME_S,
            "sub": user,
            "tId": "public",
            "rsub": user,
            "sessionHandle": str(uuid.uuid4()),
            "refreshTokenHash1": uuid.uuid4().hex * 2,
            "parentRefreshTokenHash1": None,
            "antiCsrfToken": None,
            "iss": "https://api.example.com/auth",
            "st-ev": {"v": True, "t": NOW_S * 1000},
            "st-role": {"v": ["editor"], "t": NOW_S * 1000},
        } | changes

    def sign(self, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None) -> str:
        """Sign a token."""
        return self.sign_parts(
            encode_json(self.header() if header is None else header),
            encode_json(self.claims() if claims is None else claims),
        )

    def sign_parts(self, header: str, payload: str) -> str:
        """Sign what is encoded already, whatever it is."""
        signed = f"{header}.{payload}"
        return f"{signed}.{encode(self.private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def encode(data: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode_json(value: object) -> str:
    """Write JSON as a part of a token."""
    return encode(build_json(value).encode())


def to_bytes(number: int) -> bytes:
    """Write an integer as a JWK has it."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
