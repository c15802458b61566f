"""A key set document as keys, and the access tokens that were verified with them.

A verified token is remembered with its key: a key set that takes another's place begins with nothing.

Many threads use one key set at once, and none waits for another: there is no lock. What changes is in dicts, which are
changed in single steps, and dicts that belong together are replaced together, in one tuple. Where two threads meet, a
token may be forgotten too soon and be verified once more, or be remembered though its session was forgotten at that
moment, as if it had come just after; nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite._protocol.tokens import (
    V2_HEADER,
    AccessToken,
    Credentials,
    TokenRefused,
    TokenRules,
    decode_base64url,
    parse_header,
    parse_v2,
    verify_claims,
)
from supertokens_lite.types import Refusal

__all__ = ("JwkMembers", "KeySet", "UnknownKey", "VerifiedTokens")

JwkMembers = Mapping[str, Any]
"""One key of a key set document, by the names of RFC 7517; whatever else may stand in its place is left out too."""

FEWEST_BITS: Final = 2048
MOST_BITS: Final = 16_384
LONGEST_EXPONENT: Final = 64
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
    """What the header of a token says, and the key that it names, if there is one."""

    key: RSAPublicKey | None
    version: int
    kid: str
    is_dynamic: bool


class KeySet:
    """The RSA keys of a key set document, and the tokens that were verified with them.

    What can't be a key for RS256 is left out; of two keys with one id the first is taken.

    Args:
        keys: the document's keys.
        cache_size: how many verified tokens are remembered at most; fewer than 2: none.

    Attributes:
        kids: the ids of the keys.
        members: `kid`, `n` and `e` of each key, to compare with those of another document.
        recall: gives the token of a text that was verified before, if it has not expired by then (seconds since the
            epoch); else None.
        recall_by: does the same for the headers that a token came in, if `recall_as` was told of them.
        recall_as: does as `recall`, and takes note of the headers that the text came in.
    """

    def __init__(self, keys: Iterable[JwkMembers], *, cache_size: int) -> None:
        self._keys: dict[str, RSAPublicKey] = {}
        members: set[tuple[str, str, str]] = set()
        for each in keys:
            read = _read_key(each)
            if read is not None and read[0][0] not in self._keys:
                self._keys[read[0][0]] = read[1]
                members.add(read[0])
        self.kids = frozenset(self._keys)
        self.members = frozenset(members)
        self._signers: dict[str, _Signer] = {}
        self._verified = VerifiedTokens(cache_size)
        verified = self._verified
        self.recall, self.recall_by, self.recall_as = verified.recall, verified.recall_by, verified.recall_as

    @property
    def remembered(self) -> int:
        """How many tokens are remembered."""
        return len(self._verified)

    def verify(self, token: str, now_s: float, rules: TokenRules) -> AccessToken:
        """Verify an access token, and remember it. A key set is for one set of rules: `recall` does not ask for them.

        Args:
            token: the token.
            now_s: seconds since the epoch.
            rules: what is asked of it.

        Raises:
            TokenRefused: it is not good. `UNSUPPORTED_VERSION`: it is of version 2, has not expired, and one of the
                keys signed it; now it is the core's to judge.
            UnknownKey: its key is not in the set.
        """
        if rules.max_bytes is not None and len(token) > rules.max_bytes:
            raise TokenRefused(Refusal.TOO_LARGE)
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        signer = self._signers.get(header)
        if signer is None:
            if header == V2_HEADER:
                raise TokenRefused(self._judge_v2(token, signed, now_s, rules))
            signer = self._find_signer(header)
        if signer.is_dynamic is not rules.dynamic_keys:
            raise TokenRefused(Refusal.WRONG_KEY_KIND)
        if signer.key is None:
            raise UnknownKey(signer.kid)
        try:
            # one after the other: what the second needs of the processor is still there
            proof, content = decode_base64url(signature), decode_base64url(payload)
            signer.key.verify(proof, signed.encode("ascii"), _PADDING, _SHA256)
        except InvalidSignature:
            raise TokenRefused(Refusal.BAD_SIGNATURE) from None
        except ValueError:
            raise TokenRefused(Refusal.MALFORMED) from None
        if header not in self._signers and len(self._signers) < HEADERS_REMEMBERED:
            self._signers[header] = signer  # only now: what anybody can write would fill it
        verified = verify_claims(token, signer.version, signer.kid, content, rules)
        if now_s - rules.leeway_s >= verified.expires_s:
            raise TokenRefused(Refusal.EXPIRED)
        if now_s < verified.expires_s:
            self._verified.remember(verified)
        return verified

    def forget(self, handles: Collection[str]) -> None:
        """Drop what is remembered of these sessions."""
        self._verified.forget(handles)

    def _find_signer(self, header: str) -> _Signer:
        version, kid = parse_header(header)
        return _Signer(self._keys.get(kid), version, kid, kid.startswith("d-"))

    def _judge_v2(self, token: str, signed: str, now_s: float, rules: TokenRules) -> Refusal:
        """Say what keeps a token of version 2 from being a session's; an invented one never gets as far as the core."""
        expires_ms, signature = parse_v2(token)
        if (now_s - rules.leeway_s) * 1000 >= expires_ms:
            return Refusal.EXPIRED
        for key in self._keys.values():
            try:
                key.verify(signature, signed.encode("ascii"), _PADDING, _SHA256)
            except InvalidSignature:
                continue
            return Refusal.UNSUPPORTED_VERSION
        return Refusal.BAD_SIGNATURE


class _Generation(NamedTuple):
    """Tokens by their text, and the texts of each session.

    Then the tokens by the hash of the headers that they came in last, with where in them the text begins, and those
    hashes by the texts. Whole headers would take as much room again as the tokens.
    """

    tokens: dict[str, AccessToken]
    texts: dict[str, tuple[str, ...]]
    came: dict[int, tuple[AccessToken, int]]
    ways: dict[str, int]

    def __repr__(self) -> str:
        return f"_Generation({len(self.tokens)} tokens)"


class VerifiedTokens:
    """Tokens that were verified, at most so many: two generations, the younger of which takes in what is met.

    Once the younger is full it becomes the older, and what is in the older and was not met since is dropped. With each
    token goes one pair of headers at most: the one that it came in last.

    Args:
        size: how many tokens are remembered at most; fewer than 2: none.
    """

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._generations = (_Generation({}, {}, {}, {}), _Generation({}, {}, {}, {}))

    def __len__(self) -> int:
        young, old = self._generations
        return len(young.tokens) + len(old.tokens)

    def recall(self, text: str, now_s: float) -> AccessToken | None:
        """Give a token that has not expired; None if it is not remembered."""
        young, old = self._generations
        found = young.tokens.get(text)
        if found is None:
            found = old.tokens.get(text)
            if found is None or now_s >= found.expires_s:
                return None
            self.remember(found)
        return found if now_s < found.expires_s else None

    def recall_by(self, came: Credentials, now_s: float) -> AccessToken | None:
        """Give a token by what it came in last; None if that is not remembered, or the token has expired.

        The hash only finds it: it is given to nobody whose headers do not hold its whole text where it was.
        """
        young, old = self._generations
        key = hash(came)
        met = young.came.get(key) or old.came.get(key)
        if met is None:
            return None
        found, start = met
        if now_s >= found.expires_s or not _choose(came).startswith(found.text, start):
            return None
        if key not in young.came:
            self.remember(found)
            self._note(found, key, start)
        return found

    def recall_as(self, text: str, came: Credentials, now_s: float) -> AccessToken | None:
        """Give a token by its text, and from now on by the credentials that it came in, too."""
        found, start = self.recall(text, now_s), _choose(came).find(text)
        if found is not None and start >= 0:
            self._note(found, hash(came), start)
        return found

    def remember(self, token: AccessToken) -> None:
        """Take a token in. Who finds the younger generation too full takes its own out again, and begins the next.

        So none is ever too full but for the moment in between, however many threads come at once.
        """
        young, _ = self._generations
        text, handle = token.text, token.session_handle
        if not self._half or text in young.tokens:
            return
        young.tokens[text] = token
        if len(young.tokens) > self._half:
            young.tokens.pop(text, None)
            self._generations = (_Generation({text: token}, {handle: (text,)}, {}, {}), young)
        else:
            young.texts[handle] = (*young.texts.get(handle, ()), text)

    def forget(self, handles: Collection[str]) -> None:
        """Drop the tokens of these sessions."""
        for generation in self._generations:
            for handle in handles:
                for text in generation.texts.pop(handle, ()):
                    generation.tokens.pop(text, None)
                    way = generation.ways.pop(text, None)
                    if way is not None:
                        generation.came.pop(way, None)

    def _note(self, token: AccessToken, key: int, start: int) -> None:
        """Take in what a token came in, in the place of what it came in before."""
        young, _ = self._generations
        if token.text not in young.tokens:
            return
        before = young.ways.get(token.text)
        young.ways[token.text] = key
        young.came[key] = (token, start)
        if before is not None and before != key:
            young.came.pop(before, None)


def _choose(came: Credentials) -> str:
    """Give the header that a token is in, if there is one."""
    authorization, cookie = came
    return (cookie or "") if authorization is None else authorization


def _read_key(value: object) -> tuple[tuple[str, str, str], RSAPublicKey] | None:
    """Read a public key and its `kid`, `n` and `e`; None if it is none for RS256."""
    if not isinstance(value, Mapping):
        return None
    jwk = cast("JwkMembers", value)
    if jwk.get("kty") != "RSA" or jwk.get("alg", "RS256") != "RS256" or jwk.get("use", "sig") != "sig":
        return None
    kid, n, e = jwk.get("kid"), jwk.get("n"), jwk.get("e")
    if not (isinstance(kid, str) and isinstance(n, str) and isinstance(e, str) and kid):
        return None
    try:
        modulus = int.from_bytes(decode_base64url(n), "big")
        exponent = int.from_bytes(decode_base64url(e), "big")
        if not FEWEST_BITS <= modulus.bit_length() <= MOST_BITS or exponent.bit_length() > LONGEST_EXPONENT:
            return None
        return (kid, n, e), RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None
