"""An SDK object for each test of the recipe, and a core whose clock a test moves."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.embedded import EmbeddedCore
from tests.apps import build_app
from tests.embedded.client import Clock


@pytest.fixture
def app(core_uri: str) -> Iterator[Supertokens]:
    """Give an SDK object on a core of the test's own."""
    with build_app(core_uri) as app:
        yield app


@pytest.fixture
def user() -> RecipeUserId:
    """Give a user whom no other test knows."""
    return RecipeUserId(f"user-{uuid.uuid4()}")


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still until it is moved, at a whole second after the keys of `core` were made."""
    return Clock((int(time.time()) + 1) * 1000)


@pytest.fixture
def core(core_file: Path, tmp_path: Path, clock: Clock) -> Iterator[EmbeddedCore]:
    """Give an embedded core on that clock, whose access tokens live for an hour to the second."""
    path = tmp_path / "clocked.db"
    shutil.copy2(core_file, path)
    core = EmbeddedCore(
        str(path),
        durability="normal",
        clock=clock,
        config={"access_token_validity_jitter": 0, "access_token_validity": 3600},
    )
    yield core
    core.close()
