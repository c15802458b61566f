"""Reading access tokens without believing them, and front tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._protocol.tokens import (
    CREATE_STRIPPED,
    PROTECTED_CLAIMS,
    V2_HEADER,
    AccessToken,
    TokenRefused,
    build_decoder,
    build_front_token,
    decode_base64url,
    is_session_token,
    parse_access_token,
    parse_header,
    parse_v2,
    read_issue_time_s,
    read_payload,
)
from supertokens_lite.types import Refusal
from tests.protocol.signing import NOW_S, encode, encode_json
from tests.protocol.values import JSON, OBJECTS, TEXT

CLAIMS: dict[str, Any] = {
    "iat": NOW_S,
    "exp": NOW_S + 3600,
    "sub": "user",
    "tId": "t1",
    "rsub": "login",
    "sessionHandle": "handle",
    "refreshTokenHash1": "hash",
    "parentRefreshTokenHash1": None,
    "antiCsrfToken": None,
}
V2_CLAIMS: dict[str, Any] = {
    "sessionHandle": "handle",
    "userId": "user",
    "refreshTokenHash1": "hash",
    "userData": {"role": "editor"},
    "expiryTime": (NOW_S + 3600) * 1000,
    "timeCreated": NOW_S * 1000,
}
HEADER: dict[str, Any] = {"kid": "d-1", "typ": "JWT", "version": "5", "alg": "RS256"}

DECODERS = st.sampled_from((build_decoder(None), build_decoder(base64.b64decode), decode_base64url))
ENCODED = st.builds(
    lambda text, odd, place: text[:place] + odd + text[place:],
    st.text(st.sampled_from("AQgwBz019-_"), max_size=9),
    st.text(st.sampled_from("+/=\n\t \0.é\ud800"), max_size=4) | st.text(max_size=4),
    st.integers(0, 9),
)


def token_of(claims: object, version: str | None = "5") -> str:
    """Build what looks like an access token."""
    header = {name: value for name, value in (HEADER | {"version": version}).items() if value is not None}
    return f"{encode_json(header)}.{encode_json(claims)}.{encode(b'signature')}"


def v2_token_of(claims: object) -> str:
    """Build what looks like an access token of version 2."""
    return f"{V2_HEADER}.{base64.b64encode(json.dumps(claims).encode()).decode()}.{base64.b64encode(b'sig').decode()}"


def jwt(payload: object, *, padded: bool) -> str:
    """Build what looks like a JWT."""
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode()
    return f"e30.{encoded if padded else encoded.rstrip('=')}.x"


@given(DECODERS, st.binary(max_size=60))
def test_what_was_encoded_is_decoded(decode: Callable[[str], bytes], data: bytes) -> None:
    """Bytes come out of their base64url as they were."""
    assert decode(encode(data)) == data


@given(DECODERS, ENCODED)
def test_bytes_have_one_spelling(decode: Callable[[str], bytes], text: str) -> None:
    """A text is refused, or it is the one that its bytes are encoded as."""
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data) == text


@pytest.mark.parametrize("decode", [build_decoder(None), build_decoder(base64.b64decode), decode_base64url])
@pytest.mark.parametrize(
    "text",
    [
        *("QR", "QUJ", "A", "QQ==", "QUI=", "====", "=", "QUFB=", "QUFBQ", "+/+/", "Q+", "QUF/", "-+-+"),
        *("+UFB", "Q/FB", "Q=FB", "QQ==QUFB", "QUFB!!!!", "\n\n\n\n", "QU\0\0\0\0FB", "QUFB====", "QQ    "),
        *("QQ\n", "QQ ", " QQ", "Q Q", "QUFB\n", "QU\0B", "QUFB\0", "QUFé", "QUF\ud800", "QUF\u0661", "QU.B"),
    ],
)
def test_other_spellings_are_refused(decode: Callable[[str], bytes], text: str) -> None:
    """Bits left over, padding, the other alphabet, blanks, NUL and what is not ASCII are no base64url."""
    with pytest.raises(ValueError):
        decode(text)


@given(st.sampled_from(("3", "4", "5", "6", "10", "9999", None)), TEXT.filter(str.isprintable).filter(bool), OBJECTS)
def test_a_header_is_read(version: str | None, kid: str, more: dict[str, Any]) -> None:
    """Version and key are read whatever else a header has; one without a version is of the newest."""
    header = more | HEADER | {"kid": kid, "version": version}
    header.pop("crit", None)
    if version is None:
        del header["version"]
    assert parse_header(encode_json(header)) == (int(version or "5"), kid)


KIDS: tuple[Any, ...] = ("", None, 1, ["d-1"], {}, True, "d-1\n", "d\0", "\ud800", "\u2028")
WRONG_HEADERS: list[dict[str, Any]] = [
    *({"alg": alg} for alg in ("none", "None", "HS256", "RS384", "rs256", "PS256", "", None, 1, ["RS256"])),
    *({"typ": typ} for typ in ("jwt", "JWS", "", None, 1)),
    *({"kid": kid} for kid in KIDS),
    *({"version": version} for version in (*"012", "", "-5", "05", " 5", "5.0", "5\n", "\u0665", "10000", 5, None)),
    {"crit": ["b64"]},
    {"crit": []},
]


@pytest.mark.parametrize("change", WRONG_HEADERS, ids=str)
def test_other_headers_are_refused(change: dict[str, Any]) -> None:
    """Only RS256 by a named key makes an access token, and nothing that has to be understood beyond that."""
    with pytest.raises(TokenRefused) as refused:
        parse_header(encode_json(HEADER | change))
    assert refused.value.reason is Refusal.MALFORMED


@pytest.mark.parametrize("name", ["alg", "typ", "kid"])
def test_a_header_has_all_members(name: str) -> None:
    """A header that lacks one is refused."""
    with pytest.raises(TokenRefused, match="not an access token"):
        parse_header(encode_json({key: value for key, value in HEADER.items() if key != name}))


@pytest.mark.parametrize(
    "text",
    [
        '{"alg":"none","alg":"RS256","typ":"JWT","kid":"d-1","version":"5"}',
        '{"alg":"RS256","typ":"JWT","kid":"d-2","version":"5","kid":"d-1"}',
        '{"alg":"RS256","typ":"JWT","kid":"d-1","x":{"a":1,"a":1}}',
        '{"alg":"RS256","typ":"JWT","kid":"d-1","x":NaN}',
        '{"alg":"RS256","typ":"JWT","kid":"d-1"} x',
        '\ufeff{"alg":"RS256","typ":"JWT","kid":"d-1"}',
        '{"alg":"RS256","typ":"JWT","kid":"d-1","x":"' + "x" * 2000 + '"}',
        '["RS256"]',
        "null",
        "",
    ],
)
def test_headers_that_say_too_much(text: str) -> None:
    """Names that come twice, numbers that are none, what follows the end, and length are refused."""
    with pytest.raises(TokenRefused, match="not an access token"):
        parse_header(encode(text.encode()))


def test_a_header_in_another_encoding_is_refused() -> None:
    """JSON is UTF-8."""
    for encoding in ("utf-16", "utf-32"):
        with pytest.raises(TokenRefused):
            parse_header(encode(json.dumps(HEADER).encode(encoding)))
    with pytest.raises(TokenRefused):
        parse_header(encode(b'{"alg":"RS256","typ":"JWT","kid":"d-\xff"}'))


@given(st.one_of(st.text(), st.lists(st.text(max_size=10) | st.just(V2_HEADER), min_size=2, max_size=4).map(".".join)))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """Nothing but a refusal comes out, and what only looks never raises."""
    try:
        token = parse_access_token(text)
    except TokenRefused:
        assert not is_session_token(text)
    else:
        assert text.count(".") == 2
        assert token.version == 2
    assert read_issue_time_s(text) is None
    with pytest.raises(TokenRefused):
        parse_v2(text)


@given(OBJECTS, JSON)
def test_any_json_is_a_token_or_refused(header: dict[str, Any], payload: Any) -> None:
    """Nothing but a refusal comes out of JSON of any kind."""
    for head in (header, header | HEADER, HEADER):
        text = f"{encode_json(head)}.{encode_json(payload)}.c2ln"
        try:
            parse_access_token(text)
        except TokenRefused:
            assert not is_session_token(text)
        assert read_issue_time_s(text) is None


def test_a_token_is_taken_apart() -> None:
    """Version and key are those of the header; nothing of the token is shown."""
    token = parse_access_token(token_of(CLAIMS))
    assert (token.version, token.kid) == (5, "d-1")
    assert token.payload not in repr(token)
    assert parse_access_token(v2_token_of(V2_CLAIMS)).version == 2


@pytest.mark.parametrize("change", [lambda text: text + ".", lambda text: text.replace(".", "", 1), lambda _: ".."])
def test_a_token_has_three_parts(change: Callable[[str], str]) -> None:
    """More or fewer are refused."""
    for token in (token_of(CLAIMS), v2_token_of(V2_CLAIMS)):
        with pytest.raises(TokenRefused, match="not an access token"):
            parse_access_token(change(token))


def test_a_token_may_be_too_large() -> None:
    """The bound is that of the whole token."""
    token = token_of(CLAIMS)
    parse_access_token(token, len(token))
    with pytest.raises(TokenRefused, match="larger than allowed") as refused:
        parse_access_token(token, len(token) - 1)
    assert refused.value.reason is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    ("version", "needless"),
    [("3", ("tId", "rsub")), ("4", ("rsub",)), ("5", ()), ("6", ()), (None, ())],
)
def test_claims_of_each_version(version: str | None, needless: tuple[str, ...]) -> None:
    """A session's token has all the claims of its version, each of its type."""
    always_needless = ("parentRefreshTokenHash1", "antiCsrfToken", *needless)
    assert is_session_token(token_of(CLAIMS, version))
    wrongs: list[Any] = [1.5, True, [], {}, 2**53, -(2**53)]
    for name in CLAIMS:
        without = {key: value for key, value in CLAIMS.items() if key != name}
        assert is_session_token(token_of(without, version)) is (name in always_needless)
        for wrong in (*wrongs, 0 if CLAIMS[name] is None else None):
            is_free = name in needless
            assert is_session_token(token_of(CLAIMS | {name: wrong}, version)) is is_free, (name, wrong)


def test_claims_of_version_2() -> None:
    """A token of version 2 has claims of its own."""
    assert is_session_token(v2_token_of(V2_CLAIMS))
    assert not is_session_token(v2_token_of(CLAIMS))
    assert not is_session_token(token_of(V2_CLAIMS))
    for name in V2_CLAIMS:
        assert not is_session_token(v2_token_of({key: value for key, value in V2_CLAIMS.items() if key != name}))
        assert not is_session_token(v2_token_of(V2_CLAIMS | {name: 1.5}))


@given(st.integers(), st.binary(max_size=300))
def test_the_end_of_version_2(expires_ms: int, signature: bytes) -> None:
    """Expiry and signature come out as they were put in; a time beyond reckoning is refused."""
    signed = v2_token_of(V2_CLAIMS | {"expiryTime": expires_ms}).rpartition(".")[0]
    token = f"{signed}.{base64.b64encode(signature).decode()}"
    if abs(expires_ms) < 2**53:
        assert parse_v2(token) == (expires_ms, signature)
    else:
        with pytest.raises(TokenRefused):
            parse_v2(token)


def test_foreign_tokens_are_not_ours() -> None:
    """What another party signs for itself is no session."""
    assert not is_session_token(token_of({"sub": "user", "aud": "x", "iss": "https://example.com", "exp": 1, "iat": 0}))
    assert not is_session_token(f"{encode_json({'alg': 'HS256', 'typ': 'JWT'})}.{encode_json(CLAIMS)}.c2ln")
    assert not is_session_token("ghp_0123456789abcdef")


def test_when_a_token_was_made() -> None:
    """The time comes in seconds, whatever the version has."""
    assert read_issue_time_s(token_of(CLAIMS)) == NOW_S
    assert read_issue_time_s(v2_token_of(V2_CLAIMS | {"timeCreated": NOW_S * 1000 + 500})) == NOW_S + 0.5
    assert read_issue_time_s(token_of(CLAIMS | {"iat": 10**400})) is None
    assert read_issue_time_s(v2_token_of(V2_CLAIMS | {"timeCreated": 10**400})) is None


def test_each_refusal_of_a_token_says_why() -> None:
    """A refusal's message is a sentence of ours."""
    texts = {str(TokenRefused(reason)) for reason in list(Refusal)[1:10]}
    assert len(texts) == 9
    assert all(text.startswith("it") for text in texts)


def test_a_verified_token_does_not_show_itself() -> None:
    """Neither the token nor what is secret in it is in its repr."""
    token = AccessToken("header.payload.signature", 5, "d-1", CLAIMS | {"antiCsrfToken": "secret"}, "{}")
    assert repr(token) == "AccessToken('handle', version=5, kid='d-1')"
    assert str(token) == repr(token)


@given(OBJECTS, st.booleans())
def test_a_payload_is_read(payload: dict[str, Any], padded: bool) -> None:
    """What was put into a token is read from it, with padding or without."""
    assert read_payload(jwt(payload, padded=padded)) == payload


@given(st.one_of(st.text(), st.lists(st.text(max_size=10), min_size=3, max_size=3).map(".".join)))
def test_text_that_is_no_token(text: str) -> None:
    """Text is refused with ValueError, or holds an object after all."""
    try:
        payload = read_payload(text)
    except ValueError:
        return
    assert isinstance(payload, dict)


@given(JSON.filter(lambda value: not isinstance(value, dict)))
def test_a_payload_that_is_no_object(value: Any) -> None:
    """A token whose payload is no object is none."""
    with pytest.raises(ValueError, match="not a JWT"):
        read_payload(jwt(value, padded=True))


def test_a_payload_that_is_too_deep() -> None:
    """Depth is no danger."""
    deep = base64.urlsafe_b64encode(b'{"a":' * 200_000).decode()
    with pytest.raises(ValueError, match="not a JWT"):
        read_payload(f"e30.{deep}.x")
    assert not is_session_token(f"{encode_json(HEADER)}.{deep.rstrip('=')}.x")


@given(TEXT, OBJECTS, st.integers(0, 2**40))
def test_a_front_token_tells_all(user_id: str, payload: dict[str, Any], expiry: int) -> None:
    """The front token is plain base64 of sorted compact ASCII JSON with user, expiry in milliseconds and payload."""
    token = build_front_token(user_id, {**payload, "exp": expiry})
    text = base64.b64decode(token, validate=True).decode("ascii")
    parsed = json.loads(text)
    assert parsed == {"uid": user_id, "ate": expiry * 1000, "up": {**payload, "exp": expiry}}
    assert text == json.dumps(parsed, sort_keys=True, separators=(",", ":"))


@given(OBJECTS)
def test_a_front_token_needs_an_expiry(payload: dict[str, Any]) -> None:
    """A payload without a whole number in `exp` is refused."""
    payload.pop("exp", None)
    with pytest.raises(KeyError, match="exp"):
        build_front_token("u", payload)
    for wrong in ("1", None, 1.5, [1], True):
        with pytest.raises(TypeError, match="exp"):
            build_front_token("u", {**payload, "exp": wrong})


def test_protected_claims() -> None:
    """The claims that are the core's own are those of the protocol; a new session can't set its token type either."""
    names = "sub iat exp sessionHandle parentRefreshTokenHash1 refreshTokenHash1 antiCsrfToken rsub tId"
    assert frozenset(names.split()) == PROTECTED_CLAIMS
    assert {"stt"} == CREATE_STRIPPED - PROTECTED_CLAIMS
