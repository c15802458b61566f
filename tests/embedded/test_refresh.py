"""Invariants of refresh tokens: promotion before CDI 5.6, rotation since."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supertokens_lite.embedded.store import sessions as statements
from tests.embedded.client import DAY, HOUR, MINUTE, Client, Clock
from tests.embedded.conftest import Make


def row_of(client: Client, handle: str) -> Any:
    """Read a session's row as it is stored."""
    return client.core.database.read(
        lambda connection: statements.find(connection, "public", "public", handle, expires_from=0), wait=True
    )


def test_refresh_gives_new_things(either: Client) -> None:
    """Invariant 9: all tokens are new; session, user and payload are the same."""
    tokens = either.create(csrf=True, payload={"a": 1})
    again = either.refresh(tokens.refresh, csrf=True, antiCsrfToken=tokens.anti_csrf)
    assert again.access != tokens.access
    assert again.refresh != tokens.refresh
    assert again.anti_csrf != tokens.anti_csrf
    assert again.reply["session"] == tokens.reply["session"]
    assert either.handles() == [tokens.handle]


def test_first_use_after_a_refresh(client: Client) -> None:
    """Invariant 10: the first use of a child gives a new token, which needs no other."""
    child = client.refresh(client.create().refresh)
    reply = client.verify(child.access)
    assert "accessToken" in reply
    assert "accessToken" not in client.verify(reply["accessToken"]["token"])
    assert "accessToken" in client.verify(child.access)


def test_theft_after_use(client: Client) -> None:
    """Invariant 11: once a child was used, its parent is theft."""
    tokens = client.create()
    client.verify(client.refresh(tokens.refresh).access)
    reply = client.refresh_raw(tokens.refresh)
    assert reply["status"] == "TOKEN_THEFT_DETECTED"
    assert reply["session"] == {"handle": tokens.handle, "userId": "ada", "recipeUserId": "ada"}
    assert client.get(tokens.handle)["status"] == "OK"


def test_theft_after_a_second_refresh(client: Client) -> None:
    """Invariant 12: once a child was refreshed, its parent is theft."""
    tokens = client.create()
    client.refresh(client.refresh(tokens.refresh).refresh)
    assert client.refresh_raw(tokens.refresh)["status"] == "TOKEN_THEFT_DETECTED"


def test_grandparent_access_token(client: Client) -> None:
    """Invariant 13: an old access token verifies until it expires."""
    first = client.refresh(client.create().refresh)
    last = client.refresh(client.refresh(first.refresh).refresh)
    assert client.verify(first.access)["status"] == "OK"
    assert client.verify(last.access)["status"] == "OK"


def test_siblings_may_be_minted_until_one_is_used(client: Client) -> None:
    """A parent may be shown any number of times before a child is used; the losers' access tokens still verify."""
    tokens = client.create()
    one, other = client.refresh(tokens.refresh), client.refresh(tokens.refresh)
    client.verify(one.access)
    assert "accessToken" not in client.verify(other.access)
    assert client.refresh_raw(other.refresh)["status"] == "TOKEN_THEFT_DETECTED"


def test_refresh_without_the_anti_csrf_token(client: Client) -> None:
    """Invariant 14: a token with an anti-CSRF token is not refreshed without it."""
    tokens = client.create(csrf=True)
    for given in (None, "wrong"):
        more: dict[str, Any] = {} if given is None else {"antiCsrfToken": given}
        reply = client.refresh_raw(tokens.refresh, csrf=True, **more)
        assert reply == {"status": "UNAUTHORISED", "message": "Anti CSRF token missing, or not matching"}


def test_anti_csrf_on_and_off(either: Client) -> None:
    """Invariant 15: anti-CSRF can be switched at each refresh."""
    tokens = either.create(csrf=False)
    on = either.refresh(tokens.refresh, csrf=True)
    assert on.anti_csrf
    off = either.refresh(on.refresh, csrf=False)
    assert off.anti_csrf is None
    assert either.refresh(off.refresh, csrf=True).anti_csrf


@pytest.mark.parametrize("make_bad", [lambda t: "x" + t, lambda t: t + "x", lambda _: "", lambda t: t.split(".")[0]])
def test_invalid_refresh_tokens(either: Client, make_bad: Any) -> None:
    """Invariant 16: a refresh token with anything added or missing is unauthorised."""
    assert either.refresh_raw(make_bad(either.create().refresh))["status"] == "UNAUTHORISED"


@pytest.mark.parametrize("token", ["a.b.V2", "ä.b.V2", "a.b.V1", "....", "\ud800.b.V2", f"{'A' * 80}.b.V2"])
def test_garbage_refresh_tokens(either: Client, token: str) -> None:
    """Garbage is unauthorised and never an error."""
    assert either.refresh_raw(token)["status"] == "UNAUTHORISED"


def test_a_changed_nonce(either: Client) -> None:
    """A token whose nonce is not the one sealed inside is unauthorised."""
    sealed, _, kind = either.create().refresh.split(".")
    assert either.refresh_raw(f"{sealed}.{'0' * 64}.{kind}")["status"] == "UNAUTHORISED"


def test_refresh_after_the_row_expired(make: Make, clock: Clock) -> None:
    """Invariant 17: an expired session is not refreshed, though its row is there until the sweep."""
    client = make(access_token_validity=1, refresh_token_validity=0.025)
    tokens = client.create()
    clock.move(1501)
    reply = client.refresh_raw(tokens.refresh)
    assert reply == {"status": "UNAUTHORISED", "message": "Session missing in db or has expired"}
    assert row_of(client, tokens.handle) is not None


def test_sliding_expiry(client: Client, clock: Clock) -> None:
    """Invariant 18: a promotion gives the session its full life again."""
    tokens = client.create()
    clock.move(50 * DAY)
    child = client.refresh(tokens.refresh)
    assert row_of(client, tokens.handle).expires_at == tokens.reply["refreshToken"]["expiry"]
    client.refresh(child.refresh)
    assert row_of(client, tokens.handle).expires_at == clock() + 100 * DAY


def test_long_lifetimes(make: Make) -> None:
    """Invariant 19: two years overflow nothing."""
    two_years_s = 2 * 365 * 86400
    reply = make(access_token_validity=two_years_s, refresh_token_validity=two_years_s / 60 + 1).create().reply
    assert reply["accessToken"]["expiry"] - reply["accessToken"]["createdTime"] == two_years_s * 1000
    assert reply["refreshToken"]["expiry"] - reply["refreshToken"]["createdTime"] == two_years_s * 1000 + MINUTE


def test_updates_do_not_move_the_expiry(either: Client, clock: Clock) -> None:
    """Invariant 20: neither data nor payload updates extend a session."""
    tokens = either.create()
    clock.move(DAY)
    either.put(tokens.handle, {"a": 1})
    either.put_payload(tokens.handle, {"a": 1})
    info = either.get(tokens.handle)
    assert info["expiry"] - info["timeCreated"] == 100 * DAY


def test_verify_does_not_revive(client: Client, clock: Clock) -> None:
    """A wanted deviation: a child that is verified after the session expired does not bring it back."""
    tokens = client.create()
    clock.move(100 * DAY - MINUTE)
    child = client.refresh(tokens.refresh)
    clock.move(2 * MINUTE)
    assert client.verify(child.access)["status"] == "UNAUTHORISED"
    assert client.verify(child.access, database=True)["status"] == "UNAUTHORISED"
    assert client.get(tokens.handle)["status"] == "UNAUTHORISED"


def test_verify_never_writes(make: Make) -> None:
    """Invariant 41: from 5.6 on verify leaves the row alone."""
    client = make("5.6")
    child = client.at("5.4").refresh(client.create().refresh)
    before = row_of(client, child.handle)
    assert "accessToken" not in client.verify(child.access, database=True)
    assert row_of(client, child.handle) == before


def test_rotated_out_branch(make: Make) -> None:
    """Invariant 42: after two rotations the first access token is refused by the database check, not ended."""
    client = make("5.6")
    tokens = client.create()
    client.refresh(client.refresh(tokens.refresh).refresh)
    reply = client.verify(tokens.access, database=True)
    assert reply == {"status": "UNAUTHORISED", "message": "rotated-out token branch; refresh required"}
    assert client.verify(tokens.access)["status"] == "OK"
    assert client.get(tokens.handle)["status"] == "OK"


def test_previous_generation_in_flight(make: Make) -> None:
    """Invariant 43: after one rotation the first access token still passes the database check."""
    client = make("5.6")
    tokens = client.create()
    client.refresh(tokens.refresh)
    assert client.verify(tokens.access, database=True)["status"] == "OK"


def test_promotion_records_the_rotation(client: Client, clock: Clock) -> None:
    """Invariant 44: an older promotion writes what newer versions need."""
    tokens = client.create()
    before = row_of(client, tokens.handle)
    client.verify(client.refresh(tokens.refresh).access)
    after = row_of(client, tokens.handle)
    assert after.previous_hash == before.hash
    assert after.rotated_at == clock()


def test_rotation(make: Make, clock: Clock) -> None:
    """Invariant 45: a refresh rotates at once."""
    client = make("5.6")
    tokens = client.create()
    before = row_of(client, tokens.handle)
    assert (before.previous_hash, before.rotated_at) == (None, None)
    clock.move(HOUR)
    child = client.refresh(tokens.refresh)
    after = row_of(client, tokens.handle)
    assert after.previous_hash == before.hash
    assert after.rotated_at == clock()
    assert after.hash != before.hash
    assert after.expires_at == clock() + 100 * DAY
    assert child.claims["parentRefreshTokenHash1"] is None


def test_again_within_the_window(make: Make, clock: Clock) -> None:
    """Invariant 46: within the window the old token rotates again, and the window does not grow."""
    client = make("5.6")
    tokens = client.create()
    first = client.refresh(tokens.refresh)
    before = row_of(client, tokens.handle)
    clock.move(30_000)
    second = client.refresh(tokens.refresh)
    after = row_of(client, tokens.handle)
    assert (after.previous_hash, after.rotated_at, after.expires_at) == (
        before.previous_hash,
        before.rotated_at,
        before.expires_at,
    )
    assert after.hash != before.hash
    assert second.refresh != first.refresh
    client.refresh(second.refresh)


def test_recent_previous(make: Make, clock: Clock) -> None:
    """Invariant 47: after the window the old token is theft, and the session ends."""
    client = make("5.6", refresh_token_rotation_grace_period=0)
    tokens = client.create()
    client.refresh(tokens.refresh)
    clock.move(1)
    reply = client.refresh_raw(tokens.refresh)
    assert reply["status"] == "TOKEN_THEFT_DETECTED"
    assert reply["recentTokenReuseSubtype"] == "RECENT_PREV"
    assert row_of(client, tokens.handle) is None


def test_orphaned_branch(make: Make) -> None:
    """Invariant 48: a child that was displaced within the window ends the session when it is used."""
    client = make("5.6")
    tokens = client.create()
    displaced = client.refresh(tokens.refresh)
    client.refresh(tokens.refresh)
    reply = client.refresh_raw(displaced.refresh)
    assert reply["recentTokenReuseSubtype"] == "ORPHANED_BRANCH"
    assert row_of(client, tokens.handle) is None


def test_reporting_switch(make: Make, clock: Clock) -> None:
    """Invariant 49: recent reuse may be reported as unauthorised; the session ends all the same."""
    client = make("5.6", recent_token_reuse_behaviour="UNAUTHORISED", refresh_token_rotation_grace_period=0)
    tokens = client.create()
    client.refresh(tokens.refresh)
    clock.move(1)
    assert client.refresh_raw(tokens.refresh) == {
        "status": "UNAUTHORISED",
        "message": "refresh token reuse detected",
        "recentTokenReuseSubtype": "RECENT_PREV",
    }
    assert row_of(client, tokens.handle) is None


@pytest.mark.parametrize("behaviour", ["TOKEN_THEFT", "UNAUTHORISED"])
def test_stale_lineage(make: Make, behaviour: str) -> None:
    """Invariant 50: a token from before the last two is theft, whatever the switch says."""
    client = make("5.6", recent_token_reuse_behaviour=behaviour)
    tokens = client.create()
    client.refresh(client.refresh(tokens.refresh).refresh)
    reply = client.refresh_raw(tokens.refresh)
    assert reply["status"] == "TOKEN_THEFT_DETECTED"
    assert reply["recentTokenReuseSubtype"] == "STALE_LINEAGE"
    other = client.create()
    sealed = other.refresh.removesuffix(".V2") + ".v2"
    assert client.refresh_raw(sealed)["recentTokenReuseSubtype"] == "STALE_LINEAGE"


def test_versions_cross(make: Make) -> None:
    """A child minted before 5.6 is rotated since, and after that the old token is theft at once at 5.4."""
    client = make("5.6")
    old = client.at("5.4")
    tokens = client.create()
    child = old.refresh(tokens.refresh)
    client.refresh(child.refresh)
    assert old.refresh_raw(child.refresh)["status"] == "TOKEN_THEFT_DETECTED"
    assert row_of(client, tokens.handle) is not None


def test_validity_override(make: Make) -> None:
    """Invariant 51: a shorter life is exact; the same is allowed; none means the setting."""
    client = make("5.6")
    for asked, life in ((60_000, 60), (3_600_000, 3600)):
        tokens = client.create(accessTokenValidity=asked)
        assert tokens.claims["exp"] - tokens.claims["iat"] == life
        assert client.refresh(tokens.refresh, accessTokenValidity=asked).claims["exp"] - tokens.claims["iat"] == life
    assert client.create().claims["exp"] - client.create().claims["iat"] == 3600


@pytest.mark.parametrize("asked", [0, -1, 3_600_001])
def test_validity_override_out_of_range(make: Make, asked: int) -> None:
    """Invariant 52: a life that is not in range is refused."""
    client = make("5.6")
    tokens = client.create()
    body = {
        "refreshToken": tokens.refresh,
        "enableAntiCsrf": False,
        "useDynamicSigningKey": True,
        "accessTokenValidity": asked,
    }
    status, text = client.error("POST", "/recipe/session/refresh", body)
    assert status == 400
    assert "(3600000 ms)" in text


def test_validity_override_before(client: Client) -> None:
    """Invariant 53: before 5.6 it is ignored."""
    tokens = client.create()
    again = client.refresh(tokens.refresh, accessTokenValidity=1000)
    assert again.claims["exp"] - again.claims["iat"] == 3600


def test_jitter(make: Make) -> None:
    """Invariant 54: no jitter is exact, a quarter varies within a quarter, the default within a twentieth."""

    def lives(jitter: float) -> set[int]:
        client = make(access_token_validity_jitter=jitter)
        return {(claims := client.create().claims)["exp"] - claims["iat"] for _ in range(30)}

    assert lives(0) == {3600}
    wide = lives(0.25)
    assert len(wide) > 1
    assert all(2699 <= life <= 3600 for life in wide)
    assert all(3419 <= life <= 3600 for life in lives(0.05))


def test_regenerate_leaves_the_rotation_alone(make: Make) -> None:
    """Invariant 59: neither the row's hashes nor the token's change."""
    client = make("5.6", access_token_validity_jitter=0.25)
    tokens = client.refresh(client.create().refresh)
    before = row_of(client, tokens.handle)
    minted = client.regenerate(tokens.access, {"a": 1})["accessToken"]["token"]
    after = row_of(client, tokens.handle)
    assert (after.hash, after.previous_hash, after.rotated_at, after.expires_at) == (
        before.hash,
        before.previous_hash,
        before.rotated_at,
        before.expires_at,
    )
    from tests.embedded.client import claims_of

    for name in ("parentRefreshTokenHash1", "refreshTokenHash1", "exp"):
        assert claims_of(minted)[name] == tokens.claims[name]


def test_useDynamicSigningKey_is_needed(client: Client) -> None:
    """Invariant 66: from 5.0 on a refresh must say which kind of key; before, it need not."""
    tokens = client.create(dynamic=False)
    body: dict[str, Any] = {"refreshToken": tokens.refresh, "enableAntiCsrf": False}
    status, text = client.error("POST", "/recipe/session/refresh", body)
    assert (status, text) == (400, "Field name 'useDynamicSigningKey' is invalid in JSON input")
    old = client.at("4.0")
    reply = json.loads(old.raw("POST", "/recipe/session/refresh", body).body)
    assert reply["status"] == "OK"
    body["useDynamicSigningKey"] = True
    assert json.loads(old.raw("POST", "/recipe/session/refresh", body).body)["status"] == "OK"


def test_a_vanished_session_between_check_and_promotion(client: Client) -> None:
    """A session that ends before its child is used stays ended."""
    tokens = client.create()
    child = client.refresh(tokens.refresh)
    client.remove(tokens.handle)
    assert client.verify(child.access) == {"status": "UNAUTHORISED", "message": "Session missing in db"}
