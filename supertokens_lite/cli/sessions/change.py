"""From what was typed to a change: one merge patch, or a function of the user's. Nothing is evaluated."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from supertokens_lite._protocol.jsondata import check_object
from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session.bulk import ChangeFunction, MergePatch
from supertokens_lite.recipe.session.bulk_jobs import find_function
from supertokens_lite.types import is_object

__all__ = ("Choice", "choose_change")


class Choice(NamedTuple):
    """What is changed.

    Attributes:
        change: the change.
        words: what it is.
        is_async: whether it needs an event loop.
    """

    change: MergePatch | ChangeFunction
    words: str
    is_async: bool = False


def choose_change(arguments: argparse.Namespace) -> Choice:
    """Give the change that was typed.

    Raises:
        ConfigurationError: there is none, or it can't be used.
    """
    patches = _read_patches(arguments)
    if arguments.function is not None:
        if patches:
            raise ConfigurationError(f"--function stands alone: take {patches[0][0]} away, or have the function do it")
        function = _load(arguments.function)
        is_async = any(map(inspect.iscoroutinefunction, (function, getattr(function, "__call__", None))))  # noqa: B004
        return Choice(function, f"what {arguments.function} gives", is_async)
    patch = _combine(patches)
    removed = [name for name, value in patch.items() if value is None]
    merged = {name: value for name, value in patch.items() if value is not None}
    words = [f"set {json.dumps(merged, ensure_ascii=False)}"] if merged else []
    words += [f"remove {', '.join(removed)}"] if removed else []
    return Choice(MergePatch(patch), " and ".join(words))


def _read_patches(arguments: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Give all that was typed for the merge patch, each with the option it comes from."""
    patches = [("--set", _read_set(pair)) for pair in arguments.set or ()]
    for name in arguments.unset or ():
        if not name:
            raise ConfigurationError("--unset: name the member to remove")
        patches.append(("--unset", {_check_text("--unset", name): None}))
    if arguments.patch is not None:
        patches.append(("--patch", _read_patch("--patch", arguments.patch)))
    if arguments.patch_file is not None:
        try:
            text = Path(arguments.patch_file).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ConfigurationError(f"--patch-file: {arguments.patch_file} can't be read: {reason}") from None
        patches.append(("--patch-file", _read_patch("--patch-file", text)))
    return patches


def _read_set(pair: str) -> dict[str, Any]:
    name, separator, text = _check_text("--set", pair).partition("=")
    if not separator or not name:
        raise ConfigurationError(f"--set {pair!r} must be NAME=VALUE")
    try:
        value = parse_json(text)
    except ValueError:
        value = text
    except RecursionError:
        raise ConfigurationError(f"--set {name}: is nested too deep") from None
    if value is None:
        raise ConfigurationError(f"--set {pair}: null removes a member; write --unset {name}, or {name}='\"null\"'")
    return _check("--set", {name: value})


def _read_patch(option: str, text: str) -> dict[str, Any]:
    try:
        patch = parse_json(_check_text(option, text))
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{option} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise ConfigurationError(f"{option} is no JSON: {reason}") from None
    if not is_object(patch):
        raise ConfigurationError(f"{option} must be a JSON object, not {type(patch).__name__}")
    return _check(option, patch)


def _check_text(option: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{option}: is not text in UTF-8") from None
    return text


def _check(option: str, patch: dict[str, Any]) -> dict[str, Any]:
    try:
        check_object(patch, option)
    except BadInputError as error:
        raise ConfigurationError(str(error)) from None
    return patch


def _combine(patches: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Make one patch of several, none of which says something of the same member as another."""
    if not patches:
        raise ConfigurationError("say what to change: --set, --unset, --patch, --patch-file or --function")
    said_by: dict[str, str] = {}
    whole: dict[str, Any] = {}
    for option, patch in patches:
        for name in patch:
            if name in said_by:
                raise ConfigurationError(
                    f"{name!r} is changed twice, by {said_by[name]} and {option}: keep one of them"
                )
            said_by[name] = option
        whole |= patch
    if not whole:
        raise ConfigurationError("an empty patch changes nothing: put the members to change into it")
    return whole


def _load(name: str) -> ChangeFunction:
    """Import the function that `module:name` names, from the working directory or from where packages are."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return find_function(name)
    except BadInputError as error:
        raise ConfigurationError(f"--{error}") from error
