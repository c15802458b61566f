"""Claims: facts about a user that the access token carries, and validators that look at them.

A claim says where a fact comes from and how it lies in an access token payload. A validator says whether a payload is
enough, and whether its claim has to be fetched anew before that is decided. Payloads that are given in stay as they
are: whatever changes one gives a new one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session.claim_bases import (
    FetchValue,
    SessionClaim,
    SessionClaimValidator,
    StoredClaim,
    StoredValidator,
    fetch,
    note_fetch,
)
from supertokens_lite.recipe.session.exceptions import ClaimValidationError
from supertokens_lite.types import RecipeUserId

__all__ = (
    "BooleanClaim",
    "BooleanClaimValidators",
    "ClaimRegistry",
    "FetchValue",
    "PrimitiveArrayClaim",
    "PrimitiveArrayClaimValidators",
    "PrimitiveClaim",
    "PrimitiveClaimValidators",
    "SessionClaim",
    "SessionClaimValidator",
    "failed_claims",
    "refetch_claims",
)

T = TypeVar("T")
Primitive = TypeVar("Primitive", bound="str | int | float | bool | None")
PrimitiveList = TypeVar("PrimitiveList", bound="list[Any]")

Item = tuple[bool, Any]


class PrimitiveClaimValidators(Generic[Primitive]):
    """Makes validators of a claim that is one value.

    A validator has the claim fetched anew if it is absent or older than the maximal age: that of the call, else the
    claim's default. With an age of 0 it is fetched for every check.

    Attributes:
        claim: the claim.
        default_max_age_in_sec: how old the value may be where nothing is said; None: any age will do.
    """

    def __init__(self, claim: PrimitiveClaim[Primitive], default_max_age_in_sec: int | None) -> None:
        self.claim = claim
        self.default_max_age_in_sec = default_max_age_in_sec

    def has_value(
        self, val: Primitive, max_age_in_sec: int | None = None, id_: str | None = None
    ) -> SessionClaimValidator:
        """Make a validator that wants this value; its id is the claim's key if none is given."""
        age = self.default_max_age_in_sec if max_age_in_sec is None else max_age_in_sec
        return StoredValidator(id_, self.claim, "expectedValue", val, age, partial(_is_same, val))


class BooleanClaimValidators(PrimitiveClaimValidators[bool]):
    """Makes validators of a claim that is true or false."""

    def is_true(self, max_age: int | None, id_: str | None = None) -> SessionClaimValidator:
        """Make a validator that wants true; a `max_age` of None is the claim's default, else it is seconds."""
        return self.has_value(True, max_age, id_)

    def is_false(self, max_age: int | None, id_: str | None = None) -> SessionClaimValidator:
        """Make a validator that wants false; a `max_age` of None is the claim's default, else it is seconds."""
        return self.has_value(False, max_age, id_)


class PrimitiveArrayClaimValidators(Generic[PrimitiveList]):
    """Makes validators of a claim that is a list of values.

    A validator has the claim fetched anew if it is absent or older than the maximal age: that of the call, else the
    claim's default. With an age of 0 it is fetched for every check.

    Attributes:
        claim: the claim.
        default_max_age_in_sec: how old the list may be where nothing is said; None: any age will do.
    """

    def __init__(self, claim: PrimitiveArrayClaim[PrimitiveList], default_max_age_in_sec: int | None = None) -> None:
        self.claim = claim
        self.default_max_age_in_sec = default_max_age_in_sec

    def includes(
        self: PrimitiveArrayClaimValidators[list[T]],
        val: T,
        max_age_in_seconds: int | None = None,
        id_: str | None = None,
    ) -> SessionClaimValidator:
        """Make a validator that wants this item in the list; its id is the claim's key if none is given."""
        return self._build("expectedToInclude", val, [val], _has_all, max_age_in_seconds, id_)

    def excludes(
        self: PrimitiveArrayClaimValidators[list[T]],
        val: T,
        max_age_in_seconds: int | None = None,
        id_: str | None = None,
    ) -> SessionClaimValidator:
        """Make a validator that does not want this item in the list."""
        return self._build("expectedToNotInclude", val, [val], _has_none, max_age_in_seconds, id_)

    def includes_all(
        self, val: PrimitiveList, max_age_in_seconds: int | None = None, id_: str | None = None
    ) -> SessionClaimValidator:
        """Make a validator that wants all of these items in the list."""
        return self._build("expectedToInclude", list(val), val, _has_all, max_age_in_seconds, id_)

    def includes_any(
        self, val: PrimitiveList, max_age_in_seconds: int | None = None, id_: str | None = None
    ) -> SessionClaimValidator:
        """Make a validator that wants at least one of these items in the list."""
        return self._build("expectedToIncludeAtLeastOneOf", list(val), val, _has_some, max_age_in_seconds, id_)

    def excludes_all(
        self, val: PrimitiveList, max_age_in_seconds: int | None = None, id_: str | None = None
    ) -> SessionClaimValidator:
        """Make a validator that wants none of these items in the list."""
        return self._build("expectedToNotInclude", list(val), val, _has_none, max_age_in_seconds, id_)

    def _build(
        self,
        label: str,
        val: Any,
        items: Iterable[Any],
        rule: Callable[[frozenset[Item], frozenset[Item]], bool],
        max_age_in_seconds: int | None,
        id_: str | None,
    ) -> SessionClaimValidator:
        wanted = frozenset(map(_wanted, items))
        age = self.default_max_age_in_sec if max_age_in_seconds is None else max_age_in_seconds
        return StoredValidator(id_, self.claim, label, val, age, lambda value: rule(wanted, _items(value)))


class PrimitiveClaim(StoredClaim[Primitive]):
    """A claim that is one value: a string, a number or a boolean.

    Attributes:
        validators: makes validators of this claim.
    """

    def __init__(self, key: str, fetch_value: FetchValue[Primitive], default_max_age_in_sec: int | None = None) -> None:
        super().__init__(key, fetch_value)
        self.validators = PrimitiveClaimValidators(self, default_max_age_in_sec)


class BooleanClaim(PrimitiveClaim[bool]):
    """A claim that is true or false.

    Attributes:
        validators: makes validators of this claim.
    """

    validators: BooleanClaimValidators

    def __init__(self, key: str, fetch_value: FetchValue[bool], default_max_age_in_sec: int | None = None) -> None:
        super().__init__(key, fetch_value, default_max_age_in_sec)
        self.validators = BooleanClaimValidators(self, default_max_age_in_sec)


class PrimitiveArrayClaim(StoredClaim[PrimitiveList]):
    """A claim that is a list of strings, numbers or booleans.

    Attributes:
        validators: makes validators of this claim.
    """

    def __init__(
        self, key: str, fetch_value: FetchValue[PrimitiveList], default_max_age_in_sec: int | None = None
    ) -> None:
        super().__init__(key, fetch_value)
        self.validators = PrimitiveArrayClaimValidators(self, default_max_age_in_sec)

    def add_to_payload_(
        self, payload: dict[str, Any], value: PrimitiveList, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Give the payload with a copy of the list in it, fetched now.

        Raises:
            BadInputError: it is not a list.
        """
        if not isinstance(value, (list, tuple)):
            raise BadInputError(f"must be a list, not {type(value).__name__}", self.key)
        return payload | {self.key: {"v": list(value), "t": self.now_ms()}}

    def get_value_from_payload(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> PrimitiveList | None:
        """Give the list that a payload has; None if it has none."""
        value = super().get_value_from_payload(payload, user_context)
        return value if isinstance(value, list) else None


async def refetch_claims(
    payload: dict[str, Any],
    validators: Sequence[SessionClaimValidator],
    user_id: str,
    recipe_user_id: RecipeUserId,
    tenant_id: str,
    user_context: dict[str, Any],
) -> dict[str, Any]:
    """Fetch the claims anew of which validators say so, each once.

    Returns:
        A new payload with them; the given one itself if there is nothing new. The core's own claims are those of the
        given one, whatever a claim does.

    Effects: those of `fetch_value`; when a claim was fetched is kept in the user context.
    """
    seen: list[SessionClaim[Any]] = []
    for validator in validators:
        claim = validator.claim
        if claim is None or any(claim is each for each in seen):
            continue
        asked: Any = validator.should_refetch(payload, user_context)
        if asked is False or not await settle(asked):
            continue
        seen.append(claim)
        value = await fetch(claim, user_id, recipe_user_id, tenant_id, payload, user_context)
        if value is not None:
            added = claim.add_to_payload_(copy.deepcopy(payload), value, user_context)
            payload = payload | {name: each for name, each in added.items() if name not in PROTECTED_CLAIMS}
        note_fetch(claim, payload, value is not None, user_context)
    return payload


async def failed_claims(
    payload: dict[str, Any], validators: Sequence[SessionClaimValidator], user_context: dict[str, Any]
) -> list[ClaimValidationError]:
    """Have each validator look at a payload; give what those say that do not agree, in their order."""
    failed: list[ClaimValidationError] = []
    for validator in validators:
        result = await settle(validator.validate(payload, user_context))
        if not result.is_valid:
            failed.append(ClaimValidationError(validator.id, result.reason))
    return failed


class ClaimRegistry:
    """The claims and validators that other recipes add to every session.

    Attributes:
        has_validators: whether there is any validator.
    """

    def __init__(self) -> None:
        self._claims: dict[str, SessionClaim[Any]] = {}
        self._validators: list[SessionClaimValidator] = []
        self.has_validators = False

    def add_claim(self, claim: SessionClaim[Any]) -> None:
        """Have a claim built into every new session.

        Raises:
            ConfigurationError: there is a claim with that key already.
        """
        if claim.key in self._claims:
            raise ConfigurationError(f"two recipes add a claim with the key {claim.key!r}; one of them needs another")
        self._claims[claim.key] = claim

    def add_validator(self, validator: SessionClaimValidator) -> None:
        """Have a validator look at every session."""
        self._validators.append(validator)
        self.has_validators = True

    def list_claims(self) -> list[SessionClaim[Any]]:
        """Give the claims in a new list, first added first."""
        return list(self._claims.values())

    def list_validators(self) -> list[SessionClaimValidator]:
        """Give the validators in a new list, first added first."""
        return list(self._validators)


def _item(value: Any) -> Item:
    """Give a value so that it equals what it equals in JSON: there, true is not 1."""
    return isinstance(value, bool), value


def _is_same(wanted: Any, value: Any) -> bool:
    return _item(wanted) == _item(value)


def _items(values: Iterable[Any]) -> frozenset[Item]:
    return frozenset(_item(value) for value in values if not isinstance(value, (dict, list)))


def _wanted(value: Any) -> Item:
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"an item of a claim is a string, a number or a boolean, not {type(value).__name__}")
    return _item(value)


def _has_all(wanted: frozenset[Item], found: frozenset[Item]) -> bool:
    return wanted <= found


def _has_some(wanted: frozenset[Item], found: frozenset[Item]) -> bool:
    return not wanted.isdisjoint(found)


def _has_none(wanted: frozenset[Item], found: frozenset[Item]) -> bool:
    return wanted.isdisjoint(found)
