"""A web request as the SDK reads it, and what the SDK wants of the response: the same for every framework.

An adapter derives from `BaseRequest` and says where method, path and headers are; all else is decided here. A
`BaseResponse` records, and touches nothing: `apply` turns the recording into the headers to send, so that the bytes
are the same whatever sends them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, quote

from supertokens_lite._protocol.cookies import SameSite, build_set_cookie, identify_cookie, parse_cookies
from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite._protocol.tokens import Credentials
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.types import UserContext, is_object

if TYPE_CHECKING:
    from supertokens_lite.recipe.session.container import SessionContainer

__all__ = (
    "REQUEST_KEY",
    "BaseRequest",
    "BaseResponse",
    "PlainRequest",
    "find_attached",
    "get_request_from_user_context",
    "join_values",
    "name_in_environment",
)

Header = tuple[str, str]

SET_COOKIE: Final = "set-cookie"
EXPOSE_HEADERS: Final = "access-control-expose-headers"

WITHOUT_PREFIX: Final = frozenset(("CONTENT_TYPE", "CONTENT_LENGTH"))
"""The two headers that a WSGI environment has under their own names. Source: RFC 3875, section 4.1."""

REQUEST_KEY: Final = "supertokens_lite.request"
"""Under which a door attaches a request to what the framework keeps for each request."""

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
UNSENDABLE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
KEPT_IN_URLS: Final = "%/:=&?~#+!$,;'@()*[]"


class BaseRequest(ABC):
    """A request of any framework; the adapters derive from it.

    Attributes:
        request: the framework's own request.
    """

    wrapper_used = True
    request: Any = None
    _cookies: dict[str, list[str]] | None = None
    _session: SessionContainer | None = None

    def __init__(self, request: Any = None) -> None:
        self.request = request

    @abstractmethod
    def method(self) -> str:
        """Give the HTTP method in upper case."""

    @abstractmethod
    def get_path(self) -> str:
        """Give the path, without the query."""

    @abstractmethod
    def get_header(self, key: str) -> str | None:
        """Give a header, whatever its case; None if it was not sent.

        One that was sent several times is joined with `", "`, the Cookie header with `"; "`.
        """

    @abstractmethod
    def get_original_url(self) -> str:
        """Give the URL that the client asked for."""

    @abstractmethod
    def get_query_params(self) -> dict[str, str]:
        """Give the query's parameters; of those that are there several times, the last."""

    def get_query_param(self, key: str, default: str | None = None) -> str | None:
        """Give one parameter of the query."""
        return self.get_query_params().get(key, default)

    def get_cookie(self, key: str) -> str | None:
        """Give the first value of a cookie, decoded; None if it was not sent."""
        values = self.get_cookies(key)
        return values[0] if values else None

    def get_cookies(self, key: str) -> list[str]:
        """Give all values of a cookie, decoded: a client sends several where domains or paths overlap."""
        return list(self.read_cookies().get(key, ()))

    def read_cookies(self) -> Mapping[str, Sequence[str]]:
        """Give all cookies, decoded: the values of each name, as `get_cookies` does."""
        cookies = self._cookies
        if cookies is None:
            cookies = self._cookies = parse_cookies(self.get_header("cookie"))
        return cookies

    def read_credentials(self) -> Credentials:
        """Give the headers that may hold a session's token, as `get_header` does."""
        return self.get_header("authorization"), self.get_header("cookie")

    async def body(self) -> bytes:
        """Give the body."""
        return b""

    async def json(self) -> Any:
        """Give the body's JSON value; an empty object if there is none."""
        try:
            return parse_json((await self.body()).decode())
        except (ValueError, RecursionError):
            return {}

    async def form_data(self) -> dict[str, Any]:
        """Give the fields of the form in the body, unless it comes in parts."""
        if "multipart" in (self.get_header("content-type") or "").lower():
            return {}
        return dict(parse_qsl((await self.body()).decode(errors="replace"), keep_blank_values=True))

    async def get_json_or_form_data(self) -> Any:
        """Give the fields of the form if the body is one, else its JSON value."""
        kind = (self.get_header("content-type") or "").strip().lower()
        if kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
            return await self.form_data()
        return await self.json()

    def get_session(self) -> SessionContainer | None:
        """Give the session that was found to be this request's; None before that, or if there is none."""
        return self._session

    def set_session(self, session: SessionContainer) -> None:
        """Keep a session as this request's.

        What an earlier one wants on the answer stays wanted, before what this one wants; from now on they share it.
        """
        earlier = self._session
        if earlier is not None and earlier.response_mutators is not session.response_mutators:
            earlier.response_mutators += session.response_mutators
            session.response_mutators = earlier.response_mutators
        self._session = session

    def set_session_as_none(self) -> None:
        """Note that this request has no session, and that what an earlier one wants on the answer is not wanted."""
        self._session = None


class PlainRequest(BaseRequest):
    """A request put together from its parts, for any program that has them.

    Args:
        method: in any case.
        url: a whole URL, or path and query.
        headers: names in any case; pairs where a name comes more than once.
        body: the bytes of the body.
    """

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | Iterable[Header] = (),
        body: bytes = b"",
    ) -> None:
        super().__init__()
        self._method = method.upper()
        self._url = url
        self._body = body
        self._headers: dict[str, str] = {}
        pairs = cast("Iterable[Header]", headers.items() if isinstance(headers, Mapping) else headers)
        for name, value in pairs:
            key = name.lower()
            earlier = self._headers.get(key)
            between = "; " if key == "cookie" else ", "
            self._headers[key] = value if earlier is None else earlier + between + value

    def method(self) -> str:  # as in BaseRequest
        return self._method

    def get_path(self) -> str:
        return self._split()[0]

    def get_header(self, key: str) -> str | None:
        return self._headers.get(key.lower())

    def get_original_url(self) -> str:
        return self._url

    def get_query_params(self) -> dict[str, str]:
        return dict(parse_qsl(self._split()[1], keep_blank_values=True))

    async def body(self) -> bytes:
        return self._body

    def _split(self) -> tuple[str, str]:
        """Give path and query. Nothing here refuses a URL: it is the client's."""
        absolute = ABSOLUTE.match(self._url)
        target = self._url[absolute.end() :] if absolute else self._url
        path, _, query = target.partition("#")[0].partition("?")
        return path or "/", query


class BaseResponse:
    """Records what is wanted of a response; an adapter asks for the outcome with `status`, `content` and `apply`.

    Attributes:
        response: the framework's own response, if there is one already.
        status: the status to answer with; None if it was not set.
        content: the body to answer with; None if it was not set.
        headers: the headers to set, as pairs; each cookie is one `set-cookie` pair.
        removed: lower-case names of headers that must not come from elsewhere.
        status_set: whether `set_status_code` was called; the first call counts.
        response_sent: whether a body was set; the first one counts.
    """

    wrapper_used = True

    def __init__(self, response: Any = None) -> None:
        self.response = response
        self.status: int | None = None
        self.content: bytes | None = None
        self.headers: list[Header] = []
        self.removed: set[str] = set()

    @property
    def status_set(self) -> bool:
        """Whether a status was set."""
        return self.status is not None

    @property
    def response_sent(self) -> bool:
        """Whether a body was set."""
        return self.content is not None

    def set_cookie(
        self,
        key: str,
        value: str,
        expires: int,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: SameSite = "lax",
    ) -> None:
        """Set a cookie; one of the same name, domain and path that was set before is replaced.

        Args:
            key: its name.
            value: any text; it is percent-encoded.
            expires: milliseconds since the epoch.
            path: below which browsers send it.
            domain: None: the host that answers, and no other.
            secure: whether browsers send it over TLS only.
            httponly: whether it is kept from scripts.
            samesite: whether it travels between sites.

        Raises:
            BadInputError: such a cookie can't be set.
        """
        self.set_header(
            SET_COOKIE,
            build_set_cookie(
                key,
                value,
                domain=domain,
                path=path,
                secure=secure,
                same_site=samesite,
                expires_ms=expires,
                http_only=httponly,
            ),
        )

    def set_header(self, key: str, value: str) -> None:
        """Set a header in place of any of this name.

        Set-Cookie replaces the same cookie only, and Access-Control-Expose-Headers adds to what is exposed.

        Raises:
            BadInputError: the name is none, or the value has line ends, other control characters, or what Latin-1
                doesn't have. The message doesn't show it.
        """
        if not TOKEN.match(key):
            raise BadInputError("this can't be the name of a header", "key")
        if UNSENDABLE.search(value):
            raise BadInputError(f"the value of the header {key} has characters that a header can't have", "value")
        name = key.lower()
        if name == EXPOSE_HEADERS:
            value = _merge([self.get_header(key) or "", value])
        self.headers = [*_without(self.headers, [(key, value)]), (key, value)]

    def get_header(self, key: str) -> str | None:
        """Give a header that was set here; None if it was not."""
        name = key.lower()
        return next((value for given, value in reversed(self.headers) if given.lower() == name), None)

    def remove_header(self, key: str) -> None:
        """Drop a header that was set here, and let none of this name come from elsewhere."""
        name = key.lower()
        self.headers = [header for header in self.headers if header[0].lower() != name]
        self.removed.add(name)

    def set_status_code(self, status_code: int) -> None:
        """Set the status, unless it was set before."""
        if self.status is None:
            self.status = status_code

    def set_json_content(self, content: Any) -> None:
        """Set a JSON body, unless a body was set before.

        Raises:
            ValueError: a number in it is not finite.
            TypeError: something in it has no form in JSON.
        """
        if self.content is None:
            self._set_content(build_json(content).encode(), "application/json; charset=utf-8")

    def set_html_content(self, content: str) -> None:
        """Set an HTML body, unless a body was set before."""
        if self.content is None:
            self._set_content(content.encode(errors="replace"), "text/html; charset=utf-8")

    def redirect(self, url: str) -> BaseResponse:
        """Answer with a redirect to a URL; what a URL can't have is percent-encoded."""
        self.set_header("location", quote(url, safe=KEPT_IN_URLS, errors="replace"))
        self.set_status_code(302)
        return self

    def apply(self, existing: Iterable[Header]) -> list[Header]:
        """Give the headers to send: those that are there, changed as was recorded.

        What was set replaces what has the same name, in any case; of Set-Cookie headers only those for the same
        cookie are replaced; Access-Control-Expose-Headers is merged. Applying it again changes nothing.

        Args:
            existing: the headers of the framework's own response, as pairs.
        """
        if not self.headers and not self.removed:
            return list(existing)
        kept = [header for header in existing if header[0].lower() not in self.removed]
        exposed = [value for name, value in kept if name.lower() == EXPOSE_HEADERS]
        ours = [
            (name, _merge([*exposed, value])) if name.lower() == EXPOSE_HEADERS else (name, value)
            for name, value in self.headers
        ]
        return _without(kept, ours) + ours

    def _set_content(self, content: bytes, kind: str) -> None:
        self.content = content
        self.set_header("content-type", kind)
        self.set_header("content-length", str(len(content)))


def _without(headers: list[Header], newer: list[Header]) -> list[Header]:
    """Give the headers that are not replaced by newer ones."""
    names = {name.lower() for name, _ in newer}
    cookies = {identify_cookie(value) for name, value in newer if name.lower() == SET_COOKIE}
    return [
        (name, value)
        for name, value in headers
        if not (identify_cookie(value) in cookies if name.lower() == SET_COOKIE else name.lower() in names)
    ]


def _merge(lists: list[str]) -> str:
    """Join comma-separated lists of header names; each name once, in the case in which it came first."""
    names: dict[str, str] = {}
    for name in ",".join(lists).split(","):
        if name.strip():
            names.setdefault(name.strip().lower(), name.strip())
    return ",".join(names.values())


def find_attached(request: object) -> BaseRequest | None:
    """Find what a door attached to a framework's own request, where that keeps what belongs to the request.

    This is a namespace (Sanic), an ASGI scope, a WSGI environment, or the request is a mapping itself (aiohttp).
    """
    namespace = getattr(request, "ctx", None)
    if isinstance(namespace, SimpleNamespace):
        return _choose(vars(namespace).get(REQUEST_KEY))
    for name in ("scope", "environ"):
        holder = getattr(request, name, None)
        if is_object(holder):
            return _choose(holder.get(REQUEST_KEY))
    if isinstance(request, Mapping):  # with keys of a kind of its own
        return _choose(*cast("Mapping[object, object]", request).values())
    return None


def _choose(*values: object) -> BaseRequest | None:
    return next((value for value in values if isinstance(value, BaseRequest)), None)


def join_values(key: str, values: Sequence[str]) -> str | None:
    """Give all values of a header as one; None if there are none.

    Args:
        key: the header's name.
        values: as servers of Python read them that take headers for UTF-8: what is none is in surrogates. All others
            read Latin-1.
    """
    if not values:
        return None
    found = ("; " if key.lower() == "cookie" else ", ").join(values)
    return found if found.isascii() else found.encode("utf-8", "surrogateescape").decode("latin-1")


def name_in_environment(header: str) -> str:
    """Give the name that a header has in a WSGI environment, where the process's own variables stand beside them."""
    name = header.upper().replace("-", "_")
    return name if name in WITHOUT_PREFIX else f"HTTP_{name}"


def get_request_from_user_context(user_context: UserContext | None) -> BaseRequest | None:
    """Give the request that a user context belongs to; None if there is none."""
    default = (user_context or {}).get("_default")
    request = default.get("request") if is_object(default) else None
    return request if isinstance(request, BaseRequest) else None
