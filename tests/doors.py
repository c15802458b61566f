"""What tests need to knock at an application's door: clients that keep tokens, and an adapter for no framework."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.apis import apply_session
from supertokens_lite.testing.client import (
    API,
    COOKIES,
    EPOCH,
    HEADERS,
    PLACES_OF_TOKENS,
    REFRESH,
    Client,
    attributes,
    cleared,
    content,
    cookies,
)
from supertokens_lite.testing.settings import AWAY
from supertokens_lite.testing.signer import Signer

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


@functools.cache
def _signer() -> Signer:
    return Signer()


def jwks() -> dict[str, Any]:
    """Give the public key of `mint` as a document for `static_jwks`."""
    return _signer().jwks


def mint(*given: str, **claims: Any) -> str:
    """Make an access token that no core made; the arguments are those of `Signer.mint`."""
    return _signer().mint(*given, **claims)
