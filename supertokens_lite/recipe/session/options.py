"""What a user sets of the session recipe: checked here, once, and in one form afterwards."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from supertokens_lite._io.base import Drive
from supertokens_lite._protocol import anti_csrf, sites
from supertokens_lite._protocol.cookies import SameSite
from supertokens_lite._protocol.messages import BaseRequest
from supertokens_lite._protocol.sizes import check_size
from supertokens_lite._protocol.tokens import TokenRules
from supertokens_lite._protocol.transfer import Allowed, CookieSettings, Method
from supertokens_lite._protocol.urls import NormalisedURLDomain, NormalisedURLPath, is_local
from supertokens_lite.config import AppInfo, parse_domain
from supertokens_lite.exceptions import ConfigurationError, SuperTokensWarning

if TYPE_CHECKING:
    from supertokens_lite.recipe.session.interfaces import APIInterface, RecipeInterface

__all__ = (
    "InputErrorHandlers",
    "InputOverrideConfig",
    "SessionConfig",
    "SessionOptions",
    "SessionOverrideConfig",
    "TokenTransferMethod",
    "TransferMethod",
    "is_under_development",
)

logger = logging.getLogger("supertokens_lite")

TokenTransferMethod = Allowed
TransferMethod = Method

REFRESH_PATH: Final = NormalisedURLPath("/session/refresh")
NO_ORIGIN: Final = "null"
JWKS_REFRESH_S: Final = 14_400


@dataclass(frozen=True)
class InputErrorHandlers:
    """What answers a request whose session is not good; each may be `def` or `async def` and gives the response."""

    on_token_theft_detected: Callable[..., Any] | None = None
    on_try_refresh_token: Callable[..., Any] | None = None
    on_unauthorised: Callable[..., Any] | None = None
    on_invalid_claim: Callable[..., Any] | None = None
    on_clear_duplicate_session_cookies: Callable[..., Any] | None = None


@dataclass(frozen=True)
class SessionOverrideConfig:
    """Functions that get the default implementation and give it back, changed.

    Attributes:
        functions: for what can be done with sessions.
        apis: for the endpoints.
    """

    functions: Callable[[RecipeInterface], RecipeInterface] | None = None
    apis: Callable[[APIInterface], APIInterface] | None = None


InputOverrideConfig = SessionOverrideConfig


class _IsInstance(NamedTuple):
    """Has pydantic look at the class of a value, and at nothing in it."""

    kind: type

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(self.kind)


class SessionOptions(BaseModel):
    """Types and bounds of the arguments of `init`."""

    model_config = ConfigDict(
        strict=True, arbitrary_types_allowed=True, hide_input_in_errors=True, frozen=True, defer_build=True
    )

    cookie_domain: str | None
    older_cookie_domain: str | None
    cookie_secure: bool | None
    cookie_same_site: SameSite | None
    session_expired_status_code: Annotated[int, Field(ge=100, le=599)] | None
    anti_csrf: anti_csrf.Mode | None
    get_token_transfer_method: Callable[..., Any] | None
    error_handlers: Annotated[InputErrorHandlers, _IsInstance(InputErrorHandlers)] | None
    override: Annotated[SessionOverrideConfig, _IsInstance(SessionOverrideConfig)] | None
    invalid_claim_status_code: Annotated[int, Field(ge=100, le=599)] | None
    use_dynamic_access_token_signing_key: bool | None
    expose_access_token_to_frontend_in_cookie_based_auth: bool | None
    jwks_refresh_interval_sec: Annotated[int, Field(gt=0)] | None
    leeway_s: Annotated[float, Field(ge=0, le=3600)]
    jwks_max_stale_s: Annotated[float, Field(ge=0)]
    static_jwks: Mapping[str, Any] | None
    verified_token_cache_size: Annotated[int, Field(ge=0, le=10_000_000)]
    max_access_token_bytes: Annotated[int, Field(ge=1024)] | None
    expected_issuers: Sequence[str] | None


class SessionConfig:
    """The recipe's settings in one form.

    Attributes:
        anti_csrf: as given; None: decided for each request.
        use_dynamic_access_token_signing_key: whether access tokens are signed by keys that rotate.
        has_transfer_function: whether a function decides how the tokens of a request may travel.
        issuer: the `iss` of tokens: API domain and base path.
        api_domain: the API's domain.
        api_base_path: below which the endpoints are.
        api_gateway_path: the beginning of it that a gateway adds, which may not be on requests that arrive here.
        refresh_token_path: where the refresh endpoint is; refresh cookies go nowhere else.
        rules: what an access token has to be like.
        drive: runs a coroutine for a blocking method.
    """

    def __init__(self, options: SessionOptions, app_info: AppInfo, drive: Drive) -> None:
        self._app_info = app_info
        self.api_domain = app_info.api_domain.get_as_string_dangerous()
        self.api_base_path = app_info.api_base_path
        self.api_gateway_path = app_info.api_gateway_path
        self.refresh_token_path = app_info.api_base_path.append(REFRESH_PATH)
        self.issuer = self.api_domain + app_info.api_base_path.get_as_string_dangerous()
        self.framework = app_info.framework
        self.mode = app_info.mode
        self.cookie_domain = _scope(options.cookie_domain)
        self.older_cookie_domain = _scope(options.older_cookie_domain)
        secure = options.cookie_secure
        self.cookie_secure = self.api_domain.startswith("https:") if secure is None else secure
        self.cookie_same_site: SameSite | None = options.cookie_same_site
        self.session_expired_status_code = options.session_expired_status_code or 401
        self.invalid_claim_status_code = options.invalid_claim_status_code or 403
        self.anti_csrf: anti_csrf.Mode | None = options.anti_csrf
        self._transfer_method = options.get_token_transfer_method
        self.has_transfer_function = self._transfer_method is not None
        self.error_handlers = options.error_handlers or InputErrorHandlers()
        self.override = options.override or SessionOverrideConfig()
        self.use_dynamic_access_token_signing_key = options.use_dynamic_access_token_signing_key is not False
        self.expose_access_token_to_frontend_in_cookie_based_auth = bool(
            options.expose_access_token_to_frontend_in_cookie_based_auth
        )
        self.jwks_refresh_interval_sec = options.jwks_refresh_interval_sec or JWKS_REFRESH_S
        self.jwks_max_stale_s = options.jwks_max_stale_s
        self.static_jwks = options.static_jwks
        self.verified_token_cache_size = options.verified_token_cache_size
        self.max_access_token_bytes = options.max_access_token_bytes
        issuers = options.expected_issuers
        self.rules = TokenRules(
            leeway_s=options.leeway_s,
            dynamic_keys=self.use_dynamic_access_token_signing_key,
            issuers=None if issuers is None else frozenset(issuers),
        )
        self.drive = drive
        self._check_cookies(options)

    def _check_cookies(self, options: SessionOptions) -> None:
        """Refuse cookies that no browser keeps, and warn of such as may not be kept.

        Raises:
            ConfigurationError: `SameSite=None` is set, and the cookies are not secure.
        """
        is_near = is_under_development(self.api_domain)
        if self.cookie_same_site == "none" and not self.cookie_secure and not is_near:
            raise ConfigurationError(
                "session.init: cookie_same_site is 'none', which browsers take over https only: make api_domain "
                "https://…, and leave cookie_secure out"
            )
        if options.cookie_secure and not self.api_domain.startswith("https:") and not is_near:
            _warn(
                f"cookie_secure is set, but {self.api_domain} is on http, where browsers drop such cookies: use https"
            )
        if self._transfer_method is not None or self.cookie_secure or self._app_info.origin_varies:
            return
        website = self.get_origin(None, {})
        if sites.same_site(self.api_domain, website) == "none":
            mend = "use https, or have get_token_transfer_method give 'header'"
            if is_near and is_under_development(website):
                mend = "use one host name for both, like localhost"
            _warn(
                f"{website} and {self.api_domain} are of different sites, so that cookies need SameSite=None, which "
                f"browsers take over https only: {mend}"
            )

    def get_cookie_same_site(self, request: BaseRequest | None, user_context: dict[str, Any]) -> SameSite:
        """Give the `SameSite` of cookies for a request: by the sites of API and website unless it is set."""
        if self.cookie_same_site is not None:
            return self.cookie_same_site
        return sites.same_site(self.api_domain, self.get_origin(request, user_context))

    def get_origin(self, request: BaseRequest | None, user_context: dict[str, Any]) -> str:
        """Give the website's domain for a request; `null`, which is of no site, if a function gives what is none."""
        origin = self._app_info.find_origin(request, user_context)
        return NO_ORIGIN if origin is None else origin.get_as_string_dangerous()

    def get_anti_csrf(self, request: BaseRequest | None, user_context: dict[str, Any]) -> anti_csrf.Mode:
        """Give the way in which a request has to show that it comes from the website.

        Where there may be several websites, the cookies may have been made for another one than this request's. So what
        `origin` says of it is not enough then: the request itself has to come from the site of the API.
        """
        if self.anti_csrf is not None:
            return self.anti_csrf
        if request is not None and self.cookie_same_site is None and self._app_info.origin_varies:
            return "NONE" if self._is_of_one_site(request.get_header("origin")) else "VIA_CUSTOM_HEADER"
        return anti_csrf.choose_mode(None, self.get_cookie_same_site(request, user_context))

    def _is_of_one_site(self, origin: str | None) -> bool:
        domain = parse_domain(origin or "")
        return domain is not None and sites.same_site(self.api_domain, domain.get_as_string_dangerous()) == "lax"

    def get_cookie_settings(self, request: BaseRequest | None, user_context: dict[str, Any]) -> CookieSettings:
        """Give what the session cookies of a request are to be like."""
        return CookieSettings(
            domain=self.cookie_domain,
            older_domain=self.older_cookie_domain,
            secure=self.cookie_secure,
            same_site=self.get_cookie_same_site(request, user_context),
            refresh_path=self.refresh_token_path.get_as_string_dangerous(),
        )

    def check_token_size(self, payload: Mapping[str, Any], user_id: str = "") -> None:
        """Refuse a payload that would make an access token too large, and warn in the log of one that is large.

        Raises:
            BadInputError: the token would be larger than `max_access_token_bytes`.
        """
        warning = check_size(payload, self.max_access_token_bytes, user_id)
        if warning is not None:
            logger.warning("%s", warning)

    def get_token_transfer_method(
        self, request: BaseRequest, for_create_new_session: bool, user_context: dict[str, Any]
    ) -> TokenTransferMethod:
        """Give how the tokens of a request may travel.

        Raises:
            ConfigurationError: the function that was given at `init` gave something else.
        """
        if self._transfer_method is not None:
            given: TokenTransferMethod = self._transfer_method(request, for_create_new_session, user_context)
            if given not in ("cookie", "header", "any"):
                raise ConfigurationError(
                    f"get_token_transfer_method gave {type(given).__name__} {str(given)[:40]!r}; "
                    "it has to give 'cookie', 'header' or 'any'"
                )
            return given
        if not for_create_new_session:
            return "any"
        wish = (request.get_header("st-auth-mode") or "").lower()
        return "cookie" if wish == "cookie" else "header" if wish == "header" else "any"


def is_under_development(domain: str) -> bool:
    """Tell whether a domain is this machine's, or an IP's: where an application is being developed."""
    return is_local(urlsplit(domain).hostname or "") or NormalisedURLDomain(domain).is_an_ip_address()


def _warn(text: str) -> None:
    """Warn at the line that builds the SDK."""
    warnings.warn(f"session.init: {text}", SuperTokensWarning, stacklevel=6)


def _scope(domain: str | None) -> str | None:
    """Give a cookie domain in one form; an empty one (the API's host only) stays empty."""
    return sites.normalise_session_scope(domain) if domain else domain
