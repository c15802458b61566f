"""Describes the public names of a package as JSON: `python describe.py PACKAGE`.

Runs in an environment of its own that has that package only, so it imports nothing else. Annotations are left out: the
same type can be written in many ways.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any

MODULES = (
    "",
    "exceptions",
    "framework",
    "recipe.session",
    "recipe.session.asyncio",
    "recipe.session.claims",
    "recipe.session.exceptions",
    "recipe.session.interfaces",
    "recipe.session.syncio",
    "types",
)


def describe_default(value: Any) -> str:
    """Show a default so that two packages show the same one alike."""
    if value is inspect.Parameter.empty:
        return "required"
    return repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__


def describe_callable(value: Any) -> dict[str, Any]:
    """Give kind and parameters of a function."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return {"kind": "callable"}
    return {
        "kind": "coroutine" if inspect.iscoroutinefunction(value) else "function",
        "parameters": [[each.name, each.kind.name, describe_default(each.default)] for each in parameters],
    }


def describe(value: Any) -> dict[str, Any]:
    """Give the kind of a value, and what it can be called with."""
    if inspect.isclass(value):
        inherited = [each for each in value.__mro__ if each.__module__.split(".")[0] != value.__module__.split(".")[0]]
        methods = {
            name: describe_callable(getattr(value, name))
            for name in dir(value)
            if not name.startswith("_")
            and callable(getattr(value, name, None))
            and not any(hasattr(each, name) for each in inherited)
        }
        return {"kind": "class", "constructor": describe_callable(value).get("parameters"), "methods": methods}
    if inspect.isroutine(value):
        return describe_callable(value)
    return {"kind": "value"}


def main(package: str) -> None:
    """Print the description."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"{package}.{name}".rstrip("."))
        names = [each for each in vars(module) if not each.startswith("_")]
        own = [each for each in names if getattr(getattr(module, each), "__module__", None) == module.__name__]
        found[name] = {
            "public": list(getattr(module, "__all__", ())),
            "own": own,
            "names": {each: describe(getattr(module, each)) for each in names},
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
