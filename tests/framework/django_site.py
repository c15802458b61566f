"""A Django project with the routes of `views`: blocking ones, and async ones below `/async`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.urls import path

from supertokens_lite import RecipeUserId
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.recipe.session import asyncio as sessions
from supertokens_lite.recipe.session import syncio
from supertokens_lite.recipe.session.framework.django.asyncio import verify_session as verify_session_awaited
from supertokens_lite.recipe.session.framework.django.syncio import verify_session
from tests.framework.views import AWAITED, BLOCKING, OPTIONS
from tests.seed import method1_django

__all__ = ("MIDDLEWARE", "send_to", "send_to_async", "urlpatterns")

MIDDLEWARE = "supertokens_lite.framework.django.django_middleware.middleware"

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            MIDDLEWARE,
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="for tests",
        TIME_ZONE="Asia/Kolkata",
        BASE_DIR=Path(__file__).parent,
    )
    django.setup()


def _answer(given: Any) -> HttpResponse:
    response = JsonResponse(given, safe=False)
    response.set_cookie("theme", "dark")
    response["X-Kept"] = "app"
    response["X-Removed"] = "app"
    response["Access-Control-Expose-Headers"] = "x-total"
    return response


def _login(request: HttpRequest) -> HttpResponseBase:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = syncio.create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    assert vars(request)["supertokens"] is made
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


async def _login_async(request: HttpRequest) -> HttpResponseBase:
    user = RecipeUserId(request.headers.get("x-user", "ada"))
    made = await sessions.create_new_session(request, "public", user, {"role": "guest"}, {"visits": 1})
    assert vars(request)["supertokens"] is made
    return _answer({"handle": made.get_handle(), "user": made.get_user_id()})


def _late(request: HttpRequest) -> HttpResponseBase:
    made = syncio.get_session(request)
    return _answer(made.get_handle())


async def _late_async(request: HttpRequest) -> HttpResponseBase:
    made = await sessions.get_session(request)
    return _answer(made.get_handle())


def _quiet(request: HttpRequest) -> HttpResponseBase:
    syncio.get_session(request, session_required=False)
    made = vars(request)["supertokens"]
    return _answer(None if made is None else made.get_handle())


def _blocking(name: str) -> Callable[[HttpRequest], HttpResponseBase]:
    @verify_session(**OPTIONS[name])
    def view(request: HttpRequest) -> HttpResponseBase:
        return _answer(BLOCKING[name](vars(request)["supertokens"]))

    return view


def _awaited(name: str) -> Callable[[HttpRequest], Any]:
    @verify_session_awaited(**OPTIONS[name])
    async def view(request: HttpRequest) -> HttpResponseBase:
        return _answer(await AWAITED[name](vars(request)["supertokens"]))

    return view


urlpatterns = [
    *(path(name, _blocking(name)) for name in OPTIONS),
    *(path(f"async/{name}", _awaited(name)) for name in OPTIONS),
    path("login", _login),
    path("late", _late),
    path("quiet", _quiet),
    path("async/quiet", _quiet),
    path("async/login", _login_async),
    path("async/late", _late_async),
    path("update-info", method1_django.update_info),
]


def send_to(request: PlainRequest, **meta: Any) -> BaseResponse:
    """Send a request with Django's test client; give what came back."""
    client = Client(raise_request_exception=False)
    answer = client.generic(request.method(), request.get_original_url(), secure=True, headers=request._headers, **meta)
    return _record(answer)


def send_to_async(request: PlainRequest) -> BaseResponse:
    """Send a request with Django's asynchronous test client; give what came back."""

    async def send() -> Any:
        client = AsyncClient(raise_request_exception=False)
        return await client.generic(request.method(), request.get_original_url(), secure=True, headers=request._headers)

    return _record(asyncio.run(send()))


def _record(answer: Any) -> BaseResponse:
    response = BaseResponse()
    response.status, response.content, response.headers = answer.status_code, answer.content, list(answer.items())
    response.headers += [("Set-Cookie", morsel.output(header="").strip()) for morsel in answer.cookies.values()]
    return response
