"""A Django project with the routes of `views`: blocking ones, and async ones below `/async`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.urls import path

from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.recipe.session.framework.django.asyncio import verify_session as verify_session_awaited
from supertokens_lite.recipe.session.framework.django.syncio import verify_session
from supertokens_lite.testing.application import (
    AWAITED,
    BLOCKING,
    OPTIONS,
    find_late,
    find_late_awaited,
    find_quiet,
    iter_parts,
    iter_parts_awaited,
    log_in,
    log_in_awaited,
)
from tests.seed import method1_django

__all__ = ("MIDDLEWARE", "send_to", "send_to_async", "urlpatterns")

View = TypeVar("View", bound=Callable[..., Any])

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


def csrf_exempt(view: View) -> View:
    """Do what Django's own does, which is not for async views before Django 5."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


@csrf_exempt
def _login(request: HttpRequest) -> HttpResponseBase:
    made = log_in(request, request.headers.get("x-user", "ada"))
    assert vars(request)["supertokens"].get_handle() == made["handle"]
    return _answer(made)


@csrf_exempt
async def _login_async(request: HttpRequest) -> HttpResponseBase:
    made = await log_in_awaited(request, request.headers.get("x-user", "ada"))
    assert vars(request)["supertokens"].get_handle() == made["handle"]
    return _answer(made)


def _late(request: HttpRequest) -> HttpResponseBase:
    return _answer(find_late(request))


async def _late_async(request: HttpRequest) -> HttpResponseBase:
    return _answer(await find_late_awaited(request))


def _quiet(request: HttpRequest) -> HttpResponseBase:
    return _answer(find_quiet(request))


@verify_session()
def _stream(request: HttpRequest) -> HttpResponseBase:
    BLOCKING["merge"](vars(request)["supertokens"])
    return StreamingHttpResponse(iter_parts(request.headers["x-gate"]))


@verify_session_awaited()
async def _stream_async(request: HttpRequest) -> HttpResponseBase:
    await AWAITED["merge"](vars(request)["supertokens"])
    parts = iter_parts_awaited if hasattr(request, "scope") else iter_parts  # WSGI wants blocking ones
    return StreamingHttpResponse(parts(request.headers["x-gate"]))


def _blocking(name: str) -> Callable[[HttpRequest], HttpResponseBase]:
    @csrf_exempt
    @verify_session(**OPTIONS[name])
    def view(request: HttpRequest) -> HttpResponseBase:
        return _answer(BLOCKING[name](vars(request)["supertokens"]))

    return view


def _awaited(name: str) -> Callable[[HttpRequest], Any]:
    @csrf_exempt
    @verify_session_awaited(**OPTIONS[name])
    async def view(request: HttpRequest) -> HttpResponseBase:
        return _answer(await AWAITED[name](vars(request)["supertokens"]))

    return view


urlpatterns = [
    *(path(name, _blocking(name)) for name in OPTIONS),
    *(path(f"async/{name}", _awaited(name)) for name in OPTIONS),
    path("login", _login),
    path("late", _late),
    path("stream", _stream),
    path("async/stream", _stream_async),
    path("quiet", _quiet),
    path("async/quiet", _quiet),
    path("async/login", _login_async),
    path("async/late", _late_async),
    path("update-info", method1_django.update_info),
]


def send_to(request: PlainRequest, **meta: Any) -> BaseResponse:
    """Send a request with Django's test client; give what came back."""
    answer = Client(raise_request_exception=False).generic(**_arguments(request), **meta)
    return _record(answer, b"".join(answer))


def send_to_async(request: PlainRequest) -> BaseResponse:
    """Send a request with Django's asynchronous test client; give what came back."""

    async def send() -> BaseResponse:
        answer: Any = await AsyncClient(raise_request_exception=False).generic(**_arguments(request))
        is_async = answer.streaming and answer.is_async
        return _record(answer, b"".join([part async for part in answer] if is_async else answer))

    return asyncio.run(send())


def _arguments(request: PlainRequest) -> dict[str, Any]:
    kind = request.get_header("content-type") or "application/octet-stream"
    return {
        "method": request.method(),
        "path": request.get_original_url(),
        "data": request._body,
        "content_type": kind,
        "secure": True,
        "headers": request._headers,
    }


def _record(answer: Any, content: bytes) -> BaseResponse:
    response = BaseResponse()
    response.status, response.content, response.headers = answer.status_code, content, list(answer.items())
    response.headers += [("Set-Cookie", morsel.output(header="").strip()) for morsel in answer.cookies.values()]
    return response
