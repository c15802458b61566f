"""Claims and validators for tests, at a time that stands still unless a test moves it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from supertokens_lite import RecipeUserId
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.recipe.session.claims import (
    BooleanClaim,
    PrimitiveArrayClaim,
    PrimitiveClaim,
    SessionClaim,
    SessionClaimValidator,
    failed_claims,
    refetch_claims,
)

__all__ = (
    "EACH_MAKER",
    "MAKERS",
    "NOW_MS",
    "OWN",
    "USER",
    "VALUES",
    "Clock",
    "Fetcher",
    "Flag",
    "Many",
    "One",
    "Wild",
    "asks_refetch",
    "check",
    "flag",
    "many",
    "one",
    "refetch",
    "stored",
)

NOW_MS = 1_700_000_000_000
USER = RecipeUserId("ada")
OWN: dict[str, Any] = {"sub": "ada", "iat": 1, "exp": 2, "sessionHandle": "h", "tId": "public", "rsub": "ada"}


class Clock:
    """The time of the claims below; it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = NOW_MS


class Fetcher:
    """Gives a value and counts how often; each call may take time."""

    def __init__(self, value: Any = None, clock: Clock | None = None, takes_ms: int = 0) -> None:
        self.value = value
        self.clock = clock or Clock()
        self.takes_ms = takes_ms
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(copy.deepcopy(args))
        self.clock.now += self.takes_ms
        return self.value


class Timed:
    """Gives a claim the time of its fetcher."""

    fetch_value: Any

    def now_ms(self) -> int:
        now: int = self.fetch_value.clock.now
        return now


class One(Timed, PrimitiveClaim[Any]):
    """A claim of one value."""


class Flag(Timed, BooleanClaim):
    """A claim that is true or false."""


class Many(Timed, PrimitiveArrayClaim[list[Any]]):
    """A claim that is a list."""


def one(value: Any = None, default: int | None = None) -> One:
    return One("c", Fetcher(value), default)


def flag(value: Any = None, default: int | None = None) -> Flag:
    return Flag("c", Fetcher(value), default)


def many(value: Any = None, default: int | None = None) -> Many:
    return Many("c", Fetcher(value), default)


def stored(value: Any, age_s: float = 0) -> dict[str, Any]:
    """Give a payload that has a value of this age."""
    return {"c": {"v": value, "t": NOW_MS - int(age_s * 1000)}}


class Wild(SessionClaim[Any]):
    """A claim of an application's own, which changes what it gets and writes where it should not."""

    def add_to_payload_(
        self, payload: dict[str, Any], value: Any, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        for each in payload.values():
            if isinstance(each, (dict, list)):
                each.clear()
        payload.clear()
        payload.update(dict.fromkeys(PROTECTED_CLAIMS, "stolen"))
        payload[self.key] = value
        return payload

    def remove_from_payload_by_merge_(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return payload | {self.key: None}

    def remove_from_payload(
        self, payload: dict[str, Any], user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {name: value for name, value in payload.items() if name != self.key}

    def get_value_from_payload(self, payload: dict[str, Any], user_context: dict[str, Any] | None = None) -> Any:
        return payload.get(self.key)


MAKERS: dict[str, Callable[..., SessionClaimValidator]] = {
    "has_value": lambda default, age, **more: one("a", default).validators.has_value("a", max_age_in_sec=age, **more),
    "is_true": lambda default, age, **more: flag(True, default).validators.is_true(max_age=age, **more),
    "is_false": lambda default, age, **more: flag(False, default).validators.is_false(max_age=age, **more),
    "includes": lambda d, age, **more: many(["a"], d).validators.includes("a", max_age_in_seconds=age, **more),
    "excludes": lambda d, age, **more: many(["a"], d).validators.excludes("b", max_age_in_seconds=age, **more),
    "includes_all": lambda d, age, **more: many(["a"], d).validators.includes_all(
        ["a"], max_age_in_seconds=age, **more
    ),
    "includes_any": lambda d, age, **more: many(["a"], d).validators.includes_any(
        ["a"], max_age_in_seconds=age, **more
    ),
    "excludes_all": lambda d, age, **more: many(["a"], d).validators.excludes_all(
        ["b"], max_age_in_seconds=age, **more
    ),
}
VALUES = {"has_value": "a", "is_true": True, "is_false": False}
EACH_MAKER = pytest.mark.parametrize("maker", list(MAKERS))


async def asks_refetch(validator: SessionClaimValidator, payload: dict[str, Any]) -> bool:
    given: Any = validator.should_refetch(payload, {})
    assert isinstance(given, bool)
    return given


async def refetch(payload: dict[str, Any], *validators: SessionClaimValidator, context: Any = None) -> dict[str, Any]:
    """Fetch anew what has to be for a user."""
    return await refetch_claims(payload, validators, "ada", USER, "public", {} if context is None else context)


async def check(payload: dict[str, Any], *validators: SessionClaimValidator) -> tuple[dict[str, Any], list[Any]]:
    """Fetch anew and validate, as for one request; give the payload and what is said, as JSON."""
    context: dict[str, Any] = {}
    payload = await refetch(payload, *validators, context=context)
    return payload, [error.to_json() for error in await failed_claims(payload, validators, context)]
