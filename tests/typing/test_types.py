"""The files that the type checkers check can be run, and use everything that there is."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer, syncio
from tests.typing import facades


@pytest.fixture
def _default_instance(core_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a default instance for one test."""
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    info = InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000")
    Supertokens.reset()
    init(info, "fastapi", SupertokensConfig(core_uri), [session.init()])
    yield
    Supertokens.reset()


@pytest.mark.usefixtures("_default_instance")
def test_both_facades_run() -> None:
    """What is said of the types of both facades is what happens."""
    user = RecipeUserId("typed")
    asyncio.run(facades.check_awaited(user))
    facades.check_blocking(user)
    assert syncio.get_all_session_handles_for_user("typed") == []


def test_objects_run(core_uri: str) -> None:
    """What is said of the types of an SDK object is what happens."""
    info = InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000")
    for number in range(2):
        app = Supertokens(info, "fastapi", SupertokensConfig(core_uri), [session.init()])
        if number:
            facades.check_object_blocking(app)
        else:
            asyncio.run(facades.check_object(app))


def test_nothing_is_left_out() -> None:
    """Every function of both facades and every method of the session object is used in what is checked."""
    tree = ast.parse(Path(facades.__file__).read_text(encoding="utf-8"))
    used = {(ast.unparse(node.value), node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for name in syncio.__all__:
        assert ("awaited", name) in used
        assert ("blocking", name) in used
    for name in vars(SessionContainer).keys() | {name for name in dir(SessionContainer) if name.startswith("sync_")}:
        if not name.startswith("_"):
            assert ("session", name) in used
