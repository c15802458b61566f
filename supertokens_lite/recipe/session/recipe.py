"""The session recipe: its settings, and the implementation with the overrides over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import Drive, Effects
from supertokens_lite.config import AppInfo, one_line, same_settings
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.functions import SessionFunctions
from supertokens_lite.recipe.session.interfaces import APIInterface, RecipeInterface

__all__ = (
    "InputErrorHandlers",
    "InputOverrideConfig",
    "RecipeInit",
    "SessionConfig",
    "SessionOverrideConfig",
    "SessionRecipe",
    "TokenTransferMethod",
    "init",
)

TokenTransferMethod = Literal["cookie", "header", "any"]
RECIPE_ID: Final = "session"


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


class _SessionOptions(BaseModel):
    """Types and bounds of the arguments of `init`."""

    model_config = ConfigDict(
        strict=True, arbitrary_types_allowed=True, hide_input_in_errors=True, frozen=True, defer_build=True
    )

    cookie_domain: str | None
    older_cookie_domain: str | None
    cookie_secure: bool | None
    cookie_same_site: Literal["lax", "none", "strict"] | None
    session_expired_status_code: Annotated[int, Field(ge=100, le=599)] | None
    anti_csrf: Literal["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"] | None
    get_token_transfer_method: Callable[..., Any] | None
    error_handlers: InputErrorHandlers | None
    override: SessionOverrideConfig | None
    invalid_claim_status_code: Annotated[int, Field(ge=100, le=599)] | None
    use_dynamic_access_token_signing_key: bool | None
    expose_access_token_to_frontend_in_cookie_based_auth: bool | None
    jwks_refresh_interval_sec: Annotated[int, Field(gt=0)] | None


class SessionConfig:
    """The recipe's settings in one form.

    Attributes:
        anti_csrf: as given; None: decided for each request.
        use_dynamic_access_token_signing_key: whether access tokens are signed by keys that rotate.
        issuer: the `iss` of tokens: API domain and base path.
        api_domain: the API's domain.
        drive: runs a coroutine for a blocking method.
    """

    def __init__(self, options: _SessionOptions, app_info: AppInfo, drive: Drive) -> None:
        given = options.model_dump()
        self.cookie_domain: str | None = given["cookie_domain"]
        self.older_cookie_domain: str | None = given["older_cookie_domain"]
        self.cookie_secure: bool | None = given["cookie_secure"]
        self.cookie_same_site: str | None = given["cookie_same_site"]
        self.session_expired_status_code = options.session_expired_status_code or 401
        self.invalid_claim_status_code = options.invalid_claim_status_code or 403
        self.anti_csrf = options.anti_csrf
        self.get_token_transfer_method = options.get_token_transfer_method
        self.error_handlers = options.error_handlers or InputErrorHandlers()
        self.override = options.override or SessionOverrideConfig()
        self.use_dynamic_access_token_signing_key = options.use_dynamic_access_token_signing_key is not False
        self.expose_access_token_to_frontend_in_cookie_based_auth = bool(
            options.expose_access_token_to_frontend_in_cookie_based_auth
        )
        self.jwks_refresh_interval_sec = options.jwks_refresh_interval_sec or 14_400
        self.api_domain = app_info.api_domain.get_as_string_dangerous()
        self.issuer = self.api_domain + app_info.api_base_path.get_as_string_dangerous()
        self.framework = app_info.framework
        self.mode = app_info.mode
        self.drive = drive


class SessionRecipe:
    """The recipe at work.

    Attributes:
        recipe_id: `"session"`.
        config: its settings.
        recipe_implementation: what can be done with sessions, overrides and all.
        api_implementation: the endpoints, overrides and all.
    """

    recipe_id = RECIPE_ID

    def __init__(self, config: SessionConfig, querier: Querier, effects: Effects) -> None:
        self.config = config
        functions = SessionFunctions(querier, effects, config)
        override = config.override
        self.recipe_implementation: RecipeInterface = functions
        if override.functions is not None:
            self.recipe_implementation = _overridden("functions", override.functions(functions))
        functions.front = self.recipe_implementation
        self.api_implementation = APIInterface()
        if override.apis is not None:
            self.api_implementation = _overridden("apis", override.apis(self.api_implementation))


def _overridden(name: str, given: Any) -> Any:
    if given is None:
        raise ConfigurationError(f"session.init: override.{name} gave None; it has to return the implementation")
    return given


class RecipeInit:
    """What `init` gives: the session recipe, to be put into `recipe_list`."""

    recipe_id = RECIPE_ID

    def __init__(self, options: _SessionOptions) -> None:
        self._options = options

    def build(self, app_info: AppInfo, querier: Querier, effects: Effects, drive: Drive) -> SessionRecipe:
        """Set the recipe to work."""
        return SessionRecipe(SessionConfig(self._options, app_info, drive), querier, effects)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecipeInit) and same_settings(_values(self._options), _values(other._options))

    __hash__ = None  # type: ignore[assignment]


def _values(options: _SessionOptions) -> dict[str, Any]:
    """Give the options one by one, those of overrides and handlers too."""
    values = dict(options)
    for name in ("error_handlers", "override"):
        if values[name] is not None:
            values[name] = vars(values[name])
    return values


def init(
    cookie_domain: str | None = None,
    older_cookie_domain: str | None = None,
    cookie_secure: bool | None = None,
    cookie_same_site: Literal["lax", "none", "strict"] | None = None,
    session_expired_status_code: int | None = None,
    anti_csrf: Literal["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"] | None = None,
    get_token_transfer_method: Callable[[Any, bool, dict[str, Any]], TokenTransferMethod] | None = None,
    error_handlers: InputErrorHandlers | None = None,
    override: SessionOverrideConfig | None = None,
    invalid_claim_status_code: int | None = None,
    use_dynamic_access_token_signing_key: bool | None = None,
    expose_access_token_to_frontend_in_cookie_based_auth: bool | None = None,
    jwks_refresh_interval_sec: int | None = None,
) -> RecipeInit:
    """Set the session recipe up; put what it gives into `recipe_list`.

    Args:
        cookie_domain: `Domain` of the cookies; None: the API's host only.
        older_cookie_domain: the `cookie_domain` before it was changed.
        cookie_secure: None: as the API's scheme has it.
        cookie_same_site: None: by the sites of API and website.
        session_expired_status_code: None: 401.
        anti_csrf: None: decided for each request.
        get_token_transfer_method: cookies or headers, decided for each request.
        error_handlers: what answers a request without a good session.
        override: changes to what is done.
        invalid_claim_status_code: None: 403.
        use_dynamic_access_token_signing_key: None or True: keys that rotate.
        expose_access_token_to_frontend_in_cookie_based_auth: None: no.
        jwks_refresh_interval_sec: how long public keys are used without asking again, in seconds; None: 4 hours.

    Raises:
        ConfigurationError: an argument can't work; in one line.
    """
    try:
        options = _SessionOptions(**locals())
    except ValidationError as error:
        raise one_line(error, "session.init") from None
    _check_domains(cookie_domain=cookie_domain, older_cookie_domain=older_cookie_domain)
    _check_callables("error_handlers", error_handlers)
    _check_callables("override", override)
    expired, invalid = session_expired_status_code or 401, invalid_claim_status_code or 403
    if expired == invalid:
        raise ConfigurationError(
            f"session.init: session_expired_status_code and invalid_claim_status_code are both {expired}; "
            "the browser tells by them what to do, so they must differ"
        )
    return RecipeInit(options)


def _check_domains(**domains: str | None) -> None:
    for name, domain in domains.items():
        if domain is not None and not (domain.isprintable() and not set(domain) & set(" ;,")):
            raise ConfigurationError(f"session.init: {name} is {domain!r} and must be a domain like .example.com")


def _check_callables(name: str, given: InputErrorHandlers | SessionOverrideConfig | None) -> None:
    for field, value in vars(given).items() if given is not None else ():
        if value is not None and not callable(value):
            raise ConfigurationError(f"session.init: {name}.{field} must be a function")
