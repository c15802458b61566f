"""Django REST Framework: views of every kind, with sessions, without, and with such as are not good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser
from django.test import override_settings
from django.urls import include, path

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session import InputErrorHandlers, SessionContainer, syncio
from tests.doors import Client, content, mint
from tests.framework.django_site import MIDDLEWARE, send_to, send_to_async
from tests.framework.django_site import urlpatterns as site
from tests.framework.loaded import frameworks_of
from tests.framework.views import ROLE
from tests.servers import closed_port

# after django_site, which configures Django
from rest_framework.authentication import BasicAuthentication  # isort: skip
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # isort: skip
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated  # isort: skip
from rest_framework.renderers import BaseRenderer, JSONRenderer  # isort: skip
from rest_framework.request import Request  # isort: skip
from rest_framework.response import Response  # isort: skip
from rest_framework.routers import SimpleRouter  # isort: skip
from rest_framework.views import APIView  # isort: skip
from rest_framework.viewsets import ViewSet  # isort: skip

from supertokens_lite.recipe.session.framework.django.rest_framework import (  # isort: skip
    HasSession,
    SessionAuthentication,
    SessionUser,
    require_claims,
)

Begin = Callable[..., Supertokens]
Door = Callable[[PlainRequest], BaseResponse]

SETTINGS = {"UNAUTHENTICATED_USER": None}  # there is no django.contrib.auth here
ADMIN = require_claims(ROLE.validators.has_value("admin"))
GUEST = require_claims(ROLE.validators.has_value("guest"))


def describe(request: Request) -> Response:
    """Answer with who is there, by every way to know."""
    session = request.auth
    if session is None:
        kept = request.supertokens  # type: ignore[attr-defined]
        return Response({"user": str(request.user), "kept": kept and kept.get_user_id()})
    assert isinstance(session, SessionContainer)
    assert request.supertokens is session is request._request.supertokens  # type: ignore[attr-defined]
    assert request.user is request._request.user
    return Response({"handle": session.get_handle(), "user": str(request.user)})


class Me(APIView):
    """A class-based view."""

    authentication_classes: Any = (SessionAuthentication,)
    permission_classes: Any = (HasSession,)

    def get(self, request: Request) -> Response:
        return describe(request)

    def post(self, request: Request) -> Response:
        session: Any = request.auth
        session.sync_merge_into_access_token_payload({"more": "ü"})
        return describe(request)


class Open(Me):
    """A view for everybody."""

    permission_classes = (AllowAny,)


class Plain(Me):
    """A view that asks in the framework's own way."""

    permission_classes = (IsAuthenticated,)


class Admin(Me):
    """A view for some."""

    permission_classes = (ADMIN,)


class Either(Me):
    """A view whose permissions are joined."""

    permission_classes = (ADMIN | GUEST,)


class Neither(Me):
    """A view whose permissions are joined, and not enough."""

    permission_classes = (ADMIN | IsAdminUser, ~ADMIN)


class Basic(Me):
    """A view with another authentication class, which finds nobody."""

    authentication_classes = (BasicAuthentication,)


class CheckingAuthentication(SessionAuthentication):
    """Asks the core, wants administrators, and has users of its own."""

    check_database = True

    def get_user(self, session: SessionContainer) -> Any:
        return f"<{session.get_user_id()}>"


class Checked(Me):
    """A view whose sessions the core is asked about."""

    authentication_classes = (CheckingAuthentication,)


class AdminAuthentication(SessionAuthentication):
    """Wants administrators everywhere."""

    def choose_validators(self, validators: Any, session: SessionContainer, user_context: Any) -> Any:
        return [*validators, ROLE.validators.has_value("admin")]


class Everywhere(Me):
    """A view behind that."""

    authentication_classes = (AdminAuthentication,)


@api_view(["GET"])
@authentication_classes([SessionAuthentication])
@permission_classes([HasSession])
def function(request: Request) -> Response:
    """A view that is a function."""
    return describe(request)


class Asking(BaseRenderer):
    """Looks, as the browsable API does, which methods a user may call."""

    media_type = "text/plain"
    format = "txt"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        from rest_framework.exceptions import APIException
        from rest_framework.request import override_method

        view, request = renderer_context["view"], renderer_context["request"]
        with override_method(view, request, "POST") as clone:
            try:
                view.check_permissions(clone)
            except APIException as refused:
                return f"{refused.status_code}".encode()
        return b"allowed"


class Things(ViewSet):
    """A set of views, of which some are for administrators."""

    authentication_classes = (SessionAuthentication,)
    renderer_classes = (JSONRenderer, Asking)

    def get_permissions(self) -> list[BasePermission]:
        return [HasSession() if self.action == "list" else ADMIN()]

    def list(self, request: Request) -> Response:
        return describe(request)

    def create(self, request: Request) -> Response:
        return describe(request)


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def login(request: Request) -> Response:
    """Sign in: the SDK is given the framework's own request."""
    made = syncio.create_new_session(request, "public", RecipeUserId("ada"), {"role": "guest"})
    return Response({"handle": made.get_handle()})


router = SimpleRouter(trailing_slash=False)
router.register("things", Things, basename="things")
VIEWS = (Me, Open, Plain, Admin, Either, Neither, Basic, Checked, Everywhere)
urlpatterns = [
    *(path(f"rest/{view.__name__.lower()}", view.as_view()) for view in VIEWS),
    path("rest/function", function),
    path("rest/login", login),
    path("rest/", include(router.urls)),
    *site,
]


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__, REST_FRAMEWORK=SETTINGS):
        yield


@pytest.fixture(params=[send_to, send_to_async], ids=["wsgi", "asgi"])
def door(request: pytest.FixtureRequest) -> Door:
    """Give each half of the middleware."""
    found: Door = request.param
    return found


def sign_in(door: Door, mode: str = "cookie") -> Client:
    client = Client(mode)
    assert client.take(door(client.request("POST", "/rest/login"))).status == 200
    return client


def exact(response: BaseResponse) -> tuple[int | None, bytes | None, list[tuple[str, str]]]:
    return response.status, response.content, sorted(response.headers)


@pytest.mark.parametrize("mode", ["cookie", "header"])
@pytest.mark.parametrize("target", ["me", "open", "plain", "function", "either", "things", "basic"])
def test_a_session(begin: Begin, door: Door, mode: str, target: str) -> None:
    """Views of every kind see the session and its user."""
    begin()
    client = sign_in(door, mode)
    said = door(client.request("GET", f"/rest/{target}"))
    assert said.status == 200
    expected = "ada" if target != "basic" else "None"
    assert content(said)["user"] == expected


def test_a_change_of_the_payload(begin: Begin, door: Door) -> None:
    """What a view changes goes on its answer."""
    begin()
    client = sign_in(door)
    before = client.token("sAccessToken")
    client.take(door(client.request("POST", "/rest/me")))
    assert client.token("sAccessToken") != before
    assert content(door(client.request("GET", "/rest/me")))["user"] == "ada"


def test_no_session(begin: Begin, door: Door) -> None:
    """Whoever has none is nobody where that is enough, and gets 401 elsewhere, ours or the framework's."""
    begin()
    client = Client()
    assert content(door(client.request("GET", "/rest/open"))) == {"user": "None", "kept": None}
    expected = exact(door(client.request("GET", "/me")))
    assert expected[:2] == (401, b'{"message":"unauthorised"}')
    for target in ("me", "function", "admin", "things", "basic"):
        assert exact(door(client.request("GET", f"/rest/{target}"))) == expected, target
    own = door(client.request("GET", "/rest/plain"))
    assert own.status == 401
    assert dict(own.headers)["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("mode", ["cookie", "header"])
@pytest.mark.parametrize("target", ["me", "open", "plain", "function", "admin", "things"])
def test_a_session_that_is_not_good(begin: Begin, door: Door, mode: str, target: str) -> None:
    """An expired token is answered with the bytes, headers and cookies of `verify_session` everywhere."""
    begin()
    old = mint(age_s=7200)
    headers = {"cookie": f"sAccessToken={old}"} if mode == "cookie" else {"authorization": f"Bearer {old}"}
    expected = exact(door(Client(mode).request("GET", "/me", **headers)))
    assert expected[:2] == (401, b'{"message":"try refresh token"}')
    assert exact(door(Client(mode).request("GET", f"/rest/{target}", **headers))) == expected


def test_cookies_are_cleared(begin: Begin, door: Door) -> None:
    """A session that the core has ended is cleared from the browser, in a view that asks the core."""
    app = begin()
    client = sign_in(door)
    assert content(door(client.request("GET", "/rest/checked")))["user"] == "<ada>"
    app.session.blocking.revoke_all_sessions_for_user("ada")
    assert door(client.request("GET", "/rest/me")).status == 200
    expected = exact(door(client.request("GET", "/checked")))
    answer = door(client.request("GET", "/rest/checked"))
    assert exact(answer) == expected
    client.take(answer)
    assert client.cookies == {}


def test_claims(begin: Begin, door: Door) -> None:
    """A session that lacks a claim gets 403 with what the validators said, by permission and by authentication."""
    begin()
    client = sign_in(door)
    expected = exact(door(client.request("GET", "/admin")))
    assert expected[0] == 403
    assert b'"claimValidationErrors":[{"id":"role"' in (expected[1] or b"")
    assert exact(door(client.request("GET", "/rest/everywhere"))) == expected
    for method, target in (("GET", "admin"), ("POST", "things")):
        refused = client.take(door(client.request(method, f"/rest/{target}")))
        assert exact(refused)[:2] == expected[:2]


def test_joined_permissions(begin: Begin, door: Door) -> None:
    """Permissions may be joined with others; the framework answers then where none of them holds."""
    begin()
    client = sign_in(door)
    assert door(client.request("GET", "/rest/either")).status == 200
    refused = door(client.request("GET", "/rest/neither"))
    assert refused.status == 403
    assert content(refused).keys() == {"detail"}
    assert door(Client().request("GET", "/rest/either")).status == 401


def test_a_page_that_asks_what_may_be_called(begin: Begin, door: Door) -> None:
    """A page that only looks which methods there are is answered, whatever it finds."""
    begin()
    client = sign_in(door)
    said = door(client.request("GET", "/rest/things", accept="text/plain"))
    assert (said.status, said.content) == (200, b"403")


def test_anti_csrf(begin: Begin, door: Door) -> None:
    """A POST by cookie has to show where it comes from, a GET and one by header need not."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    client = sign_in(door)
    assert door(client.request("GET", "/rest/open", rid="")).status == 200
    refused = door(client.request("POST", "/rest/open", rid=""))
    assert (refused.status, refused.content) == (401, b'{"message":"try refresh token"}')
    by_header = sign_in(door, "header")
    assert door(by_header.request("POST", "/rest/open", rid="")).status == 200


def test_error_handlers(begin: Begin, door: Door) -> None:
    """An error handler of the application answers here too."""

    def on_unauthorised(request: Any, message: str, response: BaseResponse) -> BaseResponse:
        response.set_status_code(499)
        response.set_json_content({"login": True})
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=on_unauthorised))
    said = door(Client().request("GET", "/rest/me"))
    assert (said.status, content(said)) == (499, {"login": True})


def test_a_core_that_is_away(begin: Begin, door: Door) -> None:
    """Where the core can't be asked nobody is signed out: 503."""
    begin(uri=closed_port())
    assert door(Client("header").request("GET", "/rest/me", authorization=f"Bearer {mint()}")).status == 503


def test_without_the_middleware(begin: Begin) -> None:
    """The error says which line to add."""
    begin()
    with override_settings(MIDDLEWARE=[]), pytest.raises(ConfigurationError, match=MIDDLEWARE.replace(".", r"\.")):
        Browser().get("/rest/me")


def test_a_user(begin: Begin) -> None:
    """The user of a session is what the framework's permissions and throttles ask for, and may do nothing in Django."""
    app = begin()
    made = app.session.blocking.create_new_session_without_request_response("public", RecipeUserId("ada"))
    user = SessionUser(made)
    assert (user.pk, user.id, user.get_username(), str(user)) == ("ada",) * 4
    assert (user.is_authenticated, user.is_anonymous, user.is_active) == (True, False, True)
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert (user.has_perm("shop.view_cart"), user.has_perms(["shop.view_cart"]), user.has_perms([])) == (
        False,
        False,
        True,
    )
    assert not user.has_module_perms("shop")
    assert {user, SessionUser(made)} == {user}
    assert user != "ada"


@pytest.mark.parametrize("given", [(), ("role",), (ROLE,)])
def test_wrong_validators(given: Any) -> None:
    """What is no validator is refused when the view is written."""
    with pytest.raises(ConfigurationError, match="require_claims needs validators"):
        require_claims(*given)


PROJECT = """
import django
from django.conf import settings
from django.urls import path

OURS = "supertokens_lite.recipe.session.framework.django.rest_framework."

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="for tests",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "supertokens_lite.framework.django.django_middleware.middleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [OURS + "SessionAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": [OURS + "HasSession"],
    },
)
django.setup()

from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.test import Client
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import syncio
from supertokens_lite.recipe.session.framework.django.rest_framework import SessionAuthentication


class Users(SessionAuthentication):
    def get_user(self, session):
        return User.objects.get(pk=session.get_user_id())


@api_view(["POST"])
@permission_classes([AllowAny])
def login(request):
    syncio.create_new_session(request, "public", RecipeUserId(str(User.objects.get().pk)))
    return Response({})


@api_view(["GET"])
def default(request):
    return Response([type(request.user).__name__, str(request.user)])


@api_view(["GET"])
@authentication_classes([Users])
@permission_classes([AllowAny])
def me(request):
    assert request._request.user is request.user
    return Response([type(request.user).__name__, request.user.username])


urlpatterns = [path("login", login), path("me", me), path("default", default)]
init(
    InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.com"),
    "django",
    SupertokensConfig("sqlite:///:memory:"),
    [session.init()],
)
call_command("migrate", verbosity=0)
User.objects.create(username="ada")
client = Client(headers={"st-auth-mode": "cookie"})
print(client.get("/me").json())
client.post("/login", secure=True)
print(client.get("/me", secure=True).json())
print(client.get("/default", secure=True).json(), Client().get("/default").status_code)
"""


def test_users_of_django(tmp_path: Path) -> None:
    """With django.contrib.auth a class of one's own gives Django's users; guests are its anonymous one."""
    (tmp_path / "project.py").write_text(PROJECT, encoding="utf-8")
    code = [sys.executable, "-W", "error", "-c", "import project"]
    done = subprocess.run(code, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == "['AnonymousUser', '']\n['User', 'ada']\n['SessionUser', '1'] 401\n"


def test_the_door_without_the_framework() -> None:
    """Django's door alone does not import it."""
    door = (
        "supertokens_lite.framework.django.django_middleware",
        "supertokens_lite.recipe.session.framework.django.syncio",
    )
    assert frameworks_of(*door) == {"django"}
