"""What the session functions give back: plain values."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from supertokens_lite.types import RecipeUserId

__all__ = (
    "CreateJwtOkResult",
    "CreateJwtResultUnsupportedAlgorithm",
    "GetClaimValueOkResult",
    "GetJWKSResult",
    "JsonWebKey",
    "RegenerateAccessTokenOkResult",
    "SessionDoesNotExistError",
    "SessionInformationResult",
    "SessionObj",
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


class TokenInfo(Value):
    """A token; times in milliseconds since the epoch."""

    _secret = ("token",)

    def __init__(self, token: str, expiry: int, created_time: int) -> None:
        self.token = token
        self.expiry = expiry
        self.created_time = created_time


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


class CreateJwtOkResult(Value):
    """A signed JWT."""

    _secret = ("jwt",)

    def __init__(self, jwt: str) -> None:
        self.jwt = jwt


class CreateJwtResultUnsupportedAlgorithm(Value):
    """The core can't sign with that algorithm."""
