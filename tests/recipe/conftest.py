"""An SDK object for each test of the recipe."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from tests.apps import build_app


@pytest.fixture
def app(core_uri: str) -> Iterator[Supertokens]:
    """Give an SDK object on a core of the test's own."""
    with build_app(core_uri) as app:
        yield app


@pytest.fixture
def user() -> RecipeUserId:
    """Give a user whom no other test knows."""
    return RecipeUserId(f"user-{uuid.uuid4()}")
