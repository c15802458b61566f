"""Invariants of access tokens: what they look like, what is accepted, what is not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.embedded.client import HOUR, Client, Clock, Tokens, claims_of, header_of
from tests.embedded.conftest import Make


def _encode(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_create_then_verify(either: Client) -> None:
    """Invariant 1: a new session verifies with the same handle, user and payload, and no new token."""
    tokens = either.create(payload={"a": 1})
    reply = either.verify(tokens.access)
    assert reply["status"] == "OK"
    assert reply["session"] == tokens.reply["session"]
    assert "accessToken" not in reply


@pytest.mark.parametrize("payload", [{}, {"a": [{"b": None}, []], "": {"c": {}}, "n": None, "t": True, "f": 1.5}])
def test_payloads_round_trip(either: Client, payload: dict[str, Any]) -> None:
    """Invariant 2: empty and nested payloads come back exactly, nulls kept."""
    tokens = either.create(payload=payload, data=payload)
    assert either.get(tokens.handle)["userDataInJWT"] == payload
    assert either.get(tokens.handle)["userDataInDatabase"] == payload
    assert either.verify(tokens.access)["session"]["userDataInJWT"] == payload


def test_tampered_payload(either: Client) -> None:
    """Invariant 3: a changed claim under the old signature is refused."""
    head, _, signature = either.create().access.split(".")
    changed = claims_of(either.create().access) | {"sub": "mallory"}
    reply = either.verify(f"{head}.{_encode(changed)}.{signature}")
    assert reply["status"] == "TRY_REFRESH_TOKEN"


def test_expiry(make: Make, clock: Clock) -> None:
    """Invariant 4: an expired token asks for a refresh."""
    client = make(access_token_validity=1)
    tokens = client.create()
    clock.move(2000)
    assert client.verify(tokens.access) == {"status": "TRY_REFRESH_TOKEN", "message": "Access token expired"}


@pytest.mark.parametrize("text", ["token", "", "a.b.c", "..", "\ud800", "ä.ö.ü", "a" * 10_000])
def test_random_text(either: Client, text: str) -> None:
    """Invariant 5: random text as an access token asks for a refresh."""
    assert either.verify(text)["status"] == "TRY_REFRESH_TOKEN"


HEADERS: list[Any] = [
    [],
    1,
    {},
    {"typ": "JWT", "alg": "RS256", "version": "5"},
    {"typ": "JWT", "alg": "RS256", "version": "5", "kid": 1},
    {"typ": "JWT", "alg": "RS256", "version": 5, "kid": "d-1"},
    {"typ": "JWT", "alg": "RS256", "version": "1", "kid": "d-1"},
    {"typ": "JWT", "alg": "RS256", "version": "99", "kid": "d-1"},
    {"typ": "JWT", "alg": "none", "version": "5", "kid": "d-1"},
    {"typ": "JWT", "alg": "HS256", "version": "5", "kid": "d-1"},
    {"typ": "X", "alg": "RS256", "version": "5", "kid": "d-1"},
    {"typ": "JWT", "alg": "RS256", "version": "5", "kid": "d-unknown"},
]


@pytest.mark.parametrize("header", HEADERS, ids=map(str, range(len(HEADERS))))
def test_malformed_headers(either: Client, header: Any) -> None:
    """Invariant 6: a malformed header is a defined error, for verify and for regenerate."""
    _, payload, signature = either.create().access.split(".")
    token = f"{_encode(header)}.{payload}.{signature}"
    assert either.verify(token)["status"] == "TRY_REFRESH_TOKEN"
    assert either.regenerate(token, {"x": 1})["status"] == "UNAUTHORISED"
    assert either.verify(f"***.{payload}.{signature}")["status"] == "TRY_REFRESH_TOKEN"
    assert either.verify(f"{payload}.{signature}")["status"] == "TRY_REFRESH_TOKEN"


def test_wrong_anti_csrf(either: Client) -> None:
    """Invariant 7: a wrong or missing anti-CSRF token asks for a refresh where it is checked."""
    tokens = either.create(csrf=True)
    wanted: dict[str, Any] = {"doAntiCsrfCheck": True, "enableAntiCsrf": True}
    bad: list[dict[str, Any]] = [{"antiCsrfToken": "wrong"}, {}]
    for given in bad:
        reply = either.verify(tokens.access, **wanted, **given)
        assert reply == {"status": "TRY_REFRESH_TOKEN", "message": "anti-csrf check failed"}
    assert either.verify(tokens.access, **wanted, antiCsrfToken=tokens.anti_csrf)["status"] == "OK"
    without = either.create()
    assert either.verify(without.access, **wanted, antiCsrfToken="x")["status"] == "TRY_REFRESH_TOKEN"


@pytest.mark.parametrize(("check", "enable"), [(True, False), (False, True), (False, False)])
def test_anti_csrf_not_asked(either: Client, check: bool, enable: bool) -> None:
    """Invariant 8: unless both flags are set, nothing is checked."""
    tokens = either.create(csrf=True)
    reply = either.verify(tokens.access, doAntiCsrfCheck=check, enableAntiCsrf=enable, antiCsrfToken="wrong")
    assert reply["status"] == "OK"


def test_version_5_shape(either: Client) -> None:
    """Invariant 62: nine claims of the core's own and the caller's, and no others."""
    tokens = either.create(payload={"mine": 1})
    assert tokens.claims.keys() == {
        "sub",
        "exp",
        "iat",
        "tId",
        "rsub",
        "sessionHandle",
        "refreshTokenHash1",
        "parentRefreshTokenHash1",
        "antiCsrfToken",
        "mine",
    }
    assert header_of(tokens.access) == {"kid": tokens.kid, "typ": "JWT", "version": "5", "alg": "RS256"}


def test_integers_are_plain(either: Client) -> None:
    """Invariant 63: times are whole numbers without an exponent."""
    payload = either.create().access.split(".")[1]
    text = base64.urlsafe_b64decode(payload + "==").decode()
    claims = json.loads(text)
    assert f'"exp":{claims["exp"]}' in text
    assert isinstance(claims["iat"], int)


def test_missing_version_means_the_newest(either: Client) -> None:
    """Invariant 73: a JWT without `version` that carries all nine claims is read as the newest."""
    claims = either.create().claims
    body = {"algorithm": "RS256", "jwksDomain": "x", "payload": claims, "validity": 3600, "useStaticSigningKey": False}
    jwt = either.call("POST", "/recipe/jwt", body)["jwt"]
    assert "version" not in header_of(jwt)
    assert either.verify(jwt)["status"] == "OK"


def test_mixed_versions(make: Make) -> None:
    """Invariant 74: tokens of one version are used at another; regenerate keeps it, refresh raises it."""
    client = make("5.4")
    old = client.at("3.1")
    tokens = old.create(payload={"a": 1})
    assert header_of(tokens.access)["version"] == "4"
    assert "rsub" not in tokens.claims
    assert client.verify(tokens.access)["status"] == "OK"
    regenerated = client.regenerate(tokens.access, {"a": 2})["accessToken"]["token"]
    assert header_of(regenerated)["version"] == "4"
    refreshed = client.refresh(tokens.refresh)
    assert header_of(refreshed.access)["version"] == "5"
    assert old.verify(refreshed.access)["status"] == "OK"
    assert "recipeUserId" not in old.get(tokens.handle)
    assert "recipeUserId" in client.get(tokens.handle)


def test_version_3_with_a_custom_tenant_claim(client: Client) -> None:
    """Invariant 75: in a version 3 token `tId` is the caller's own claim, and the tenant is public."""
    claims = client.create().claims
    del claims["rsub"]
    claims["tId"] = "mine"
    core = client.core
    app = core._apps.find("public", core._clock(), wait=True)
    assert app is not None
    from supertokens_lite.embedded.tokens import sign_jwt

    key = app.keyring.signing(core._clock(), static=False)
    token = sign_jwt(key.private, key.header("3"), claims)
    session = client.verify(token)["session"]
    assert session["tenantId"] == "public"
    assert session["userDataInJWT"] == {"tId": "mine"}
    regenerated = client.regenerate(token, {"tId": "other"})["accessToken"]["token"]
    assert header_of(regenerated)["version"] == "3"


def test_protected_claims(either: Client) -> None:
    """Invariant 61: a payload with a claim of the core's own is refused everywhere."""
    tokens = either.create()
    sentence = (400, "The user payload contains protected field")
    for name in tokens.claims:
        payload = {name: None}
        body = {"userId": "u", "enableAntiCsrf": False, "userDataInJWT": payload, "userDataInDatabase": payload}
        assert either.error("POST", "/recipe/session", body) == sentence
        body = {"sessionHandle": tokens.handle, "userDataInJWT": payload}
        assert either.error("PUT", "/recipe/jwt/data", body) == sentence
        body = {"accessToken": tokens.access, "userDataInJWT": payload}
        assert either.error("POST", "/recipe/session/regenerate", body) == sentence
    old = either.at("3.1")
    assert old.put_payload(tokens.handle, {"rsub": "mine"})["status"] == "OK"
    reply = either.refresh_raw(tokens.refresh)
    assert reply == {"status": "UNAUTHORISED", "message": "The user payload contains protected field"}


def test_regenerate_with_another_payload(either: Client) -> None:
    """Invariant 55: the new token has the new payload and the same expiry, and the payload is stored."""
    tokens = either.create(payload={"a": 1})
    minted = either.regenerate(tokens.access, {"b": 2})
    claims = claims_of(minted["accessToken"]["token"])
    assert claims["b"] == 2
    assert "a" not in claims
    assert claims["exp"] == tokens.claims["exp"]
    assert either.get(tokens.handle)["userDataInJWT"] == {"b": 2}


def test_regenerate_without_a_payload(either: Client) -> None:
    """Invariant 56: `{}` empties the payload, none leaves it."""
    tokens = either.create(payload={"a": 1})
    assert claims_of(either.regenerate(tokens.access)["accessToken"]["token"])["a"] == 1
    assert "a" not in claims_of(either.regenerate(tokens.access, {})["accessToken"]["token"])


def test_regenerate_an_expired_token(either: Client, clock: Clock) -> None:
    """Invariant 57: no token comes back, but the payload is stored and the next refresh shows it."""
    tokens = either.create()
    clock.move(2 * HOUR)
    reply = either.regenerate(tokens.access, {"a": 1})
    assert "accessToken" not in reply
    assert reply["session"]["userDataInJWT"] == {"a": 1}
    assert either.refresh(tokens.refresh).claims["a"] == 1


def test_regenerate_for_a_removed_session(either: Client) -> None:
    """Invariant 58: there is nothing to regenerate."""
    tokens = either.create()
    either.remove(tokens.handle)
    assert either.regenerate(tokens.access, {}) == {"status": "UNAUTHORISED", "message": "Session does not exist."}


def test_regenerate_needs_a_good_signature(either: Client) -> None:
    """A wanted deviation: a broken signature writes nothing."""
    tokens = either.create(payload={"a": 1})
    assert either.regenerate(tokens.access[:-8] + "AAAAAAAA", {"b": 1})["status"] == "UNAUTHORISED"
    assert either.get(tokens.handle)["userDataInJWT"] == {"a": 1}


def test_regenerate_then_database_check(either: Client) -> None:
    """Invariant 60: after a regenerate the new token is not stale."""
    tokens = either.create()
    token = either.regenerate(tokens.access, {"a": 1})["accessToken"]["token"]
    reply = either.verify(token, database=True)
    assert reply["status"] == "OK"
    assert "accessToken" not in reply
    assert reply.get("payloadUpdateAvailable") is not True


def test_payload_change_without_database_check(either: Client) -> None:
    """Invariant 36: without a database check the token's own payload counts."""
    tokens = either.create(payload={"a": 1})
    either.put_payload(tokens.handle, {"a": 2})
    reply = either.verify(tokens.access)
    assert reply["session"]["userDataInJWT"] == {"a": 1}
    assert "accessToken" not in reply


def test_payload_change_with_database_check_before(client: Client) -> None:
    """Invariant 37: up to CDI 5.5 the new payload comes with a new token."""
    tokens = client.create(payload={"a": 1, "b": [1, {"c": True}]})
    client.put_payload(tokens.handle, {"a": 2})
    reply = client.verify(tokens.access, database=True)
    assert reply["session"]["userDataInJWT"] == {"a": 2}
    assert claims_of(reply["accessToken"]["token"])["a"] == 2


def test_payload_change_with_database_check_since(make: Make) -> None:
    """Invariant 38: from CDI 5.6 on the old payload comes with a flag, and no token."""
    client = make("5.6")
    tokens = client.create(payload={"a": 1})
    client.put_payload(tokens.handle, {"a": 2})
    reply = client.verify(tokens.access, database=True)
    assert reply["session"]["userDataInJWT"] == {"a": 1}
    assert reply["payloadUpdateAvailable"] is True
    assert "accessToken" not in reply


def test_payload_equal(make: Make) -> None:
    """Invariants 39 and 40: an equal payload gives false with a database check, and no flag without."""
    client = make("5.6")
    tokens = client.create(payload={"a": 1, "l": [1, 2.0]})
    client.put_payload(tokens.handle, {"l": [1.0, 2], "a": 1.0})
    assert client.verify(tokens.access, database=True)["payloadUpdateAvailable"] is False
    assert "payloadUpdateAvailable" not in client.verify(tokens.access)
    client.put_payload(tokens.handle, {"l": [1, 2], "a": True})
    assert client.verify(tokens.access, database=True)["payloadUpdateAvailable"] is True


def test_null_payload_in_regenerate_is_none_at_all(either: Client) -> None:
    """Invariant 35: no payload given leaves it unchanged; an explicit null is refused."""
    tokens = either.create(payload={"a": 1})
    either.regenerate(tokens.access)
    assert either.get(tokens.handle)["userDataInJWT"] == {"a": 1}
    body = {"accessToken": tokens.access, "userDataInJWT": None}
    assert either.error("POST", "/recipe/session/regenerate", body)[0] == 400


def test_static_and_dynamic_keys(either: Client) -> None:
    """Invariant 64: the flag says which kind of key signs."""
    assert either.create(dynamic=False).kid.startswith("s-")
    assert either.create(dynamic=True).kid.startswith("d-")


def test_key_kind_switches_at_refresh(either: Client) -> None:
    """Invariant 65: a refresh may change the kind of key; verify and regenerate follow the row."""
    tokens = either.create(dynamic=True)
    for dynamic in (False, True, False):
        tokens = either.refresh(tokens.refresh, dynamic=dynamic)
        kind = "d-" if dynamic else "s-"
        assert tokens.kid.startswith(kind)
        assert header_of(either.regenerate(tokens.access)["accessToken"]["token"])["kid"].startswith(kind)
        verified = either.verify(tokens.access)
        if "accessToken" in verified:
            assert header_of(verified["accessToken"]["token"])["kid"].startswith(kind)


def test_null_audience_does_not_make_a_session_stale(either: Client) -> None:
    """An `aud` of null is left out of the token and is no reason to mint another."""
    tokens = either.create(payload={"aud": None, "x": None})
    assert "aud" not in tokens.claims
    reply = either.verify(tokens.access, database=True)
    assert "accessToken" not in reply
    assert reply.get("payloadUpdateAvailable") is not True


def test_long_integers_are_refused_when_written(either: Client) -> None:
    """A wanted deviation: an integer that no token can hold is refused at once, and refreshes go on working."""
    tokens = either.create(payload={"ok": 2**63 - 1})
    for payload in ({"n": 2**63}, {"l": [{"n": -(2**63) - 1}]}):
        body = {"sessionHandle": tokens.handle, "userDataInJWT": payload}
        status, text = either.error("PUT", "/recipe/jwt/data", body)
        assert status == 400
        assert "64-bit" in text
    assert isinstance(either.refresh(tokens.refresh), Tokens)
