"""The cases of the conformance kit through doors within this process, and what can only be seen from within it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from supertokens_lite import Supertokens
from supertokens_lite._protocol.messages import get_request_from_user_context
from supertokens_lite.recipe.session import SessionOverrideConfig
from supertokens_lite.testing.client import Door, Visitor, content
from supertokens_lite.testing.conformance import Conformance
from supertokens_lite.testing.settings import Profile, Settings
from tests.apps import override
from tests.doors import AWAY, REFRESH, jwks, mint
from tests.framework.conftest import DOORS
from tests.framework.views import SHARED

pytest_plugins = ["supertokens_lite.testing.plugin"]

Begin = Callable[..., Supertokens]


class InProcess:
    """Gives the doors to an application of this process; the last profile that was asked for is in force."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._profile: Profile | None = None
        self._door: Door | None = None

    def find(self, profile: Profile) -> Door:
        if self._door is None or profile != self._profile:
            Supertokens.reset()
            self._settings._replace(profile=profile).start("flask")
            self._profile, self._door = profile, DOORS[self._name]()
        return self._door


@pytest.fixture(scope="class", params=list(DOORS))
def doors(request: pytest.FixtureRequest, conformance_settings: Settings) -> Iterator[InProcess]:
    """Give each door of this process in turn, in place of those of servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUPERTOKENS_ENV", "testing")
        yield InProcess(conformance_settings, request.param)
        Supertokens.reset()


class TestConformance(Conformance):
    """The cases without servers."""

    left_out = ("test_a_stream_comes_in_parts",)


def test_what_is_said_of_a_core_that_is_away(begin: Begin, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """A request that failed for want of a core is logged once, with its reason."""
    begin(AWAY, static_jwks=jwks())
    ada = Visitor(door, "header")
    ada.headers = {"st-access-token": mint(), "st-refresh-token": "r"}
    with caplog.at_level(logging.INFO, "supertokens_lite.session"):
        for path, method in (("/data", "GET"), ("/checked", "GET"), (REFRESH, "POST"), ("/auth/signout", "POST")):
            assert ada.ask(path, method).status == 503
    said = [record.getMessage() for record in caplog.records if record.name == "supertokens_lite.session"]
    assert len(said) == 4
    assert all("core_unavailable" in message for message in said)


def test_an_endpoint_reads_the_request(begin: Begin, door: Door) -> None:
    """An override of an endpoint reads the URL, the query and a body that is not there."""
    seen: list[Any] = []

    def apis(original: Any) -> Any:
        default = original.refresh_post

        async def refresh_post(api_options: Any, user_context: Any) -> Any:
            request = api_options.request
            scheme, _, rest = request.get_original_url().partition("://")
            seen.append((request.get_query_params(), scheme, rest[rest.find("/") :], await request.json()))
            return await default(api_options, user_context)

        original.refresh_post = refresh_post
        return original

    begin(override=SessionOverrideConfig(apis=apis))
    ada = Visitor(door, "header")
    ada.log_in()
    request = ada.request("POST", REFRESH)
    request._url += "?a=1&a=2&b="
    assert door(request).status == 200
    assert seen == [({"a": "2", "b": ""}, "https", REFRESH + "?a=1&a=2&b=", {})]


def test_requests_share_nothing(request: pytest.FixtureRequest, begin: Begin, door: Door) -> None:
    """Of 200 requests, ten at a time under way, each meets its own session, request and user context."""
    name = request.node.callspec.params["door"]
    is_sanic = name.startswith("sanic")  # its door makes an application for each request, which threads can't at once
    one_thread = is_sanic or name == "django on asgi, blocking views"  # Django has it so
    together = threading.Barrier(1 if one_thread else 10, timeout=60)
    contexts: list[Any] = []

    async def get_session(default: Any, *args: Any) -> Any:
        found = await default(*args)
        together.wait()  # all ten have been verified, none has been answered
        context = args[-1]
        request = get_request_from_user_context(context)
        contexts.append(context)
        assert request is not None
        assert request.get_header("x-user") == found.get_user_id()
        assert request.get_session() is None
        return found

    begin(**override(get_session=get_session))
    clients = {f"user-{number}": Visitor(door, "header" if number % 2 else "cookie") for number in range(20)}
    handles = {user: client.log_in(user)["handle"] for user, client in clients.items()}

    def call(user: str) -> tuple[str, Any]:
        return user, content(clients[user].ask("/me", x_user=user))

    with ThreadPoolExecutor(1 if is_sanic else 10) as pool:
        answers = list(pool.map(call, list(clients) * 10))
    assert answers == [(user, {"handle": handles[user], "user": user}) for user in list(clients) * 10]
    assert len({id(context) for context in contexts}) == 200
    assert all(context["shop"] == "books" for context in contexts)
    assert SHARED == {"shop": "books"}
