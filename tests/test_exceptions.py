"""Errors travel: pickled or copied they keep their message and their facts."""

from __future__ import annotations

import copy
import pickle

import pytest

from supertokens_lite import RecipeUserId
from supertokens_lite.exceptions import (
    BadInputError,
    ClosedError,
    ConfigurationError,
    CoreResponseError,
    CoreUnavailableError,
    CoreVersionError,
    EventLoopRequiredError,
    GeneralError,
    ReentrantCallError,
    SuperTokensError,
)
from supertokens_lite.recipe.session.exceptions import (
    ClaimValidationError,
    InvalidClaimsError,
    TokenTheftError,
    UnauthorisedError,
)

ERRORS: list[SuperTokensError] = [
    GeneralError("text"),
    ConfigurationError("text"),
    CoreUnavailableError([("http://a", "refused"), ("http://b", "no reply")]),
    CoreResponseError(status=503, path="/p", host="http://a", body="busy", method="GET"),
    CoreVersionError(ours=["5.4"], theirs=["2.7"], host="http://a"),
    EventLoopRequiredError("file.py:3 in f"),
    ReentrantCallError("h"),
    ClosedError(),
    BadInputError("must be a dict", "data"),
    UnauthorisedError("gone", clear_tokens=False),
    TokenTheftError("u", RecipeUserId("u"), "h"),
    InvalidClaimsError("no", [ClaimValidationError("role", {"expected": "admin"})]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_travel(error: SuperTokensError) -> None:
    """A worker process can hand an error back, with its facts."""
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(same) is type(error)
        assert str(same) == str(error)
        assert same.args == error.args
        assert vars(same) == vars(error)


def test_what_happened_again_and_again_is_said_once() -> None:
    """A host that failed several times in the same way is named once, with how often; each attempt is a fact."""
    error = CoreUnavailableError([("http://a", "refused"), ("http://b", "no reply"), ("http://a", "refused")])
    assert "(http://a: refused, 2 times; http://b: no reply)" in str(error)
    assert len(error.failures) == 3
