"""What a bulk update does to each session: a replacement, a merge patch, or a function of the caller's. No effects.

All three can be done again without harm. A replacement and a patch give the same whenever they are applied. A function
is never applied to its own result by mistake: what it is about to write is known before, and `judge` tells from what is
found later whether it was written.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from supertokens_lite._io.journal import Intent
from supertokens_lite._protocol.jsondata import build_canonical, check_object, merge_patch
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.recipe.session.results import SessionInformationResult
from supertokens_lite.types import MaybeAwaitable

__all__ = (
    "TARGETS",
    "ChangeFunction",
    "MergePatch",
    "PlannedChange",
    "Replace",
    "Target",
    "data_of",
    "digest",
    "judge",
    "plan_change",
)

Target = Literal["session_data", "access_token_payload"]
TARGETS: Final = ("session_data", "access_token_payload")

ChangeFunction = Callable[[SessionInformationResult], MaybeAwaitable["dict[str, Any] | None"]]
"""Gets a session, its own copy, and gives the new data, or None to leave it as it is; `def` or `async def`."""


class Replace:
    """Replace the data of each session.

    Args:
        data: the new data, a JSON object.
        compare: read each session first, so that one that has this data is not written, and what is replaced is in the
            result. Without it each session costs one call instead of two, and is never `unchanged` or in `conflict`.

    Raises:
        BadInputError: it is not a JSON object.
    """

    def __init__(self, data: dict[str, Any], *, compare: bool = True) -> None:
        check_object(data, "Replace")
        self.data = copy.deepcopy(data)
        self.compare = compare


class MergePatch:
    """Merge a patch into the data of each session: a member that is None is removed, objects are merged.

    Args:
        patch: the patch, a JSON object.

    Raises:
        BadInputError: it is not a JSON object.

    Source: RFC 7396.
    """

    def __init__(self, patch: dict[str, Any]) -> None:
        check_object(patch, "MergePatch")
        self.patch = copy.deepcopy(patch)


class PlannedChange(NamedTuple):
    """A change that was checked.

    Attributes:
        identity: tells this change from others, for a journal.
        apply: gives the new data of a session.
        is_function: whether the caller's code does it.
        target: what of the session is changed.
        replacement: what is written, the same for each session; None if it depends on the session.
        reads_first: whether the session has to be read.
    """

    identity: str
    apply: Callable[[SessionInformationResult], Any]
    is_function: bool
    target: Target
    replacement: dict[str, Any] | None
    reads_first: bool


def plan_change(change: object, target: object) -> PlannedChange:
    """Check a change.

    Raises:
        BadInputError: it can't be applied to that target, or is no change.
    """
    if target == "session_data":
        return _plan(change, "session_data")
    if target == "access_token_payload":
        return _plan(change, "access_token_payload")
    raise BadInputError(f"is {target!r} and must be one of {', '.join(TARGETS)}", "target")


def _plan(change: object, target: Target) -> PlannedChange:
    if isinstance(change, Replace):
        data = change.data
        _check_claims(data, target)

        def replace(_session: SessionInformationResult) -> Any:
            return data

        return PlannedChange(f"replace {digest(build_canonical(data))}", replace, False, target, data, change.compare)
    if isinstance(change, MergePatch):
        patch = change.patch
        _check_claims(patch, target)

        def merge(session: SessionInformationResult) -> Any:
            return merge_patch(data_of(session, target), patch)

        return PlannedChange(f"merge {digest(build_canonical(patch))}", merge, False, target, None, True)
    if callable(change):
        return PlannedChange(f"function {_name(change)}", change, True, target, None, True)
    raise BadInputError("must be Replace({…}), MergePatch({…}) or a function that takes a session", "change")


def _name(function: Callable[..., object]) -> str:
    """Name a function by where it is defined; lambdas of one place are told apart by their lines."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    line = function.__code__.co_firstlineno if name.endswith("<lambda>") and hasattr(function, "__code__") else ""
    return f"{getattr(function, '__module__', '')}:{name}{line}"


def _check_claims(claims: dict[str, Any], target: Target) -> None:
    protected = sorted(PROTECTED_CLAIMS & claims.keys()) if target == "access_token_payload" else []
    if protected:
        raise BadInputError(f"{', '.join(protected)}: the session core sets that itself", "change")


def data_of(session: SessionInformationResult, target: Target) -> dict[str, Any]:
    """Give the data of a session that is to be changed."""
    if target == "session_data":
        return session.session_data_in_database
    payload = session.custom_claims_in_access_token_payload
    return {name: value for name, value in payload.items() if name not in PROTECTED_CLAIMS}


def digest(canonical: str) -> str:
    """Give a digest of data that is written in the one form: equal where the data is."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def judge(
    doubtful: Sequence[Intent], version: int | None, found: str
) -> Literal["written", "not yet", "never", "unknown"]:
    """Tell from what a session has now what became of writes whose answers are not known.

    Args:
        doubtful: what was to be written, all based on the same data; one at least.
        version: the version of the data that was found; None where the core has none.
        found: a digest of that data.

    With versions, only one of the writes or one of somebody else's can have made the next version, and the data tells
    which. If it was somebody else's, ours were refused, and will be if they are still on their way. As long as there is
    no next version, one that is still on its way may make it. From the version after that on nothing can be told.
    Without versions the data alone has to tell.
    """
    base = doubtful[0]
    is_ours = any(found == intent.after for intent in doubtful)
    if base.version is None or version is None:
        if is_ours:
            return "written"
        return "not yet" if found == base.before else "unknown"
    if version == base.version:
        return "not yet"
    if version == base.version + 1:
        return "written" if is_ours else "never"
    return "unknown"
