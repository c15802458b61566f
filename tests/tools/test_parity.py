"""All forms of the functions on sessions are alike: names, parameters, defaults, annotations, docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from supertokens_lite.recipe.session import asyncio, syncio
from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.sessions import Sessions


def coroutines_of(owner: type) -> dict[str, Callable[..., Any]]:
    """Give the public coroutines of a class."""
    return {
        name: value
        for name, value in inspect.getmembers(owner)
        if not name.startswith("_") and inspect.iscoroutinefunction(value)
    }


SOURCE = coroutines_of(Sessions)
ATTACHED = coroutines_of(SessionContainer)
ITERATOR = "iter_bulk_update"


def face(function: Callable[..., Any], *, method: bool) -> tuple[list[tuple[Any, ...]], Any, str | None]:
    """Give all that a caller sees of a function."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1 if method else 0 :]
    shown = [(each.name, each.kind, each.default, each.annotation) for each in parameters]
    return shown, signature.return_annotation, inspect.getdoc(function)


def test_the_same_functions_everywhere() -> None:
    """Each form has every function and no other."""
    assert len(SOURCE) >= 24
    assert set(asyncio.__all__) == set(syncio.__all__) == set(SOURCE) | {ITERATOR}
    public = {name for name, value in vars(BlockingSessions).items() if not name.startswith("_") and callable(value)}
    assert public == set(SOURCE) | {ITERATOR}


@pytest.mark.parametrize("name", SOURCE)
def test_every_form_of_a_function(name: str) -> None:
    """The forms differ in whether they are awaited, and in nothing else."""
    expected = face(SOURCE[name], method=True)
    coroutine, blocking = getattr(asyncio, name), getattr(syncio, name)
    assert face(coroutine, method=False) == expected
    assert face(blocking, method=False) == expected
    assert face(getattr(BlockingSessions, name), method=True) == expected
    assert inspect.iscoroutinefunction(coroutine)
    assert not inspect.iscoroutinefunction(blocking)
    assert not inspect.iscoroutinefunction(getattr(BlockingSessions, name))
    positional = [
        each.name for each in inspect.signature(blocking).parameters.values() if each.kind is not each.KEYWORD_ONLY
    ]
    # a bulk update is many calls, each with a user context of its own
    assert positional[-1] == ("change" if name == "bulk_update" else "user_context")


def test_every_form_of_the_iterator() -> None:
    """The function that gives an iterator is a plain one everywhere; its twin gives the blocking iterator."""
    parameters, given, doc = face(getattr(Sessions, ITERATOR), method=True)
    assert given == "BulkUpdates"
    assert face(getattr(asyncio, ITERATOR), method=False) == (parameters, given, doc)
    twin = (parameters, f"Blocking{given}", doc)
    assert (
        face(getattr(syncio, ITERATOR), method=False) == face(getattr(BlockingSessions, ITERATOR), method=True) == twin
    )


def test_every_waiting_method_has_a_twin() -> None:
    """The session object has a `sync_` twin of each method that waits, and of no other."""
    twins = {name for name in dir(SessionContainer) if name.startswith("sync_")}
    assert twins == {f"sync_{name}" for name in ATTACHED}
    assert len(twins) >= 6


@pytest.mark.parametrize("name", ATTACHED)
def test_the_twin_of_a_method(name: str) -> None:
    """A twin differs from its method in its name only."""
    twin = getattr(SessionContainer, f"sync_{name}")
    assert face(twin, method=True) == face(ATTACHED[name], method=True)
    assert not inspect.iscoroutinefunction(twin)
