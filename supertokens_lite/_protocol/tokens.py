"""Access tokens: what can be read from one without believing it, and what a signed one has to say to be a session's.

A token is three parts, each base64url without padding, in the one spelling that encoding has: a text that differs is
another token. Its header names the key and the version of the token, and is believed for nothing else: the algorithm is
RS256 whatever it says, and one that says something else is refused. Versions from 3 on are read here; a later version
than 5 as 5, since its claims are kept. A header without a version is read as the newest, as the core does. Version 2
names no key and is spelled otherwise, so only the core can verify it.

Source: CDI; RFC 7515; RFC 7519; RFC 4648, sections 3.5 and 5.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import re
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.types import Refusal, is_object

__all__ = (
    "CREATE_STRIPPED",
    "PROTECTED_CLAIMS",
    "AccessToken",
    "TokenRefused",
    "TokenRules",
    "UnverifiedToken",
    "build_front_token",
    "decode_base64url",
    "is_session_token",
    "parse_access_token",
    "parse_header",
    "read_issue_time_s",
    "read_payload",
    "verify_claims",
)

PROTECTED_CLAIMS: Final = frozenset(
    (
        "sub",
        "iat",
        "exp",
        "sessionHandle",
        "parentRefreshTokenHash1",
        "refreshTokenHash1",
        "antiCsrfToken",
        "rsub",
        "tId",
    )
)
"""Claims of the core's own: never sent as custom claims."""

CREATE_STRIPPED: Final = PROTECTED_CLAIMS | {"stt"}
"""What the payload of a new session can't have: `stt` would make its tokens those of another kind."""

NEWEST: Final = 5
V2_HEADER: Final = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="
LONGEST_HEADER: Final = 2048
VERSION: Final = re.compile("[3-9]|[1-9][0-9]{1,3}")
PUBLIC_TENANT: Final = "public"

MESSAGES: Final = {
    Refusal.MALFORMED: "it is not an access token of a session",
    Refusal.TOO_LARGE: "it is larger than allowed",
    Refusal.UNSUPPORTED_VERSION: "it is of version 2, which only the core can verify",
    Refusal.UNKNOWN_KEY: "it names a key that is not known",
    Refusal.BAD_SIGNATURE: "its signature is wrong",
    Refusal.EXPIRED: "it has expired",
    Refusal.WRONG_KEY_KIND: "its key is not of the kind that use_dynamic_access_token_signing_key sets",
    Refusal.WRONG_TOKEN_TYPE: "it is a token of another type",
    Refusal.WRONG_ISSUER: "its issuer is not one of those expected",
}


class TokenRefused(ValueError):
    """A token is not good. The message never shows it.

    Attributes:
        reason: what is wrong with it.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__(MESSAGES[reason])
        self.reason = reason


class TokenRules(NamedTuple):
    """What is asked of an access token besides its signature.

    Attributes:
        leeway_s: for how long after its expiry a token is still good, since clocks differ.
        dynamic_keys: whether tokens are signed with keys that rotate.
        issuers: what `iss` may be; None: anything, or nothing.
        max_bytes: how long a token may be; None: as long as it likes.
    """

    leeway_s: float = 5
    dynamic_keys: bool = True
    issuers: frozenset[str] | None = None
    max_bytes: int | None = None


class UnverifiedToken(NamedTuple):
    """An access token taken apart, before anything about it is believed.

    Attributes:
        version: 2, or a number from 3 on.
        kid: the id of the key that is said to have signed it; empty for version 2.
        payload: its second part, still encoded.
    """

    version: int
    kid: str
    payload: str

    def __repr__(self) -> str:
        return f"UnverifiedToken(version={self.version}, kid={self.kid!r})"


class AccessToken:
    """What an access token says whose signature is good. Nobody may change one: threads share it.

    Attributes:
        text: the token.
        version: from 3 on.
        kid: the id of the key that signed it.
        session_handle: the session.
        user_id: the primary user.
        recipe_user_id: the login method's user.
        tenant_id: the tenant.
        issued_s: when it was made, in seconds since the epoch.
        expires_s: when it expires, in seconds since the epoch.
        anti_csrf_token: the anti-CSRF token in it.
        has_parent: whether it is the first of a refresh, which cores below CDI 5.6 have to learn of.
    """

    __slots__ = (
        "_json",
        "anti_csrf_token",
        "expires_s",
        "has_parent",
        "issued_s",
        "kid",
        "recipe_user_id",
        "session_handle",
        "tenant_id",
        "text",
        "user_id",
        "version",
    )

    def __init__(self, text: str, version: int, kid: str, claims: dict[str, Any], json_text: str) -> None:
        self.text = text
        self.version = version
        self.kid = kid
        self.session_handle: str = claims["sessionHandle"]
        self.user_id: str = claims["sub"]
        self.recipe_user_id: str = claims["rsub"] if version >= 5 else self.user_id
        self.tenant_id: str = claims["tId"] if version >= 4 else PUBLIC_TENANT
        self.issued_s: int = claims["iat"]
        self.expires_s: int = claims["exp"]
        self.anti_csrf_token: str | None = claims.get("antiCsrfToken")
        self.has_parent: bool = claims.get("parentRefreshTokenHash1") is not None
        self._json = json_text

    def payload(self) -> dict[str, Any]:
        """Give the whole payload, a new dict at each call."""
        return cast("dict[str, Any]", parse_json(self._json))

    def __repr__(self) -> str:
        return f"AccessToken({self.session_handle!r}, version={self.version}, kid={self.kid!r})"


_LAST: Final = (bytes(range(256)), b"", b"AQgw", b"AEIMQUYcgkosw048")
"""For each remainder of the length by four, the last characters that leave no bit over."""
_FILL: Final = (b"", b"", b"==", b"=")
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")


def _choose_decoder() -> Callable[[bytes], bytes]:
    """Give what decodes standard base64 with padding and refuses anything else."""
    try:
        fast = importlib.import_module("pybase64")
    except ImportError:
        pass
    else:
        return lambda data: bytes(fast.b64decode(data, validate=True))
    if sys.version_info >= (3, 11):
        return lambda data: binascii.a2b_base64(data, strict_mode=True)
    return lambda data: base64.b64decode(data, validate=True)


_decode: Final = _choose_decoder()


def decode_base64url(text: str) -> bytes:
    """Decode base64url without padding: no two texts give the same bytes.

    Raises:
        ValueError: it is anything else.
    """
    data = text.encode("ascii")
    over = len(data) % 4
    if over and data[-1] not in _LAST[over]:
        raise ValueError("not base64url")
    return _decode(data.translate(_TO_STANDARD) + _FILL[over])


def parse_header(encoded: str) -> tuple[int, str]:
    """Read the header of a token that names a key: version and `kid`.

    Raises:
        TokenRefused: it is not one of an access token.
    """
    if len(encoded) > LONGEST_HEADER:
        raise TokenRefused(Refusal.MALFORMED)
    header = _parse_claims(encoded)
    version, kid = header.get("version", str(NEWEST)), header.get("kid")
    if (
        header.get("alg") != "RS256"
        or header.get("typ") != "JWT"
        or "crit" in header
        or not isinstance(kid, str)
        or not kid
        or not isinstance(version, str)
        or not VERSION.fullmatch(version)
    ):
        raise TokenRefused(Refusal.MALFORMED)
    return int(version), kid


def parse_access_token(text: str, max_bytes: int | None = None) -> UnverifiedToken:
    """Take an access token apart; only its form and its header are looked at.

    Raises:
        TokenRefused: it is not one.
    """
    if max_bytes is not None and len(text) > max_bytes:
        raise TokenRefused(Refusal.TOO_LARGE)
    header, first, rest = text.partition(".")
    payload, second, signature = rest.partition(".")
    if not (first and second) or "." in signature:
        raise TokenRefused(Refusal.MALFORMED)
    if header == V2_HEADER:
        return UnverifiedToken(2, "", payload)
    return UnverifiedToken(*parse_header(header), payload)


def verify_claims(text: str, version: int, kid: str, payload: str, rules: TokenRules) -> AccessToken:
    """Give what a token says whose signature is good; whether it has expired is for the caller to look at.

    Raises:
        TokenRefused: it does not say what a session's has to say.
    """
    try:
        json_text = decode_base64url(payload).decode()
        claims = parse_json(json_text)
    except (ValueError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    if not is_object(claims) or not _is_session(version, claims):
        raise TokenRefused(Refusal.MALFORMED)
    if "stt" in claims and (type(claims["stt"]) is not int or claims["stt"] != 0):
        raise TokenRefused(Refusal.WRONG_TOKEN_TYPE)
    if rules.issuers is not None:
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in rules.issuers:
            raise TokenRefused(Refusal.WRONG_ISSUER)
    return AccessToken(text, version, kid, claims, json_text)


def is_session_token(text: str) -> bool:
    """Tell whether a text has the form and the claims of a session's access token; key and time are not looked at."""
    return _read_unverified(text) is not None


def read_issue_time_s(text: str) -> float | None:
    """Read when a token says it was made, in seconds since the epoch; None if it is not a session's. Not verified."""
    read = _read_unverified(text)
    if read is None:
        return None
    version, claims = read
    issued: int = claims["timeCreated"] if version == 2 else claims["iat"]
    try:
        return issued / 1000 if version == 2 else float(issued)
    except OverflowError:
        return None


def _read_unverified(text: str) -> tuple[int, dict[str, Any]] | None:
    try:
        token = parse_access_token(text)
        claims = read_payload(text) if token.version == 2 else _parse_claims(token.payload)
    except ValueError:
        return None
    return (token.version, claims) if _is_session(token.version, claims) else None


def _parse_claims(encoded: str) -> dict[str, Any]:
    try:
        value = parse_json(decode_base64url(encoded).decode())
    except (ValueError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    if not is_object(value):
        raise TokenRefused(Refusal.MALFORMED)
    return value


def _is_session(version: int, claims: dict[str, Any]) -> bool:
    """Tell whether all claims that a version has to have are there and of the right type."""
    get = claims.get
    if version == 2:
        return (
            {str}.issuperset(map(type, map(get, ("sessionHandle", "userId", "refreshTokenHash1"))))
            and {int}.issuperset(map(type, map(get, ("expiryTime", "timeCreated"))))
            and is_object(get("userData"))
        )
    return (
        type(get("sub")) is str
        and type(get("sessionHandle")) is str
        and type(get("refreshTokenHash1")) is str
        and type(get("exp")) is int
        and type(get("iat")) is int
        and (version < 4 or type(get("tId")) is str)
        and (version < 5 or type(get("rsub")) is str)
        and isinstance(get("parentRefreshTokenHash1", ""), (str, type(None)))
        and isinstance(get("antiCsrfToken", ""), (str, type(None)))
    )


def read_payload(token: str) -> dict[str, Any]:
    """Read the payload of a token that came from the core itself; the signature is not looked at.

    Raises:
        ValueError: it is not a JWT.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except RecursionError:
        raise ValueError("not a JWT") from None
    if not isinstance(payload, dict):
        raise ValueError("not a JWT")  # noqa: TRY004  # the value of a token, not a programmer's type
    return cast("dict[str, Any]", payload)


def build_front_token(user_id: str, payload: dict[str, Any]) -> str:
    """Build the front token: user id, expiry in milliseconds and the whole payload. Source: FDI, front-token header.

    Raises:
        KeyError: the payload has no `exp`.
        TypeError: its `exp` is not a whole number.
    """
    expiry = payload["exp"]
    if not isinstance(expiry, int):
        raise TypeError("exp must be a whole number of seconds")
    content = {"uid": user_id, "ate": expiry * 1000, "up": payload}
    return base64.b64encode(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).decode()
