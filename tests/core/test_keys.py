"""The public keys: when they are fetched, for how long they are used, and what is dropped with them."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._core.keys import Keys
from supertokens_lite._protocol.tokens import TokenRules
from supertokens_lite.exceptions import ConfigurationError, CoreResponseError, CoreUnavailableError
from supertokens_lite.types import HttpReply
from tests.apps import build_app, create
from tests.conftest import DRIVERS, Drive
from tests.core.scripted import Cores, document, down, jwk
from tests.servers import Reply, closed_port, serve, session_core

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def test_keys_are_fetched_once(drive: Drive) -> None:
    """Before the first fetch there are none; after it they are used without a call, or a wait, until they are due."""
    cores = Cores("d-1", "s-1")
    keys = cores.keys()

    async def scenario() -> None:
        assert keys.fresh() is None
        found = await keys.get({})
        assert found.kids == {"d-1", "s-1"}
        assert keys.fresh() is found
        assert await keys.get() is found
        cores.now_s += 4 * HOUR_S - 1
        assert keys.fresh() is found
        assert await keys.get() is found
        assert len(cores.seen) == 1
        cores.now_s += 1
        assert keys.fresh() is None

    drive(scenario)
    assert cores.seen[0].method == "GET"
    assert cores.seen[0].target == "/.well-known/jwks.json"


@pytest.mark.parametrize("again", [("d-1", "s-1"), ("s-1", "d-1")])
def test_the_same_document_gives_the_same_keys(drive: Drive, again: tuple[str, ...]) -> None:
    """Keys that come again unchanged, in any order, are the same object, which remembers what it has verified."""
    cores = Cores("d-1", "s-1")
    keys = cores.keys()

    async def scenario() -> None:
        first = await keys.get()
        cores.say(document(*again))
        cores.now_s += 4 * HOUR_S
        assert await keys.get() is first
        assert len(cores.seen) == 2
        assert keys.fresh() is first

    drive(scenario)


def test_a_key_that_vanished_is_gone(drive: Drive) -> None:
    """What the core does not name any more is not used any more, and what is new is."""
    cores = Cores("d-1", "s-1")
    keys = cores.keys()

    async def scenario() -> None:
        first = await keys.get()
        cores.say(document("d-2", "s-1"))
        cores.now_s += 4 * HOUR_S
        second = await keys.get()
        assert second is not first
        assert second.kids == {"d-2", "s-1"}
        assert await keys.with_kid("d-1") is None

    drive(scenario)


CACHE_CONTROL = [
    (None, 14_400, 14_400),
    ("no-cache", 14_400, 14_400),
    ("max-age=604169, must-revalidate", 14_400, 14_400),
    ("max-age=600", 14_400, 600),
    ("max-age=60", 14_400, 60),
    ("max-age=59", 14_400, 60),
    ("max-age=0", 14_400, 60),
    ("max-age=9999999999", 14_400, 14_400),
    ("max-age=-5", 14_400, 14_400),
    ("max-age=600", 30, 30),
    ("max-age=0", 30, 30),
]


@pytest.mark.parametrize(("header", "refresh_s", "expected_s"), CACHE_CONTROL)
def test_how_long_the_core_lets_keys_be_used(header: str | None, refresh_s: float, expected_s: float) -> None:
    """The core may shorten the configured interval, to a minute at least, and never lengthen it."""
    cores = Cores()
    cores.say(document("d-1", cache=header))
    keys = cores.keys(refresh_s=refresh_s)

    async def scenario() -> None:
        found = await keys.get()
        cores.now_s += expected_s - 0.01
        assert keys.fresh() is found
        cores.now_s += 0.01
        assert keys.fresh() is None

    DRIVERS["direct"](scenario)


@given(st.text(max_size=30), st.floats(1, 10**6))
def test_any_header_bounds_the_use_of_keys(header: str, refresh_s: float) -> None:
    """Whatever the header says, keys are used for a minute or the interval, and for the interval at most."""
    cores = Cores()
    cores.say(document("d-1", cache=header))
    keys = cores.keys(refresh_s=refresh_s)

    async def scenario() -> None:
        await keys.get()
        began_s = cores.now_s
        cores.now_s = math.nextafter(began_s + min(60, refresh_s), 0)
        assert keys.fresh() is not None
        cores.now_s = began_s + refresh_s
        assert keys.fresh() is None

    DRIVERS["direct"](scenario)


def test_old_keys_serve_while_the_core_is_down(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """A core that can't be asked is no reason to refuse a token, for a day; a caller tries again now and then."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        cores.fail()
        cores.now_s += 4 * HOUR_S
        assert await keys.get() is found
        assert len(cores.seen) == 2
        cores.now_s += 29
        assert keys.fresh() is found
        cores.now_s += 1
        assert keys.fresh() is None
        assert await keys.get() is found
        assert len(cores.seen) == 3
        cores.now_s += DAY_S - 30 - 1
        assert await keys.get() is found
        assert keys.fresh() is found
        cores.now_s += 1
        assert keys.fresh() is None
        with pytest.raises(CoreUnavailableError, match="down"):
            await keys.get()
        cores.say(document("d-1"))
        assert await keys.get() is found
        assert keys.fresh() is found

    with caplog.at_level(logging.WARNING, logger="supertokens_lite"):
        drive(scenario)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert "those at hand are used for 86400 s more" in caplog.text
    assert "http://one.example: down" in caplog.text


@pytest.mark.parametrize("idle_s", [5 * HOUR_S, 8 * HOUR_S, 28 * HOUR_S - 1])
def test_old_keys_serve_after_a_long_idleness(drive: Drive, idle_s: float) -> None:
    """Also where nobody came between the limits, the keys serve until they are stale."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        cores.fail()
        cores.now_s += idle_s
        assert await keys.get() is found
        assert keys.fresh() is found

    drive(scenario)


def test_keys_are_never_stale_where_that_is_not_wanted(drive: Drive) -> None:
    """With `max_stale_s=0` an error comes out as soon as the keys are due."""
    cores = Cores("d-1")
    keys = cores.keys(max_stale_s=0)

    async def scenario() -> None:
        await keys.get()
        cores.fail()
        cores.now_s += 4 * HOUR_S
        for _ in range(2):
            with pytest.raises(CoreUnavailableError, match="down"):
                await keys.get()
            assert keys.fresh() is None

    drive(scenario)


def test_a_core_that_is_down_at_the_start(drive: Drive) -> None:
    """Without any keys the error comes out, and each caller asks anew, so that a core that is back is noticed."""
    cores = Cores()
    cores.fail()
    keys = cores.keys()

    async def scenario() -> None:
        for ask in (keys.get, keys.document):
            with pytest.raises(CoreUnavailableError, match="down"):
                await ask()
        with pytest.raises(CoreUnavailableError, match="down"):
            await keys.with_kid("d-1")
        keys.forget(["h"])
        cores.say(document("d-1"))
        found = await keys.with_kid("d-1")
        assert found is not None
        assert found is await keys.get()

    drive(scenario)


NO_DOCUMENTS = [
    HttpReply(500, {}, b"no"),
    HttpReply(200, {}, b"<html>"),
    HttpReply(200, {}, b"[]"),
    HttpReply(200, {}, b"{}"),
    HttpReply(200, {}, b'{"keys":{}}'),
    HttpReply(200, {}, b'{"keys":[]}'),
    HttpReply(200, {}, b'{"keys":[1,null,{},{"kid":1},{"kid":"d-1"}]}'),
    HttpReply(200, {}, json.dumps({"keys": [{**jwk("d-1"), "kty": "oct"}]}).encode()),
]


@pytest.mark.parametrize("answer", NO_DOCUMENTS, ids=lambda answer: answer.body.decode()[:20])
def test_an_answer_without_keys_is_an_error(drive: Drive, answer: HttpReply) -> None:
    """Something else than keys, as a proxy may give, does not make us forget those that we have."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        cores.say(answer)
        cores.now_s += 4 * HOUR_S
        assert await keys.get() is found
        with pytest.raises(CoreResponseError, match="jwks"):
            await keys.with_kid("d-2")
        with pytest.raises(CoreResponseError, match="jwks"):
            await cores.keys().get()

    drive(scenario)


def test_bad_entries_are_left_out(drive: Drive) -> None:
    """A key that can't be used does not take the others with it."""
    cores = Cores()
    cores.say(HttpReply(200, {}, json.dumps({"keys": [1, {"kid": "x"}, jwk("d-1"), {"kty": "RSA"}]}).encode()))
    keys = cores.keys()

    async def scenario() -> None:
        assert (await keys.get()).kids == {"d-1"}

    drive(scenario)


def test_an_error_of_the_application(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """What an interceptor raises does not end the use of the keys; for an unknown key it comes out; it is not shown."""
    cores = Cores("d-1")
    keys = cores.keys()

    async def scenario() -> None:
        found = await keys.get()
        cores.say(lambda: ValueError("a secret"))
        cores.now_s += 4 * HOUR_S
        assert await keys.get() is found
        for _ in range(2):
            with pytest.raises(ValueError, match="a secret"):
                await keys.with_kid("d-2")
        cores.say(document("d-2"))
        assert await keys.with_kid("d-2") is not None

    with caplog.at_level(logging.WARNING, logger="supertokens_lite"):
        drive(scenario)
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("transport")
def test_the_keys_of_all_hosts(drive: Drive) -> None:
    """Hosts that know different keys are all asked, and their keys put together."""
    hosts = [
        serve(session_core(lambda _, kid=kid: Reply(body=document(kid, "s-1").body)))  # type: ignore[misc]
        for kid in ("d-1", "d-2")
    ]
    with hosts[0] as one, hosts[1] as other:

        async def scenario() -> None:
            with build_app(f"{one.url};{other.url};{closed_port()}") as app:
                keys = Cores("x").keys()
                keys._querier, keys._effects = app._querier, app._effects
                assert (await keys.get()).kids == {"d-1", "d-2", "s-1"}
                assert await keys.with_kid("d-3") is None
                found, _ = await keys.document()
                assert [key["kid"] for key in found] == ["d-1", "s-1", "d-2"]
                await app.aclose()

        drive(scenario)
        assert len(one.seen) == len(other.seen) == 2


def test_the_keys_of_a_host_that_is_silent(drive: Drive) -> None:
    """A host that does not answer keeps its keys until they would be stale; one that answers has what it names."""
    cores = Cores("d-1", hosts=("http://a", "http://b"))
    cores.says["http://b"] = document("d-2")
    keys = cores.keys()

    async def scenario() -> None:
        assert (await keys.get()).kids == {"d-1", "d-2"}
        cores.says["http://b"] = down
        cores.says["http://a"] = document("d-3")
        found = await keys.with_kid("d-3")
        assert found is not None
        assert found.kids == {"d-2", "d-3"}
        cores.now_s += 28 * HOUR_S - 1
        assert (await keys.get()).kids == {"d-2", "d-3"}
        cores.now_s += 4 * HOUR_S
        assert (await keys.get()).kids == {"d-3"}
        cores.says["http://b"] = document("d-4")
        cores.now_s += 4 * HOUR_S
        assert (await keys.get()).kids == {"d-3", "d-4"}

    drive(scenario)


OTHERS: list[Any] = [
    {**jwk("d-1"), "kty": "EC"},
    {**jwk("d-1"), "use": "enc"},
    {**jwk("d-1"), "n": "AQAB"},
    {"kid": "d-1"},
    {"kid": "x", "kty": "oct", "k": "c2VjcmV0"},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_key_of_another_kind_takes_no_place(drive: Drive, other: dict[str, Any]) -> None:
    """What can't be used takes neither the place of a key with the same id, nor one in what others are told."""
    cores = Cores("d-1", hosts=("http://a", "http://b"))
    cores.says["http://a"] = HttpReply(200, {}, json.dumps({"keys": [other, jwk("s-1")]}).encode())
    keys = cores.keys()

    async def scenario() -> None:
        assert (await keys.get()).kids == {"d-1", "s-1"}
        assert (await keys.document())[0] == [jwk("s-1"), jwk("d-1")]
        given = cores.keys(static={"keys": [other, jwk("d-1")]}).fresh()
        assert given is not None
        assert given.kids == {"d-1"}

    drive(scenario)


def test_keys_that_are_given(drive: Drive) -> None:
    """Keys that were given serve without a call, and for ever where there is no core; then the core's word counts."""
    cores = Cores()
    cores.fail()
    keys = cores.keys(static={"keys": [jwk("s-0"), {"kty": "oct"}]})

    async def scenario() -> None:
        found = keys.fresh()
        assert found is not None
        assert found.kids == {"s-0"}
        assert await keys.get() is found
        assert await keys.document() == ([jwk("s-0")], 60)
        cores.now_s += 4 * HOUR_S - 1
        assert keys.fresh() is found
        assert cores.seen == []
        cores.now_s += 400 * DAY_S
        assert await keys.get() is found
        assert keys.fresh() is found
        cores.now_s += 4 * HOUR_S - 1
        assert keys.fresh() is found
        assert len(cores.seen) == 1
        cores.say(document("s-1"))
        cores.now_s += 1
        assert (await keys.get()).kids == {"s-1"}

    drive(scenario)


@pytest.mark.parametrize("given", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{**jwk("s-1"), "n": "AQAB"}]}])
def test_given_keys_that_are_none(given: dict[str, Any]) -> None:
    """A document without a usable key is an error when the SDK is configured."""
    with pytest.raises(ConfigurationError, match="static_jwks"):
        Cores().keys(static=given)


def test_the_document_for_others(drive: Drive) -> None:
    """Others get the keys as the core gave them, to keep for as long as the core said, less their age here."""
    cores = Cores()
    cores.say(document("d-1", "s-1", cache="max-age=604169, must-revalidate"))
    keys = cores.keys()

    async def scenario() -> None:
        found, left_s = await keys.document({})
        assert found == [jwk("d-1"), jwk("s-1")]
        assert left_s == 604_169
        found[0]["kid"] = "changed"
        cores.now_s += 100.5
        assert await keys.document() == ([jwk("d-1"), jwk("s-1")], 604_069)
        assert len(cores.seen) == 1
        cores.say(document("d-1", cache="max-age=0"))
        cores.now_s += 4 * HOUR_S
        assert (await keys.document())[1] == 0

    drive(scenario)


def test_tokens_of_sessions_that_have_ended(drive: Drive, core_uri: str) -> None:
    """What was verified is remembered until its session is named; the tokens of others stay."""

    async def scenario() -> None:
        with build_app(core_uri) as app:
            keys = Keys(app._querier, app._effects, refresh_s=60, max_stale_s=60, cache_size=100)
            held, now_s = await keys.get(), app._effects.io.now()
            sessions = [await create(app), await create(app)]
            tokens = [session.get_access_token() for session in sessions]
            for token in tokens:
                held.verify(token, now_s, TokenRules())
            assert None not in [held.recall(token, now_s) for token in tokens]
            keys.forget([sessions[0].get_handle(), "another"])
            assert held.recall(tokens[0], now_s) is None
            assert held.recall(tokens[1], now_s) is not None
            await app.aclose()

    drive(scenario)
