"""The session recipe: its settings, and the implementation with the overrides over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import ValidationError

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.keys import Keys
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import Drive, Effects
from supertokens_lite.config import AppInfo, one_line, same_settings
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.apis import APIImplementation, Apis, build_options
from supertokens_lite.recipe.session.bulk import BulkTools
from supertokens_lite.recipe.session.claims import ClaimRegistry, SessionClaim, SessionClaimValidator
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.functions import SessionFunctions
from supertokens_lite.recipe.session.interfaces import APIInterface, OverrideGlobalClaimValidators, RecipeInterface
from supertokens_lite.recipe.session.options import (
    InputErrorHandlers,
    InputOverrideConfig,
    SessionConfig,
    SessionOptions,
    SessionOverrideConfig,
    TokenTransferMethod,
)
from supertokens_lite.recipe.session.requests import Requests

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

RECIPE_ID: Final = "session"


class SessionRecipe:
    """The recipe at work.

    Attributes:
        recipe_id: `"session"`.
        config: its settings.
        recipe_implementation: what can be done with sessions, overrides and all.
        api_implementation: the endpoints, overrides and all.
        apis: answers the requests to them.
    """

    recipe_id = RECIPE_ID

    def __init__(self, config: SessionConfig, querier: Querier, effects: Effects) -> None:
        self.config = config
        self.keys = Keys(
            querier,
            effects,
            refresh_s=config.jwks_refresh_interval_sec,
            max_stale_s=config.jwks_max_stale_s,
            cache_size=config.verified_token_cache_size,
            static=config.static_jwks,
        )
        self._claims = ClaimRegistry()
        functions = SessionFunctions(querier, effects, config, self.keys)
        override = config.override
        self.recipe_implementation: RecipeInterface = functions
        if override.functions is not None:
            self.recipe_implementation = _overridden("functions", override.functions(functions))
        functions.front = self.recipe_implementation
        self.bulk_tools = BulkTools(querier, effects, functions)
        self.requests = Requests(self.recipe_implementation, config, self._claims, effects)
        self.api_implementation: APIInterface = APIImplementation(self.requests, config)
        if override.apis is not None:
            self.api_implementation = _overridden("apis", override.apis(self.api_implementation))
        self.apis = Apis(self)

    def add_claim_from_other_recipe(self, claim: SessionClaim[Any]) -> None:
        """Put a claim into the access token payload of every new session.

        Raises:
            ConfigurationError: there is a claim of that key.
        """
        self._claims.add_claim(claim)

    def get_claims_added_by_other_recipes(self) -> list[SessionClaim[Any]]:
        """Give the claims that every new session gets."""
        return self._claims.list_claims()

    def add_claim_validator_from_other_recipe(self, claim_validator: SessionClaimValidator) -> None:
        """Have every verified session pass a validator."""
        self._claims.add_validator(claim_validator)

    def get_claim_validators_added_by_other_recipes(self) -> list[SessionClaimValidator]:
        """Give the validators that every verified session has to pass."""
        return self._claims.list_validators()

    async def verify_session(
        self,
        request: Any,
        anti_csrf_check: bool | None,
        session_required: bool,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: dict[str, Any],
    ) -> SessionContainer | None:
        """Give the session of a request to an endpoint of the application; None if it has none and needs none.

        A POST to the refresh endpoint is refreshed instead. A request of the method OPTIONS or TRACE has no session,
        unless one is required.

        Raises:
            SuperTokensSessionError: there is no good session.
            CoreError: the core had to be asked and could not be, or refused; that says nothing about the session.
        """
        request = self.requests.wrap(request)
        context = self.requests.context(request, user_context)
        return await settle(
            self.api_implementation.verify_session(
                build_options(self, request, None),
                anti_csrf_check,
                session_required,
                check_database,
                override_global_claim_validators,
                context,
            )
        )


def _overridden(name: str, given: Any) -> Any:
    if given is None:
        raise ConfigurationError(f"session.init: override.{name} gave None; it has to return the implementation")
    return given


class RecipeInit:
    """What `init` gives: the session recipe, to be put into `recipe_list`."""

    recipe_id = RECIPE_ID

    def __init__(self, options: SessionOptions) -> None:
        self._options = options

    def build(self, app_info: AppInfo, querier: Querier, effects: Effects, drive: Drive) -> SessionRecipe:
        """Set the recipe to work."""
        return SessionRecipe(SessionConfig(self._options, app_info, drive), querier, effects)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecipeInit) and same_settings(_values(self._options), _values(other._options))

    __hash__ = None  # type: ignore[assignment]


def _values(options: SessionOptions) -> dict[str, Any]:
    """Give the options one by one, those of overrides and handlers too."""
    values: dict[str, Any] = dict(options)
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
    *,
    leeway_s: float = 5,
    jwks_max_stale_s: float = 86_400,
    static_jwks: Mapping[str, Any] | None = None,
    verified_token_cache_size: int = 10_000,
    max_access_token_bytes: int | None = None,
    expected_issuers: Sequence[str] | None = None,
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
        jwks_refresh_interval_sec: how long public keys are used without asking again, in seconds; None: 4 hours. The
            core may ask for less.
        leeway_s: how long after its expiry an access token is still good, in seconds, for clocks that differ.
        jwks_max_stale_s: how long public keys may be used beyond that while the core can't be asked, in seconds.
        static_jwks: a JWKS document to begin with, `{"keys": [...]}`, so that nothing has to be fetched first.
        verified_token_cache_size: how many access tokens are remembered so that their signatures are not checked again;
            0: none.
        max_access_token_bytes: refuse to make access tokens larger than this; None: warn from 3,072 on. Browsers and
            proxies lose cookies of about 4,096.
        expected_issuers: the `iss` that access tokens may have; None: any.

    Raises:
        ConfigurationError: an argument can't work; in one line.
    """
    try:
        options = SessionOptions.model_validate(dict(locals()))
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
