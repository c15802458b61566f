"""Invariants of stored sessions: reading, writing, listing, removing; tenants and apps."""

from __future__ import annotations

import json
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from supertokens_lite.embedded import EmbeddedCore, Write
from supertokens_lite.types import HttpRequest
from tests.embedded.client import DAY, Client, Clock
from tests.embedded.conftest import Make

GONE = {"status": "UNAUTHORISED", "message": "Session does not exist."}


def test_revoked_without_database_check(either: Client) -> None:
    """Invariant 21: without a database check a revoked session's token is good until it expires."""
    tokens = either.create()
    either.remove(tokens.handle)
    assert either.verify(tokens.access)["status"] == "OK"
    assert either.refresh_raw(tokens.refresh)["status"] == "UNAUTHORISED"


def test_revoked_with_database_check(either: Client) -> None:
    """Invariant 22: with a database check it is not."""
    tokens = either.create()
    either.remove(tokens.handle)
    reply = either.verify(tokens.access, database=True)
    assert reply == {"status": "UNAUTHORISED", "message": "Either the session has ended or has been blacklisted"}


def test_revoke_several(either: Client) -> None:
    """Invariants 23, 24 and 25: exactly those that there are come back, and none the second time."""
    handles = [either.create().handle for _ in range(5)]
    assert either.remove(*handles[:3]) == handles[:3]
    assert either.remove(*handles[:3]) == []
    assert either.remove("unknown", handles[3], "other", handles[4], handles[3]) == [handles[3], handles[4], handles[3]]
    assert either.remove() == []


def test_revoke_by_user(either: Client) -> None:
    """Invariant 26: only that user's sessions go."""
    mine = [either.create("a").handle for _ in range(4)]
    other = either.create("b").handle
    reply = either.call("POST", "/recipe/session/remove", {"userId": "a"})
    assert reply["sessionHandlesRevoked"] == mine
    assert either.handles("a") == []
    assert either.handles("b") == [other]


def test_remove_input_rules(either: Client) -> None:
    """Invariant 27: one of user and handles, and flags only with a user."""
    rule = (400, "Invalid JSON input - use one of userId or sessionHandles array")
    assert either.error("POST", "/recipe/session/remove", {}) == rule
    assert either.error("POST", "/recipe/session/remove", {"userId": "a", "sessionHandles": []}) == rule
    for name in ("revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"):
        status, text = either.error("POST", "/recipe/session/remove", {"sessionHandles": [], name: True})
        assert (status, text) == (400, f"Invalid JSON input - {name} can only be set if userId is set")


def test_expired_sessions(either: Client, clock: Clock) -> None:
    """Invariants 28 and 29: an expired session is not listed, not read and not written."""
    old = [either.create().handle for _ in range(3)]
    clock.move(50 * DAY)
    new = [either.create().handle for _ in range(2)]
    clock.move(50 * DAY + 1)
    assert either.handles() == new
    assert either.get(old[0]) == GONE
    assert either.put(old[0], {}) == GONE
    assert either.put_payload(old[0], {}) == GONE
    assert either.call("GET", "/recipe/session/data", sessionHandle=old[0]) == GONE


def test_sweep(either: Client, clock: Clock) -> None:
    """Invariant 30: the sweep removes what has expired and nothing else."""
    old = [either.create().handle for _ in range(250)]
    clock.move(100 * DAY)
    assert either.core.sweep() == 250
    new = either.create().handle
    assert either.core.sweep() == 0
    assert either.handles() == [new]
    assert either.remove(*old) == []


def test_sweeping_by_itself(client: Client, clock: Clock) -> None:
    """Invariant 31: sessions are swept every 12 hours, keys every 24, by a thread that a request starts."""
    from supertokens_lite.embedded import upkeep

    assert upkeep.SESSIONS_EVERY_MS == 43_200_000
    assert upkeep.KEYS_EVERY_MS == 86_400_000
    client.create()
    clock.move(101 * DAY)
    client.handles()
    thread = client.core._upkeep._thread
    assert thread is not None
    thread.join()
    assert client.core.stats().tenants[0].expired == 0


def test_sweeping_when_the_clock_was_set_back(client: Client, clock: Clock) -> None:
    """A clock that was wrong by years and is set right does not keep the sweep from coming for as long."""
    client.create()
    clock.move(1000 * DAY)
    client.handles()
    assert client.core._upkeep._thread is not None
    client.core._upkeep._thread.join()
    clock.move(-500 * DAY)
    client.create()
    clock.move(101 * DAY)
    client.handles()
    client.core._upkeep._thread.join()
    assert [tenant.expired for tenant in client.core.stats().tenants] == [0]


@pytest.mark.parametrize("handle", ["", "x", "00000000-0000-4000-8000-000000000000", "_", "a_", "\x00", "ä" * 300])
def test_unknown_handles(either: Client, handle: str) -> None:
    """Invariant 32: a handle of no session reads and writes as not existing."""
    assert either.get(handle) == GONE
    assert either.put(handle, {}) == GONE
    assert either.put_payload(handle, {}) == GONE
    assert either.call("GET", "/recipe/jwt/data", sessionHandle=handle) == GONE


@pytest.mark.parametrize("data", [{"a": {"b": [1, None, 1e10, -0.5, "ü\u2028\U0001f600\ud800\x00"]}}, {}])
def test_data_is_replaced(either: Client, data: dict[str, Any]) -> None:
    """Invariant 33: data is replaced as a whole and read back exactly."""
    handle = either.create(data={"old": 1}).handle
    assert either.put(handle, data) == {"status": "OK"}
    assert either.get(handle)["userDataInDatabase"] == data
    reply = either.call("GET", "/recipe/session/data", sessionHandle=handle)
    assert reply == {"status": "OK", "userDataInDatabase": data}


def test_payload_is_replaced(either: Client) -> None:
    """Invariant 34: the payload is replaced, and `{}` empties it."""
    handle = either.create(payload={"old": 1}).handle
    for payload in ({"a": {"b": None}}, {}):
        either.put_payload(handle, payload)
        reply = either.call("GET", "/recipe/jwt/data", sessionHandle=handle)
        assert reply == {"status": "OK", "userDataInJWT": payload}


def test_tenants(make: Make) -> None:
    """Invariant 76: handles and tokens carry the tenant, and work from any prefix of the app."""
    client = make()
    client.call("PUT", "/recipe/multitenancy/tenant/v2", {"tenantId": "t2"})
    there = client.at("5.4", "/t2")
    tokens = there.create()
    assert tokens.handle.endswith("_t2")
    assert tokens.claims["tId"] == "t2"
    for prefix in ("", "/public", "/t2", "/appid-public/t2", "/APPID-PUBLIC/T2", "//t2"):
        at = client.at("5.4", prefix)
        assert at.get(tokens.handle)["tenantId"] == "t2"
        assert at.verify(tokens.access, database=True)["status"] == "OK"
        assert at.regenerate(tokens.access)["status"] == "OK"
        assert at.put(tokens.handle, {"p": prefix}) == {"status": "OK"}
    client.call("PUT", "/recipe/multitenancy/app/v2", {"appId": "other"})
    other = client.at("5.4", "/appid-other")
    assert other.verify(tokens.access)["status"] == "TRY_REFRESH_TOKEN"
    assert other.refresh_raw(tokens.refresh)["status"] == "UNAUTHORISED"
    refreshed = client.refresh(tokens.refresh)
    assert refreshed.handle == tokens.handle
    assert there.verify(refreshed.access)["status"] == "OK"


def test_across_tenants(make: Make) -> None:
    """Invariant 77: listing and removing go across all tenants unless told not to."""
    client = make()
    client.call("PUT", "/recipe/multitenancy/tenant/v2", {"tenantId": "t2"})
    there = client.at("5.4", "/t2")
    here_handle, there_handle = client.create().handle, there.create().handle
    assert client.handles() == client.handles(fetchAcrossAllTenants="true") == [here_handle, there_handle]
    assert client.handles(fetchAcrossAllTenants="false") == [here_handle]
    assert there.handles(fetchAcrossAllTenants="false") == [there_handle]
    public_only = (403, "Only public tenantId can call this app specific API")
    assert there.error("GET", "/recipe/session/user", userId="ada") == public_only
    assert there.at("4.0", "/t2").handles() == [here_handle, there_handle]
    body = {"userId": "ada", "revokeAcrossAllTenants": False}
    assert there.call("POST", "/recipe/session/remove", body)["sessionHandlesRevoked"] == [there_handle]
    assert there.error("POST", "/recipe/session/remove", {"userId": "ada"}) == public_only
    there.create()
    assert len(client.call("POST", "/recipe/session/remove", {"userId": "ada"})["sessionHandlesRevoked"]) == 2


def test_verify_on_a_tenant(make: Make) -> None:
    """Invariant 78: from 5.6 on verify is for the public tenant's path only."""
    client = make("5.6")
    access = client.create().access
    body = {"accessToken": access, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": False}
    assert client.at("5.6", "/t9").error("POST", "/recipe/session/verify", body)[0] == 403
    assert client.at("5.5", "/t9").call("POST", "/recipe/session/verify", body)["status"] == "OK"


def test_unknown_tenants_and_apps(client: Client) -> None:
    """A tenant or app that does not exist is refused where it matters."""
    body = {"userId": "u", "enableAntiCsrf": False, "userDataInJWT": {}, "userDataInDatabase": {}}
    for prefix in ("/t9", "/appid-nosuch", "/appid-nosuch/t9"):
        status, text = client.at("5.4", prefix).error("POST", "/recipe/session", body)
        assert status == 400
        assert text.startswith("AppId or tenantId not found")
    for method, path, sent in (
        ("PUT", "/recipe/session/data", {"sessionHandle": "x_t9", "userDataInDatabase": {}}),
        ("PUT", "/recipe/jwt/data", {"sessionHandle": "x_t9", "userDataInJWT": {}}),
        ("POST", "/recipe/session/remove", {"sessionHandles": ["x_t9"]}),
    ):
        assert client.error(method, path, sent)[0] == 400
    assert client.error("GET", "/recipe/session", sessionHandle="x_t9")[0] == 400
    assert client.error("GET", "/recipe/session/data", sessionHandle="x_t9")[0] == 400
    reply = client.at("5.4", "/t9").error("GET", "/recipe/session/user", userId="a", fetchAcrossAllTenants="false")
    assert reply[0] == 400


def test_apps_and_tenants(client: Client) -> None:
    """Apps and tenants are made, listed, changed and removed with all they have."""
    base = "/recipe/multitenancy"
    assert client.call("PUT", f"{base}/app/v2", {"appId": "Shop", "coreConfig": {"access_token_validity": 60}}) == {
        "status": "OK",
        "createdNew": True,
    }
    shop = client.at("5.4", "/appid-shop")
    assert shop.create().claims["exp"] - shop.create().claims["iat"] == 60
    client.call("PUT", f"{base}/app/v2", {"appId": "shop", "coreConfig": {"access_token_validity": None}})
    assert shop.create().claims["exp"] - shop.create().claims["iat"] == 3600
    assert shop.call("PUT", f"{base}/tenant/v2", {"tenantId": "t1", "coreConfig": {}})["createdNew"] is True
    tenants = [tenant["tenantId"] for tenant in shop.call("GET", f"{base}/tenant/list/v2")["tenants"]]
    assert tenants == ["public", "t1"]
    apps = client.call("GET", f"{base}/app/list/v2")["apps"]
    assert [app["appId"] for app in apps] == ["public", "shop"]
    tokens = client.at("5.4", "/appid-shop/t1").create()
    assert shop.call("POST", f"{base}/tenant/remove", {"tenantId": "t1"}) == {"status": "OK", "didExist": True}
    assert shop.error("GET", "/recipe/session", sessionHandle=tokens.handle)[0] == 400
    assert client.call("POST", f"{base}/app/remove", {"appId": "shop"}) == {"status": "OK", "didExist": True}
    assert shop.error("GET", "/recipe/session", sessionHandle="x")[0] == 400


@pytest.mark.parametrize(
    ("prefix", "method", "path", "body", "status"),
    [
        ("/appid-shop", "PUT", "app/v2", {"appId": "x"}, 403),
        ("/t1", "PUT", "tenant/v2", {"tenantId": "x"}, 403),
        ("", "PUT", "tenant/v2", {"tenantId": "recipe"}, 400),
        ("", "PUT", "tenant/v2", {"tenantId": "appid-x"}, 400),
        ("", "PUT", "tenant/v2", {"tenantId": "x" * 65}, 400),
        ("", "PUT", "tenant/v2", {}, 400),
        ("", "PUT", "app/v2", {"appId": 7}, 400),
        ("", "PUT", "app/v2", {"appId": "x", "coreConfig": []}, 400),
        ("", "PUT", "app/v2", {"appId": "x", "coreConfig": {"access_token_validity": "soon"}}, 400),
        ("", "POST", "app/remove", {}, 400),
    ],
)
def test_bad_apps_and_tenants(
    client: Client, prefix: str, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    """An app or tenant that can't be is refused, and nothing is made."""
    client.call("PUT", "/recipe/multitenancy/app/v2", {"appId": "shop"})
    before = client.call("GET", "/recipe/multitenancy/app/list/v2")
    assert client.at("5.4", prefix).error(method, f"/recipe/multitenancy/{path}", body)[0] == status
    assert client.call("GET", "/recipe/multitenancy/app/list/v2") == before


def test_users_of_a_core_without_users(client: Client) -> None:
    """User look-ups find nobody."""
    assert client.call("GET", "/user/id", userId="x") == {"status": "UNKNOWN_USER_ID_ERROR"}
    assert client.call("GET", "/users") == {"status": "OK", "users": []}
    assert client.call("GET", "/users/count") == {"status": "OK", "count": 0}


def test_settings_that_are_read_while_they_change(tmp_path: Path) -> None:
    """Settings of an app hold from the answer on, even if a request read the old ones just before the commit."""
    core = EmbeddedCore(str(tmp_path / "sessions.db"), durability="normal")
    client = Client(core)

    def newest() -> str:
        return str(max(client.at(None, "/appid-a").call("GET", "/apiversion")["versions"]))

    def put(newest_allowed: str) -> HttpRequest:
        config = {"supertokens_max_cdi_version": newest_allowed}
        body = json.dumps({"appId": "a", "coreConfig": config}).encode()
        return HttpRequest("PUT", "", "/recipe/multitenancy/app/v2", {}, body)

    core.handle(put("5.4"))
    assert newest() == "5.4"
    change = core.plan(put("5.0"))
    assert isinstance(change, Write)
    answers: SimpleQueue[str] = SimpleQueue()
    with core.database.writer.lock:  # so that they meet in the queue, and are committed together
        change.submit(lambda _: lambda: answers.put(newest()))
        core.database.submit(lambda _: answers.put(newest()), lambda _: None)
    assert [answers.get(timeout=10), answers.get(timeout=10)] == ["5.4", "5.0"]
    core.close()
