"""Django's door: both halves of it, class-based views, exact cookies, and the page that this package began with."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterable, Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import PlainRequest
from supertokens_lite.exceptions import ConfigurationError, GeneralError
from supertokens_lite.framework.django.django_middleware import ExactCookie
from supertokens_lite.recipe.session import InputErrorHandlers, syncio
from supertokens_lite.recipe.session import asyncio as sessions
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.django import asyncio as awaited
from supertokens_lite.recipe.session.framework.django import syncio as blocking
from tests.doors import REFRESH, allowing, build
from tests.doors import Client as Keeper
from tests.framework.django_site import send_to, send_to_async
from tests.framework.django_site import urlpatterns as site
from tests.framework.loaded import frameworks_of
from tests.framework.views import BLOCKING, FIXED_COOKIES, noting_bodies

Begin = Callable[..., Supertokens]

COOKIES = {"st-auth-mode": "cookie"}


@method_decorator(blocking.verify_session(), name="dispatch")
class Page(View):
    """A view that is a class, with blocking methods."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(vars(request)["supertokens"].get_user_id())


@method_decorator(awaited.verify_session(), name="dispatch")
class PageAsync(View):
    """A view that is a class, with async methods."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        await vars(request)["supertokens"].get_session_data_from_database()
        return HttpResponse(vars(request)["supertokens"].get_user_id())


class Around:
    """A request around Django's own, as Django REST Framework has it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def around(request: HttpRequest) -> HttpResponse:
    """Answer as an API view does: what is verified is another request than Django's."""

    def view(request: Any) -> HttpResponse:
        assert request.supertokens is request._request.supertokens
        return HttpResponse(request.supertokens.get_user_id())

    return blocking.verify_session()(view)(Around(request))


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Answer with a stream, after a change of the payload."""

    def view(request: HttpRequest) -> StreamingHttpResponse:
        vars(request)["supertokens"].sync_merge_into_access_token_payload({"n": 1})
        return StreamingHttpResponse(MADE)

    return blocking.verify_session()(view)(request)


def replaced(request: HttpRequest) -> HttpResponse:
    """Answer with cookies of one's own that the session replaces, but for one that differs in its path."""

    def view(request: HttpRequest) -> HttpResponse:
        BLOCKING["fixed"](vars(request)["supertokens"])
        response = HttpResponse()
        response.set_cookie("plain", "mine")
        response.set_cookie("twice", "mine", path="/mine")
        return response

    return blocking.verify_session()(view)(request)


def both(request: HttpRequest) -> HttpResponse:
    """Log in, and call a view that wants a session which came with the request."""
    syncio.create_new_session(request, "public", RecipeUserId("ada"))
    return blocking.verify_session()(replaced)(request)


async def both_awaited(request: HttpRequest) -> HttpResponse:
    """Do the same, awaited."""
    await sessions.create_new_session(request, "public", RecipeUserId("ada"))
    return await awaited.verify_session()(both_awaited)(request)


def raised(request: HttpRequest) -> HttpResponse:
    """Log in, and refuse all the same."""
    syncio.create_new_session(request, "public", RecipeUserId("ada"))
    raise UnauthorisedError("no", clear_tokens=False)


class Made:
    """Parts that are counted as they are made."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        self.count = 0
        for number in range(3):
            self.count += 1
            yield b"%d" % number


MADE = Made()

urlpatterns = [
    *site,
    path("page", Page.as_view()),
    path("async/page", PageAsync.as_view()),
    path("around", around),
    path("parts", stream),
    path("replaced", replaced),
    path("both", both),
    path("async/both", both_awaited),
    path("raised", raised),
]

pytestmark = pytest.mark.usefixtures("_urls")


@pytest.fixture
def _urls() -> Iterable[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def data_of(handle: str) -> Any:
    found = syncio.get_session_information(handle)
    assert found is not None
    return found.session_data_in_database


def test_the_page_word_for_word(begin: Begin) -> None:
    """The first method of the page replaces session data from a verified request."""
    begin()
    client = Client()
    assert client.post("/update-info").status_code == 401
    handle = client.post("/login", headers=COOKIES).json()["handle"]
    answer = client.post("/update-info")
    assert (answer.status_code, answer.content) == (200, b"success")
    assert data_of(handle) == {"visits": 1, "newKey": "newValue"}


def test_the_page_word_for_word_on_asgi(begin: Begin) -> None:
    """The same through Django's asynchronous client, which keeps cookies as well."""
    begin()

    async def scenario() -> str:
        client = AsyncClient()
        handle: str = (await client.post("/async/login", headers=COOKIES)).json()["handle"]
        answer = await client.post("/update-info")
        assert (answer.status_code, answer.content) == (200, b"success")
        return handle

    assert data_of(asyncio.run(scenario())) == {"visits": 1, "newKey": "newValue"}


def test_cookies_as_django_shows_them(begin: Begin) -> None:
    """Tests and middlewares that look at the cookies of a response find their values and attributes."""
    begin()
    client = Client()
    cookies = client.post("/login", headers=COOKIES).cookies
    refresh = cookies["sRefreshToken"]
    assert (refresh["path"], refresh["httponly"], refresh["secure"], refresh["samesite"]) == (
        REFRESH,
        True,
        True,
        "Lax",
    )
    assert refresh.value
    assert client.post(REFRESH).status_code == 200
    assert client.post("/auth/signout").cookies["sAccessToken"].value == ""


def test_the_bytes_that_servers_get(begin: Begin) -> None:
    """What Django gives to a WSGI and to an ASGI server is what was recorded, byte by byte."""
    begin()
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    request = keeper.request("GET", "/fixed")
    given: list[Any] = []
    environ = RequestFactory(headers=request._headers).get("/fixed").environ
    list(WSGIHandler()(environ, lambda status, headers: given.extend(headers)))
    assert [value for name, value in given if name == "Set-Cookie"][1:] == FIXED_COOKIES
    headers = asyncio.run(call_asgi("/async/fixed", request))[0]["headers"]
    sent = [value.decode() for name, value in headers if name == b"Set-Cookie"]
    assert sent[1:] == FIXED_COOKIES


def test_cookies_that_are_replaced(begin: Begin) -> None:
    """A cookie of the application's makes way for the same one of the session's, not for others of its name."""
    begin()
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    response = send_to(keeper.request("GET", "/replaced"))
    assert sorted(value for name, value in response.headers if name == "Set-Cookie") == sorted(
        [*FIXED_COOKIES, "twice=mine; Path=/mine"]
    )


async def call_asgi(target: str, request: PlainRequest, split: bool = False) -> list[Any]:
    """Call Django as an ASGI server does; give the messages."""
    headers = [(name.encode(), value.encode()) for name, value in request._headers.items()]
    if split:  # as HTTP/2 does
        cookies = next(value for name, value in headers if name == b"cookie").split(b"; ")
        headers = [each for each in headers if each[0] != b"cookie"] + [(b"cookie", each) for each in cookies]
    scope = {
        "type": "http",
        "method": request.method(),
        "path": target,
        "query_string": b"",
        "headers": [(b"host", b"api.example.com"), *headers],
    }
    messages: list[Any] = []
    asked = iter([{"type": "http.request"}])

    async def receive() -> Any:
        return next(asked, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    await ASGIHandler()(scope, receive, send)
    return messages


def test_a_cookie_header_in_parts(begin: Begin) -> None:
    """HTTP/2 may send each cookie in a header of its own; all are found."""
    begin()
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    keeper.cookies = {("theme", "", "/"): "dark", **keeper.cookies}
    request = keeper.request("POST", REFRESH)
    assert "; " in str(request.get_header("cookie"))
    assert asyncio.run(call_asgi(REFRESH, request, split=True))[0]["status"] == 200


@pytest.mark.parametrize("text", [*FIXED_COOKIES, "a=b", "path=reserved; Path=/; Partitioned", "=; ;"])
def test_an_exact_cookie(text: str) -> None:
    """A cookie stays as it was written, also when it is copied, or kept with its response in a cache."""
    cookie = ExactCookie(text)
    jar = SimpleCookie()
    jar["x"] = cookie
    kept: Any = pickle.loads(pickle.dumps(jar))["x"]
    for each in (cookie, cookie.copy(), kept):
        assert each.output(header="") == text
        assert each.output() == f"Set-Cookie: {text}"
        assert each.OutputString() == text


def test_class_based_views(begin: Begin) -> None:
    """A class is verified where it dispatches, with blocking and with async methods, on WSGI and on ASGI."""
    begin()
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    for send in (send_to, send_to_async):
        for target in ("/page", "/async/page"):
            assert send(keeper.request("GET", target)).content == b"ada"
            assert send(Keeper().request("GET", target)).status == 401


def test_a_request_around_a_request(begin: Begin) -> None:
    """Where a view gets a request around Django's own, both have the session."""
    begin()
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    assert send_to(keeper.request("GET", "/around")).content == b"ada"


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    client = Client()
    client.post("/login", headers=COOKIES)
    answer: Any = client.get("/parts")
    assert answer.cookies["sAccessToken"].value
    parts = iter(answer.streaming_content)
    assert (next(parts), MADE.count) == (b"0", 1)
    assert b"".join(parts) == b"12"


def test_the_wrong_kind_of_view() -> None:
    """The decorator for blocking views says where that for async ones is."""

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(ConfigurationError, match=r"view is async: take .*framework\.django\.asyncio"):
        blocking.verify_session()(view)


@pytest.mark.parametrize("target", ["/me", "/async/me"])
def test_a_missing_middleware(begin: Begin, target: str) -> None:
    """Without the middleware the error says which line to add."""
    begin()
    with (
        override_settings(MIDDLEWARE=[]),
        pytest.raises(ConfigurationError, match=r'add "supertokens_lite\.framework\.django\.[a-z_.]+" to MIDDLEWARE'),
    ):
        Client().get(target)


def test_an_sdk_of_its_own(begin: Begin, core_uri: str) -> None:
    """A decorator may be given an SDK object; here one that takes no tokens from headers."""
    begin()
    keeper = Keeper("header")
    keeper.take(send_to(keeper.request("POST", "/login")))
    with build(core_uri, **allowing("cookie")) as other:

        def view(request: HttpRequest) -> HttpResponse:
            return HttpResponse()

        async def view_awaited(request: HttpRequest) -> HttpResponse:
            return HttpResponse()

        routes = (
            path("any", blocking.verify_session()(view)),
            path("one", blocking.verify_session(app=other)(view)),
            path("async/any", awaited.verify_session()(view_awaited)),
            path("async/one", awaited.verify_session(app=other)(view_awaited)),
        )
        with override_settings(ROOT_URLCONF=routes):
            for send, prefix in ((send_to, ""), (send_to_async, "/async")):
                answers = [send(keeper.request("GET", prefix + target)).status for target in ("/any", "/one")]
                assert answers == [200, 401]


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))
    for target in ("/both", "/async/both", "/raised"):
        for send in (send_to, send_to_async):
            response = send(Keeper("cookie").request("POST", target))
            assert response.status == 401
            assert [value for name, value in response.headers if name == "front-token"] == ["handled"]


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """A request that comes before `init` says that it is missing, whatever it is for."""
    for target in ("/me", "/late", REFRESH):
        with pytest.raises(GeneralError, match="Initialisation not done"):
            Client().get(target)


def test_the_environment_of_the_process_is_no_header(begin: Begin) -> None:
    """A variable that the server's process happens to have does not count as a header."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    keeper = Keeper()
    keeper.take(send_to(keeper.request("POST", "/login")))
    assert send_to(keeper.request("POST", "/me", rid=""), RID="anti-csrf").status == 401
    assert send_to(keeper.request("POST", "/me", rid=""), HTTP_RID="anti-csrf").status == 200


def test_an_application_below_a_path(begin: Begin) -> None:
    """Mounted below a path that the settings do not name, endpoints are found all the same."""
    begin()
    request = Keeper().request("GET", "/auth/jwt/jwks.json")
    assert send_to(request, SCRIPT_NAME="/shop").status == 200


def test_overrides_read_bodies(begin: Begin) -> None:
    """An override of an endpoint reads JSON and forms."""
    read: list[Any] = []
    begin(override=noting_bodies(read))
    for body, kind in ((b'{"a": 1}', "application/json"), (b"a=1", "application/x-www-form-urlencoded"), (b"{", "")):
        assert Client().generic("POST", REFRESH, body, kind).status_code == 401
    assert read == [{"a": 1}, {"a": "1"}, {}]


def test_no_other_framework_is_imported() -> None:
    """Django's door imports Django."""
    modules = ("framework.django.django_middleware", "recipe.session.framework.django.asyncio")
    assert frameworks_of(*(f"supertokens_lite.{module}" for module in modules)) == {"django"}
