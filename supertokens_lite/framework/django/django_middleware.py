"""Django's door: `"supertokens_lite.framework.django.django_middleware.middleware"` in `MIDDLEWARE`.

It serves WSGI without an event loop and ASGI without a thread: Django asks for the one or the other, and each has its
own half. Errors that a view raises do not reach a middleware in Django; they are kept where Django shows them, and
answered on the way out, in the colour of the request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Any, Final, cast
from urllib.parse import unquote

from asgiref.sync import iscoroutinefunction  # which half is asked for, as Django's own documentation finds out
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from supertokens_lite._protocol.cookies import identify_cookie
from supertokens_lite._protocol.messages import REQUEST_KEY, BaseRequest, BaseResponse, name_in_environment
from supertokens_lite.exceptions import ConfigurationError, SuperTokensError
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.doors import ABOUT_REQUESTS, changes_of
from supertokens_lite.supertokens import Supertokens

__all__ = ("DjangoRequest", "ExactCookie", "build_response", "middleware", "request_of")

GetResponse = Callable[[HttpRequest], HttpResponseBase]
GetResponseAsync = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

MISSING: Final = (
    "the middleware of supertokens_lite is missing: add "
    '"supertokens_lite.framework.django.django_middleware.middleware" to MIDDLEWARE'
)


class DjangoRequest(BaseRequest):
    """A request as Django has it; its session is `request.supertokens` too.

    Args:
        request: Django's own.
        supertokens: the SDK that answers for it.

    Attributes:
        supertokens: the SDK that answers for it.
        error: with what the view ended, if that is still to be answered.
        answered: whether the response is one of ours, with all that the session wants on it.
    """

    error: SuperTokensError | None = None
    answered = False

    def __init__(self, request: HttpRequest, supertokens: Supertokens) -> None:
        self.request: HttpRequest = request
        self.supertokens = supertokens

    def method(self) -> str:  # noqa: D102  # as in BaseRequest
        return (self.request.method or "GET").upper()

    def get_path(self) -> str:  # noqa: D102
        return self.supertokens.doors.choose_path(self.request.path, self.request.path_info)

    def get_header(self, key: str) -> str | None:
        """Give a header; what the process's environment left beside them is none."""
        if key.lower() == "cookie":
            return self._find_cookies()
        found: str | None = self.request.META.get(name_in_environment(key))
        return found

    def get_original_url(self) -> str:  # noqa: D102
        return self.request.build_absolute_uri()

    def get_query_params(self) -> dict[str, str]:  # noqa: D102
        return {str(name): str(value) for name, value in self.request.GET.items()}

    async def body(self) -> bytes:  # noqa: D102
        return self.request.body

    async def form_data(self) -> dict[str, Any]:  # noqa: D102
        return dict(self.request.POST.items())

    def set_session(self, session: SessionContainer) -> None:  # noqa: D102
        super().set_session(session)
        show(self.request, session)

    def set_session_as_none(self) -> None:  # noqa: D102
        super().set_session_as_none()
        show(self.request, None)

    def _find_cookies(self) -> str | None:
        """Give the Cookie header: HTTP/2 may split it, and Django joins with commas, which cookies may hold."""
        scope = getattr(self.request, "scope", None)
        if scope is None:
            found: str | None = self.request.META.get("HTTP_COOKIE")
            return found
        parts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
        return "; ".join(parts) if parts else None


class ExactCookie(Morsel[str]):
    """A cookie that is sent as it was written; Django would write it in its own way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        pair, *attributes = text.split("; ")
        name, _, value = pair.partition("=")
        self._text = text
        with suppress(CookieError):  # a name that it does not like; the text is what counts
            self.set(name, unquote(value), value)
        for attribute in attributes:
            key, separator, given = attribute.partition("=")
            if key.lower() in self:
                self[key.lower()] = given if separator else True

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802, D102  # the name is http.cookies'
        return self._text

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:  # noqa: D102
        return f"{header} {self._text}" if header else self._text

    def copy(self) -> ExactCookie:  # noqa: D102
        return ExactCookie(self._text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel with a response that is kept in a cache."""
        return ExactCookie, (self._text,)


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Serve the session endpoints, and let sessions of requests have their say on responses."""
    serve = _serve_awaited(get_response) if iscoroutinefunction(get_response) else _serve_blocking(get_response)
    vars(serve)["process_exception"] = _keep_error  # a function has it too, for Django to find
    return serve


def _serve_blocking(get_response: GetResponse) -> GetResponse:
    def serve(request: HttpRequest) -> HttpResponseBase:
        known = _begin(request)
        doors = known.supertokens.blocking_doors
        if known.supertokens.doors.is_endpoint(known.get_path()):
            answer = doors.answer(known)
            if answer is not None:
                return build_response(answer)
        response = get_response(request)
        if known.error is not None:
            return _change(response, doors.answer_error(known, known.error))
        return response if known.answered else _change(response, changes_of(known))

    return serve


def _serve_awaited(get_response: GetResponseAsync) -> GetResponseAsync:
    async def serve(request: HttpRequest) -> HttpResponseBase:
        known = _begin(request)
        doors = known.supertokens.doors
        if doors.is_endpoint(known.get_path()):
            answer = await doors.answer(known)
            if answer is not None:
                return build_response(answer)
        response = await get_response(request)
        if known.error is not None:
            return _change(response, await doors.answer_error(known, known.error))
        return response if known.answered else _change(response, changes_of(known))

    return serve


def request_of(request: HttpRequest) -> DjangoRequest:
    """Give the request that the middleware made of Django's own.

    Raises:
        ConfigurationError: the middleware is missing.
    """
    found = _holder(request).get(REQUEST_KEY)
    if not isinstance(found, DjangoRequest):
        raise ConfigurationError(MISSING)
    return found


def build_response(recorded: BaseResponse) -> HttpResponse:
    """Make Django's response of what was recorded."""
    response = HttpResponse()
    del response.headers["content-type"]
    _change(response, recorded)
    return response


def show(request: HttpRequest, session: SessionContainer | None) -> None:
    """Let the view see the session of its request."""
    cast("Any", request).supertokens = session


def _begin(request: HttpRequest) -> DjangoRequest:
    known = DjangoRequest(request, Supertokens.get_instance())
    _holder(request)[REQUEST_KEY] = known
    return known


def _holder(request: HttpRequest) -> MutableMapping[str, Any]:
    """Give where something is kept with a request: its ASGI scope, else its WSGI environment."""
    holder: MutableMapping[str, Any] = getattr(request, "scope", request.META)
    return holder


def _keep_error(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """Have an error that a view raised answered on the way out; None leaves it to Django."""
    found = _holder(request).get(REQUEST_KEY)
    if not isinstance(found, DjangoRequest) or not isinstance(exception, ABOUT_REQUESTS):
        return None
    found.error = exception
    return HttpResponse(status=exception.status_hint)


def _change(response: HttpResponseBase, recorded: BaseResponse | None) -> HttpResponseBase:
    """Put on a response what was recorded."""
    if recorded is None:
        return response
    if recorded.status is not None:
        response.status_code = recorded.status
    if recorded.content is not None and isinstance(response, HttpResponse):
        response.content = recorded.content
    changed = recorded.apply(list(response.items()))
    for name, _ in list(response.items()):
        del response[name]
    for name, value in changed:
        if name.lower() == "set-cookie":
            _set_cookie(response.cookies, value)
        else:
            response[name] = value
    return response


def _set_cookie(cookies: SimpleCookie, text: str) -> None:
    """Set a cookie, in place of the same one; of others of its name there may be several."""
    wanted = identify_cookie(text)
    for key in [key for key, morsel in cookies.items() if identify_cookie(morsel.OutputString()) == wanted]:
        del cookies[key]
    key = f"{wanted.name}; {wanted.domain}; {wanted.path}" if wanted.name in cookies else wanted.name
    cookies[key] = ExactCookie(text)
