"""Sessions in Django: sign in, look at the session's data, change it, sign out.

pip install '.[django]'
python docs/examples/django_shop.py

It is one file, so that it can be read in one go. In a project the settings stand in settings.py, `init` in the method
`ready` of an AppConfig, and the rest in views.py and urls.py.
"""

import json
import os
from pathlib import Path

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.framework.django.syncio import verify_session
from supertokens_lite.recipe.session.syncio import create_new_session

PORT = os.environ.get("PORT", "8000")
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

settings.configure(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["supertokens_lite.framework.django.django_middleware.middleware"],
    ALLOWED_HOSTS=["localhost"],
)

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="django",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)


class SessionRequest(HttpRequest):
    supertokens: SessionContainer


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


@require_POST
def login(request: HttpRequest) -> HttpResponse:
    user = str(json.loads(request.body)["user"])
    create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return JsonResponse({"user": user})


@require_http_methods(["GET", "PUT"])
@verify_session()
def data(request: SessionRequest) -> HttpResponse:
    session = request.supertokens
    if request.method == "PUT":
        try:
            session.sync_update_session_data_in_database(json.loads(request.body))
        except ValueError:  # no JSON, or no object
            return JsonResponse({"message": "the data has to be a JSON object"}, status=400)
    return JsonResponse(
        {
            "user": session.get_user_id(),
            "payload": session.get_access_token_payload(),
            "data": session.sync_get_session_data_from_database(),
        }
    )


urlpatterns = [path("", page), path("login", login), path("data", data)]

if __name__ == "__main__":
    execute_from_command_line(["django", "runserver", "--noreload", PORT])
