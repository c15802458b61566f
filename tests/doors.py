"""What tests need to knock at an application's door: clients that keep tokens, and an adapter for no framework."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite._protocol.cookies import identify_cookie
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, PlainRequest
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.apis import apply_session

__all__ = (
    "API",
    "AWAY",
    "COOKIES",
    "EPOCH",
    "HEADERS",
    "PLACES_OF_TOKENS",
    "REFRESH",
    "Calls",
    "Client",
    "Handler",
    "allowing",
    "attributes",
    "build",
    "cleared",
    "content",
    "cookies",
    "jwks",
    "log_in",
    "mint",
    "serve",
    "serve_session",
)

API: Final = "https://api.example.com"
AWAY: Final = "http://127.0.0.1:9"
"""Where no core is."""
EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"

COOKIES: Final = {"sAccessToken", "sRefreshToken"}
HEADERS: Final = {"st-access-token", "st-refresh-token"}
REFRESH: Final = "/auth/session/refresh"

PLACES_OF_TOKENS: Final = (
    ("any", True, True, "header"),
    ("any", True, False, "header"),
    ("any", False, True, "cookie"),
    ("any", False, False, None),
    ("header", True, True, "header"),
    ("header", False, True, None),
    ("cookie", True, True, "cookie"),
    ("cookie", True, False, None),
)
"""What is allowed, whether a token came by header and by cookie, and which counts."""

Handler = Callable[[BaseRequest], Awaitable[Any]]


def build(
    core_uri: str,
    *,
    info: dict[str, Any] | None = None,
    core: dict[str, Any] | None = None,
    portal: bool = False,
    **recipe: Any,
) -> Supertokens:
    """Build an SDK object; the rest of the arguments goes to `session.init`."""
    places = {"api_domain": API, "website_domain": "https://example.com"} | (info or {})
    settings = SupertokensConfig(core_uri, **(core or {}))
    return Supertokens(InputAppInfo("Shop", **places), "fastapi", settings, [session.init(**recipe)], portal=portal)


def allowing(method: str) -> dict[str, Any]:
    """Let tokens travel one way only."""

    def get_token_transfer_method(request: Any, for_create_new_session: bool, user_context: Any) -> str:
        return method

    return {} if method == "any" else {"get_token_transfer_method": get_token_transfer_method}


class Calls:
    """An interceptor that keeps what is sent to the core."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def __call__(
        self, url: str, method: str, headers: Any, params: Any, body: Any, user_context: Any
    ) -> tuple[str, str, Any, Any, Any]:
        path = "/" + url.partition("://")[2].partition("/")[2]
        self.sent.append((method, path[path.find("/recipe") :] if "/recipe" in path else path))
        return url, method, headers, params, body

    def about_sessions(self) -> list[tuple[str, str]]:
        """Give the calls about sessions."""
        return [call for call in self.sent if "/recipe/session" in call[1]]


class Client:
    """A client that keeps the tokens it is given, in cookies or for headers, as browsers and browser SDKs do."""

    def __init__(self, mode: str | None = "cookie") -> None:
        self.mode = mode
        self.cookies: dict[tuple[str, ...], str] = {}
        self.headers: dict[str, str] = {}

    def request(self, method: str = "GET", path: str = "/", **headers: str) -> PlainRequest:
        """Make a request with all that belongs to it."""
        sent = {"rid": "session"}
        if self.mode is not None:
            sent["st-auth-mode"] = self.mode
        token = self.headers.get("st-refresh-token" if path.endswith("/session/refresh") else "st-access-token")
        if token:
            sent["authorization"] = f"Bearer {token}"
        if self.headers.get("anti-csrf"):
            sent["anti-csrf"] = self.headers["anti-csrf"]
        pairs = [f"{name}={value}" for (name, _, place), value in self.cookies.items() if path.startswith(place)]
        if pairs:
            sent["cookie"] = "; ".join(pairs)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (sent | given).items() if value}
        return PlainRequest(method, API + path, kept)

    def take(self, response: BaseResponse | None) -> BaseResponse:
        """Keep what a response sets, and forget what it clears."""
        assert response is not None
        for name, value in response.apply([]):
            if name.lower() == "set-cookie":
                key = tuple(identify_cookie(value))
                if EPOCH in value:
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = value.partition("=")[2].partition(";")[0]
            elif name.lower() in ("st-access-token", "st-refresh-token", "anti-csrf", "front-token"):
                self.headers[name.lower()] = value
        if self.headers.get("front-token") == "remove":
            self.headers.pop("anti-csrf", None)
        return response

    def token(self, name: str) -> str | None:
        """Give a token by the name of its cookie or header."""
        found = [value for (cookie, _, _), value in self.cookies.items() if cookie == name]
        return unquote(found[0]) if found else self.headers.get(name) or None


async def serve(app: Supertokens, request: BaseRequest, handler: Handler | None = None) -> BaseResponse:
    """Answer a request as an adapter does: endpoints first, then the handler, then what its session or error wants."""
    context: dict[str, Any] = {}
    try:
        answer = await app.middleware(request, BaseResponse(), context)
        if answer is not None:
            return answer
        response = BaseResponse()
        said = None if handler is None else await handler(request)
        response.set_status_code(404 if handler is None else 200)
        response.set_json_content(said)
        apply_session(request, response, context)
    except Exception as error:
        refused = await app.handle_supertokens_error(request, error, BaseResponse(), context)
        assert refused is not None
        return refused
    else:
        return response


async def serve_session(app: Supertokens, request: BaseRequest, **options: Any) -> BaseResponse:
    """Answer a request with the handle of its session."""

    async def handler(request: BaseRequest) -> Any:
        found = await app.session.get_session(request, **options)
        return None if found is None else found.get_handle()

    return await serve(app, request, handler)


async def log_in(app: Supertokens, client: Client, user: RecipeUserId, path: str = "/login", **payload: Any) -> str:
    """Create a session for a client; give its handle."""

    async def handler(request: BaseRequest) -> Any:
        return (await app.session.create_new_session(request, "public", user, payload or None)).get_handle()

    response = client.take(await serve(app, client.request("POST", path), handler))
    assert response.status == 200
    return str(content(response))


def content(response: BaseResponse) -> Any:
    """Give the JSON value that a response has."""
    assert response.content is not None
    return json.loads(response.content)


def cookies(response: BaseResponse) -> dict[str, str]:
    """Give the cookies that a response sets, by name and domain: the attributes after the value."""
    found: dict[str, str] = {}
    for name, value in response.headers:
        if name.lower() == "set-cookie":
            identity = identify_cookie(value)
            found[identity.name + (f"@{identity.domain}" if identity.domain else "")] = value
    return found


def cleared(response: BaseResponse) -> set[str]:
    """Give the cookies that a response clears, and the headers that it empties."""
    emptied = {name for name, value in response.headers if value == ""}
    return {name for name, value in cookies(response).items() if EPOCH in value} | emptied


def attributes(set_cookie: str) -> str:
    """Give what comes after the value and the date of a cookie."""
    parts = set_cookie.split("; ")[1:]
    return "; ".join(part for part in parts if not part.startswith("Expires="))


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def jwks(kid: str = "d-1") -> dict[str, Any]:
    """Give the public key of `mint` as a document for `static_jwks`."""
    numbers = _key().public_key().public_numbers()
    n, e = (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
        for number in (numbers.n, numbers.e)
    )
    return {"keys": [{"kty": "RSA", "kid": kid, "n": n, "e": e, "alg": "RS256", "use": "sig"}]}


def mint(handle: str = "h", user: str = "ada", *, age_s: int = 0, kid: str = "d-1", **claims: Any) -> str:
    """Make an access token that no core made."""
    made_s = int(time.time()) - age_s
    payload = {
        "iat": made_s,
        "exp": made_s + 3600,
        "sub": user,
        "rsub": user,
        "tId": "public",
        "sessionHandle": handle,
        "refreshTokenHash1": "0" * 64,
        "parentRefreshTokenHash1": None,
        "antiCsrfToken": None,
    }
    return jwt.encode(payload | claims, _key(), "RS256", {"kid": kid, "version": "5"})
