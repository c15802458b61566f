"""Sessions as they come and go with requests: which token counts, what has to be checked, what goes on the answer.

Where a token is taken from is `_protocol.transfer`'s decision, what it is worth `verification`'s. Here they meet one
request. What goes on its answer is kept in `response_mutators`, of the session or of the error.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Final, cast

from supertokens_lite._core.hooks import settle
from supertokens_lite._io.base import Effects
from supertokens_lite._protocol import anti_csrf, transfer
from supertokens_lite._protocol.cookies import ACCESS_COOKIE, LEGACY_COOKIE, REFRESH_COOKIE
from supertokens_lite._protocol.jsondata import check_object
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, find_attached
from supertokens_lite._protocol.tokens import CREATE_STRIPPED, is_session_token, read_issue_time_s
from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session.claims import ClaimRegistry, SessionClaimValidator
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.exceptions import (
    ClearDuplicateSessionCookiesError,
    ResponseMutator,
    SuperTokensSessionError,
    TokenTheftError,
    TryRefreshTokenError,
    UnauthorisedError,
)
from supertokens_lite.recipe.session.functions import SessionFunctions
from supertokens_lite.recipe.session.interfaces import OverrideGlobalClaimValidators, RecipeInterface
from supertokens_lite.recipe.session.modification import check_text
from supertokens_lite.recipe.session.options import SessionConfig, is_under_development
from supertokens_lite.recipe.session.recall import Recall, make_recall, recall_nothing
from supertokens_lite.types import RecipeUserId, Refusal, UserContext, is_object

__all__ = ("Requests", "has_ended", "new_context")

logger = logging.getLogger("supertokens_lite")

TOKEN_COOKIES: Final = (ACCESS_COOKIE, REFRESH_COOKIE)

NO_RID: Final = "anti-csrf check failed: the request has no rid header"
DOUBLED: Final = (
    "a client sent the cookies %s twice, so they were set for two domains, and which is meant can't be told; its "
    "session was ended. If the cookie domain was changed, set older_cookie_domain of session.init to what it was "
    "before (an empty text if it was not set)"
)


class Requests:
    """Creates, verifies and refreshes the sessions of requests.

    Args:
        implementation: what can be done with sessions, overrides and all.
        config: the settings of the recipe.
        claims: what other recipes add to every session.
        effects: tells the time.

    Attributes:
        recall: verifies the session of a usual request at once; see `recall.py` beside this module.
    """

    def __init__(
        self, implementation: RecipeInterface, config: SessionConfig, claims: ClaimRegistry, effects: Effects
    ) -> None:
        self._implementation = implementation
        self._config = config
        self._claims = claims
        self._effects = effects
        self._verifies_itself = self._is_default("get_session")
        self._has_no_global_validators = self._is_default("get_global_claim_validators")
        may_recall = self._verifies_itself and self._has_no_global_validators and not config.has_transfer_function
        self.recall: Recall = recall_nothing
        if isinstance(implementation, SessionFunctions) and may_recall:
            self.recall = make_recall(implementation, config, claims)

    def wrap(self, request: Any) -> BaseRequest:
        """Give a request in the one form that is read here.

        Raises:
            BadInputError: it is none, or one of a framework that was not set up.
        """
        if getattr(request, "wrapper_used", None) is True or isinstance(request, BaseRequest):
            return cast("BaseRequest", request)
        attached = find_attached(request)
        if attached is not None:
            return attached
        raise BadInputError(
            f"must be a BaseRequest, like PlainRequest('GET', url, headers), not {type(request).__name__}; a "
            "framework's own requests can be given once its middleware is set up",
            "request",
        )

    def context(self, request: BaseRequest, given: UserContext) -> UserContext:
        """Give the user context of a request: the one given, with the request in it; a copy if it is another one's."""
        default = given.setdefault("_default", {})
        if is_object(default):
            owner = default.setdefault("request", request)
            if owner is request or (request.request is not None and getattr(owner, "request", None) is request.request):
                default["keep_cache_alive"] = True
                return given
        return new_context(request, given)

    async def create(
        self,
        request: Any,
        tenant_id: str,
        recipe_user_id: RecipeUserId,
        access_token_payload: dict[str, Any] | None,
        session_data_in_database: dict[str, Any] | None,
        user_context: UserContext,
    ) -> SessionContainer:
        """Create a session and make it the request's."""
        request = self.wrap(request)
        context = self.context(request, user_context)
        allowed = self._config.get_token_transfer_method(request, True, context)
        method = transfer.choose_for_create(allowed, request.get_header(transfer.AUTH_MODE_HEADER))
        if method == "cookie":
            self._check_cookies_travel(request, context)
        session = await settle(
            self._implementation.create_new_session(
                recipe_user_id.get_as_string(),
                recipe_user_id,
                await self.new_payload(tenant_id, recipe_user_id, access_token_payload, context),
                {} if session_data_in_database is None else session_data_in_database,
                method == "header",
                tenant_id,
                context,
            )
        )
        await settle(session.attach_to_request_response(request, method, context))
        bearer = _read_bearer(request)
        other = transfer.choose_other(
            method, bearer is not None and is_session_token(bearer), _has_cookies(request, TOKEN_COOKIES)
        )
        self._drop(session, request, other, context)
        return session

    async def get(
        self,
        request: Any,
        session_required: bool,
        anti_csrf_check: bool | None,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        user_context: UserContext,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None:
        """Verify the session of a request and make it the request's."""
        request = self.wrap(request)
        return await self.verify(
            request,
            session_required,
            anti_csrf_check,
            check_database,
            override_global_claim_validators,
            self.context(request, user_context),
            max_token_age_s,
        )

    async def verify(
        self,
        request: BaseRequest,
        session_required: bool,
        anti_csrf_check: bool | None,
        check_database: bool,
        override_global_claim_validators: OverrideGlobalClaimValidators | None,
        context: UserContext,
        max_token_age_s: float | None = None,
    ) -> SessionContainer | None:
        """Do what `get` does for a request in our form, whose user context has it already."""
        if LEGACY_COOKIE in request.read_cookies():
            raise TryRefreshTokenError("the client has cookies of an old version", reason=Refusal.LEGACY_COOKIE)
        allowed = self._config.get_token_transfer_method(request, False, context)
        method, access_token = self._choose_access_token(request, allowed)
        needs_check = anti_csrf.needs_check(anti_csrf_check, request.method(), method)
        if access_token is not None:
            needs_check = needs_check and self._needs_token(request, access_token, context)
            if max_token_age_s is not None and not check_database:
                check_database = self.is_older(access_token, max_token_age_s)
        session = await settle(
            self._implementation.get_session(
                access_token,
                request.get_header(transfer.ANTI_CSRF_HEADER) if needs_check else None,
                needs_check,
                session_required,
                check_database,
                override_global_claim_validators,
                context,
            )
        )
        if session is None:
            earlier = request.get_session()
            if earlier is None or not earlier.response_mutators:  # else it was made meanwhile, or has changed
                request.set_session_as_none()
            return None
        if self.has_to_assert(override_global_claim_validators):
            await self.assert_claims(session, override_global_claim_validators, context)
        await settle(
            session.attach_to_request_response(request, method or transfer.choose_for_attach(allowed), context)
        )
        return session

    async def refresh(self, request: Any, user_context: UserContext) -> SessionContainer:
        """Refresh the session of a request and make it the request's."""
        request = self.wrap(request)
        context = self.context(request, user_context)
        allowed = self._config.get_token_transfer_method(request, False, context)
        bearer = _read_bearer(request)
        cookie = next(iter(request.get_cookies(REFRESH_COOKIE)), None)
        method = transfer.choose_for_refresh(allowed, bool(bearer), bool(cookie))
        try:
            if method != "header" and allowed != "header":
                self._refuse_doubled_cookies(request, context)
            if method is None:
                raise UnauthorisedError(_tell_of_no_refresh_token(request), reason=Refusal.NO_REFRESH_TOKEN)
            mode = self._config.get_anti_csrf(request, context)
            refusal = _check_custom_header(request, mode) if method == "cookie" else None
            if refusal is not None:
                raise UnauthorisedError(NO_RID, reason=refusal)
            session = await settle(
                self._implementation.refresh_session(
                    cast("str", bearer if method == "header" else cookie),
                    request.get_header(transfer.ANTI_CSRF_HEADER),
                    method == "header" or mode == "VIA_CUSTOM_HEADER",
                    context,
                )
            )
        except SuperTokensSessionError as error:
            if has_ended(error):
                error.response_mutators += self._clearing_legacy(request, context)
            raise
        await settle(session.attach_to_request_response(request, method, context))
        self._drop(session, request, transfer.choose_other(method, bool(bearer), bool(cookie)), context)
        session.response_mutators += self._clearing_legacy(request, context)
        return session

    async def new_payload(
        self, tenant_id: str, recipe_user_id: RecipeUserId, given: dict[str, Any] | None, user_context: UserContext
    ) -> dict[str, Any]:
        """Give the access token payload of a new session: the caller's claims, other recipes' claims, and the issuer.

        Raises:
            BadInputError: the caller's are no JSON object, or there would be too much of it.
        """
        if given is not None:
            check_object(given, "access_token_payload")
        payload = _without_own(given or {})
        user_id = recipe_user_id.get_as_string()
        check_text(user_id, "recipe_user_id")
        for claim in self._claims.list_claims():
            update = await settle(claim.build(user_id, recipe_user_id, tenant_id, payload, user_context))
            payload |= _without_own(update)
        payload["iss"] = self._config.issuer
        self._config.check_token_size(payload, user_id)
        return payload

    async def global_validators(
        self, tenant_id: str, user_id: str, recipe_user_id: RecipeUserId, user_context: UserContext
    ) -> list[SessionClaimValidator]:
        """Give the validators that every session has to pass."""
        given: Any = self._implementation.get_global_claim_validators(
            tenant_id, user_id, recipe_user_id, self._claims.list_validators(), user_context
        )
        validators: list[SessionClaimValidator] = await settle(given)
        return validators

    def has_to_assert(self, override: OverrideGlobalClaimValidators | None) -> bool:
        """Tell whether any validator could have something to say."""
        return override is not None or not self._has_no_global_validators or self._claims.has_validators

    async def assert_claims(
        self, session: SessionContainer, override: OverrideGlobalClaimValidators | None, user_context: UserContext
    ) -> None:
        """Have all validators look at a session.

        Raises:
            InvalidClaimsError: one of them does not agree.
        """
        validators = await self.global_validators(
            session.get_tenant_id(user_context),
            session.get_user_id(user_context),
            session.get_recipe_user_id(user_context),
            user_context,
        )
        if override is not None:
            chosen: Any = override(validators, session, user_context)
            validators = await settle(chosen)
        await settle(session.assert_claims(validators, user_context))

    def is_older(self, access_token: Any, max_token_age_s: float) -> bool:
        """Tell whether an access token says that it was made longer ago than that; one that can't be read does not."""
        issued_s = read_issue_time_s(access_token) if isinstance(access_token, str) else None
        return issued_s is not None and self._effects.io.now() - issued_s > max_token_age_s

    def _is_default(self, name: str) -> bool:
        """Tell whether a function of the implementation is the one of this package."""
        function = getattr(self._implementation, name)
        return getattr(function, "__func__", None) is getattr(SessionFunctions, name)

    def _choose_access_token(
        self, request: BaseRequest, allowed: transfer.Allowed
    ) -> tuple[transfer.Method | None, str | None]:
        """Give how the access token of a request travels, and the token; both None if there is none.

        Whether a text is a session's token is only looked at here if that decides between two, or if an override may
        want to know that there is none; verifying it tells as well.
        """
        bearer = _read_bearer(request) if allowed != "cookie" else None
        cookies = request.get_cookies(ACCESS_COOKIE) if allowed != "header" else []
        cookies = cookies if any(cookies) else []
        if (bearer is not None and cookies) or len(cookies) > 1 or not self._verifies_itself:
            if bearer is not None and not is_session_token(bearer):
                bearer = None
            if not any(map(is_session_token, cookies)):
                cookies = []
        method = transfer.choose_for_verify(allowed, bearer is not None, bool(cookies))
        if method == "cookie" and len(cookies) > 1:
            raise TryRefreshTokenError(
                "the request has several access tokens in its cookies", reason=Refusal.DUPLICATE_COOKIES
            )
        return method, bearer if method == "header" else cookies[0] if method == "cookie" else None

    def _needs_token(self, request: BaseRequest, access_token: str, user_context: UserContext) -> bool:
        """Tell whether the anti-CSRF token is to be looked at, after the `rid` header if that is what has to be there.

        Raises:
            TryRefreshTokenError: there is none.
        """
        mode = self._config.get_anti_csrf(request, user_context)
        refusal = _check_custom_header(request, mode)
        if refusal is not None and is_session_token(access_token):
            raise TryRefreshTokenError(NO_RID, reason=refusal)
        return mode != "VIA_CUSTOM_HEADER"

    def _refuse_doubled_cookies(self, request: BaseRequest, user_context: UserContext) -> None:
        """Have cookies go that came twice: those of the older domain if it is known, else all of them."""
        doubled = [name for name in TOKEN_COOKIES if len(request.get_cookies(name)) > 1]
        if not doubled:
            return
        settings = self._config.get_cookie_settings(request, user_context)
        if settings.older_domain is not None:
            raise ClearDuplicateSessionCookiesError(
                "cookies of the older domain were cleared; the request can be sent again",
                [_mutator(transfer.clear_older_cookies, settings, doubled)],
                reason=Refusal.DUPLICATE_COOKIES,
            )
        logger.warning(DOUBLED, " and ".join(doubled))
        raise UnauthorisedError(
            "the request has several session cookies of one name",
            response_mutators=[_mutator(transfer.clear_doubled_cookies, settings)],
            reason=Refusal.DUPLICATE_COOKIES,
        )

    def _check_cookies_travel(self, request: BaseRequest, user_context: UserContext) -> None:
        """Refuse to set cookies that browsers would not keep.

        Raises:
            ConfigurationError: they are to travel between sites, and are not secure.
        """
        config = self._config
        if config.cookie_secure or config.get_cookie_same_site(request, user_context) != "none":
            return
        domains = (config.api_domain, config.get_origin(request, user_context))
        if not all(map(is_under_development, domains)):
            raise ConfigurationError(
                "session.init: the website and the API are of different sites, so cookies need SameSite=None, which "
                "browsers take over https only: use https for api_domain, or have tokens travel in headers"
            )

    def _drop(
        self,
        session: SessionContainer,
        request: BaseRequest,
        method: transfer.Method | None,
        user_context: UserContext,
    ) -> None:
        """Have the tokens go that travel otherwise than the session's."""
        if method is not None:
            settings = self._config.get_cookie_settings(request, user_context)
            session.response_mutators.append(_mutator(transfer.drop_tokens, settings, method))

    def _clearing_legacy(self, request: BaseRequest, user_context: UserContext) -> list[ResponseMutator]:
        if not request.get_cookies(LEGACY_COOKIE):
            return []
        settings = self._config.get_cookie_settings(request, user_context)
        return [_mutator(transfer.clear_legacy_cookie, settings)]


def new_context(request: BaseRequest, given: UserContext) -> UserContext:
    """Give a user context of a request's own: what was given, with the request in it."""
    return {**given, "_default": {"request": request, "keep_cache_alive": True}}


def has_ended(error: SuperTokensSessionError) -> bool:
    """Tell whether an error says that the session is over, so that the client has to forget its tokens."""
    return isinstance(error, TokenTheftError) or (isinstance(error, UnauthorisedError) and error.clear_tokens)


def _mutator(change: Any, settings: transfer.CookieSettings, *arguments: Any) -> ResponseMutator:
    return partial(_apply, change, settings, arguments)


def _apply(
    change: Any,
    settings: transfer.CookieSettings,
    arguments: tuple[Any, ...],
    response: BaseResponse,
    user_context: UserContext,
) -> None:
    change(response, settings, *arguments)


def _without_own(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name not in CREATE_STRIPPED}


def _read_bearer(request: BaseRequest) -> str | None:
    return transfer.read_bearer(request.get_header("authorization"))


def _has_cookies(request: BaseRequest, names: tuple[str, ...]) -> bool:
    return any(value for name in names for value in request.get_cookies(name))


def _check_custom_header(request: BaseRequest, mode: anti_csrf.Mode) -> Refusal | None:
    """Give why a request is refused that has to have a `rid` header; None if it has, or needs none."""
    has_rid = request.get_header(transfer.RID_HEADER) is not None
    needs = mode == "VIA_CUSTOM_HEADER"
    return anti_csrf.check(mode, needs, token_claim=None, header_value=None, has_rid=has_rid)


def _tell_of_no_refresh_token(request: BaseRequest) -> str:
    if request.get_cookies(ACCESS_COOKIE):
        return (
            "the request has the cookie of the access token and not that of the refresh token, which browsers send to "
            "the path of the refresh endpoint only: is that where api_base_path says?"
        )
    return "there is no refresh token. Are you sending it, by cookie or by header?"
