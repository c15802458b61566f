"""Invariants of keys, versions, API keys and input; and this core's own extensions."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from supertokens_lite._protocol.jsondata import merge_patch
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.settings import VERSIONS, Settings, parse_settings
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.types import Secret
from tests.embedded.client import DAY, HOUR, MINUTE, Client, Clock
from tests.embedded.conftest import Make

INTERVAL = 168 * HOUR


def test_key_rotation(either: Client, clock: Clock) -> None:
    """Invariant 67: after its interval another dynamic key signs, the static one stays, old tokens verify."""
    dynamic, static = either.create(), either.create(dynamic=False)
    clock.move(INTERVAL + MINUTE)
    fresh = either.refresh(dynamic.refresh)
    assert fresh.kid != dynamic.kid
    assert either.refresh(static.refresh, dynamic=False).kid == static.kid
    assert either.verify(dynamic.access)["message"] == "Access token expired"


def test_key_overlap(make: Make, clock: Clock) -> None:
    """Invariant 68: a new key is published a minute before it signs."""
    client = make()
    first = client.create()
    clock.move(INTERVAL - 30_000)
    during = client.create()
    assert during.kid == first.kid
    assert len(client.kids()) == 3
    clock.move(MINUTE)
    after = client.create()
    assert after.kid != first.kid
    assert client.kids()[0] == after.kid
    assert client.verify(during.access)["status"] == "OK"


def test_key_order(make: Make, clock: Clock) -> None:
    """Invariant 69: dynamic keys come first, newest first, and the newest signs."""
    client = make(access_token_dynamic_signing_key_update_interval=1, access_token_validity=86400)
    for _ in range(3):
        client.create()
        clock.move(HOUR)
    newest = client.create().kid
    kids = client.kids()
    dynamic = [kid for kid in kids if kid.startswith("d-")]
    assert dynamic == sorted(dynamic, reverse=True)
    assert kids[: len(dynamic)] == dynamic
    assert newest == dynamic[0]


def test_key_clean_up(make: Make, clock: Clock) -> None:
    """Invariant 70: a key that can't verify anything any more leaves the list and the table."""
    client = make()
    old = client.create().kid
    clock.move(INTERVAL + 2 * HOUR)
    client.create()
    assert old in client.kids()
    clock.move(1)
    assert old not in client.kids()
    client.core.sweep()
    assert old not in [key.kid for key in client.core.stats().keys]


def test_keys_under_load(make: Make, clock: Clock) -> None:
    """Invariant 71: thousands of reads during a rotation fail nowhere."""
    client = make()
    access = client.create().access
    failures: list[Any] = []

    def read() -> None:
        for _ in range(250):
            reply = client.verify(access)
            if reply["status"] != "OK":
                failures.append(reply)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    client.core.rotate_keys()
    for thread in threads:
        thread.join()
    assert failures == []


def test_refresh_key_persists(tmp_path: Any) -> None:
    """Invariant 72: after a restart old refresh tokens are good; another core's are not."""
    path = str(tmp_path / "s.db")
    core = EmbeddedCore(path, durability="normal")
    tokens = Client(core).create()
    core.close()
    again = EmbeddedCore(path, durability="normal")
    other = EmbeddedCore(":memory:")
    assert Client(again).refresh_raw(tokens.refresh)["status"] == "OK"
    assert Client(other).refresh_raw(tokens.refresh)["status"] == "UNAUTHORISED"
    again.close()
    other.close()


def test_jwks(client: Client, clock: Clock) -> None:
    """Invariant 79: two keys at first, cacheable until the next one comes; no key and no version needed."""
    client.headers.clear()
    reply = client.raw("GET", "/.well-known/jwks.json")
    assert json.loads(reply.body).keys() == {"keys"}
    assert len(client.kids()) == 2
    assert reply.headers["cache-control"] == f"max-age={INTERVAL // 1000 - 60}, must-revalidate"
    clock.move(DAY)
    later = client.raw("GET", "/.well-known/jwks.json")
    assert later.headers["cache-control"] == f"max-age={(INTERVAL - DAY) // 1000 - 60}, must-revalidate"
    old = json.loads(client.raw("GET", "/recipe/jwt/jwks", headers={"cdi-version": "5.4"}).body)
    assert old == {"status": "OK", "keys": json.loads(reply.body)["keys"]}


def test_api_keys(clock: Clock) -> None:
    """Invariant 80: a good key in any of three places is let in; hello, config and key set need none."""
    keys = ["a" * 20, "b=-" * 10]
    core = EmbeddedCore(":memory:", api_keys=[Secret(key) for key in keys], clock=clock)
    client = Client(core)
    refused = (401, "Invalid API key")
    assert client.error("GET", "/recipe/session", sessionHandle="x") == refused
    for headers in ({"api-key": "a" * 19}, {"authorization": "Bearer x"}, {"api-key": "\xff"}, {"api-key": ""}):
        assert Client(core, headers=headers).error("GET", "/users/count") == refused
    for key in keys:
        for headers in ({"api-key": f" {key} "}, {"authorization": f"Bearer {key}"}, {"authorization": key}):
            assert Client(core, headers=headers).call("GET", "/users/count")["count"] == 0
    for path in ("/hello", "/", "/.well-known/jwks.json", "/config?pid=1"):
        assert client.raw("GET", path).status == 200
    assert client.error("GET", "/nowhere") == (404, "Not found")
    assert client.at("5.4", "/appid-nosuch").error("GET", "/users/count")[0] == 400
    core.close()


def test_api_keys_of_an_app(client: Client) -> None:
    """An app may ask for keys of its own."""
    client.call("PUT", "/recipe/multitenancy/app/v2", {"appId": "shop", "coreConfig": {"api_keys": "k" * 20}})
    assert client.at("5.4", "/appid-shop").error("GET", "/users/count") == (401, "Invalid API key")
    assert Client(client.core, prefix="/appid-shop", headers={"api-key": "k" * 20}).call("GET", "/users/count")


def test_version_limits(make: Make) -> None:
    """Invariant 81: versions beyond the limits are refused, and the list ends at the highest."""
    client = make(None, supertokens_max_cdi_version="5.4", supertokens_min_cdi_version="5.0")
    assert client.call("GET", "/apiversion")["versions"] == ["3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4"]
    assert client.at("5.6").error("GET", "/users/count") == (400, "cdi-version 5.6 not supported")
    status, text = client.at("4.0").error("GET", "/users/count")
    assert (status, text) == (400, "cdi-version 4.0 is lower than the minimum allowed version 5.0")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("abc", "cdi-version header is invalid"),
        ("", "cdi-version header is invalid"),
        ("5", "cdi-version 5 not supported"),
        ("5.4.1", "cdi-version 5.4.1 not supported"),
        ("99.0", "cdi-version 99.0 not supported"),
    ],
)
def test_bad_versions(client: Client, version: str, text: str) -> None:
    """A version that is none is refused, on unknown paths and greetings too."""
    for path in ("/users/count", "/hello", "/nowhere"):
        reply = client.raw("GET", path, headers={"cdi-version": version})
        assert (reply.status, reply.body.decode().strip()) == (400, text)


def test_versions_spoken(client: Client) -> None:
    """All versions are listed, a blank around one does no harm, and the extensions are advertised."""
    reply = client.raw("GET", "/apiversion", headers={"cdi-version": " 5.4 "})
    assert json.loads(reply.body)["versions"] == list(VERSIONS)
    assert reply.headers["lite-extensions"] == "v1"
    assert client.at("5.4", "/t1").error("GET", "/apiversion")[0] == 403


def test_methods_and_paths(client: Client) -> None:
    """Unknown paths and methods are told apart; greetings are given anywhere."""
    for method in ("PATCH", "TRACE", "HEAD", "OPTIONS", "DELETE"):
        assert client.error(method, "/recipe/session/data") == (405, "Method not supported")
    for path in ("/recipe/nothing", "/nope", "/t1/t2/hello", "/appid-x!/hello", "/recipe/handshake"):
        assert client.error("GET", path) == (404, "Not found")
    for path in ("/hello", "/", "/HELLO/", "//hello", "/nope/hello", "/%68ello"):
        assert client.raw("GET", path).body == b"Hello\n"
    assert client.call("GET", "/config", pid=1) == {"status": "NOT_ALLOWED"}
    assert client.error("GET", "/config") == (400, "Field name 'pid' is missing in GET request")
    assert client.at(prefix="/t1").error("GET", "/config", pid=1)[0] == 403


BODIES: list[bytes] = [
    b"",
    b" ",
    b"x",
    b"[]",
    b"1",
    b"null",
    b'{"a":1} x',
    b'{"a":NaN}',
    b"\xff",
    b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_bad_json(client: Client, body: bytes) -> None:
    """Invariant 83: a body that is no JSON object is refused."""
    reply = client.raw("PUT", "/recipe/session/data", body)
    assert (reply.status, reply.body) == (400, b"Invalid Json Input\n")


FIELDS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/recipe/session"): {
        "userId": "u",
        "enableAntiCsrf": False,
        "userDataInJWT": {},
        "userDataInDatabase": {},
    },
    ("POST", "/recipe/session/verify"): {
        "accessToken": "x",
        "doAntiCsrfCheck": False,
        "enableAntiCsrf": False,
        "checkDatabase": False,
    },
    ("POST", "/recipe/session/refresh"): {"refreshToken": "x", "enableAntiCsrf": False, "useDynamicSigningKey": True},
    ("POST", "/recipe/session/regenerate"): {"accessToken": "x"},
    ("PUT", "/recipe/session/data"): {"sessionHandle": "x", "userDataInDatabase": {}},
    ("PUT", "/recipe/jwt/data"): {"sessionHandle": "x", "userDataInJWT": {}},
    ("POST", "/recipe/jwt"): {"algorithm": "RS256", "jwksDomain": "x", "payload": {}, "validity": 1},
    ("PUT", "/lite/v1/session/data"): {"sessionHandle": "x", "userDataInDatabase": {}, "version": 1},
    ("POST", "/lite/v1/session/data/merge"): {"sessionHandle": "x", "patch": {}},
    ("POST", "/lite/v1/sessions/read"): {"sessionHandles": []},
    ("POST", "/lite/v1/sessions/update"): {"updates": []},
}


@pytest.mark.parametrize("call", list(FIELDS), ids=lambda call: " ".join(call))
def test_missing_and_mistyped_fields(client: Client, call: tuple[str, str]) -> None:
    """Invariant 83: each field that is missing, null or of the wrong type is named."""
    good = FIELDS[call]
    assert client.raw(*call, good).status == 200
    for name, value in good.items():
        wrong: tuple[Any, ...] = (
            None,
            7 if not isinstance(value, int) or isinstance(value, bool) else "x",
            [] if value != [] else {},
        )
        for bad in wrong:
            status, text = client.error(*call, {**good, name: bad})
            assert (status, text) == (400, f"Field name '{name}' is invalid in JSON input")
        status, text = client.error(*call, {key: item for key, item in good.items() if key != name})
        assert (status, text) == (400, f"Field name '{name}' is invalid in JSON input")


@pytest.mark.parametrize("name", ["antiCsrfToken", "useDynamicSigningKey", "accessTokenValidity"])
def test_null_for_an_optional_field(make: Make, name: str) -> None:
    """Invariant 83: an optional field is left out, never null."""
    client = make("5.6")
    body = {**FIELDS["POST", "/recipe/session/refresh"], name: None}
    assert client.error("POST", "/recipe/session/refresh", body)[0] == 400


def test_numbers_that_are_too_large(client: Client) -> None:
    """A number that JSON can't give back is refused, not stored as something else."""
    body = b'{"sessionHandle":"x","userDataInDatabase":{"a":1e999}}'
    assert client.raw("PUT", "/recipe/session/data", body).status == 400
    body = b'{"algorithm":"RS256","jwksDomain":"x","payload":{"a":1e999},"validity":1}'
    assert client.raw("POST", "/recipe/jwt", body).status == 400
    for version in (b"1e300", b"1e999", b"-1e999"):
        body = b'{"sessionHandle":"x","userDataInDatabase":{},"version":' + version + b"}"
        assert client.raw("PUT", "/lite/v1/session/data", body).status == 400
    assert client.error("POST", "/recipe/session", {**FIELDS["POST", "/recipe/session"], "userId": "\ud800"})[0] == 400


@pytest.mark.parametrize("call", [call for call, body in FIELDS.items() if "sessionHandle" in body], ids=" ".join)
def test_handles_that_are_no_text(client: Client, call: tuple[str, str]) -> None:
    """A handle that UTF-8 can't hold is the caller's mistake, not an error of the core."""
    refused = (400, "Field name 'sessionHandle' is invalid in JSON input")
    assert client.error(*call, {**FIELDS[call], "sessionHandle": "\ud800"}) == refused


def test_jwt_rules(client: Client) -> None:
    """A JWT needs a life and RS256; claims of the caller's win."""
    body = FIELDS["POST", "/recipe/jwt"]
    assert client.error("POST", "/recipe/jwt", {**body, "validity": 0})[0] == 400
    assert client.call("POST", "/recipe/jwt", {**body, "algorithm": "ES256"})["status"] == "UNSUPPORTED_ALGORITHM_ERROR"
    from tests.embedded.client import claims_of

    jwt = client.call("POST", "/recipe/jwt", {**body, "algorithm": "rs256", "payload": {"iss": "me", "exp": 5}})["jwt"]
    assert (claims_of(jwt)["iss"], claims_of(jwt)["exp"]) == ("me", 5)


def test_charset_is_always_utf_8(client: Client) -> None:
    """A wanted deviation: text is UTF-8 whatever the charset says."""
    handle = client.create().handle
    body = json.dumps({"sessionHandle": handle, "userDataInDatabase": {"ä": "ö"}}, ensure_ascii=False).encode()
    client.raw("PUT", "/recipe/session/data", body, headers={"content-type": "application/json"})
    assert client.get(handle)["userDataInDatabase"] == {"ä": "ö"}


def test_compare_and_set(client: Client) -> None:
    """A write that is based on an old version is refused with what is stored; plain writes raise the version too."""
    handle = client.create(data={"n": 0}).handle
    path = "/lite/v1/session/data"
    assert client.call("GET", path, sessionHandle=handle) == {
        "status": "OK",
        "userDataInDatabase": {"n": 0},
        "version": 1,
    }
    body = {"sessionHandle": handle, "userDataInDatabase": {"n": 1}, "version": 1}
    assert client.call("PUT", path, body) == {"status": "OK", "version": 2}
    assert client.call("PUT", path, body) == {"status": "CONFLICT", "version": 2, "userDataInDatabase": {"n": 1}}
    client.put(handle, {"n": 5})
    assert client.call("GET", path, sessionHandle=handle)["version"] == 3
    for method, sent in (("PUT", {**body, "sessionHandle": "x"}),):
        assert client.call(method, path, sent)["status"] == "UNAUTHORISED"
    assert client.call("GET", path, sessionHandle="x")["status"] == "UNAUTHORISED"
    assert client.error("GET", path, sessionHandle="x_t9")[0] == 400


RFC_7396: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_merge_patch(target: Any, patch: Any, result: Any) -> None:
    """The examples of RFC 7396, appendix A, come out as printed there."""
    assert merge_patch(target, patch) == result


def test_merge(client: Client) -> None:
    """A merge changes what the patch names and leaves the rest."""
    handle = client.create(data={"a": {"b": 1, "c": 2}}).handle
    body = {"sessionHandle": handle, "patch": {"a": {"b": None}, "d": 3}}
    reply = client.call("POST", "/lite/v1/session/data/merge", body)
    assert reply == {"status": "OK", "userDataInDatabase": {"a": {"c": 2}, "d": 3}, "version": 2}
    assert (
        client.call("POST", "/lite/v1/session/data/merge", {**body, "sessionHandle": "x"})["status"] == "UNAUTHORISED"
    )


def test_batches(client: Client) -> None:
    """Many sessions are read and changed in one call, each by itself, in the order asked for."""
    handles = [client.create(data={"n": n}).handle for n in range(4)]
    read = client.call("POST", "/lite/v1/sessions/read", {"sessionHandles": [handles[1], "x", handles[0]]})["sessions"]
    assert [each and each["userDataInDatabase"] for each in read] == [{"n": 1}, None, {"n": 0}]
    assert read[0]["version"] == 1
    updates = [
        {"sessionHandle": handles[0], "userDataInDatabase": {"n": 10}},
        {"sessionHandle": handles[1], "patch": {"m": 1}},
        {"sessionHandle": handles[2], "userDataInDatabase": {}, "version": 7},
        {"sessionHandle": handles[3], "patch": {"m": 1}, "version": 1},
        {"sessionHandle": handles[3], "patch": {"m": 2}, "version": 1},
        {"sessionHandle": "x", "patch": {}},
        {"sessionHandle": "x", "userDataInDatabase": {}},
        {"sessionHandle": "x", "userDataInDatabase": {}, "version": 1},
    ]
    results = client.call("POST", "/lite/v1/sessions/update", {"updates": updates})["results"]
    assert results == [
        {"status": "OK", "version": 2},
        {"status": "OK", "version": 2},
        {"status": "CONFLICT", "version": 1, "userDataInDatabase": {"n": 2}},
        {"status": "OK", "version": 2},
        {"status": "CONFLICT", "version": 2, "userDataInDatabase": {"n": 3, "m": 1}},
        {"status": "UNAUTHORISED"},
        {"status": "UNAUTHORISED"},
        {"status": "UNAUTHORISED"},
    ]
    too_many = {"sessionHandles": ["x"] * 1001}
    assert client.error("POST", "/lite/v1/sessions/read", too_many)[0] == 400
    for bad in ({}, {"sessionHandle": "x"}, {"sessionHandle": "x", "patch": {}, "userDataInDatabase": {}}, 7):
        assert client.error("POST", "/lite/v1/sessions/update", {"updates": [bad]})[0] == 400


def test_pages(client: Client, clock: Clock) -> None:
    """All live sessions come in a stable order, page by page, whatever comes and goes meanwhile."""
    client.call("PUT", "/recipe/multitenancy/tenant/v2", {"tenantId": "t1"})
    expired = client.create().handle
    clock.move(100 * DAY + 1)
    handles = [client.create(f"u{n}").handle for n in range(7)]
    elsewhere = client.at("5.4", "/t1").create().handle
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = client.call("GET", "/lite/v1/sessions", **query)
        seen += [session["sessionHandle"] for session in page["sessions"]]
        if len(seen) == 3:
            client.remove(seen[0], handles[4])
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == [*handles[:4], *handles[5:], elsewhere]
    assert expired not in seen
    only = client.call("GET", "/lite/v1/sessions", tenantId="t1")["sessions"]
    assert [session["sessionHandle"] for session in only] == [elsewhere]
    for bad in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "-1"}, {"cursor": "9" * 30}):
        assert client.error("GET", "/lite/v1/sessions", **bad)[0] == 400


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"no_such": 1}, "Invalid config key: no_such"),
        ({"access_token_validity": 0}, "between 1 and 86400000"),
        ({"access_token_validity": "x"}, "must be an integer"),
        ({"access_token_validity": True}, "must be an integer"),
        ({"access_token_validity": 1.5}, "must be an integer"),
        ({"access_token_validity_jitter": 0.3}, "between 0 and 0.25"),
        ({"access_token_validity_jitter": "x"}, "must be a number"),
        ({"refresh_token_rotation_grace_period": 301}, "between 0 and 300"),
        ({"refresh_token_validity": 60, "access_token_validity": 3600}, "strictly greater"),
        ({"recent_token_reuse_behaviour": "IGNORE"}, "TOKEN_THEFT or UNAUTHORISED"),
        ({"access_token_signing_key_update_interval": 0.5}, "between 1 and 1000000000 hours"),
        ({"access_token_signing_key_update_interval": "inf"}, "between 1 and 1000000000 hours"),
        ({"supertokens_max_cdi_version": "9.9"}, "must be one of"),
        ({"supertokens_max_cdi_version": "5.0", "supertokens_min_cdi_version": "5.4"}, "must not be above"),
        ({"api_keys": "short"}, "at least 20 characters"),
        ({"ip_allow_regex": "("}, "valid regular expression"),
    ],
)
def test_settings_that_can_not_work(settings: dict[str, Any], text: str) -> None:
    """A setting that can't work is named, in one line."""
    with pytest.raises(ConfigurationError, match=text.replace("(", r"\(")) as caught:
        EmbeddedCore(":memory:", config=settings)
    assert "\n" not in str(caught.value)


def test_settings_as_text() -> None:
    """Settings may come as text, as an environment has them."""
    settings = parse_settings(
        {
            "access_token_validity": "600",
            "refresh_token_validity": "100.5",
            "access_token_signing_key_update_interval": "24",
            "api_keys": f"{'a' * 20}, {'b' * 20}",
            "ip_deny_regex": None,
        }
    )
    assert settings == Settings(
        access_token_validity=600,
        refresh_token_validity=100.5,
        access_token_dynamic_signing_key_update_interval=24,
        api_keys=("a" * 20, "b" * 20),
    )
