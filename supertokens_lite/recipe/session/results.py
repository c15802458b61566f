"""What the session functions give back: plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypedDict, TypeVar

from supertokens_lite.types import GeneralErrorResponse, RecipeUserId

if TYPE_CHECKING:
    from supertokens_lite.recipe.session.exceptions import ClaimValidationError

__all__ = (
    "AccessTokenObj",
    "ClaimValidationResult",
    "ClaimsValidationResult",
    "CreateJwtOkResult",
    "CreateJwtResultUnsupportedAlgorithm",
    "GeneralErrorResponse",
    "GetClaimValueOkResult",
    "GetJWKSResult",
    "GetOpenIdDiscoveryConfigurationResult",
    "GetSessionTokensDangerouslyDict",
    "JsonWebKey",
    "RegenerateAccessTokenOkResult",
    "SessionDoesNotExistError",
    "SessionInformationResult",
    "SessionObj",
    "SignOutOkayResponse",
    "TokenInfo",
)

T = TypeVar("T")


class Value:
    """Equal by what it holds, and shown by it."""

    _secret: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = (f"{name}={'****' if name in self._secret else repr(value)}" for name, value in vars(self).items())
        return f"{type(self).__name__}({', '.join(shown)})"


class SessionInformationResult(Value):
    """A session as the core has it.

    Attributes:
        session_handle: its handle.
        user_id: the user; with linked accounts the primary one.
        recipe_user_id: the login method's user.
        session_data_in_database: the session data; yours to change.
        expiry: when it expires unless it is refreshed, milliseconds since the epoch.
        custom_claims_in_access_token_payload: your claims in its access tokens.
        time_created: milliseconds since the epoch.
        tenant_id: its tenant.
    """

    def __init__(
        self,
        session_handle: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        session_data_in_database: dict[str, Any],
        expiry: int,
        custom_claims_in_access_token_payload: dict[str, Any],
        time_created: int,
        tenant_id: str,
    ) -> None:
        self.session_handle = session_handle
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id
        self.session_data_in_database = session_data_in_database
        self.expiry = expiry
        self.custom_claims_in_access_token_payload = custom_claims_in_access_token_payload
        self.time_created = time_created
        self.tenant_id = tenant_id

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values with the protocol's names."""
        return {
            "sessionHandle": self.session_handle,
            "userId": self.user_id,
            "recipeUserId": self.recipe_user_id.get_as_string(),
            "sessionDataInDatabase": self.session_data_in_database,
            "expiry": self.expiry,
            "customClaimsInAccessTokenPayload": self.custom_claims_in_access_token_payload,
            "timeCreated": self.time_created,
            "tenantId": self.tenant_id,
        }


class SessionDoesNotExistError:
    """There is no such session; a plain value, returned and never raised."""


class GetClaimValueOkResult(Generic[T]):
    """The value of a claim.

    Attributes:
        value: the value, None if the claim is not there.
    """

    def __init__(self, value: T | None) -> None:
        self.value = value


class ClaimValidationResult(Value):
    """What a validator says of a payload.

    Attributes:
        is_valid: whether the claim is enough.
        reason: why not, as JSON values; empty if it is, None if nothing is to be said.
    """

    def __init__(self, is_valid: bool, reason: dict[str, Any] | None = None) -> None:
        self.is_valid = is_valid
        self.reason: dict[str, Any] | None = {} if is_valid else reason


class ClaimsValidationResult(Value):
    """What all validators say of a session's claims.

    Attributes:
        invalid_claims: what each validator says that does not agree.
        access_token_payload_update: the payload with the claims that were fetched anew; None if none was.
    """

    def __init__(
        self,
        invalid_claims: list[ClaimValidationError],
        access_token_payload_update: dict[str, Any] | None = None,
    ) -> None:
        self.invalid_claims = invalid_claims
        self.access_token_payload_update = access_token_payload_update

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values with the protocol's names."""
        return {
            "status": "OK",
            "invalidClaims": [error.to_json() for error in self.invalid_claims],
            "accessTokenPayloadUpdate": self.access_token_payload_update,
        }


class TokenInfo(Value):
    """A token; times in milliseconds since the epoch."""

    _secret = ("token",)

    def __init__(self, token: str, expiry: int, created_time: int) -> None:
        self.token = token
        self.expiry = expiry
        self.created_time = created_time


AccessTokenObj: Final = TokenInfo
"""The same, by the name that access tokens have had."""


class GetSessionTokensDangerouslyDict(TypedDict):
    """All tokens of a session; for transports of your own, not for logs."""

    accessToken: str
    accessAndFrontTokenUpdated: bool
    refreshToken: str | None
    frontToken: str
    antiCsrfToken: str | None


class SessionObj(Value):
    """Whose session it is, and its payload."""

    def __init__(
        self,
        handle: str,
        user_id: str,
        recipe_user_id: RecipeUserId,
        user_data_in_jwt: dict[str, Any],
        tenant_id: str,
    ) -> None:
        self.handle = handle
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id
        self.user_data_in_jwt = user_data_in_jwt
        self.tenant_id = tenant_id


class RegenerateAccessTokenOkResult(Value):
    """A session after its payload was replaced.

    Attributes:
        session: the session.
        access_token: the new token; None if the old one had expired meanwhile.
    """

    def __init__(self, session: SessionObj, access_token: TokenInfo | None) -> None:
        self.session = session
        self.access_token = access_token


class JsonWebKey(Value):
    """A public key. Source: RFC 7517."""

    def __init__(self, kty: str, kid: str, n: str, e: str, alg: str, use: str) -> None:
        self.kty = kty
        self.kid = kid
        self.n = n
        self.e = e
        self.alg = alg
        self.use = use


class GetJWKSResult(Value):
    """The public keys that verify access tokens.

    Attributes:
        keys: the keys.
        validity_in_secs: for how many seconds they may be cached.
    """

    def __init__(self, keys: list[JsonWebKey], validity_in_secs: int) -> None:
        self.keys = keys
        self.validity_in_secs = validity_in_secs


class GetOpenIdDiscoveryConfigurationResult(Value):
    """What OpenID Connect clients read first. Source: OpenID Connect Discovery 1.0, section 3."""

    def __init__(
        self,
        issuer: str,
        jwks_uri: str,
        authorization_endpoint: str,
        token_endpoint: str,
        userinfo_endpoint: str,
        revocation_endpoint: str,
        token_introspection_endpoint: str,
        end_session_endpoint: str,
        subject_types_supported: list[str],
        id_token_signing_alg_values_supported: list[str],
        response_types_supported: list[str],
    ) -> None:
        self.issuer = issuer
        self.jwks_uri = jwks_uri
        self.authorization_endpoint = authorization_endpoint
        self.token_endpoint = token_endpoint
        self.userinfo_endpoint = userinfo_endpoint
        self.revocation_endpoint = revocation_endpoint
        self.token_introspection_endpoint = token_introspection_endpoint
        self.end_session_endpoint = end_session_endpoint
        self.subject_types_supported = subject_types_supported
        self.id_token_signing_alg_values_supported = id_token_signing_alg_values_supported
        self.response_types_supported = response_types_supported

    @classmethod
    def of_issuer(cls, issuer: str) -> GetOpenIdDiscoveryConfigurationResult:
        """Give the document of an API: all of it follows from where the API is."""
        oauth = f"{issuer}/oauth"
        return cls(
            issuer,
            f"{issuer}/jwt/jwks.json",
            f"{oauth}/auth",
            f"{oauth}/token",
            f"{oauth}/userinfo",
            f"{oauth}/revoke",
            f"{oauth}/introspect",
            f"{oauth}/end_session",
            ["public"],
            ["RS256"],
            ["code", "id_token", "id_token token"],
        )

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values with the standard's names."""
        return dict(vars(self))


class CreateJwtOkResult(Value):
    """A signed JWT."""

    _secret = ("jwt",)

    def __init__(self, jwt: str) -> None:
        self.jwt = jwt


class CreateJwtResultUnsupportedAlgorithm(Value):
    """The core can't sign with that algorithm."""


class SignOutOkayResponse(Value):
    """The session of the request was ended, or had ended already."""

    status = "OK"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {"status": self.status}
