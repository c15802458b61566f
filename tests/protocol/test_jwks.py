"""Verifying access tokens with a key set, and remembering them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens_lite._protocol.jwks import HEADERS_REMEMBERED, KeySet, UnknownKey
from supertokens_lite._protocol.tokens import V2_HEADER, TokenRefused, TokenRules, is_session_token
from supertokens_lite.types import RecipeUserId, Refusal
from tests.protocol.signing import KID, LIFETIME_S, NOW_S, Signer, encode, encode_json
from tests.protocol.test_tokens import V2_CLAIMS, v2_token_of
from tests.protocol.values import JSON, OBJECTS, TEXT

RULES = TokenRules()
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ODD = "+/=. \n\0é\ud800\u0661"


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Give a dynamic key."""
    return Signer()


@pytest.fixture(scope="module")
def keys(signer: Signer) -> KeySet:
    """Give a key set that knows it, and remembers nothing."""
    return KeySet([signer.jwk], cache_size=0)


def remembering(signer: Signer, cache_size: int = 10) -> KeySet:
    """Give a new key set that remembers."""
    return KeySet([signer.jwk], cache_size=cache_size)


def refusal(keys: KeySet, token: str, rules: TokenRules = RULES, now_s: float = NOW_S) -> Refusal:
    """Say why a token is refused."""
    with pytest.raises(TokenRefused) as refused:
        keys.verify(token, now_s, rules)
    assert not any(len(part) > 8 and part in str(refused.value) for part in token.split("."))
    return refused.value.reason


def test_what_a_token_says(signer: Signer, keys: KeySet) -> None:
    """All that was signed is there."""
    claims = signer.claims(tId="t1", rsub="login", antiCsrfToken="csrf", parentRefreshTokenHash1="parent", aud=["x"])
    text = signer.sign(claims)
    token = keys.verify(text, NOW_S, RULES)
    assert (token.text, token.version, token.kid) == (text, 5, KID)
    assert (token.session_handle, token.tenant_id) == (claims["sessionHandle"], "t1")
    assert (token.user_id, token.recipe_user_id) == (claims["sub"], RecipeUserId("login"))
    assert (token.issued_s, token.expires_s) == (NOW_S, NOW_S + LIFETIME_S)
    assert (token.anti_csrf_token, token.has_parent) == ("csrf", True)
    assert token.payload() == claims


@pytest.mark.parametrize(
    ("version", "tenant", "login"),
    [("3", "public", None), ("4", "t1", None), ("5", "t1", "login"), ("6", "t1", "login"), (None, "t1", "login")],
)
def test_what_each_version_says(
    signer: Signer, keys: KeySet, version: str | None, tenant: str, login: str | None
) -> None:
    """Tenant and login method's user are the core's own claims only from some version on."""
    claims = signer.claims(tId="t1", rsub="login")
    token = keys.verify(signer.sign(claims, signer.header(version=version)), NOW_S, RULES)
    assert token.tenant_id == tenant
    assert token.recipe_user_id == RecipeUserId(login or claims["sub"])
    assert not token.has_parent
    assert token.anti_csrf_token is None


@pytest.mark.parametrize(
    ("version", "lacking"), [("4", "tId"), ("5", "tId"), ("5", "rsub"), ("7", "tId"), (None, "rsub")]
)
def test_a_version_has_its_claims(signer: Signer, keys: KeySet, version: str | None, lacking: str) -> None:
    """A token without a claim that its version has is refused."""
    claims = signer.claims()
    del claims[lacking]
    assert refusal(keys, signer.sign(claims, signer.header(version=version))) is Refusal.MALFORMED


def test_claims_that_do_no_harm(signer: Signer, keys: KeySet) -> None:
    """Audience, id, and times other than the expiry are the application's affair."""
    later = NOW_S + 3000
    claims = signer.claims(aud="somebody", jti=7, nbf=later, iat=later, iss=["x"], stt=0)
    assert keys.verify(signer.sign(claims), NOW_S, RULES).payload() == claims


@pytest.mark.parametrize("stt", [1, None, "0", False, 0.0, [], 2**70])
def test_a_token_of_another_type(signer: Signer, keys: KeySet, stt: Any) -> None:
    """A token that says that it is of another type is refused, whatever else it says."""
    assert refusal(keys, signer.sign(signer.claims(stt=stt))) is Refusal.WRONG_TOKEN_TYPE


def test_a_token_expires(signer: Signer, keys: KeySet) -> None:
    """A token is good until its expiry and the leeway after it."""
    token, end_s = signer.sign(), NOW_S + LIFETIME_S
    keys.verify(token, end_s + 4.999, RULES)
    assert refusal(keys, token, now_s=end_s + 5) is Refusal.EXPIRED
    keys.verify(token, end_s - 0.001, TokenRules(leeway_s=0))
    assert refusal(keys, token, TokenRules(leeway_s=0), end_s) is Refusal.EXPIRED
    keys.verify(token, NOW_S - 10**6, RULES)


def test_the_kind_of_key(signer: Signer, keys: KeySet) -> None:
    """A key of the other kind is refused, known or not, so that no unknown one of it is ever looked for."""
    static = Signer("s-1")
    rules = TokenRules(dynamic_keys=False)
    assert refusal(keys, signer.sign(), rules) is Refusal.WRONG_KEY_KIND
    assert KeySet([static.jwk], cache_size=0).verify(static.sign(), NOW_S, rules).kid == "s-1"
    assert refusal(KeySet([static.jwk], cache_size=0), static.sign()) is Refusal.WRONG_KEY_KIND
    assert refusal(keys, static.sign()) is Refusal.WRONG_KEY_KIND


def test_the_issuer(signer: Signer, keys: KeySet) -> None:
    """Where issuers are expected, a token names one of them."""
    rules = TokenRules(issuers=frozenset(("https://a.example", "https://b.example")))
    keys.verify(signer.sign(signer.claims(iss="https://b.example")), NOW_S, rules)
    for other in ("https://c.example", "", None, 1, ["https://a.example"], {"https://a.example": 1}):
        assert refusal(keys, signer.sign(signer.claims(iss=other)), rules) is Refusal.WRONG_ISSUER
    claims = signer.claims()
    del claims["iss"]
    assert refusal(keys, signer.sign(claims), rules) is Refusal.WRONG_ISSUER


def test_the_size(signer: Signer, keys: KeySet) -> None:
    """A token that is larger than allowed is refused before anything else."""
    token = signer.sign()
    keys.verify(token, NOW_S, TokenRules(max_bytes=len(token)))
    assert refusal(keys, token, TokenRules(max_bytes=len(token) - 1)) is Refusal.TOO_LARGE
    assert refusal(keys, "x" * 10**6, TokenRules(max_bytes=4096)) is Refusal.TOO_LARGE


def sign_v2(signer: Signer, claims: object) -> str:
    """Sign a token of version 2."""
    signed = v2_token_of(claims).rpartition(".")[0]
    return f"{signed}.{base64.b64encode(signer.private.sign(signed.encode(), PKCS1v15(), SHA256())).decode()}"


def test_version_2_is_for_the_core(signer: Signer, keys: KeySet) -> None:
    """Only a token of version 2 that one of the keys signed is worth a question, whatever kind of key it is."""
    token = sign_v2(signer, V2_CLAIMS)
    both = KeySet([Signer("s-1").jwk, signer.jwk], cache_size=0)
    assert refusal(keys, token) is Refusal.UNSUPPORTED_VERSION
    assert refusal(both, token) is Refusal.UNSUPPORTED_VERSION
    assert refusal(both, token, TokenRules(dynamic_keys=False)) is Refusal.UNSUPPORTED_VERSION
    assert refusal(KeySet([Signer().jwk], cache_size=0), token) is Refusal.BAD_SIGNATURE
    assert refusal(KeySet([], cache_size=0), token) is Refusal.BAD_SIGNATURE
    assert refusal(keys, v2_token_of(V2_CLAIMS)) is Refusal.BAD_SIGNATURE
    assert refusal(keys, sign_v2(signer, {})) is Refusal.MALFORMED
    assert refusal(keys, token + "=") is Refusal.MALFORMED
    assert refusal(keys, token.rstrip("=")) is Refusal.MALFORMED
    assert refusal(keys, token[:-9] + "\u0661" * 9) is Refusal.MALFORMED
    assert refusal(keys, f"{V2_HEADER}.x.y") is Refusal.MALFORMED
    assert refusal(keys, f"{V2_HEADER}.") is Refusal.MALFORMED


def test_a_token_of_version_2_expires(signer: Signer, keys: KeySet) -> None:
    """It is good until its expiry, in milliseconds, and the leeway after it."""
    end_ms = NOW_S * 1000 + 250
    token = sign_v2(signer, V2_CLAIMS | {"expiryTime": end_ms})
    for leeway_s in (0, 5):
        rules, end_s = TokenRules(leeway_s=leeway_s), end_ms / 1000 + leeway_s
        assert refusal(keys, token, rules, end_s - 0.01) is Refusal.UNSUPPORTED_VERSION
        assert refusal(keys, token, rules, end_s + 0.01) is Refusal.EXPIRED
    assert refusal(keys, sign_v2(signer, V2_CLAIMS | {"expiryTime": 10**400})) is Refusal.MALFORMED


@given(
    OBJECTS | OBJECTS.map(V2_CLAIMS.__or__) | st.just(V2_CLAIMS), st.binary(max_size=8) | st.none(), st.text(max_size=3)
)
def test_any_token_of_version_2(signer: Signer, claims: dict[str, Any], signature: bytes | None, more: str) -> None:
    """Whatever follows its header is refused; only what was signed as it is gets as far as the core."""
    token = sign_v2(signer, claims)
    text = (token if signature is None else f"{token.rpartition('.')[0]}.{base64.b64encode(signature).decode()}") + more
    reason = refusal(KeySet([signer.jwk], cache_size=2), text)
    assert (reason is Refusal.UNSUPPORTED_VERSION) <= (text == token)


def test_an_unknown_key(signer: Signer) -> None:
    """The error names the key; its message does not."""
    with pytest.raises(UnknownKey, match="names a key that is not known") as unknown:
        KeySet([], cache_size=0).verify(signer.sign(), NOW_S, RULES)
    assert unknown.value.kid == KID
    assert unknown.value.reason is Refusal.UNKNOWN_KEY


def test_another_key_of_the_same_name(signer: Signer) -> None:
    """A key's name is no proof."""
    assert refusal(KeySet([Signer().jwk], cache_size=0), signer.sign()) is Refusal.BAD_SIGNATURE


def test_any_change_at_any_place(signer: Signer, keys: KeySet) -> None:
    """At each place of a token, another character, one more and one less are refused."""
    token, dice = signer.sign(), random.Random(7)
    for place in range(len(token) + 1):
        before, here, after = token[:place], token[place : place + 1], token[place + 1 :]
        other = dice.choice([each for each in URL_SAFE + ODD if each != here])
        for changed in (before + other + after, before + other + here + after, before + after if here else "x"):
            assert refusal(keys, changed)


def test_any_last_character(signer: Signer, keys: KeySet) -> None:
    """The bits that are over in the last character of each part say nothing, and are not free for all that."""
    token = signer.sign()
    header, payload, signature = token.split(".")
    for last in URL_SAFE + ODD:
        for changed in (
            f"{header[:-1]}{last}.{payload}.{signature}",
            f"{header}.{payload[:-1]}{last}.{signature}",
            f"{header}.{payload}.{signature[:-1]}{last}",
        ):
            assert changed == token or refusal(keys, changed)
    for added in ("=", "==", "\n", " ", "\0", "A", "AAAA", ".", ".A"):
        assert refusal(keys, token + added)
        assert refusal(keys, added + token)


@settings(deadline=None)  # RSA takes its time where others are busy
@given(data=st.data())
def test_any_mutation(signer: Signer, keys: KeySet, data: st.DataObject) -> None:
    """However a token is cut, turned and put together, only itself is good."""
    token = data.draw(st.sampled_from([signer.sign(), signer.sign(signer.claims(antiCsrfToken="x"))]))
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    put = data.draw(st.text(st.sampled_from(URL_SAFE + ODD), max_size=4) | st.just(token[start:end].swapcase()))
    changed = token[:start] + put + token[end:]
    assert changed == token or refusal(keys, changed)


@settings(deadline=None)  # RSA takes its time where others are busy
@given(st.text() | st.lists(st.text(max_size=10), min_size=2, max_size=4).map(".".join))
def test_any_text(keys: KeySet, text: str) -> None:
    """Any text is refused, and nothing else is raised."""
    assert refusal(keys, text)
    assert keys.recall(text, NOW_S) is None


@settings(deadline=None)  # RSA takes its time where others are busy
@given(JSON, OBJECTS)
def test_any_payload_signed(signer: Signer, keys: KeySet, payload: Any, more: dict[str, Any]) -> None:
    """Whatever was signed gives a session or a refusal; custom claims come as they were."""
    assert refusal(keys, signer.sign_parts(encode_json(signer.header()), encode_json(payload))) is Refusal.MALFORMED
    claims = more | signer.claims()
    assert keys.verify(signer.sign(claims), NOW_S, RULES).payload() == claims
    mixed = signer.claims() | more
    try:
        assert keys.verify(signer.sign(mixed), NOW_S, RULES).payload() == mixed
    except TokenRefused:
        assert not is_session_token(signer.sign(mixed)) or "stt" in more or "exp" in more


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"a":' * 100_000, "[" * 100_000, "\ufeff{}", '{"exp":NaN}', '{"exp":' + "9" * 5000 + "}"],
    ids=range(9),
)
def test_odd_payloads_signed(signer: Signer, keys: KeySet, text: str) -> None:
    """What is no JSON object, too deep or too large a number is refused, signed or not."""
    header = encode_json(signer.header())
    assert refusal(keys, signer.sign_parts(header, encode(text.encode()))) is Refusal.MALFORMED


def test_payloads_in_other_encodings_signed(signer: Signer, keys: KeySet) -> None:
    """A payload is UTF-8 in base64url."""
    header, text = encode_json(signer.header()), json.dumps(signer.claims())
    assert refusal(keys, signer.sign_parts(header, encode(text.encode("utf-16")))) is Refusal.MALFORMED
    assert refusal(keys, signer.sign_parts(header, encode(b'{"sub":"\xff"}'))) is Refusal.MALFORMED
    assert (
        refusal(keys, signer.sign_parts(header, base64.b64encode(text.encode() + b" ").decode())) is Refusal.MALFORMED
    )


@pytest.mark.parametrize("field", ["exp", "iat"])
@pytest.mark.parametrize("value", [True, "1", 1.7e9, 10**400, -(10**400), 2**53, None, [1]], ids=str)
def test_odd_times_signed(signer: Signer, keys: KeySet, field: str, value: Any) -> None:
    """Times are whole numbers, and not so large that one could not reckon with them."""
    assert refusal(keys, signer.sign(signer.claims(**{field: value}))) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "", None]
)
def test_the_algorithm_is_not_the_tokens_choice(signer: Signer, keys: KeySet, alg: str | None) -> None:
    """A token that names another algorithm is refused, even with a signature by RS256."""
    header = signer.header(alg=alg)
    signed = signer.sign(header=header)
    assert refusal(keys, signed) is Refusal.MALFORMED
    assert refusal(keys, signed.rpartition(".")[0] + ".") is Refusal.MALFORMED
    assert refusal(keys, signed.rpartition(".")[0]) is Refusal.MALFORMED


@pytest.mark.parametrize("alg", ["HS256", "RS256"])
def test_the_public_key_is_no_secret(signer: Signer, keys: KeySet, alg: str) -> None:
    """A token authenticated with the public key as a shared secret is refused, in each form that the key has."""
    public = signer.private.public_key()
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(signer.jwk).encode(),
        signer.jwk["n"].encode(),
    ]
    signed = f"{encode_json(signer.header(alg=alg))}.{encode_json(signer.claims())}"
    for secret in secrets:
        forged = f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
        assert refusal(keys, forged) in (Refusal.MALFORMED, Refusal.BAD_SIGNATURE)


@pytest.mark.parametrize("kid", [None, "", 1, [KID], {}, True, f"{KID}\0", f"{KID}\n", "\ud800", "x" * 3000], ids=str)
def test_odd_names_of_keys(signer: Signer, keys: KeySet, kid: Any) -> None:
    """A token that does not name a key in plain text is refused, and nobody looks for one."""
    assert refusal(keys, signer.sign(header=signer.header(kid=kid))) is Refusal.MALFORMED


def test_ten_thousand_names_of_keys(signer: Signer) -> None:
    """Forged names of keys leave nothing behind."""
    keys = remembering(signer)
    payload = encode_json(signer.claims())
    for number in range(10_000):
        assert refusal(keys, f"{encode_json(signer.header(kid=f'd-{number}'))}.{payload}.c2ln") is Refusal.UNKNOWN_KEY
    assert keys.kids == {KID}
    assert keys._signers == {}
    assert keys.remembered == 0


def test_headers_are_remembered_once_signed(signer: Signer) -> None:
    """Forged headers of a known key are not remembered, and signed ones only up to a bound."""
    keys = remembering(signer, 1000)
    headers = [signer.header(number=number) for number in range(HEADERS_REMEMBERED + 20)]
    signed = [signer.sign(header=header) for header in headers]
    for token in signed:
        assert refusal(keys, token[:-5] + "AAAAA") in (Refusal.BAD_SIGNATURE, Refusal.MALFORMED)
    assert keys._signers == {}
    for token in signed * 2:
        keys.verify(token, NOW_S, RULES)
    assert len(keys._signers) == HEADERS_REMEMBERED


def test_a_header_is_believed_for_its_own_key(signer: Signer) -> None:
    """A remembered header of one key makes no token of another good."""
    other = Signer("d-2")
    keys = KeySet([signer.jwk, other.jwk], cache_size=10)
    mine, theirs = signer.sign(), other.sign()
    assert keys.verify(mine, NOW_S, RULES).kid == KID
    assert keys.verify(theirs, NOW_S, RULES).kid == "d-2"
    crossed = f"{mine.partition('.')[0]}.{theirs.partition('.')[2]}"
    assert refusal(keys, crossed) is Refusal.BAD_SIGNATURE


def test_a_key_set_knows_its_keys(signer: Signer) -> None:
    """Keys may leave out algorithm and use, may have other members, and may be any mapping."""
    least = {name: signer.jwk[name] for name in ("kty", "kid", "n", "e")}
    for jwk in (signer.jwk, least, signer.jwk | {"x5c": 1, "key_ops": ["verify"]}, MappingProxyType(least)):
        keys = KeySet([jwk], cache_size=0)
        assert keys.kids == {KID}
        assert keys.members == {(KID, signer.jwk["n"], "AQAB")}
        keys.verify(signer.sign(), NOW_S, RULES)


def even(signer: Signer) -> str:
    """Give the modulus, made even."""
    number = int.from_bytes(base64.urlsafe_b64decode(signer.jwk["n"] + "=="), "big") - 1
    return encode(number.to_bytes(256, "big"))


def test_what_is_no_key_is_left_out(signer: Signer) -> None:
    """Other kinds, other uses, weak and broken keys do not keep the good ones from being used."""
    wrong: list[dict[str, Any]] = [
        *({"kty": kty} for kty in ("EC", "oct", "OKP", "rsa", None, 1)),
        *({"alg": alg} for alg in ("RS512", "PS256", "HS256", "none", None, "")),
        *({"use": use} for use in ("enc", "", None)),
        *({"kid": kid} for kid in ("", None, 1, [KID])),
        *({"n": n} for n in ("", "AQAB", "!", None, 1, signer.jwk["n"] + "==", signer.jwk["n"][:-90], "_" * 100_000)),
        *({"e": e} for e in ("", "AA", "AQ", "Ag", "AQAA", "AQAB==", None, 65537, "_" * 100, signer.jwk["n"])),
        {"n": signer.jwk["n"] + "\n"},
    ]
    broken: list[Any] = [signer.jwk | each for each in wrong]
    broken += [None, [], "x", 1, {}, Signer(bits=1024).jwk]
    for each in broken:
        assert KeySet([each], cache_size=0).kids == frozenset(), each
    keys = KeySet([*broken, signer.jwk], cache_size=0)
    keys.verify(signer.sign(), NOW_S, RULES)
    assert keys.members == KeySet([signer.jwk], cache_size=0).members


def test_a_key_that_verifies_nothing(signer: Signer) -> None:
    """A modulus that can't be one refuses tokens, and nothing else happens."""
    assert refusal(KeySet([signer.jwk | {"n": even(signer)}], cache_size=0), signer.sign())


def test_the_first_of_two_keys_of_one_name(signer: Signer) -> None:
    """Of two keys with one id the first is taken."""
    other = Signer()
    keys = KeySet([signer.jwk, other.jwk], cache_size=0)
    assert keys.members == KeySet([signer.jwk], cache_size=0).members
    keys.verify(signer.sign(), NOW_S, RULES)
    assert refusal(keys, other.sign()) is Refusal.BAD_SIGNATURE


def test_documents_are_compared(signer: Signer) -> None:
    """The same keys in any order are the same; another key is not."""
    others = [Signer(f"s-{number}").jwk for number in range(2)]
    members = KeySet([signer.jwk, *others], cache_size=0).members
    assert KeySet([*others, signer.jwk], cache_size=1).members == members
    assert KeySet(others, cache_size=0).members != members
    assert KeySet([*others, signer.jwk | {"kid": "d-1"}], cache_size=0).members != members


@settings(deadline=None)  # RSA takes its time where others are busy
@given(st.lists(st.dictionaries(st.sampled_from(("kty", "kid", "n", "e", "alg", "use")), JSON | TEXT) | JSON))
def test_any_document(entries: list[Any]) -> None:
    """Anything may stand where keys should."""
    marked = [each | {"kty": "RSA"} if isinstance(each, dict) else each for each in entries]
    assert KeySet([*entries, *marked], cache_size=0).kids == frozenset()
