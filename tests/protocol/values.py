"""Values for property tests: JSON of every kind, and text as attackers and typists write it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ("FINITE", "JSON", "OBJECTS", "PLAIN", "REPLIES", "TEXT")

TEXT = st.text(max_size=20)
"""Any text, lone surrogates included."""

FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), FINITE, TEXT)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4))


JSON = st.recursive(PLAIN, _containers, max_leaves=12)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)

MEMBERS = (
    "status",
    "session",
    "accessToken",
    "refreshToken",
    "token",
    "expiry",
    "createdTime",
    "handle",
    "sessionHandle",
    "userId",
    "recipeUserId",
    "tenantId",
    "userDataInJWT",
    "userDataInDatabase",
    "timeCreated",
    "antiCsrfToken",
    "sessionHandles",
    "sessionHandlesRevoked",
    "sessions",
    "version",
    "jwt",
    "keys",
    *("kty", "kid", "n", "e", "alg", "use"),
)

_STATUS = st.sampled_from(("OK", "UNAUTHORISED", "CONFLICT", "UNSUPPORTED_ALGORITHM_ERROR"))


def _replies(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=12))


REPLIES = st.recursive(PLAIN | _STATUS, _replies, max_leaves=30).filter(lambda value: isinstance(value, dict))
"""Objects with the names of the protocol, and anything behind them."""
