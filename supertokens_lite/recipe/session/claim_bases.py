"""What claims and validators are, and what those have in common that keep a value and the time of its fetching.

They keep it as `payload[key] = {"v": value, "t": when it was fetched, in milliseconds since the epoch}`. What lies
under a claim's key and is not of that form counts as absent: it is fetched anew, and never believed.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Generic, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.results import ClaimValidationResult
from supertokens_lite.types import MaybeAwaitable, RecipeUserId, is_object

__all__ = (
    "FetchValue",
    "SessionClaim",
    "SessionClaimValidator",
    "StoredClaim",
    "StoredValidator",
    "fetch",
    "note_fetch",
)

T = TypeVar("T")

FetchValue = Callable[[str, RecipeUserId, str, dict[str, Any], dict[str, Any]], MaybeAwaitable["T | None"]]
"""Gets user id, recipe user id, tenant id, the payload as it is and the user context; gives the value, or None."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND: Final = timedelta(milliseconds=1)

FETCHED: Final = "fetched_claims"
"""Where `user_context["_default"]` tells when claims were fetched within this context."""


class SessionClaim(ABC, Generic[T]):
    """A fact about a user that access tokens carry.

    Derive from it where the claims below don't fit, and give the four methods that say how the value lies in a payload.

    Attributes:
        key: the name in the payload; one of the core's own, like `sub`, is a `ConfigurationError`.
        fetch_value: gives the value as it is now; `def` or `async def`. None: there is nothing to put into the payload,
            and what is there stays.
    """

    def __init__(self, key: str, fetch_value: FetchValue[T]) -> None:
        if key in PROTECTED_CLAIMS:
            raise ConfigurationError(f"a claim can't have the key {key!r}, which is the core's own; take another one")
        self.key = key
        self.fetch_value = fetch_value

    @abstractmethod
    def add_to_payload_(
        self, payload: dict[str, Any], value: T, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload with the value in it."""

    @abstractmethod
    def remove_from_payload_by_merge_(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload with None where the claim was, which deletes it once the payload is merged."""

    @abstractmethod
    def remove_from_payload(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload without the claim."""

    @abstractmethod
    def get_value_from_payload(self, payload: dict[str, Any], user_context: dict[str, Any] | None = None) -> T | None:
        """Give the value that a payload has; None if it has none."""

    async def build(
        self,
        user_id: str,
        recipe_user_id: RecipeUserId,
        tenant_id: str,
        current_payload: dict[str, Any],
        user_context: dict[str, Any],
    ) -> dict[str, Any]:
        """Fetch the value, and give a payload of the claim alone; an empty one if there is no value.

        Effects: those of `fetch_value`.
        """
        value = await fetch(self, user_id, recipe_user_id, tenant_id, current_payload, user_context)
        return {} if value is None else self.add_to_payload_({}, value, user_context)

    def now_ms(self) -> int:
        """Give the time, in milliseconds since the epoch."""
        return (datetime.now(timezone.utc) - EPOCH) // MILLISECOND


class SessionClaimValidator(ABC):
    """Says whether a payload is enough.

    Attributes:
        id: what it is called where it does not agree.
        claim: what is fetched anew when `should_refetch` says so; None if there is nothing to fetch.
    """

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.claim: SessionClaim[Any] | None = None

    @abstractmethod
    async def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> ClaimValidationResult:
        """Say whether the payload is enough; `def` or `async def`."""

    def should_refetch(self, payload: dict[str, Any], user_context: dict[str, Any]) -> MaybeAwaitable[bool]:
        """Say whether the claim has to be fetched anew first; `def` or `async def`, asked only if there is a claim."""
        raise NotImplementedError(f"{type(self).__name__} has a claim and needs a should_refetch")


class StoredClaim(SessionClaim[T]):
    """A claim that lies in a payload as `{"v": value, "t": milliseconds}`."""

    def add_to_payload_(
        self, payload: dict[str, Any], value: T, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload with the value in it, fetched now."""
        return payload | {self.key: {"v": value, "t": self.now_ms()}}

    def remove_from_payload_by_merge_(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload with None where the claim was, which deletes it once the payload is merged."""
        return payload | {self.key: None}

    def remove_from_payload(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload without the claim."""
        return {name: value for name, value in payload.items() if name != self.key}

    def get_value_from_payload(self, payload: dict[str, Any], user_context: dict[str, Any] | None = None) -> T | None:
        """Give the value that a payload has; None if it has none."""
        stored = payload.get(self.key)
        value: T | None = stored.get("v") if is_object(stored) else None
        return value

    def get_last_refetch_time(self, payload: dict[str, Any], user_context: dict[str, Any] | None = None) -> int | None:
        """Give when the value was fetched, in milliseconds since the epoch; None if that is not known."""
        stored = payload.get(self.key)
        time = stored.get("t") if is_object(stored) else None
        if type(time) is int:
            return time
        return int(time) if isinstance(time, float) and math.isfinite(time) else None


class StoredValidator(SessionClaimValidator, Generic[T]):
    """Looks at the presence and the age of a stored claim; what the value has to be like is given.

    Attributes:
        val: what is wanted of the value.
        max_age_in_sec: how old the value may be; None: any age will do.
    """

    def __init__(
        self,
        id_: str | None,
        claim: StoredClaim[T],
        label: str,
        val: Any,
        max_age_in_sec: int | None,
        is_met: Callable[[Any], bool],
    ) -> None:
        super().__init__(id_ or claim.key)
        self.claim = claim
        self.val = val
        self.max_age_in_sec = max_age_in_sec
        self._stored = claim
        self._label = label
        self._is_met = is_met

    def should_refetch(self, payload: dict[str, Any], user_context: dict[str, Any]) -> bool:
        """Say whether the claim is absent or too old."""
        if self._stored.get_value_from_payload(payload, user_context) is None:
            return True
        return self._is_old(self._age(payload, user_context))

    async def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> ClaimValidationResult:
        """Say whether the claim is there, young enough and what is wanted."""
        value = self._stored.get_value_from_payload(payload, user_context)
        if value is None:
            return self._refuse("value does not exist", None)
        age = self._age(payload, user_context)
        if self._is_old(age) and not self._is_fetched_here(payload, user_context):
            reason = {"message": "expired", "ageInSeconds": age, "maxAgeInSeconds": self.max_age_in_sec}
            return ClaimValidationResult(False, reason)
        return ClaimValidationResult(True) if self._is_met(value) else self._refuse("wrong value", value)

    def _refuse(self, message: str, value: Any) -> ClaimValidationResult:
        return ClaimValidationResult(False, {"message": message, self._label: self.val, "actualValue": value})

    def _age(self, payload: dict[str, Any], user_context: dict[str, Any]) -> float | None:
        """Give the age in seconds; None if it is not known or does not matter."""
        if self.max_age_in_sec is None:
            return None
        fetched_ms = self._stored.get_last_refetch_time(payload, user_context)
        return None if fetched_ms is None else (self._stored.now_ms() - fetched_ms) / 1000

    def _is_old(self, age: float | None) -> bool:
        """Tell whether that is too old; where age matters, an unknown one is."""
        return self.max_age_in_sec is not None and (age is None or age > self.max_age_in_sec)

    def _is_fetched_here(self, payload: dict[str, Any], user_context: dict[str, Any]) -> bool:
        """Tell whether the value was fetched within this user context: a younger one can't be had."""
        fetched_ms = _fetched_in(user_context).get(self._stored.key)
        return fetched_ms is not None and fetched_ms == self._stored.get_last_refetch_time(payload, user_context)


async def fetch(
    claim: SessionClaim[T],
    user_id: str,
    recipe_user_id: RecipeUserId,
    tenant_id: str,
    payload: dict[str, Any],
    user_context: dict[str, Any],
) -> T | None:
    """Call a claim's `fetch_value`, with a copy of the payload; None if there is no value."""
    given: Any = claim.fetch_value(user_id, recipe_user_id, tenant_id, copy.deepcopy(payload), user_context)
    value: T | None = await settle(given)
    return value


def note_fetch(
    claim: SessionClaim[Any], payload: dict[str, Any], has_value: bool, user_context: dict[str, Any]
) -> None:
    """Keep in the user context when a stored claim was fetched within it."""
    if isinstance(claim, StoredClaim):
        default: dict[str, Any] = user_context.setdefault("_default", {})
        fetched: dict[str, Any] = default.setdefault(FETCHED, {})
        fetched[claim.key] = claim.get_last_refetch_time(payload, user_context) if has_value else None


def _fetched_in(user_context: dict[str, Any]) -> dict[str, Any]:
    default = user_context.get("_default")
    fetched = default.get(FETCHED) if is_object(default) else None
    return fetched if is_object(fetched) else {}
