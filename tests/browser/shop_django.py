"""The application in Django, settings and all."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from supertokens_lite.recipe.session.framework.django.syncio import verify_session
from supertokens_lite.recipe.session.syncio import create_new_session
from tests.browser.shop import CORS_HEADERS, SESSION_DATA, TOKEN_PAYLOAD, USER, Shop, open_shop
from tests.browser.wsgi_server import serve


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    made = create_new_session(request, "public", USER, TOKEN_PAYLOAD, SESSION_DATA)
    return JsonResponse({"user": made.get_user_id()})


@require_GET
@verify_session()
def me(request: Any) -> HttpResponse:
    return JsonResponse({"user": request.supertokens.get_user_id()})


@require_POST
@verify_session()
def count(request: Any) -> HttpResponse:
    data = request.supertokens.sync_get_session_data_from_database()
    request.supertokens.sync_update_session_data_in_database({"count": data["count"] + 1})
    return JsonResponse({"count": data["count"] + 1})


@require_POST
@verify_session()
def promote(request: Any) -> HttpResponse:
    request.supertokens.sync_merge_into_access_token_payload({"role": "admin"})
    return JsonResponse({})


def build(shop: Shop) -> WSGIHandler:
    """Build the application."""

    def index(request: HttpRequest) -> HttpResponse:
        return HttpResponse(shop.page)

    views = {"login": login, "me": me, "count": count, "promote": promote}
    settings.configure(
        ROOT_URLCONF=(path("", index), *(path(name, view) for name, view in views.items())),
        MIDDLEWARE=[
            "corsheaders.middleware.CorsMiddleware",
            "supertokens_lite.framework.django.django_middleware.middleware",
        ],
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="for tests",
        CORS_ALLOWED_ORIGINS=[shop.website],
        CORS_ALLOW_CREDENTIALS=True,
        CORS_ALLOW_HEADERS=CORS_HEADERS,
    )
    django.setup()
    return WSGIHandler()


if __name__ == "__main__":
    opened = open_shop("django")
    serve(opened, build(opened))
