"""Django's door in its surroundings: other middlewares, one event loop, a project that is set up by `AppConfig`."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from supertokens_lite import Supertokens
from supertokens_lite.framework.django.django_middleware import middleware
from tests.apps import override
from tests.doors import Client as Keeper
from tests.doors import content
from tests.framework.django_site import MIDDLEWARE, send_to, send_to_async

Begin = Callable[..., Supertokens]


def test_no_thread_and_no_bridge_on_asgi(begin: Begin) -> None:
    """On ASGI the middleware and an async view run where the event loop runs, and so does what they call."""
    threads: list[int] = []

    async def get_session(default: Any, *args: Any) -> Any:
        threads.append(threading.get_ident())
        return await default(*args)

    begin(**override(get_session=get_session))
    with override_settings(MIDDLEWARE=[MIDDLEWARE]):
        chain = vars(ASGIHandler())["_middleware_chain"]
        blocking_chain = vars(WSGIHandler())["_middleware_chain"]
        assert not isinstance(chain, SyncToAsync)
        assert inspect.iscoroutinefunction(inspect.unwrap(chain, stop=lambda each: "process_exception" in vars(each)))
        assert not isinstance(blocking_chain, SyncToAsync)
        assert not inspect.iscoroutinefunction(blocking_chain)
        keeper = Keeper()
        keeper.take(send_to_async(keeper.request("POST", "/async/login")))
        assert send_to_async(keeper.request("GET", "/async/me")).status == 200
    assert threads == [threading.get_ident()]
    assert (middleware.sync_capable, middleware.async_capable) == (True, True)  # type: ignore[attr-defined]


SEEN: list[int] = []


@sync_and_async_middleware
def inside(get_response: Any) -> Any:
    """Note the status of responses, and set a header, as middlewares of others do."""

    def note(response: Any) -> Any:
        SEEN.append(response.status_code)
        response["X-Inside"] = "1"
        response.set_cookie("inside", "1")
        return response

    if inspect.iscoroutinefunction(get_response):

        async def serve_awaited(request: HttpRequest) -> Any:
            return note(await get_response(request))

        return serve_awaited

    def serve(request: HttpRequest) -> Any:
        return note(get_response(request))

    return serve


def test_middlewares_inside(begin: Begin) -> None:
    """Middlewares between ours and a view that fails see the status of the answer, and what they set is kept."""
    begin()
    SEEN.clear()
    with override_settings(MIDDLEWARE=[MIDDLEWARE, f"{__name__}.inside"]):
        for send, target in ((send_to, "/late"), (send_to_async, "/async/late")):
            response = send(Keeper().request("GET", target))
            assert (response.status, content(response)) == (401, {"message": "unauthorised"})
            assert ("X-Inside", "1") in response.headers
            assert any(value.startswith("inside=1") for _, value in response.headers)
    assert SEEN == [401, 401]


class Nosy(MiddlewareMixin):
    """A middleware that answers whatever goes wrong in views."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        """Answer."""
        return HttpResponse(status=418)


def test_middlewares_that_take_errors(begin: Begin) -> None:
    """A request that a decorator does not let in is answered as always; errors of views are for the first who wants."""
    begin()
    with override_settings(MIDDLEWARE=[MIDDLEWARE, f"{__name__}.Nosy"]):
        for send in (send_to, send_to_async):
            answers = [send(Keeper().request("GET", target)).status for target in ("/me", "/async/me", "/late")]
            assert answers == [401, 401, 418]


def test_errors_of_others_are_left_to_django(begin: Begin) -> None:
    """An error that is not of this package is raised in a test, and told once and answered with 500 by a server."""
    begin()
    told: list[Any] = []

    def hear(**_: Any) -> None:
        told.append(sys.exc_info()[0])

    got_request_exception.connect(hear)

    def fail(request: HttpRequest) -> HttpResponse:
        raise LookupError("mine")

    with override_settings(ROOT_URLCONF=(path("fail", fail),)):
        assert send_to(Keeper().request("GET", "/fail")).status == 500
        assert told == [LookupError]
        with pytest.raises(LookupError, match="mine"):
            Client().get("/fail")
    got_request_exception.disconnect(hear)


def test_requests_on_one_loop_share_nothing(begin: Begin) -> None:
    """Of 200 requests that are all under way at once, each meets its own session and user context."""
    users = [f"user-{number}" for number in range(20)] * 10
    contexts: list[Any] = []
    waiting: list[asyncio.Event] = []

    async def get_session(default: Any, *args: Any) -> Any:
        found = await default(*args)
        contexts.append(args[-1])
        if len(contexts) == len(users):
            waiting[0].set()
        await waiting[0].wait()  # all have been verified, none has been answered
        return found

    begin(**override(get_session=get_session))

    async def scenario() -> None:
        waiting.append(asyncio.Event())
        tokens: dict[str, str] = {}
        for user in set(users):
            answer = await AsyncClient().post("/async/login", headers={"x-user": user, "st-auth-mode": "header"})
            tokens[user] = answer.headers["st-access-token"]

        async def ask(user: str) -> Any:
            return (await AsyncClient().get("/async/me", headers={"authorization": f"Bearer {tokens[user]}"})).json()

        answers = await asyncio.gather(*map(ask, users))
        assert [answer["user"] for answer in answers] == users

    asyncio.run(scenario())
    assert len({id(context) for context in contexts}) == len(users)


PROJECT = """
import django
from django.apps import AppConfig
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from supertokens_lite.recipe.session.framework.django.syncio import verify_session

class Shop(AppConfig):
    name = "shop"

    def ready(self):
        from supertokens_lite import InputAppInfo, SupertokensConfig, init
        from supertokens_lite.recipe import session
        for _ in range(2):  # the autoreloader has it called in two processes, and some tools twice in one
            init(
                InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000"),
                "django",
                SupertokensConfig("sqlite:///:memory:"),
                [session.init()],
                mode="wsgi",
            )

@verify_session()
def me(request):
    return HttpResponse()

if __name__ == "__main__":
    settings.configure(
        INSTALLED_APPS=["shop.Shop"],
        ROOT_URLCONF="shop",
        MIDDLEWARE=["supertokens_lite.framework.django.django_middleware.middleware"],
        ALLOWED_HOSTS=["*"],
    )
    django.setup()
    print(Client().get("/me").content.decode())

urlpatterns = [path("me", me)]
"""


def test_init_in_ready(tmp_path: Path) -> None:
    """A project that calls `init` in `AppConfig.ready` has its views verified, though they were decorated before."""
    (tmp_path / "shop.py").write_text(PROJECT)
    done = subprocess.run(
        [sys.executable, "shop.py"], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout == '{"message":"unauthorised"}\n', done.stderr
