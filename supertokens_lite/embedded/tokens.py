"""Access tokens and refresh tokens: made, read, and nothing decided about sessions.

Access tokens are JWTs signed with RS256, of version 4 (CDI 3.1) or 5 (CDI 4.0 and up); versions 3 to 5 are read.
Refresh tokens are opaque to everybody else: `base64(iv ‖ ciphertext ‖ tag).nonce.V2`, AES-256-GCM under a key that is
derived for each token from the app's refresh key. Source: CDI; RFC 7515; RFC 7519.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import uuid
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite.types import is_object

__all__ = (
    "PROTECTED",
    "AccessToken",
    "RefreshToken",
    "SignedText",
    "TokenError",
    "encode_header",
    "hash_text",
    "make_refresh_key",
    "mint_refresh_token",
    "open_refresh_token",
    "payload_for_token",
    "read_claims",
    "sign_jwt",
    "split_jwt",
    "verify_jwt",
)

_V3: Final = ("sub", "exp", "iat", "sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken")
PROTECTED: Final[Mapping[str, frozenset[str]]] = {
    "3": frozenset(_V3),
    "4": frozenset((*_V3, "tId")),
    "5": frozenset((*_V3, "tId", "rsub")),
}
"""For each version of access tokens the claims that are the core's own."""

_PADDING: Final = padding.PKCS1v15()
_SHA256: Final = SHA256()

_KEY_ROUNDS: Final = 100
_MASTER_ROUNDS: Final = 1000


class TokenError(Exception):
    """A token can't be read or is not good; the text is what the core answers."""


class SignedText(NamedTuple):
    """A JWT taken apart, before anything about it is believed.

    Attributes:
        signed: what the signature is over.
        signature: the signature.
        payload: the payload, still encoded.
        kid: the id of the key that is said to have signed it.
        version: the version of the access token.
    """

    signed: bytes
    signature: bytes
    payload: str
    kid: str
    version: str


class AccessToken(NamedTuple):
    """What an access token says, once its signature is known to be good.

    Attributes:
        version: `"3"`, `"4"` or `"5"`.
        claims: the whole payload.
        custom: the payload without the core's own claims.
        tenant_id: the tenant of the session; `public` for version 3.
    """

    version: str
    claims: dict[str, Any]
    custom: dict[str, Any]
    tenant_id: str

    @property
    def handle(self) -> str:
        """The session handle."""
        return str(self.claims["sessionHandle"])

    @property
    def token_hash(self) -> str:
        """The hash of the refresh token that was minted with it."""
        return str(self.claims["refreshTokenHash1"])

    @property
    def parent_hash(self) -> str | None:
        """The hash of the refresh token that it was refreshed with."""
        parent = self.claims["parentRefreshTokenHash1"]
        return None if parent is None else str(parent)

    @property
    def anti_csrf(self) -> str | None:
        """The anti-CSRF token in it."""
        token = self.claims["antiCsrfToken"]
        return None if token is None else str(token)

    @property
    def expires_at(self) -> int:
        """When it expires, in milliseconds since the epoch."""
        return int(self.claims["exp"]) * 1000


class RefreshToken(NamedTuple):
    """What a refresh token holds."""

    handle: str
    user_id: str
    parent_hash: str | None
    anti_csrf: str | None
    tenant_id: str


def hash_text(text: str) -> str:
    """Hash a text with SHA-256; lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def encode_header(kid: str, version: str | None) -> str:
    """Write the header of a JWT; `version` is None for one that is not an access token."""
    header = {"kid": kid, "typ": "JWT"} | ({"version": version} if version else {}) | {"alg": "RS256"}
    return _to_base64url(build_json(header).encode())


def sign_jwt(key: RSAPrivateKey, header: str, payload: Mapping[str, Any]) -> str:
    """Sign a payload; `header` is already encoded."""
    signed = f"{header}.{_to_base64url(build_json(payload).encode())}"
    return f"{signed}.{_to_base64url(key.sign(signed.encode(), _PADDING, _SHA256))}"


def payload_for_token(custom: Mapping[str, Any]) -> dict[str, Any]:
    """Give the custom claims as they go into a token: a null `aud` is left out, as JWT libraries do."""
    return {name: value for name, value in custom.items() if name != "aud" or value is not None}


def split_jwt(token: str) -> SignedText:
    """Take an access token apart and read its header.

    Raises:
        TokenError: it has not the form of an access token.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("Invalid JWT")
    header = _parse_object(parts[0], "Invalid JWT")
    version = header.get("version", "5")
    if header.get("typ") != "JWT":
        raise TokenError("JWT header mismatch - typ")
    if header.get("alg") != "RS256":
        raise TokenError("JWT header mismatch - alg")
    if not isinstance(version, str) or version not in PROTECTED:
        raise TokenError("JWT header mismatch - version")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TokenError("JWT header missing - kid")
    try:
        return SignedText(f"{parts[0]}.{parts[1]}".encode(), _from_base64url(parts[2]), parts[1], kid, version)
    except ValueError:
        raise TokenError("Invalid JWT") from None


def _parse_object(encoded: str, message: str) -> dict[str, Any]:
    try:
        value = parse_json(_from_base64url(encoded).decode())
    except (ValueError, RecursionError):
        raise TokenError(message) from None
    if not is_object(value):
        raise TokenError(message)
    return value


def verify_jwt(key: RSAPublicKey, token: SignedText) -> bool:
    """Check the signature."""
    try:
        key.verify(token.signature, token.signed, _PADDING, _SHA256)
    except InvalidSignature:
        return False
    return True


def read_claims(token: SignedText) -> AccessToken:
    """Read the payload of a token whose signature is good.

    Raises:
        TokenError: a claim of the core's own is missing or of the wrong type.
    """
    claims = _parse_object(token.payload, "Invalid JWT")
    structure = "Access token does not contain all the information. Maybe the structure has changed?"
    protected = PROTECTED[token.version]
    for name in protected:
        if name not in claims:
            raise TokenError(f"{structure} {name}")
    texts = [claims["sub"], claims["sessionHandle"], claims["refreshTokenHash1"]]
    texts += [claims[name] for name in ("parentRefreshTokenHash1", "antiCsrfToken") if claims[name] is not None]
    texts += [claims[name] for name in ("tId", "rsub") if name in protected]
    whole = isinstance(claims["exp"], int) and isinstance(claims["iat"], int)
    if not whole or not all(isinstance(text, str) for text in texts):
        raise TokenError(structure)
    custom = {name: value for name, value in claims.items() if name not in protected}
    tenant_id = claims["tId"] if "tId" in protected else "public"
    return AccessToken(token.version, claims, custom, tenant_id)


def make_refresh_key() -> str:
    """Make the key of an app that its refresh tokens are sealed under."""
    salt, secret = os.urandom(64), os.urandom(64)
    derived = hashlib.pbkdf2_hmac("sha512", secret.hex().encode(), salt, _MASTER_ROUNDS)
    return f"{_MASTER_ROUNDS}:{salt.hex()}:{derived.hex()}"


def _cipher(refresh_key: str, iv: bytes) -> AESGCM:
    return AESGCM(hashlib.pbkdf2_hmac("sha512", refresh_key.encode(), iv, _KEY_ROUNDS, 32))


def mint_refresh_token(refresh_key: str, content: RefreshToken) -> str:
    """Seal a new refresh token."""
    nonce = hash_text(str(uuid.uuid4()))
    fields = {
        "sessionHandle": content.handle,
        "userId": content.user_id,
        "parentRefreshTokenHash1": content.parent_hash,
        "nonce": nonce,
        "antiCsrfToken": content.anti_csrf,
        "tenantId": None if content.tenant_id == "public" else content.tenant_id,
    }
    plain = build_json({name: value for name, value in fields.items() if value is not None}).encode()
    iv = os.urandom(12)
    sealed = iv + _cipher(refresh_key, iv).encrypt(iv, plain, None)
    return f"{base64.b64encode(sealed).decode()}.{nonce}.V2"


def open_refresh_token(refresh_key: str, token: str) -> RefreshToken:
    """Open a refresh token.

    Raises:
        TokenError: it was not sealed under this key, or is not a refresh token at all.
    """
    sealed, nonce = _split_refresh_token(token)
    try:
        data = base64.b64decode(sealed, validate=True)
        fields = parse_json(_cipher(refresh_key, data[:12]).decrypt(data[:12], data[12:], None).decode())
        if fields["nonce"] != nonce:
            raise TokenError("Invalid refresh token")
        return RefreshToken(
            fields["sessionHandle"],
            fields["userId"],
            fields.get("parentRefreshTokenHash1"),
            fields.get("antiCsrfToken"),
            fields.get("tenantId", "public"),
        )
    except (ValueError, KeyError, TypeError, InvalidTag, binascii.Error):
        raise TokenError("Invalid refresh token") from None


def _split_refresh_token(token: str) -> tuple[str, str]:
    parts = token.removesuffix(".").split(".")
    if len(parts) != 3 or parts[2].upper() != "V2" or not token.isascii():
        raise TokenError("Invalid refresh token")
    return parts[0], parts[1]
