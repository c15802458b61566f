"""Access tokens that no core made, and the public key that verifies them."""

from __future__ import annotations

import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ("Signer",)


class Signer:
    """Makes access tokens with a key of its own."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key, as a document for `static_jwks`."""
        numbers = self._key.public_key().public_numbers()
        n, e = (
            base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
            for number in (numbers.n, numbers.e)
        )
        return {"keys": [{"kty": "RSA", "kid": "d-1", "n": n, "e": e, "alg": "RS256", "use": "sig"}]}

    def mint(self, handle: str = "h", user: str = "ada", *, age_s: int = 0, kid: str = "d-1", **claims: Any) -> str:
        """Make an access token that is good for an hour from when it was made, `age_s` ago."""
        made_s = int(time.time()) - age_s
        payload = {
            "iat": made_s,
            "exp": made_s + 3600,
            "sub": user,
            "rsub": user,
            "tId": "public",
            "sessionHandle": handle,
            "refreshTokenHash1": "0" * 64,
            "parentRefreshTokenHash1": None,
            "antiCsrfToken": None,
        }
        return jwt.encode(payload | claims, self._key, "RS256", {"kid": kid, "version": "5"})
