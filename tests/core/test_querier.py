"""The way to the core: versions, hosts, retries, the cache, the interceptor; against real servers on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from supertokens_lite import Supertokens
from supertokens_lite._io.base import Effects
from supertokens_lite.exceptions import ConfigurationError, CoreResponseError, CoreUnavailableError, CoreVersionError
from tests.apps import USER, build_app, create
from tests.conftest import Drive
from tests.servers import Fault, Reply, Seen, closed_port, serve, session_core

pytestmark = pytest.mark.usefixtures("transport")

HANDLES = Reply(body=b'{"status":"OK","sessionHandles":["h1"]}')
INFORMATION = {
    "status": "OK",
    "sessionHandle": "h",
    "userId": "u",
    "recipeUserId": "u",
    "userDataInDatabase": {},
    "expiry": 2,
    "userDataInJWT": {},
    "timeCreated": 1,
    "tenantId": "public",
}
INFO = Reply(body=json.dumps(INFORMATION).encode())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Let no time pass where the SDK waits; give what it would have waited for."""
    waited: list[float] = []
    original = Supertokens.__init__

    def build(self: Supertokens, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        effects: Effects = self._effects

        async def sleep(seconds: float) -> None:
            waited.append(seconds)

        for io in effects:
            monkeypatch.setattr(io, "sleep", sleep)

    monkeypatch.setattr(Supertokens, "__init__", build)
    return iter([waited]).__next__()  # type: ignore[return-value]


def test_what_is_sent(drive: Drive) -> None:
    """A call carries version, key, recipe and charset, and the path that comes before all others."""
    with serve(session_core(lambda _: Reply(), versions=("5.0", "5.3", "5.6", "9.9"))) as server:

        async def scenario() -> None:
            with build_app(f"{server.url}/appid-shop", api_key="k" * 20) as app:
                await app.session.update_session_data_in_database("hä", {"ä": 1})
                await app.aclose()

        drive(scenario)
        asked, sent = server.seen[0], server.seen[-1]
        assert asked.target.startswith("/appid-shop/apiversion?")
        assert "apiDomain=https%3A%2F%2Fapi.example.com" in asked.target
        assert "websiteDomain=https%3A%2F%2Fexample.com" in asked.target
        assert sent.method == "PUT"
        assert sent.target == "/appid-shop/recipe/session/data"
        assert json.loads(sent.body) == {"sessionHandle": "hä", "userDataInDatabase": {"ä": 1}}
        for name, value in {
            "cdi-version": "5.6",
            "api-key": "k" * 20,
            "rid": "session",
            "content-type": "application/json; charset=utf-8",
        }.items():
            assert sent.headers[name] == value


@pytest.mark.parametrize("theirs", [["5.3"], ["5.5", "5.4"], ["5.6", "5.0"]])
def test_the_best_common_version_is_spoken(theirs: list[str]) -> None:
    """Of the versions that both sides know the best is spoken."""
    with serve(session_core(lambda _: HANDLES, versions=tuple(theirs))) as server, build_app(server.url) as app:
        app.session.blocking.get_all_session_handles_for_user("u")
        assert server.seen[-1].headers["cdi-version"] == max(theirs)


def test_no_common_version() -> None:
    """A core that speaks no version of ours is named, with the versions of both sides."""
    with serve(session_core(lambda _: HANDLES, versions=("2.7", "5.2"))) as server, build_app(server.url) as app:
        with pytest.raises(CoreVersionError, match=r"2\.7, 5\.2") as caught:
            app.session.blocking.get_all_session_handles_for_user("u")
        assert caught.value.host == server.url
        assert caught.value.theirs == ("2.7", "5.2")


def test_the_version_is_asked_once(drive_on_loop: Drive) -> None:
    """However many callers start at once, the core is asked for its versions once."""
    with serve(session_core(lambda _: HANDLES)) as server:

        async def scenario() -> None:
            async with build_app(server.url) as app, anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(app.session.get_all_session_handles_for_user, "u")

        drive_on_loop(scenario)
        assert len(server.calls("/apiversion")) == 1
        assert len(server.seen) == 21


def test_a_pinned_version_saves_the_question(drive: Drive) -> None:
    """With `cdi_version` the core is not asked, but for its extensions where they are first needed."""
    with serve(session_core(lambda _: HANDLES, extensions=False)) as server:

        async def scenario() -> None:
            with build_app(server.url, cdi_version="5.3") as app:
                await app.session.get_all_session_handles_for_user("u")
                assert not server.calls("/apiversion")
                assert await app._querier.has_extensions() is False
                assert await app._querier.has_extensions() is False
                assert len(server.calls("/apiversion")) == 1
                await app.aclose()

        drive(scenario)
        assert server.seen[0].headers["cdi-version"] == "5.3"


def test_a_pinned_version_and_a_core_that_does_not_tell() -> None:
    """A core that answers the question with an error has no extensions."""
    with serve(lambda _: Reply(500, b"no")) as server, build_app(server.url, cdi_version="5.4", max_retries=0) as app:

        async def ask() -> bool:
            return await app._querier.has_extensions()

        assert app._drive(ask()) is False


def test_hosts_in_turn(drive: Drive) -> None:
    """Several hosts are asked in turn."""
    with serve(session_core(lambda _: HANDLES)) as one, serve(session_core(lambda _: HANDLES)) as other:

        async def scenario() -> None:
            with build_app(f"{one.url}; {other.url};", disable_core_call_cache=True) as app:
                for _ in range(10):
                    await app.session.get_all_session_handles_for_user("u")
                await app.aclose()

        drive(scenario)
        assert len(one.calls("/recipe/session/user")) == len(other.calls("/recipe/session/user")) == 5


def test_a_host_that_is_down(drive: Drive) -> None:
    """A host that can't be reached is left out, also for what must not be sent twice."""
    down = closed_port()
    created = Reply(body=b'{"status":"OK","sessionHandlesRevoked":["h"]}')
    with serve(session_core(lambda _: created)) as server:

        async def scenario() -> None:
            with build_app(f"{down};{server.url}") as app:
                for _ in range(4):
                    assert await app.session.revoke_session("h")
                await app.aclose()

        drive(scenario)
        assert len(server.calls("/recipe/session/remove")) == 4


def test_no_core(drive: Drive, quick: list[float]) -> None:
    """Where no host answers, the error names each and why; nothing is known about the session."""
    hosts = [closed_port(), closed_port()]

    async def scenario() -> None:
        with build_app(";".join(hosts)) as app:
            with pytest.raises(CoreUnavailableError, match="Is one running") as caught:
                await app.session.get_session_information("h")
            assert {host for host, _ in caught.value.failures} == set(hosts)
            assert "refused" in str(caught.value)
            assert caught.value.status_hint == 503
            assert caught.value.retryable
            await app.aclose()

    drive(scenario)


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_a_post_is_not_sent_twice(drive: Drive, quick: list[float], kind: str) -> None:
    """A creation that may have arrived is not sent again; the caller hears that the outcome is open."""
    with serve(session_core(lambda _: Fault(kind))) as one, serve(session_core(lambda _: Fault(kind))) as other:

        async def scenario() -> None:
            with build_app(f"{one.url};{other.url}", cdi_version="5.4") as app:
                with pytest.raises(CoreUnavailableError):
                    await create(app)
                await app.aclose()

        drive(scenario)
        assert len(one.seen) + len(other.seen) == 1


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_reads_and_replacing_writes_are_sent_again(drive: Drive, quick: list[float], kind: str) -> None:
    """What does no harm twice is sent again after a broken reply."""
    with serve(_fails_first(Fault(kind), INFO)) as server:

        async def scenario() -> None:
            with build_app(server.url, cdi_version="5.4") as app:
                assert await app.session.get_session_information("h") is not None
                server.seen.clear()
                assert await app.session.update_session_data_in_database("h", {})
                await app.aclose()

        drive(scenario)
        assert len(server.seen) == 2


def _fails_first(fault: Reply | Fault, good: Reply) -> Any:
    """Fail every other request, beginning with the first."""
    count = [0]

    def answer(_seen: Seen) -> Reply | Fault:
        count[0] += 1
        return fault if count[0] % 2 else good

    return session_core(answer)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(drive: Drive, quick: list[float], status: int) -> None:
    """A core that asks to wait is waited for, as long as it says and a little longer."""
    with serve(_fails_first(Reply(status, b"busy", {"Retry-After": "3"}), INFO)) as server:

        async def scenario() -> None:
            with build_app(server.url, cdi_version="5.4") as app:
                assert await app.session.get_session_information("h") is not None
                await app.aclose()

        drive(scenario)
        assert len(quick) == 1
        assert 3 <= quick[0] < 3.2


def test_retry_after_as_a_date(quick: list[float]) -> None:
    """A date in the past means at once; one that is too far off is not waited for; nonsense is backed off from."""
    past, far = "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2065 07:28:00 GMT"
    with serve(_fails_first(Reply(429, b"busy", {"Retry-After": past}), INFO)) as server, build_app(server.url) as app:
        assert app.session.blocking.get_session_information("h") is not None
        assert quick[-1] < 0.2
    with serve(_fails_first(Reply(429, b"busy", {"Retry-After": far}), INFO)) as server, build_app(server.url) as app:
        with pytest.raises(CoreResponseError, match="429") as caught:
            app.session.blocking.get_session_information("h")
        assert caught.value.retryable
    with (
        serve(_fails_first(Reply(429, b"busy", {"Retry-After": "soon"}), INFO)) as server,
        build_app(server.url) as app,
    ):
        assert app.session.blocking.get_session_information("h") is not None


def test_a_503_to_a_creation_is_the_callers_to_decide(quick: list[float]) -> None:
    """A 503 leaves open what happened, so a creation is not sent again; a 429 does not, so it is."""
    with serve(session_core(lambda _: Reply(503, b"busy"))) as server, build_app(server.url, cdi_version="5.4") as app:
        with pytest.raises(CoreResponseError, match="503"):
            app.session.blocking.revoke_session("h")
        assert len(server.seen) == 1
    good = Reply(body=b'{"status":"OK","sessionHandlesRevoked":["h"]}')
    with serve(_fails_first(Reply(429, b"slow down"), good)) as server, build_app(server.url) as app:
        assert app.session.blocking.revoke_session("h")


def test_retries_are_bounded(quick: list[float]) -> None:
    """A sick core gets a few retries a call, and over many calls hardly more than one in ten."""
    with serve(session_core(lambda _: Reply(503, b"busy"))) as server, build_app(server.url, cdi_version="5.4") as app:
        for _ in range(100):
            with pytest.raises(CoreResponseError):
                app.session.blocking.get_session_information("h")
        assert 100 < len(server.seen) <= 125


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (400, b"Field name 'x' is invalid", "Field name 'x' is invalid"),
        (401, b"Invalid API key", "Invalid API key"),
        (200, b"not json", "not what the protocol says"),
        (200, b"[1]", "not what the protocol says"),
        (500, b"token " + b"a" * 20 + b"." + b"b" * 20 + b"." + b"c" * 20, "token \u2026"),
    ],
)
def test_errors_of_the_core(drive: Drive, status: int, body: bytes, shown: str) -> None:
    """An error of the core carries its facts, and nothing that looks like a token."""
    with serve(session_core(lambda _: Reply(status, body))) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                with pytest.raises(CoreResponseError) as caught:
                    await app.session.get_all_session_handles_for_user("u")
                error = caught.value
                assert (error.status, error.path, error.host) == (status, "/recipe/session/user", server.url)
                assert shown in error.excerpt
                assert shown in str(error)
                await app.aclose()

        drive(scenario)


def test_an_answer_to_the_version_question_that_is_none() -> None:
    """A core that does not tell its versions is an error of the core."""
    with serve(lambda _: Reply(body=b"{}")) as server, build_app(server.url) as app, pytest.raises(CoreResponseError):
        app.session.blocking.get_all_session_handles_for_user("u")


def test_the_core_call_cache(drive: Drive) -> None:
    """Within one user context the same question is asked once, until something is written."""
    with serve(session_core(lambda seen: INFO if seen.method == "GET" else Reply())) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                sessions, context, other = app.session, dict[str, Any](), dict[str, Any]()
                first = await sessions.get_session_information("h", context)
                again = await sessions.get_session_information("h", context)
                assert first is not None
                assert again is not None
                first.session_data_in_database["mine"] = 1
                assert again.session_data_in_database == {}
                assert len(server.calls("/recipe/session")) == 1
                await sessions.get_session_information("h", other)
                assert len(server.calls("/recipe/session")) == 2
                await sessions.update_session_data_in_database("h", {}, context)
                await sessions.get_session_information("h", context)
                await sessions.get_session_information("h", other)
                assert len(server.calls("/recipe/session")) == 4
                context["_default"]["keep_cache_alive"] = True
                await sessions.update_session_data_in_database("h", {}, context)
                await sessions.get_session_information("h", other)
                assert len(server.calls("/recipe/session")) == 4
                for number in range(150):
                    await sessions.get_session_information(str(number), context)
                assert len(context["_default"]["core_call_cache"]) == 100
                await app.aclose()

        drive(scenario)


def test_the_cache_can_be_turned_off() -> None:
    """With `disable_core_call_cache` every question is asked."""
    with serve(session_core(lambda _: INFO)) as server, build_app(server.url, disable_core_call_cache=True) as app:
        context: dict[str, Any] = {}
        app.session.blocking.get_session_information("h", context)
        app.session.blocking.get_session_information("h", context)
        assert len(server.calls("/recipe/session")) == 2


def test_the_network_interceptor(drive: Drive) -> None:
    """The interceptor sees every request with its user context, and what it gives is sent."""
    calls: list[tuple[Any, ...]] = []

    def intercept(
        url: str, method: str, headers: dict[str, Any], params: Any, body: Any, context: Any
    ) -> tuple[Any, ...]:
        calls.append((url, method, dict(params), dict(body), context))
        return url, method, {**headers, "X-Mine": "yes"}, {**params, "extra": "1"}, body

    with serve(session_core(lambda seen: HANDLES if seen.method == "GET" else Reply())) as server:

        async def scenario() -> None:
            with build_app(server.url, network_interceptor=intercept) as app:
                await app.session.get_all_session_handles_for_user("u", user_context={"mine": 1})
                await app.session.update_session_data_in_database("h", {"a": 1})
                await app.aclose()

        drive(scenario)
        assert [call[0].removeprefix(server.url) for call in calls] == [
            "/apiversion",
            "/recipe/session/user",
            "/recipe/session/data",
        ]
        assert calls[1][1:4] == (
            "GET",
            {"userId": "u", "fetchAcrossAllTenants": "true", "fetchSessionsForAllLinkedAccounts": "true"},
            {},
        )
        assert calls[1][4]["mine"] == 1
        assert calls[2][2:4] == ({}, {"sessionHandle": "h", "userDataInDatabase": {"a": 1}})
        assert all(seen.headers["x-mine"] == "yes" and "extra=1" in seen.target for seen in server.seen)


def test_an_interceptor_that_gives_no_url() -> None:
    """An interceptor that gives half a URL is told so."""

    def intercept(*given: Any) -> tuple[Any, ...]:
        return ("/nowhere", *given[1:5])

    with build_app("http://localhost:1", network_interceptor=intercept, cdi_version="5.4") as app:
        read = app.session.blocking.get_session_information
        with pytest.raises(ConfigurationError, match="scheme"):
            read("h")


@pytest.mark.parametrize("given", [None, (), ("http://localhost:1/x", "PUT", {}, {})])
def test_an_interceptor_that_gives_something_else(given: Any) -> None:
    """An interceptor that gives back less than it got is told what to give."""
    with (
        build_app("http://localhost:1", network_interceptor=lambda *_: given, cdi_version="5.4") as app,
        pytest.raises(ConfigurationError, match=r"must give \(url, method"),
    ):
        app.session.blocking.get_session_information("h")


def test_an_interceptor_whose_body_is_no_json() -> None:
    """An interceptor that gives a body which can't be sent is told so."""

    def intercept(*given: Any) -> tuple[Any, ...]:
        return (*given[:4], {"a": {1}})

    with (
        build_app("http://localhost:1", network_interceptor=intercept, cdi_version="5.4") as app,
        pytest.raises(ConfigurationError, match="no JSON: set"),
    ):
        app.session.blocking.update_session_data_in_database("h", {})


def test_an_interceptor_may_send_elsewhere() -> None:
    """An interceptor may name another host."""
    with serve(session_core(lambda _: INFO)) as server:

        def intercept(url: str, *rest: Any) -> tuple[Any, ...]:
            return (url.replace("http://localhost:1", server.url), *rest[:4])

        with build_app("http://localhost:1", network_interceptor=intercept) as app:
            assert app.session.blocking.get_session_information("h") is not None


def test_without_extensions_sessions_are_listed_one_by_one(drive: Drive) -> None:
    """Where the core has no batch call, sessions are read with a bounded number of calls at once."""
    handles = [f"h{number}" for number in range(20)]
    listed = Reply(body=json.dumps({"status": "OK", "sessionHandles": handles}).encode())

    def answer(seen: Seen) -> Reply:
        if seen.target.startswith("/recipe/session/user"):
            return listed
        if seen.target.endswith("=h3"):
            return Reply(body=b'{"status":"UNAUTHORISED","message":"Session does not exist."}')
        handle = seen.target.partition("=")[2]
        session = {**INFORMATION, "sessionHandle": handle, "timeCreated": -int(handle[1:])}
        return Reply(body=json.dumps(session).encode())

    with serve(session_core(answer)) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                found = await app.session.list_sessions_for_user("u")
                assert [each.session_handle for each in found] == [f"h{n}" for n in reversed(range(20)) if n != 3]
                await app.aclose()

        drive(scenario)
        assert server.connections <= 12


def test_without_extensions_data_is_read_and_replaced(drive: Drive) -> None:
    """Where the core has no compare-and-set, data is modified by a read and a write."""
    with serve(session_core(lambda seen: INFO if seen.method == "GET" else Reply())) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                modify = app.session.modify_session_data_in_database
                assert await modify("h", lambda data: {**data, "n": 1}, {}) == {"n": 1}
                assert await modify("h", lambda _: None) == {}
                await app.aclose()

        drive(scenario)
        assert [seen.method for seen in server.seen] == ["GET", "GET", "PUT", "GET"]


def test_one_call_creates_a_session(core_uri: str) -> None:
    """Creating a session costs one call to the core."""
    calls: list[str] = []

    def intercept(url: str, method: str, headers: Any, params: Any, body: Any, _context: Any) -> tuple[Any, ...]:
        calls.append(url)
        return url, method, headers, params, body

    with build_app(core_uri, network_interceptor=intercept, cdi_version="5.4") as app:
        app.session.blocking.create_new_session_without_request_response("public", USER)
        assert len(calls) == 1
