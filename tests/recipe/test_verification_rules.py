"""Which access tokens are good: what the settings ask of one, and what a hostile client may send instead."""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreUnavailableError, GeneralError
from supertokens_lite.recipe.session.exceptions import TryRefreshTokenError, UnauthorisedError
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.types import Refusal
from tests.apps import USER, build_app
from tests.clocked import Clocked
from tests.conftest import Drive
from tests.doors import AWAY, Calls
from tests.embedded.client import Clock
from tests.protocol.signing import LIFETIME_S, NOW_S, Signer, encode, encode_json

Verify = Callable[..., Any]


@functools.cache
def signer(kid: str = "d-1") -> Signer:
    """Give a key; the same for the same id."""
    return Signer(kid)


def key_set(*kids: str) -> dict[str, Any]:
    """Give the public keys of these ids as a document."""
    return {"keys": [signer(kid).jwk for kid in kids or ("d-1",)]}


def sign(kid: str = "d-1", /, *, of_version: str | None = "5", without: str = "", **claims: Any) -> str:
    """Sign a token of a session that began at `NOW_S`."""
    key = signer(kid)
    said = {name: value for name, value in key.claims(**claims).items() if name != without}
    return key.sign(said, key.header(version=of_version))


def offline(core: EmbeddedCore, **recipe: Any) -> Clocked:
    """Build an SDK that was given its keys, at `NOW_S`; the core is there and knows nothing of them."""
    recipe.setdefault("static_jwks", key_set())
    return Clocked(core, Clock(NOW_S * 1000), **recipe)


async def reason_of(sdk: Clocked | Supertokens, token: str, **options: Any) -> Refusal | None:
    """Give why a token is refused, or is no session's where none is required; None if it is good."""
    try:
        session = await sdk.session.get_session_without_request_response(token, **options)
    except (TryRefreshTokenError, UnauthorisedError) as error:
        refused = error
    else:
        return None if session is not None else Refusal.MALFORMED
    assert token not in str(refused) + repr(refused) or len(token) < 3
    assert isinstance(refused, TryRefreshTokenError) or not refused.clear_tokens
    return refused.reason


def test_keys_that_were_given_need_no_core(drive: Drive) -> None:
    """With a key set at the start tokens are verified where no core can be reached, and nothing is sent."""
    calls = Calls()

    async def scenario() -> None:
        async with build_app(
            AWAY, network_interceptor=calls, recipe={"static_jwks": key_set("d-1", "d-2"), "leeway_s": 3600}
        ) as app:
            for kid in ("d-1", "d-2"):
                token = sign(kid, exp=2**40)
                looks = [await app.session.get_session_without_request_response(token) for _ in range(2)]
                assert [look.verified_by for look in looks] == ["local", "cache"]
            assert await reason_of(app, "x") is Refusal.MALFORMED
            assert await reason_of(app, sign(exp=1)) is Refusal.EXPIRED
            assert calls.sent == []

    drive(scenario)


@pytest.mark.parametrize("leeway_s", [0, 5, 0.25, 60])
def test_how_long_after_its_expiry_a_token_is_good(drive: Drive, core: EmbeddedCore, leeway_s: float) -> None:
    """It is remembered until it expires and good for the leeway longer, whether it was seen before or not."""

    async def scenario(sdk: Clocked) -> None:
        token = sign()
        expires_ms = (NOW_S + LIFETIME_S) * 1000
        sdk.clock.ms = expires_ms - 1
        looks = [await sdk.session.get_session_without_request_response(token) for _ in range(2)]
        assert [look.verified_by for look in looks] == ["local", "cache"]
        for late_ms in sorted({0, 1, int(leeway_s * 500), int(leeway_s * 1000) - 1} & set(range(int(leeway_s * 1000)))):
            sdk.clock.ms = expires_ms + late_ms
            for each in (token, sign()):
                assert (await sdk.session.get_session_without_request_response(each)).verified_by == "local"
        for late_ms in (int(leeway_s * 1000), int(leeway_s * 1000) + 1, 10**7):
            sdk.clock.ms = expires_ms + late_ms
            for each in (token, sign()):
                for required in (True, False):
                    assert await reason_of(sdk, each, session_required=required) is Refusal.EXPIRED
        assert (sdk.fetched, sdk.sent) == (0, [])

    drive(scenario, offline(core, leeway_s=leeway_s))


def test_the_leeway_is_five_seconds_unless_it_is_set(drive: Drive, core: EmbeddedCore) -> None:
    """A clock that is a little fast does not log anybody out."""

    async def scenario(sdk: Clocked) -> None:
        sdk.clock.ms = (NOW_S + LIFETIME_S) * 1000 + 4_999
        assert await reason_of(sdk, sign()) is None
        sdk.clock.move(1)
        assert await reason_of(sdk, sign()) is Refusal.EXPIRED

    drive(scenario, offline(core))


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": NOW_S + 86_400},
        {"iat": -1},
        {"aud": "https://elsewhere.example"},
        {"aud": ["a", 1, None]},
        {"aud": None},
        {"jti": 7},
        {"jti": {}},
        {"nbf": NOW_S + 86_400},
        {"nbf": "never"},
        {"iss": None},
        {"iss": "https://elsewhere.example"},
        {"stt": 0},
        {"kid": 1, "alg": "none", "typ": [], "version": None},
        {"sub": ""},
        {"antiCsrfToken": "x"},
    ],
    ids=str,
)
def test_claims_that_do_no_harm(drive: Drive, core: EmbeddedCore, claims: dict[str, Any]) -> None:
    """What the core did not put there is the application's, whatever a JWT library would say to it."""

    async def scenario(sdk: Clocked) -> None:
        session = await sdk.session.get_session_without_request_response(sign(**claims))
        assert session.get_access_token_payload().items() >= claims.items()
        assert session.front_token

    drive(scenario, offline(core))


@pytest.mark.parametrize(
    ("version", "claims", "without", "reason"),
    [
        ("5", {"stt": 1}, "", Refusal.WRONG_TOKEN_TYPE),
        ("5", {"stt": "0"}, "", Refusal.WRONG_TOKEN_TYPE),
        ("5", {"stt": None}, "", Refusal.WRONG_TOKEN_TYPE),
        ("5", {"stt": False}, "", Refusal.WRONG_TOKEN_TYPE),
        ("3", {}, "tId", None),
        ("4", {}, "rsub", None),
        ("4", {}, "tId", Refusal.MALFORMED),
        ("5", {}, "tId", Refusal.MALFORMED),
        ("5", {"tId": None}, "", Refusal.MALFORMED),
        ("5", {}, "rsub", Refusal.MALFORMED),
        (None, {}, "tId", Refusal.MALFORMED),
        ("6", {}, "tId", Refusal.MALFORMED),
        ("99", {}, "", None),
        ("3", {}, "sessionHandle", Refusal.MALFORMED),
        ("5", {"exp": None}, "", Refusal.MALFORMED),
        ("5", {"exp": "9999999999"}, "", Refusal.MALFORMED),
        ("5", {"exp": 1e300}, "", Refusal.MALFORMED),
        ("5", {"exp": 10**30}, "", Refusal.MALFORMED),
        ("5", {"iat": True}, "", Refusal.MALFORMED),
        ("5", {"sub": 1}, "", Refusal.MALFORMED),
    ],
)
def test_claims_that_a_session_has(
    drive: Drive, core: EmbeddedCore, version: str | None, claims: dict[str, Any], without: str, reason: Refusal | None
) -> None:
    """A token that lacks a claim of its version, or is of another type, is refused though its key is good."""

    async def scenario(sdk: Clocked) -> None:
        token = sign(of_version=version, without=without, **claims)
        for _ in range(2):
            assert await reason_of(sdk, token) is reason
        assert await reason_of(sdk, token, session_required=False) is reason

    drive(scenario, offline(core))


def test_a_token_of_version_3_is_of_the_public_tenant(drive: Drive, core: EmbeddedCore) -> None:
    """What such a token says of a tenant is a claim of the application's."""

    async def scenario(sdk: Clocked) -> None:
        session = await sdk.session.get_session_without_request_response(sign(of_version="3", tId="t1", rsub="x"))
        assert session.get_tenant_id() == "public"
        assert session.get_recipe_user_id().get_as_string() == session.get_user_id()
        assert session.get_access_token_payload()["tId"] == "t1"

    drive(scenario, offline(core))


def test_issuers_that_are_expected(drive: Drive, core: EmbeddedCore) -> None:
    """Where issuers are named a token has to be of one of them; a text is not a part of another."""

    async def scenario(sdk: Clocked) -> None:
        assert await reason_of(sdk, sign(iss="https://a.example/auth")) is None
        assert await reason_of(sdk, sign(iss="https://b.example/auth")) is None
        for issuer in ("https://c.example", "https://a.example", "", None, ["https://a.example/auth"], 1):
            for _ in range(2):
                assert await reason_of(sdk, sign(iss=issuer)) is Refusal.WRONG_ISSUER
        assert await reason_of(sdk, sign(without="iss")) is Refusal.WRONG_ISSUER

    drive(scenario, offline(core, expected_issuers=["https://a.example/auth", "https://b.example/auth"]))


@pytest.mark.parametrize("dynamic", [True, False, None])
def test_the_kind_of_key_that_is_set(drive: Drive, core: EmbeddedCore, dynamic: bool | None) -> None:
    """A token that was signed by a key of the other kind is refused, so that a refresh brings one of this kind."""

    async def scenario(sdk: Clocked) -> None:
        rotating, staying = sign("d-1"), sign("s-1")
        good, other = (rotating, staying) if dynamic is not False else (staying, rotating)
        assert await reason_of(sdk, good) is None
        for _ in range(2):
            assert await reason_of(sdk, other) is Refusal.WRONG_KEY_KIND
        assert (sdk.fetched, sdk.sent) == (0, [])

    settings = {"static_jwks": key_set("d-1", "s-1"), "use_dynamic_access_token_signing_key": dynamic}
    drive(scenario, offline(core, **settings))


@pytest.mark.parametrize("dynamic", [True, False])
def test_sessions_are_made_with_the_kind_of_key_that_is_set(
    drive: Drive, core: EmbeddedCore, clock: Clock, dynamic: bool
) -> None:
    """What is created and refreshed under a setting is good under it, and not under the other."""

    async def scenario(one: Clocked, other: Clocked) -> None:
        made = await one.session.create_new_session_without_request_response("public", USER)
        assert made.refresh_token is not None
        assert await reason_of(one, made.get_access_token()) is None
        assert await reason_of(other, made.get_access_token()) is Refusal.WRONG_KEY_KIND
        moved = await other.session.refresh_session_without_request_response(made.refresh_token.token)
        assert await reason_of(other, moved.get_access_token()) is None
        assert await reason_of(one, moved.get_access_token()) is Refusal.WRONG_KEY_KIND

    settings: list[dict[str, Any]] = [
        {"use_dynamic_access_token_signing_key": dynamic is each} for each in (True, False)
    ]
    drive(scenario, *(Clocked(core, clock, **each) for each in settings))


def test_tokens_of_another_app(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """A token of another application's core is none of ours; asking for its key costs one call in ten seconds."""

    async def scenario(sdk: Clocked) -> None:
        theirs = [signer().sign(None, signer().header(kid=f"d-{number}")) for number in range(20)]
        ours = (await sdk.session.create_new_session_without_request_response("public", USER)).get_access_token()
        assert await reason_of(sdk, ours) is None
        sdk.take()
        for _ in range(3):
            before = sdk.fetched
            for token in theirs:
                assert await reason_of(sdk, token) is Refusal.UNKNOWN_KEY
                assert await reason_of(sdk, token, session_required=False) is Refusal.UNKNOWN_KEY
            assert sdk.fetched == before + 1
            assert await reason_of(sdk, ours) is None
            clock.move(10_001)
        assert sdk.take() == []

    drive(scenario, Clocked(core, clock))


ANTI_CSRF = "0b9a1f2e-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    "given", [None, "", "wrong", ANTI_CSRF[:-1], ANTI_CSRF + " ", ANTI_CSRF.upper(), "\0", "\ud800"]
)
def test_an_anti_csrf_token_that_is_wrong(drive: Drive, core: EmbeddedCore, given: str | None) -> None:
    """What does not repeat the token's own is refused, seen before or not, unless nobody wants it looked at."""

    async def scenario(sdk: Clocked) -> None:
        token = sign(antiCsrfToken=ANTI_CSRF)
        for _ in range(2):
            for check in (None, True):
                options = {"anti_csrf_token": given, "anti_csrf_check": check}
                assert await reason_of(sdk, token, **options) is Refusal.ANTI_CSRF
                assert await reason_of(sdk, token, session_required=False, **options) is Refusal.ANTI_CSRF
                assert await reason_of(sdk, token, check_database=True, **options) is Refusal.ANTI_CSRF
            assert await reason_of(sdk, token, anti_csrf_token=given, anti_csrf_check=False) is None
            assert await reason_of(sdk, token, anti_csrf_token=ANTI_CSRF) is None
        assert sdk.sent == []

    drive(scenario, offline(core, anti_csrf="VIA_TOKEN"))


def test_a_token_that_has_no_anti_csrf_token(drive: Drive, core: EmbeddedCore) -> None:
    """A session that was made without one is good only for who does not look."""

    async def scenario(sdk: Clocked) -> None:
        for token in (sign(antiCsrfToken=None), sign(without="antiCsrfToken")):
            for shown in (None, "", "None", "null"):
                assert await reason_of(sdk, token, anti_csrf_token=shown) is Refusal.ANTI_CSRF
            assert await reason_of(sdk, token, anti_csrf_check=False) is None

    drive(scenario, offline(core, anti_csrf="VIA_TOKEN"))


def test_anti_csrf_tokens_of_a_core(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """The token of a new session is wanted here and by the core, which is told what to look at."""

    async def scenario(sdk: Clocked) -> None:
        create = sdk.session.create_new_session_without_request_response
        made = await create("public", USER)
        token, right = made.get_access_token(), made.anti_csrf_token
        assert right is not None
        for options in ({}, {"check_database": True}):
            assert await reason_of(sdk, token, anti_csrf_token=right, **options) is None
            assert await reason_of(sdk, token, anti_csrf_token="wrong", **options) is Refusal.ANTI_CSRF
            assert await reason_of(sdk, token, anti_csrf_check=False, **options) is None
        session = await sdk.session.get_session_without_request_response(token, right)
        assert session.anti_csrf_token == right
        assert (await create("public", USER, disable_anti_csrf=True)).anti_csrf_token is None

    drive(scenario, Clocked(core, clock, anti_csrf="VIA_TOKEN"))


@pytest.mark.parametrize("mode", ["NONE", None])
def test_anti_csrf_tokens_where_none_are_wanted(drive: Drive, core: EmbeddedCore, mode: str | None) -> None:
    """In the other modes nobody looks at them."""

    async def scenario(sdk: Clocked) -> None:
        for shown in (None, "wrong"):
            token = sign(antiCsrfToken=ANTI_CSRF)
            assert await reason_of(sdk, token, anti_csrf_token=shown, anti_csrf_check=True) is None

    drive(scenario, offline(core, anti_csrf=mode))


def test_a_header_that_nobody_shows(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Where a request's header has to be looked at and there is no request, the error says what to pass instead."""

    async def scenario(sdk: Clocked) -> None:
        session = sdk.session
        with pytest.raises(GeneralError, match="disable_anti_csrf=True"):
            await session.create_new_session_without_request_response("public", USER)
        made = await session.create_new_session_without_request_response("public", USER, disable_anti_csrf=True)
        token = made.get_access_token()
        for check in (None, True):
            with pytest.raises(GeneralError, match="anti_csrf_check=False"):
                await session.get_session_without_request_response(token, anti_csrf_check=check)
        found = await session.get_session_without_request_response(token, anti_csrf_check=False)
        assert found.get_handle() == made.get_handle()
        assert made.refresh_token is not None
        with pytest.raises(GeneralError, match="disable_anti_csrf=True"):
            await session.refresh_session_without_request_response(made.refresh_token.token)
        refreshed = await session.refresh_session_without_request_response(made.refresh_token.token, True)
        assert refreshed.get_handle() == made.get_handle()

    drive(scenario, Clocked(core, clock, anti_csrf="VIA_CUSTOM_HEADER"))


def _forge(alg: str, sign_with: Callable[[bytes], bytes], **header: Any) -> str:
    key = signer()
    signed = f"{encode_json(key.header(alg=alg, **header))}.{encode_json(key.claims())}"
    return f"{signed}.{encode(sign_with(signed.encode()))}"


def _by_public_key(digest: Any, data: bytes) -> bytes:
    public = signer().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hmac.new(public, data, digest).digest()


HOSTILE: dict[str, Callable[[], str]] = {
    "none": lambda: _forge("none", lambda _: b""),
    "None": lambda: _forge("None", lambda _: b"x"),
    "hs256 by the public key": lambda: _forge("HS256", functools.partial(_by_public_key, hashlib.sha256)),
    "hs512 by the public key": lambda: _forge("HS512", functools.partial(_by_public_key, hashlib.sha512)),
    "rs256 said, hs256 done": lambda: _forge("RS256", functools.partial(_by_public_key, hashlib.sha256)),
    "a key of its own": lambda: _forge("RS256", lambda _: b"x" * 256, jwk=signer().jwk),
    "no key": lambda: _forge("RS256", lambda _: b"x" * 256, kid=None),
    "eight kilobytes": lambda: "A" * 8192,
    "eight kilobytes of a part": lambda: sign() + "A" * 8192,
    "nul": lambda: sign().replace(".", ".\0", 1),
    "not ascii": lambda: sign() + "é",
    "half a character": lambda: sign() + "\ud800",
    "a line's end": lambda: sign() + "\n",
    "two tokens": lambda: sign() + "." + sign(),
    "no signature": lambda: sign().rpartition(".")[0] + ".",
    "base64 of the other alphabet": lambda: sign().replace("_", "/").replace("-", "+") + "+/",
    "padded": lambda: sign() + "==",
    "empty": str,
    "dots": lambda: "..",
    "deep": lambda: f"{encode_json(signer().header())}.{encode(b'[' * 100_000)}.{encode(b'x' * 256)}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_hostile_client_sends(drive: Drive, core: EmbeddedCore, name: str) -> None:
    """It is refused without a call, before and after a good token was seen, and that one stays good."""

    async def scenario(sdk: Clocked) -> None:
        good, bad = sign(), HOSTILE[name]()
        for _ in range(2):
            for options in ({}, {"session_required": False}, {"check_database": True}, {"max_token_age_s": 0}):
                assert await reason_of(sdk, bad, **options) in (Refusal.MALFORMED, Refusal.BAD_SIGNATURE)
            assert await reason_of(sdk, good) is None
        assert (sdk.fetched, sdk.sent) == (0, [])

    drive(scenario, offline(core))


@pytest.fixture(scope="module")
def everywhere() -> Iterator[Supertokens]:
    """Give an SDK that was given its keys."""
    with build_app(AWAY, max_retries=0, recipe={"static_jwks": key_set()}) as app:
        yield app


@settings(deadline=None)
@given(st.data())
def test_every_change_of_a_token_is_refused(everywhere: Supertokens, data: st.DataObject) -> None:
    """A good token that was seen does not make another spelling of it good: one character decides."""
    token = sign(exp=2**40)
    verify = everywhere.session.blocking.get_session_without_request_response
    assert verify(token).verified_by == "local"
    assert verify(token).verified_by == "cache"
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\0é"))
    kind = data.draw(st.sampled_from(["replace", "insert", "drop"]))
    changed = token[:place] + ("" if kind == "drop" else letter) + token[place + (kind != "insert") :]
    if changed != token:
        # another name of a key could be that of a new one, which only the core could tell
        kinds = (CoreUnavailableError,) if place < token.index(".") else ()
        with pytest.raises((TryRefreshTokenError, UnauthorisedError, *kinds)):
            verify(changed, session_required=True)


@settings(deadline=None)
@given(st.text() | st.text("AQgw._-=\0", max_size=40) | st.lists(st.binary().map(encode), max_size=4).map(".".join))
def test_any_text_is_refused(everywhere: Supertokens, text: str) -> None:
    """Whatever comes instead of a token is unauthorised where a session is needed, and no session where none is."""
    verify = everywhere.session.blocking.get_session_without_request_response
    with pytest.raises(UnauthorisedError) as caught:
        verify(text)
    assert not caught.value.clear_tokens
    assert verify(text, session_required=False) is None


@pytest.mark.parametrize("token", [None, 7, b"x", ["x"]])
def test_something_else_than_text(drive: Drive, core: EmbeddedCore, token: Any) -> None:
    """What is no text is no token."""

    async def scenario(sdk: Clocked) -> None:
        with pytest.raises(UnauthorisedError, match="no access token") as caught:
            await sdk.session.get_session_without_request_response(token)
        assert caught.value.reason is Refusal.NO_TOKEN
        assert await sdk.session.get_session_without_request_response(token, session_required=False) is None

    drive(scenario, offline(core))
