"""Access tokens: what can be read from one without believing it, and what a signed one has to say to be a session's.

A token is three parts, each base64url without padding, in the one spelling that bytes have: another text is another
token. The header says which key signed it and which version it is, and is believed for nothing else: the algorithm is
RS256, and a header that says something else is refused, as is one that says something twice.

    version 2         names no key, and is base64 with padding: any key may have signed it, and the core judges it
    version 3         a session of the tenant `public`, whatever other claims it has
    version 4         names its tenant as well
    version 5         names the user of the login method as well
    later versions    are read as version 5, whose claims they keep
    no version        is read as version 5, as the core does

A payload is read after its signature was found good, so it is the core's own text; if it said something twice, the last
would count, as in the core.

Source: CDI; RFC 7515; RFC 7519; RFC 4648, sections 3.5 and 5.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, cast

from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.types import RecipeUserId, Refusal, is_object

__all__ = (
    "CREATE_STRIPPED",
    "PROTECTED_CLAIMS",
    "AccessToken",
    "TokenRefused",
    "TokenRules",
    "UnverifiedToken",
    "build_decoder",
    "build_front_token",
    "check_readable",
    "decode_base64url",
    "is_session_token",
    "parse_access_token",
    "parse_header",
    "parse_v2",
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
LATEST: Final = 2**53
PUBLIC_TENANT: Final = "public"

MESSAGES: Final[Mapping[Refusal, str]] = {
    Refusal.MALFORMED: "it is not an access token of a session",
    Refusal.TOO_LARGE: "it is larger than allowed",
    Refusal.UNSUPPORTED_VERSION: "it is of version 2, about which the core has the last word",
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


Credentials: TypeAlias = tuple[str | None, str | None]
"""The headers of a request that may hold a token: Authorization and Cookie; None if one was not sent."""


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
        self.recipe_user_id = RecipeUserId(claims["rsub"] if version >= 5 else self.user_id)
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


_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST: Final = (frozenset(_ALPHABET), frozenset(""), frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))
"""For each remainder of a length by four, what the last character may be, so that no bit is left over."""
_FILL: Final = ("", "", "==", "=")


def build_decoder(fast: Callable[[str, bytes, bool], bytes] | None) -> Callable[[str], bytes]:
    """Give a function that decodes base64url without padding, and refuses any other spelling with `ValueError`.

    Args:
        fast: decodes base64 strictly; takes text, the alphabet's last two characters, and True. None: do without.
    """

    def decode(text: str) -> bytes:
        over = len(text) % 4
        if (text and text[-1] not in _LAST[over]) or "+" in text or "/" in text:
            raise ValueError("not base64url")
        if fast is None:
            data = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + _FILL[over])
        else:
            data = fast(text + _FILL[over], b"-_", True)
        if len(data) != len(text) * 3 // 4:  # something was passed over that is not in the alphabet
            raise ValueError("not base64url")
        return data

    return decode


def _find_fast() -> Callable[[str, bytes, bool], bytes] | None:
    """Give the decoder of `pybase64`, which uses what the processor has for it; None where it is not installed."""
    try:
        decode: Callable[[str, bytes, bool], bytes] = importlib.import_module("pybase64").b64decode
    except ImportError:
        return None
    return decode


decode_base64url: Final = build_decoder(_find_fast())
"""Decodes base64url without padding; `ValueError` for any other spelling."""


def _build_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose names are all different."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name comes twice")
    return members


_parse_header: Final = json.JSONDecoder(
    object_pairs_hook=_build_once, parse_constant=int
).decode  # no int is called NaN


def parse_header(encoded: str) -> tuple[int, str]:
    """Read the header of a token that names a key: version and `kid`.

    Raises:
        TokenRefused: it is not one of an access token.
    """
    header = _parse_object(encoded, _parse_header) if len(encoded) <= LONGEST_HEADER else {}
    version, kid = header.get("version", str(NEWEST)), header.get("kid")
    if (
        header.get("alg") != "RS256"
        or header.get("typ") != "JWT"
        or "crit" in header
        or not isinstance(kid, str)
        or not (kid and kid.isprintable())
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


def parse_v2(text: str) -> tuple[int, bytes]:
    """Read from a token of version 2 when it expires, in milliseconds since the epoch, and its signature.

    Raises:
        TokenRefused: it is not a session's.
    """
    read = _read_unverified(text)
    if read is None or read[0] != 2:
        raise TokenRefused(Refusal.MALFORMED)
    try:
        return read[1]["expiryTime"], _decode_padded(text.rpartition(".")[2])
    except ValueError:
        raise TokenRefused(Refusal.MALFORMED) from None


def verify_claims(text: str, version: int, kid: str, payload: bytes, rules: TokenRules) -> AccessToken:
    """Give what a token says whose signature is good; whether it has expired is for the caller to look at.

    Args:
        text: the token.
        version: what its header says; not 2.
        kid: what its header says.
        payload: its second part, decoded.
        rules: what is asked of it.

    Raises:
        TokenRefused: it does not say what a session's has to say.
    """
    try:
        json_text = payload.decode()
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
    return claims["timeCreated"] / 1000 if version == 2 else float(claims["iat"])


def _read_unverified(text: str) -> tuple[int, dict[str, Any]] | None:
    """Read version and claims of a session's token; None if it is not one."""
    try:
        token = parse_access_token(text)
        claims = _parse_object(token.payload, parse_json, _decode_padded if token.version == 2 else decode_base64url)
    except TokenRefused:
        return None
    return (token.version, claims) if _is_session(token.version, claims) else None


def _decode_padded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _parse_object(
    encoded: str, parse: Callable[[str], Any], decode: Callable[[str], bytes] = decode_base64url
) -> dict[str, Any]:
    try:
        value = parse(decode(encoded).decode())
    except (ValueError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    if not is_object(value):
        raise TokenRefused(Refusal.MALFORMED)
    return value


def _is_session(version: int, claims: dict[str, Any]) -> bool:
    """Tell whether all claims that a version has to have are there, of the right type, and no time beyond reckoning."""
    try:
        if version == 2:
            texts = (claims["sessionHandle"], claims["userId"], claims["refreshTokenHash1"])
            return (
                all(type(text) is str for text in texts)
                and is_object(claims["userData"])
                and type(claims["timeCreated"]) is int
                and type(claims["expiryTime"]) is int
                and -LATEST < claims["timeCreated"] < LATEST
                and -LATEST < claims["expiryTime"] < LATEST
            )
        issued_s, expires_s = claims["iat"], claims["exp"]
        parent, anti_csrf = claims.get("parentRefreshTokenHash1"), claims.get("antiCsrfToken")
        return (
            type(claims["sub"]) is str
            and type(claims["sessionHandle"]) is str
            and type(claims["refreshTokenHash1"]) is str
            and (version < 4 or type(claims["tId"]) is str)
            and (version < 5 or type(claims["rsub"]) is str)
            and (parent is None or type(parent) is str)
            and (anti_csrf is None or type(anti_csrf) is str)
            and type(issued_s) is int
            and type(expires_s) is int
            and -LATEST < issued_s < LATEST
            and -LATEST < expires_s < LATEST
        )
    except KeyError:
        return False


def read_payload(token: str) -> dict[str, Any]:
    """Read the payload of a token that came from the core itself; the signature is not looked at.

    That of version 2 is given in the form of the later ones.

    Raises:
        ValueError: it is not a JWT.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    try:
        payload = parse_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode())
    except RecursionError:
        raise ValueError("not a JWT") from None
    if not is_object(payload):
        raise ValueError("not a JWT")
    return _as_later(payload) if parts[0] == V2_HEADER else payload


def _as_later(claims: dict[str, Any]) -> dict[str, Any]:
    """Give what a token of version 2 says as those of later versions do: all at one level, times in seconds."""
    if not _is_session(2, claims):
        raise ValueError("not an access token")
    own = {name: claims[name] for name in ("sessionHandle", "refreshTokenHash1")}
    own |= {name: claims.get(name) for name in ("parentRefreshTokenHash1", "antiCsrfToken")}
    times = {"iat": claims["timeCreated"] // 1000, "exp": claims["expiryTime"] // 1000}
    return cast("dict[str, Any]", claims["userData"]) | own | times | {"sub": claims["userId"]}


_build_sorted: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def build_front_token(user_id: str, payload: dict[str, Any]) -> str:
    """Build the front token: user id, expiry in milliseconds and the whole payload. Source: FDI, front-token header.

    Raises:
        KeyError: the payload has no `exp`.
        TypeError: its `exp` is not a whole number.
    """
    expiry = payload["exp"]
    if type(expiry) is not int:
        raise TypeError("exp must be a whole number of seconds")
    content = {"uid": user_id, "ate": expiry * 1000, "up": payload}
    return base64.b64encode(_build_sorted(content).encode()).decode()


def check_readable(token: str, user_id: str) -> None:
    """Raise as `read_payload` and `build_front_token` do, unless a session object can use a new access token."""
    build_front_token(user_id, read_payload(token))
