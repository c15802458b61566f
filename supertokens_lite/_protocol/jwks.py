"""A key set document as keys, and the access tokens that were verified with them.

A verified token is remembered as long as its key: a key set that takes another's place begins with nothing.

Many threads use one key set at once, and none waits for another. Everything that changes is in dicts, each change of
which is one step; what was read together is kept in one tuple. What is lost when two threads meet is a token that is
verified once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite._protocol.tokens import (
    V2_HEADER,
    AccessToken,
    TokenRefused,
    TokenRules,
    decode_base64url,
    is_session_token,
    parse_header,
    verify_claims,
)
from supertokens_lite.types import Refusal

__all__ = ("JwkMembers", "KeySet", "UnknownKey")

JwkMembers = Mapping[str, Any]
"""One key of a key set document, by the names of RFC 7517."""

FEWEST_BITS: Final = 2048
MOST_BITS: Final = 16_384
HEADERS_REMEMBERED: Final = 64

_PADDING: Final = PKCS1v15()
_SHA256: Final = SHA256()


class UnknownKey(TokenRefused):
    """A token names a key that is not in the set.

    Attributes:
        kid: the id that it names; it is what somebody sent.
    """

    def __init__(self, kid: str) -> None:
        super().__init__(Refusal.UNKNOWN_KEY)
        self.kid = kid


class _Signer(NamedTuple):
    """What the header of a token says, once a signature under it was good."""

    key: RSAPublicKey
    version: int
    kid: str


class KeySet:
    """The RSA keys of a key set document, and what was verified with them.

    What can't be a key for RS256 is left out; of two keys with one id the first is taken.

    Args:
        keys: the document's keys.
        cache_size: how many verified tokens are remembered at most; 0: none.

    Attributes:
        kids: the ids of the keys.
        members: `kid`, `n` and `e` of each key, to compare with those of another document.
    """

    def __init__(self, keys: Iterable[JwkMembers], *, cache_size: int) -> None:
        self._keys: dict[str, RSAPublicKey] = {}
        members: set[tuple[str, str, str]] = set()
        for each in keys:
            key = _read_key(each)
            if key is not None and each["kid"] not in self._keys:
                self._keys[each["kid"]] = key
                members.add((each["kid"], each["n"], each["e"]))
        self.kids = frozenset(self._keys)
        self.members = frozenset(members)
        self._signers: dict[str, _Signer] = {}
        self._cache_size = cache_size
        self._generations: tuple[dict[str, AccessToken], dict[str, AccessToken]] = ({}, {})

    def recall(self, token: str, now_s: float) -> AccessToken | None:
        """Give what was verified before; None if it was not, is not remembered, or has expired."""
        young, old = self._generations
        found = young.get(token)
        if found is None:
            found = old.get(token)
            if found is None:
                return None
            self._remember(found)
        return found if now_s < found.expires_s else None

    def verify(self, token: str, now_s: float, rules: TokenRules) -> AccessToken:
        """Verify an access token, and remember it. One key set is asked by the same rules each time.

        Args:
            token: the token.
            now_s: seconds since the epoch.
            rules: what is asked of it.

        Raises:
            TokenRefused: it is not good; for version 2, which only the core can verify, `UNSUPPORTED_VERSION`.
            UnknownKey: its key is not in the set.
        """
        if rules.max_bytes is not None and len(token) > rules.max_bytes:
            raise TokenRefused(Refusal.TOO_LARGE)
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        signer = self._signers.get(header)
        is_new = signer is None
        if signer is None:
            if header == V2_HEADER:
                is_session = is_session_token(token)
                raise TokenRefused(Refusal.UNSUPPORTED_VERSION if is_session else Refusal.MALFORMED)
            signer = self._find_signer(header)
        if signer.kid.startswith("d-") is not rules.dynamic_keys:
            raise TokenRefused(Refusal.WRONG_KEY_KIND)
        try:
            signer.key.verify(decode_base64url(signature), signed.encode("ascii"), _PADDING, _SHA256)
        except InvalidSignature:
            raise TokenRefused(Refusal.BAD_SIGNATURE) from None
        except ValueError:
            raise TokenRefused(Refusal.MALFORMED) from None
        if is_new and len(self._signers) < HEADERS_REMEMBERED:
            self._signers[header] = signer
        verified = verify_claims(token, signer.version, signer.kid, payload, rules)
        if now_s >= verified.expires_s + rules.leeway_s:
            raise TokenRefused(Refusal.EXPIRED)
        if self._cache_size and now_s < verified.expires_s:
            self._remember(verified)
        return verified

    def forget(self, handles: Collection[str]) -> None:
        """Drop what is remembered of these sessions."""
        wanted = frozenset(handles)
        for generation in self._generations:
            for text, found in generation.copy().items():
                if found.session_handle in wanted:
                    generation.pop(text, None)

    def _find_signer(self, header: str) -> _Signer:
        version, kid = parse_header(header)
        key = self._keys.get(kid)
        if key is None:
            raise UnknownKey(kid)
        return _Signer(key, version, kid)

    def _remember(self, verified: AccessToken) -> None:
        """Remember a token. Whoever finds the generation too full begins the next, and takes its own out again."""
        young, _ = self._generations
        young[verified.text] = verified
        if len(young) > self._cache_size // 2:
            young.pop(verified.text, None)
            self._generations = ({verified.text: verified}, young)


def _read_key(members: JwkMembers) -> RSAPublicKey | None:
    """Read a public key; None if it is none for RS256."""
    kid, n, e = (members.get(name) for name in ("kid", "n", "e"))
    if members.get("kty") != "RSA" or members.get("alg", "RS256") != "RS256" or members.get("use", "sig") != "sig":
        return None
    if not (isinstance(kid, str) and isinstance(n, str) and isinstance(e, str) and kid):
        return None
    try:
        modulus = int.from_bytes(decode_base64url(n), "big")
        exponent = int.from_bytes(decode_base64url(e), "big")
        if not FEWEST_BITS <= modulus.bit_length() <= MOST_BITS:
            return None
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None
