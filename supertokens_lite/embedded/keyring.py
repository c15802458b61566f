"""The signing keys of one app: which one signs, which ones verify, when a new one is due.

Dynamic keys (`d-<milliseconds>`) rotate: a new one is made a minute before the newest has served its interval, is
published at once, and signs a minute later, so that verifiers know it before they meet it. Keys stay published for two
lives of an access token after their interval. Static keys (`s-<uuid>`) sign until a newer one is made and never go.
Source: CDI.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.embedded.settings import Settings
from supertokens_lite.embedded.tokens import encode_header

__all__ = ("OVERLAP_MS", "Keyring", "SigningKey", "make_key_text", "oldest_kept")

OVERLAP_MS: Final = 60_000
"""How long a dynamic key is published before it signs."""


class SigningKey:
    """One RSA key; its parts are parsed when first used.

    Args:
        kid: the key's id.
        created_at: milliseconds since the epoch.
        text: public and private key, as stored: base64 of DER, separated by a bar.
    """

    def __init__(self, kid: str, created_at: int, text: str) -> None:
        self.kid = kid
        self.created_at = created_at
        self._public_text, _, self._private_text = text.replace(";", "|").partition("|")
        self._headers: dict[str | None, str] = {}

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        """The private key."""
        # our own database's key, checked when it was made; checking it again takes as long as ten signatures
        key = serialization.load_der_private_key(
            base64.b64decode(self._private_text), None, unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("not an RSA key")
        return key

    @cached_property
    def public(self) -> rsa.RSAPublicKey:
        """The public key."""
        key = serialization.load_der_public_key(base64.b64decode(self._public_text))
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("not an RSA key")
        return key

    @cached_property
    def jwk(self) -> str:
        """The public key as the JSON text of a JWK (RFC 7517)."""
        numbers = self.public.public_numbers()
        members = {"kty": "RSA", "kid": self.kid, "n": _integer(numbers.n), "e": _integer(numbers.e)}
        return build_json(members | {"alg": "RS256", "use": "sig"})

    def header(self, version: str | None) -> str:
        """Give the encoded header of a JWT that this key signs."""
        header = self._headers.get(version)
        if header is None:
            header = self._headers[version] = encode_header(self.kid, version)
        return header


def _integer(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key_text() -> str:
    """Make an RSA key of 2048 bits, as stored. Takes 50 to 500 ms of one core."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return f"{base64.b64encode(public).decode()}|{base64.b64encode(private).decode()}"


def oldest_kept(settings: Settings, now: int) -> int:
    """Give the time of creation before which a dynamic key verifies nothing any more."""
    return now - settings.key_interval_ms - 2 * settings.access_token_ms


class Keyring:
    """The keys of an app as they were read; both kinds newest first."""

    def __init__(self, dynamic: Sequence[SigningKey], static: Sequence[SigningKey], settings: Settings) -> None:
        self._dynamic = tuple(dynamic)
        self._static = tuple(static)
        self._settings = settings
        self._by_kid = {key.kid: key for key in (*dynamic, *static)}
        self.due_at = 0
        """When the next key has to be there; 0 if one is lacking already."""
        if static and dynamic:
            self.due_at = dynamic[0].created_at + settings.key_interval_ms - OVERLAP_MS + 1

    @property
    def lacks_static(self) -> bool:
        """Whether there is no static key yet."""
        return not self._static

    @property
    def newest_dynamic_at(self) -> int | None:
        """When the newest dynamic key was made."""
        return self._dynamic[0].created_at if self._dynamic else None

    def signing(self, now: int, *, static: bool) -> SigningKey:
        """Give the key that signs now."""
        if static:
            return self._static[0]
        newest = self._dynamic[0]
        if len(self._dynamic) > 1 and now < newest.created_at + OVERLAP_MS:
            older = self._dynamic[1]
            if now < older.created_at + self._settings.key_interval_ms:
                return older
        return newest

    def find(self, kid: str, now: int) -> SigningKey | None:
        """Find the key of an id, if it still verifies."""
        key = self._by_kid.get(kid)
        return key if key is not None and (kid.startswith("s-") or self._verifies(key, now)) else None

    def published(self, now: int) -> list[SigningKey]:
        """Give the keys that verify now: dynamic ones first, newest first."""
        return [key for key in self._dynamic if self._verifies(key, now)] + list(self._static)

    def max_age(self, now: int) -> int:
        """Give the seconds for which the published keys may be cached."""
        next_key_at = (self.newest_dynamic_at or now) + self._settings.key_interval_ms - OVERLAP_MS
        return max(1, (next_key_at - now) // 1000)

    def _verifies(self, key: SigningKey, now: int) -> bool:
        return key.created_at >= oldest_kept(self._settings, now)
