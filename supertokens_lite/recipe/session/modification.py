"""Calls about one session by its handle, and the read-modify-write of its data.

`modify` holds a handle's turn while the caller's change runs. A call for the same handle inside the change would wait
for itself, so every call about a handle looks for the mark that the change leaves in the context.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import Effects
from supertokens_lite._io.turns import Turn, Turns
from supertokens_lite._protocol import cdi
from supertokens_lite._protocol.jsondata import check_object
from supertokens_lite._protocol.tokens import read_payload
from supertokens_lite.exceptions import BadInputError, CoreResponseError, GeneralError, ReentrantCallError
from supertokens_lite.recipe.session.interfaces import Change
from supertokens_lite.types import CoreCall, UserContext

__all__ = ("Modification", "check_text")

T = TypeVar("T")

MOST_CONFLICTS: Final = 1000
CONFLICT_WAIT_S: Final = 0.02


class _Changing:
    """A change that is being made: the mark that a call for the same handle inside it runs into."""

    __slots__ = ("active", "handle", "outer", "owner")

    def __init__(self, owner: object, handle: str, outer: _Changing | None) -> None:
        self.owner = owner
        self.handle = handle
        self.outer = outer
        self.active = True


_changing: ContextVar[_Changing | None] = ContextVar("supertokens_lite_changing", default=None)


class Modification:
    """Makes calls about sessions, and changes their data in turn.

    Args:
        querier: the way to the core.
        effects: what waiting there is.
    """

    def __init__(self, querier: Querier, effects: Effects) -> None:
        self._querier = querier
        self._effects = effects
        self._turns = Turns()

    async def of_handle(
        self,
        handle: str,
        call: CoreCall,
        read: Callable[[dict[str, Any]], T],
        user_context: UserContext,
        *,
        fresh: bool = False,
    ) -> T | None:
        """Make a call about one session; None if the handle names a tenant that does not exist."""
        self.check_handle(handle)
        try:
            return await self._querier.send(call, read, user_context, fresh=fresh)
        except CoreResponseError as error:
            if cdi.is_tenant_unknown(error.status, error.excerpt) and "_" in handle:
                return None
            raise

    def check_handle(self, handle: str) -> None:
        """Refuse what is no handle, and a handle that is being changed by whoever calls."""
        check_text(handle, "session_handle")
        mark = _changing.get()
        while mark is not None:
            if mark.active and mark.owner is self and mark.handle == handle:
                raise ReentrantCallError(handle)
            mark = mark.outer

    def check_token(self, access_token: str) -> None:
        """Refuse an access token of a session that is being changed by whoever calls."""
        if _changing.get() is not None:
            with suppress(ValueError):
                self.check_handle(str(read_payload(access_token).get("sessionHandle")))

    async def modify(self, handle: str, change: Change, user_context: UserContext) -> dict[str, Any] | None:
        """Read session data, change it and write it back, in turn; None if there is no such session."""
        self.check_handle(handle)
        if not callable(change):
            raise BadInputError("must be a function that takes the data", "change")
        modify = self._modify_versioned if await self._querier.has_extensions(user_context) else self._modify_plain
        async with self.turn(handle):
            return await modify(handle, change, user_context)

    async def _modify_versioned(self, handle: str, change: Change, user_context: UserContext) -> dict[str, Any] | None:
        """Read, change and compare-and-set, again and again until no other process came between."""
        read = cdi.read_versioned_data(handle)
        found = await self.of_handle(handle, read, cdi.read_versioned, user_context, fresh=True)
        io = self._effects.io
        for _ in range(MOST_CONFLICTS):
            if found is None:
                return None
            data = await self._apply(handle, change, found.data)
            if data is None:
                return found.data
            write = cdi.put_data_if(handle, data, found.version)
            outcome = await self.of_handle(handle, write, cdi.read_replaced, user_context)
            if outcome is not None and outcome.done:
                return data
            found = None if outcome is None else outcome.newer
            if found is not None:
                await io.sleep(io.random() * CONFLICT_WAIT_S)
        raise GeneralError(
            f"the data of session {handle!r} was changed by others {MOST_CONFLICTS} times while it was being modified"
        )

    async def _modify_plain(self, handle: str, change: Change, user_context: UserContext) -> dict[str, Any] | None:
        """Read, change and replace; other processes may come between."""
        found = await self.of_handle(handle, cdi.get_session(handle), cdi.read_found, user_context, fresh=True)
        if found is None:
            return None
        data = await self._apply(handle, change, found.data)
        if data is None:
            return found.data
        written = await self.of_handle(handle, cdi.put_data(handle, data), cdi.read_done, user_context)
        return data if written else None

    async def _apply(self, handle: str, change: Change, data: dict[str, Any]) -> dict[str, Any] | None:
        """Call the change with a copy of the data; what it gives is checked and copied, so that it stays what it is."""
        changed: dict[str, Any] | None = await self.apply(handle, change, copy.deepcopy(data))
        if changed is not None:
            check_object(changed, "data")
        return copy.deepcopy(changed)

    async def apply(self, handle: str, change: Callable[[T], Any], given: T) -> Any:
        """Call a change of a session, in which every call for that session is refused."""
        mark = _Changing(self, handle, _changing.get())
        token = _changing.set(mark)
        try:
            return await settle(change(given))
        finally:
            mark.active = False
            _changing.reset(token)

    def turn(self, handle: str) -> Turn:
        """Give an async context manager that has a handle's turn while it is entered."""
        self.check_handle(handle)
        return self._turns.turn(self._effects.io, handle)


def check_text(value: object, name: str) -> None:
    """Refuse what is not a string."""
    if not isinstance(value, str):
        raise BadInputError(f"must be a string, not {type(value).__name__}", name)
