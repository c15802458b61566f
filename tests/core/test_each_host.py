"""Asking every host of a core at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from supertokens_lite._core.wire import parse_object
from supertokens_lite._protocol.cdi import get_jwks
from supertokens_lite.exceptions import CoreResponseError, CoreUnavailableError
from supertokens_lite.types import HttpReply
from tests.apps import build_app
from tests.conftest import Drive
from tests.servers import Fault, Reply, Seen, closed_port, serve, session_core

pytestmark = pytest.mark.usefixtures("transport")


def read_name(reply: HttpReply) -> str:
    """Read what the servers below answer."""
    parsed = parse_object(reply.body) or {}
    name: str = parsed["name"]
    return name


def named(name: str) -> Reply:
    """Answer with a name."""
    return Reply(body=b'{"name":"%s"}' % name.encode())


def test_all_hosts_are_asked_at_once(drive: Drive) -> None:
    """The answers come in the order of the hosts; each host has its question before any has answered."""
    together = threading.Barrier(2)

    def answer(name: str) -> Reply:
        together.wait(20)
        return named(name)

    with serve(lambda _: answer("one")) as one, serve(lambda _: answer("other")) as other:

        async def scenario() -> None:
            with build_app(f"{one.url};{other.url}") as app:
                for _ in range(3):
                    assert await app._querier.send_to_each(get_jwks(), read_name) == ["one", "other"]
                await app.aclose()

        drive(scenario)
        assert {seen.target for seen in (*one.seen, *other.seen)} == {"/.well-known/jwks.json"}
        assert len(one.seen) == len(other.seen) == 3


@pytest.mark.parametrize("fault", [Fault("reset"), Reply(503, b"busy"), Reply(429, b"busy"), Reply(body=b"{}")])
def test_a_host_that_does_not_answer(drive: Drive, fault: Reply | Fault) -> None:
    """Of several hosts each is asked once; one that fails, or answers something else, has nothing in the list."""
    with serve(lambda _: fault) as sick, serve(lambda _: named("well")) as well:

        async def scenario() -> None:
            with build_app(f"{closed_port()};{sick.url};{well.url}") as app:
                assert await app._querier.send_to_each(get_jwks(), read_name) == [None, None, "well"]
                await app.aclose()

        drive(scenario)
        assert len(sick.seen) == len(well.seen) == 1


def test_no_host_answers(drive: Drive) -> None:
    """The error names every host."""
    hosts = [closed_port(), closed_port()]

    async def scenario() -> None:
        with build_app(";".join(hosts)) as app:
            with pytest.raises(CoreUnavailableError) as caught:
                await app._querier.send_to_each(get_jwks(), read_name)
            assert sorted(host for host, _ in caught.value.failures) == sorted(hosts)
            await app.aclose()

    drive(scenario)


@pytest.mark.parametrize(("answer", "status"), [(Reply(500, b"no"), 500), (Reply(body=b"{}"), 200)])
def test_no_host_answers_as_it_should(drive: Drive, answer: Reply, status: int) -> None:
    """What a host said counts more than that another was silent."""
    with serve(lambda _: answer) as server:

        async def scenario() -> None:
            with build_app(f"{server.url};{closed_port()}") as app:
                with pytest.raises(CoreResponseError, match=str(status)) as caught:
                    await app._querier.send_to_each(get_jwks(), read_name)
                assert caught.value.host == server.url
                await app.aclose()

        drive(scenario)


def test_the_only_host_is_asked_again(drive: Drive) -> None:
    """A single host has its retries, as for any call."""
    answers: list[Reply | Fault] = [Fault("reset"), Reply(429, b"busy", {"Retry-After": "0"}), named("one")]
    with serve(lambda _: answers.pop(0)) as server:

        async def scenario() -> None:
            with build_app(server.url) as app:
                assert await app._querier.send_to_each(get_jwks(), read_name) == ["one"]
                await app.aclose()

        drive(scenario)
        assert len(server.seen) == 3


def test_the_version_goes_along_but_is_not_asked(drive: Drive) -> None:
    """A question that needs no protocol version costs no call for one; the interceptor sees it, and its context."""
    contexts: list[Any] = []

    def intercept(*given: Any) -> tuple[Any, ...]:
        contexts.append(given[5])
        return (*given[:2], {**given[2], "x-mine": "yes"}, *given[3:5])

    def answer(seen: Seen) -> Reply:
        return named(seen.headers.get("cdi-version", "none") + seen.headers["x-mine"])

    with serve(session_core(answer)) as server:

        async def scenario() -> None:
            with build_app(server.url, network_interceptor=intercept) as app:
                assert await app._querier.send_to_each(get_jwks(), read_name, {"mine": 1}) == ["noneyes"]
                assert contexts == [{"mine": 1}]
                await app._querier.cdi_version()
                assert await app._querier.send_to_each(get_jwks(), read_name) == ["5.4yes"]
                await app.aclose()

        drive(scenario)


def test_an_error_of_the_interceptor(drive: Drive) -> None:
    """What an interceptor raises is not taken for a host that is silent."""

    def intercept(*given: Any) -> tuple[Any, ...]:
        raise LookupError("mine")

    async def scenario() -> None:
        with build_app("http://localhost:1;http://localhost:2", network_interceptor=intercept) as app:
            with pytest.raises(LookupError, match="mine"):
                await app._querier.send_to_each(get_jwks(), read_name)
            await app.aclose()

    drive(scenario)
