"""The endpoints that a browser calls, and what an error becomes on the way out.

    POST {base}[/tenant]/session/refresh          new tokens
    POST {base}[/tenant]/signout                  the end of a session
    GET  {base}/jwt/jwks.json                     the public keys
    GET  {base}/.well-known/openid-configuration  where those are

Anything else is the application's. Source: FDI; OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, Protocol, cast

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.keys import Keys
from supertokens_lite._protocol import transfer
from supertokens_lite._protocol.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.exceptions import BadInputError, CoreError, PluginError
from supertokens_lite.recipe.session.claims import SessionClaimValidator
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.exceptions import (
    ClearDuplicateSessionCookiesError,
    InvalidClaimsError,
    SuperTokensSessionError,
    TokenTheftError,
    TryRefreshTokenError,
)
from supertokens_lite.recipe.session.interfaces import (
    APIInterface,
    APIOptions,
    OverrideGlobalClaimValidators,
    RecipeInterface,
)
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.requests import Requests, has_ended
from supertokens_lite.recipe.session.results import (
    GeneralErrorResponse,
    GetOpenIdDiscoveryConfigurationResult,
    SignOutOkayResponse,
)
from supertokens_lite.recipe.session.spans import note_refusal
from supertokens_lite.types import UserContext

__all__ = ("APIImplementation", "Apis", "apply_session", "handle_error", "is_default")

logger = logging.getLogger("supertokens_lite.session")

TENANT: Final = re.compile(r"/[a-zA-Z0-9-]+(/.*)")
REFRESH: Final = "/session/refresh"
SIGN_OUT: Final = "/signout"
JWKS: Final = "/jwt/jwks.json"
DISCOVERY: Final = "/.well-known/openid-configuration"
TENANTS_OWN: Final = frozenset((REFRESH, SIGN_OUT))
WITHOUT_SESSION: Final = frozenset(("OPTIONS", "TRACE"))
JWK_MEMBERS: Final = ("kty", "kid", "n", "e", "alg", "use")
LONGEST_METHOD: Final = 20
LONGEST_PATH: Final = 200
DISCOVERY_MAX_AGE_S: Final = 3600
"""What it says follows from the settings, which change with a new release of the application at most."""


class Recipe(Protocol):
    """What is needed of the session recipe."""

    recipe_id: str
    config: SessionConfig
    keys: Keys
    recipe_implementation: RecipeInterface
    api_implementation: APIInterface
    requests: Requests


class Places:
    """Where the endpoints are: below the base path, with and without what a gateway puts before it."""

    def __init__(self, config: SessionConfig) -> None:
        base = config.api_base_path.get_as_string_dangerous()
        behind = base.removeprefix(config.api_gateway_path.get_as_string_dangerous())
        self.bases = tuple(dict.fromkeys((base, behind)))

    def find(self, path: str) -> str | None:
        """Give which endpoint a path leads to, or what it is below the base; None if it is not below it."""
        path = path.rstrip("/")
        for base in self.bases:
            if path.startswith(base) and path[len(base) : len(base) + 1] == "/":
                below = path[len(base) :]
                tenants = TENANT.fullmatch(below)
                return tenants[1] if tenants is not None and tenants[1] in TENANTS_OWN else below
        return None


class APIImplementation(APIInterface):
    """The endpoints as they are without overrides."""

    def __init__(self, requests: Requests, config: SessionConfig) -> None:
        super().__init__()
        self._requests = requests
        self._places = Places(config)

    async def refresh_post(self, api_options: APIOptions, user_context: dict[str, Any]) -> SessionContainer:  # noqa: D102  # the interface says it
        return await self._requests.refresh(api_options.request, user_context)

    async def signout_post(  # noqa: D102
        self, session: SessionContainer, api_options: APIOptions, user_context: dict[str, Any]
    ) -> SignOutOkayResponse | GeneralErrorResponse:
        await settle(session.revoke_session(user_context))
        return SignOutOkayResponse()

    async def verify_session(  # noqa: D102
        self,
        api_options: APIOptions,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any],
    ) -> SessionContainer | None:
        request = api_options.request
        method = request.method()
        if not session_required and method in WITHOUT_SESSION:
            return None
        if method == "POST" and self._places.find(request.get_path()) == REFRESH:
            return await self._requests.refresh(request, user_context)
        return await self._requests.get(
            request, session_required, anti_csrf_check, check_database, override_global_claim_validators, user_context
        )


def is_default(api_implementation: APIInterface) -> bool:
    """Tell whether `verify_session` of the endpoints is the one of this package."""
    return getattr(api_implementation.verify_session, "__func__", None) is APIImplementation.verify_session


class Apis:
    """Answers the requests to the endpoints."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._places = Places(recipe.config)
        self._discovery = {"status": "OK"} | GetOpenIdDiscoveryConfigurationResult.of_issuer(
            recipe.config.issuer
        ).to_json()
        self._routes: dict[tuple[str, str], _Route] = {
            ("POST", REFRESH): _Route("disable_refresh_post", self._refresh),
            ("POST", SIGN_OUT): _Route("disable_signout_post", self._sign_out),
            ("GET", JWKS): _Route("disable_jwks_get", self._give_keys),
            ("GET", DISCOVERY): _Route("disable_open_id_discovery_configuration_get", self._give_discovery),
        }

    def is_below_base(self, path: str) -> bool:
        """Tell whether a path may lead to one of the endpoints; cheap, for every request passes here."""
        return path.startswith(self._places.bases)

    def list_places(self, tenant: str) -> list[tuple[str, str]]:
        """Give method and path of each endpoint that is not left to the application.

        Args:
            tenant: what stands for a tenant in those paths that may have one.
        """
        return [
            (method, base + prefix + place)
            for (method, place), route in self._routes.items()
            if not getattr(self._recipe.api_implementation, route.flag, False)
            for prefix in (("", tenant) if place in TENANTS_OWN else ("",))
            for base in self._places.bases
        ]

    async def handle(
        self, request: BaseRequest, response: BaseResponse, user_context: UserContext
    ) -> BaseResponse | None:
        """Answer a request to one of the endpoints.

        Returns:
            The response, all of it recorded; None if the request is the application's.

        Raises:
            SuperTokensSessionError: there is no good session; give it to `handle_error`.
            CoreError: the core could not be asked; likewise.
        """
        place = self._places.find(request.get_path())
        if place is None:
            return None
        route = self._routes.get((request.method(), place))
        if route is None or getattr(self._recipe.api_implementation, route.flag, False):
            return None
        context = self._recipe.requests.context(request, user_context)
        await route.answer(request, response, context)
        apply_session(request, response, context)
        return response

    async def _refresh(self, request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
        options = build_options(self._recipe, request, response)
        await settle(self._recipe.api_implementation.refresh_post(options, user_context))
        _answer(response, 200, {})

    async def _sign_out(self, request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
        session = await self._recipe.requests.get(request, True, None, False, _no_validators, user_context)
        options = build_options(self._recipe, request, response)
        outcome = await settle(
            self._recipe.api_implementation.signout_post(cast("SessionContainer", session), options, user_context)
        )
        _answer(response, 200, outcome.to_json())

    async def _give_keys(self, request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
        keys, max_age_s = await self._recipe.keys.document(user_context)
        response.set_header("Cache-Control", f"max-age={max_age_s}, must-revalidate")
        response.set_header("Access-Control-Allow-Origin", "*")
        _answer(response, 200, {"keys": [_public(key) for key in keys]})

    async def _give_discovery(self, request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
        response.set_header("Cache-Control", f"max-age={DISCOVERY_MAX_AGE_S}")
        response.set_header("Access-Control-Allow-Origin", "*")
        _answer(response, 200, self._discovery)


class _Route(NamedTuple):
    """What answers at an endpoint, and the flag of the interface that leaves it to the application."""

    flag: str
    answer: Callable[[BaseRequest, BaseResponse, UserContext], Awaitable[None]]


def build_options(recipe: Recipe, request: BaseRequest, response: BaseResponse | None) -> APIOptions:
    """Give what an endpoint has to do with."""
    return APIOptions(request, response, recipe.recipe_id, recipe.config, recipe.recipe_implementation)


def apply_session(request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
    """Put on a response what the session of its request wants there; done again, it changes nothing.

    For adapters: once the application has answered, and before the headers are sent.
    """
    session = request.get_session()
    for change in session.response_mutators if session is not None else ():
        change(response, user_context)


async def handle_error(
    recipe: Recipe, request: BaseRequest, error: Exception, response: BaseResponse, user_context: UserContext
) -> BaseResponse:
    """Answer a request that ended with an error.

    Raises:
        Exception: the error itself, if it is not about the request but about the application or its settings.
    """
    context = recipe.requests.context(request, user_context)
    if isinstance(error, SuperTokensSessionError):
        return await _answer_session_error(recipe, request, error, response, context)
    if isinstance(error, CoreError):
        apply_session(request, response, context)
        response.set_header("Retry-After", "1")
        _log(request, 503, "core_unavailable")
        return _answer(response, 503, {"message": "service unavailable"})
    if isinstance(error, (BadInputError, PluginError)):
        apply_session(request, response, context)
        return _answer(response, 400, {"message": str(error)})
    raise error


async def _answer_session_error(
    recipe: Recipe,
    request: BaseRequest,
    error: SuperTokensSessionError,
    response: BaseResponse,
    user_context: UserContext,
) -> BaseResponse:
    config = recipe.config
    if has_ended(error):
        _clear(config, request, response, user_context)
        request.set_session_as_none()
    else:
        apply_session(request, response, user_context)
    for change in error.response_mutators:
        change(response, user_context)
    row = next(row for row in ANSWERS if isinstance(error, row.error))
    status = {"expired": config.session_expired_status_code, "invalid": config.invalid_claim_status_code}.get(
        row.status, 200
    )
    _log(request, status, row.code if error.reason is None else str(error.reason))
    handler: Callable[..., Any] | None = getattr(config.error_handlers, row.handler)
    if handler is not None:
        given = await settle(handler(request, *_tell(error), response))
        if given is not None:
            return cast("BaseResponse", given)
        response.set_status_code(status)  # the first call counts: one that only logs has set none
        return response
    if isinstance(error, TokenTheftError) and error.subtype is None:
        with suppress(CoreError):
            await settle(recipe.recipe_implementation.revoke_session(error.session_handle, user_context))
    content: dict[str, Any] = {"message": row.message or str(error)}
    if isinstance(error, InvalidClaimsError):
        content["claimValidationErrors"] = [each.to_json() for each in error.payload]
    return _answer(response, status, content)


class _Row(NamedTuple):
    """What becomes of a kind of error.

    Attributes:
        error: the kind.
        handler: the error handler that may answer instead.
        code: the reason, where the error doesn't say a closer one.
        status: which status is answered with.
        message: what the client is told; None: what the error says.
    """

    error: type[SuperTokensSessionError]
    handler: str
    code: str
    status: Literal["expired", "invalid", "fine"]
    message: str | None


ANSWERS: Final = (
    _Row(TokenTheftError, "on_token_theft_detected", "token_theft", "expired", "token theft detected"),
    _Row(TryRefreshTokenError, "on_try_refresh_token", "try_refresh_token", "expired", "try refresh token"),
    _Row(InvalidClaimsError, "on_invalid_claim", "invalid_claims", "invalid", "invalid claim"),
    _Row(ClearDuplicateSessionCookiesError, "on_clear_duplicate_session_cookies", "duplicate_cookies", "fine", None),
    _Row(SuperTokensSessionError, "on_unauthorised", "unauthorised", "expired", "unauthorised"),
)
"""The first row that fits counts."""


def _tell(error: SuperTokensSessionError) -> tuple[Any, ...]:
    """Give what an error handler is told besides request and response."""
    if isinstance(error, TokenTheftError):
        return error.session_handle, error.user_id, error.recipe_user_id
    return (error.payload,) if isinstance(error, InvalidClaimsError) else (str(error),)


def _clear(config: SessionConfig, request: BaseRequest, response: BaseResponse, user_context: UserContext) -> None:
    """Have the client forget its tokens, however it sent them."""
    allowed = config.get_token_transfer_method(request, False, user_context)
    by_header = transfer.read_bearer(request.get_header("authorization")) is not None
    by_cookie = bool(request.get_cookies(ACCESS_COOKIE) or request.get_cookies(REFRESH_COOKIE))
    wish = request.get_header(transfer.AUTH_MODE_HEADER)
    settings = config.get_cookie_settings(request, user_context)
    for method in transfer.choose_to_clear(allowed, by_header, by_cookie, wish):
        transfer.clear_tokens(response, settings, method)


def _log(request: BaseRequest, status: int, code: str) -> None:
    method = repr(request.method()[:LONGEST_METHOD])[1:-1]  # not every server looks at what it is
    logger.info("%s %r answered with %d: %s", method, request.get_path()[:LONGEST_PATH], status, code)
    note_refusal(code)


def _answer(response: BaseResponse, status: int, content: dict[str, Any]) -> BaseResponse:
    response.set_status_code(status)
    response.set_json_content(content)
    return response


def _public(key: dict[str, Any]) -> dict[str, Any]:
    """Give the members of a key that are for everyone."""
    members = {"alg": "RS256", "use": "sig"} | key
    return {name: members[name] for name in JWK_MEMBERS}


def _no_validators(
    validators: list[SessionClaimValidator], session: SessionContainer, user_context: dict[str, Any]
) -> list[SessionClaimValidator]:
    return []
