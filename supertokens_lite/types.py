"""Identifiers and frozen facts that two rooms share.

Nothing here decides anything or touches the world. `HttpRequest`, `HttpReply` and `CoreCall` are made several times a
call, so they are named tuples: a frozen dataclass takes three times as long to build. Their `repr` shows neither query,
nor headers, nor body, for those hold tokens and keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeGuard, TypeVar, Union

__all__ = (
    "CoreCall",
    "GeneralErrorResponse",
    "HttpReply",
    "HttpRequest",
    "MaybeAwaitable",
    "NetworkInterceptor",
    "RecipeUserId",
    "Refusal",
    "Secret",
    "UserContext",
    "convert_to_recipe_user_id",
    "is_array",
    "is_object",
)

T = TypeVar("T")

MaybeAwaitable = Union[Awaitable[T], T]  # noqa: UP007  # `|` between a generic alias and a type variable isn't an alias to mypy
"""What a callback may give back: a value, or something to await for it."""

UserContext = dict[str, Any]
"""A dict that travels with one request through every override; new for each request."""

NetworkInterceptor = Callable[
    [str, str, dict[str, Any], "dict[str, Any] | None", "dict[str, Any] | None", "UserContext | None"],
    tuple[str, str, dict[str, Any], "dict[str, Any] | None", "dict[str, Any] | None"],
]
"""`(url, method, headers, params, body, user_context)` in, the first five out, changed or not."""


class HttpRequest(NamedTuple):
    """One request to a session core, as it goes on the wire.

    Attributes:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        host: scheme and authority (`http://127.0.0.1:3567`); for a core in process its connection URI.
        target: path and query as on the request line, percent-encoded: `/appid-a/recipe/session?sessionHandle=x`.
        headers: lower-case names to values.
        body: the bytes of the body, empty if there is none.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method!r}, {self.target.partition('?')[0]!r}, {len(self.body)} bytes)"


class HttpReply(NamedTuple):
    """One reply of a session core, read to its end.

    Attributes:
        status: the HTTP status.
        headers: lower-case names to values.
        body: the bytes of the body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpReply({self.status}, {len(self.body)} bytes)"


class CoreCall(NamedTuple):
    """One call of the core's protocol, before a host is chosen for it.

    Attributes:
        method: the HTTP method.
        path: the path below the host and its base path: `/recipe/session/data`, `/t1/recipe/session`.
        query: query parameters; booleans are already the strings `true` and `false`.
        body: the JSON object to send, None if the call has no body.
        repeatable: whether sending it twice does what sending it once does, so that it may be sent again after a
            failure that leaves open whether it arrived. True for reads and for replacing writes.
    """

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    repeatable: bool = True

    def __repr__(self) -> str:
        return f"CoreCall({self.method!r}, {self.path!r})"


class Refusal(str, Enum):
    """Why the tokens of a request were refused; the values are what logs and spans say."""

    NO_TOKEN = "no_token"  # noqa: S105  # a reason, no password
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    WRONG_KEY_KIND = "wrong_key_kind"
    WRONG_TOKEN_TYPE = "wrong_token_type"  # noqa: S105  # a reason, no password
    WRONG_ISSUER = "wrong_issuer"
    ANTI_CSRF = "anti_csrf"
    CUSTOM_HEADER = "custom_header"
    DUPLICATE_COOKIES = "duplicate_cookies"
    LEGACY_COOKIE = "legacy_cookie"
    NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105  # a reason, no password
    SESSION_ENDED = "session_ended"
    REFUSED_BY_CORE = "refused_by_core"
    TOKEN_THEFT = "token_theft"  # noqa: S105  # a reason, no password

    def __str__(self) -> str:
        """Give the reason code, on every version of Python."""
        return str(self.value)


class Secret:
    """A text that no log, error or `repr` may show; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the text itself, for the one place that sends or compares it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(****)"


class RecipeUserId:
    """The id of one login method of a user; equal by value and hashable."""

    __slots__ = ("recipe_user_id",)

    def __init__(self, recipe_user_id: str) -> None:
        self.recipe_user_id = recipe_user_id

    def get_as_string(self) -> str:
        """Give the id as text."""
        return self.recipe_user_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecipeUserId) and other.recipe_user_id == self.recipe_user_id

    def __hash__(self) -> int:
        return hash((RecipeUserId, self.recipe_user_id))

    def __repr__(self) -> str:
        return f"RecipeUserId({self.recipe_user_id!r})"


class GeneralErrorResponse:
    """An endpoint's answer that something did not work, for the website to show.

    Attributes:
        status: `GENERAL_ERROR`.
        message: what to show.
    """

    status = "GENERAL_ERROR"

    def __init__(self, message: str) -> None:
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {"status": self.status, "message": self.message}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GeneralErrorResponse) and other.message == self.message

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"GeneralErrorResponse({self.message!r})"


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a parsed JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a parsed JSON value is an array."""
    return isinstance(value, list)


def convert_to_recipe_user_id(user_id: str) -> RecipeUserId:
    """Give a user id as the id of a login method."""
    return RecipeUserId(user_id)
