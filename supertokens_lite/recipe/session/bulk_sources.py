"""Which sessions a bulk update is about: by their handles, by their users, or all there are.

A source is given once and opened when the update begins. It is asked for some sessions at a time, so that what it comes
from, however long, is never ahead of what is done by more than that.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeVar, cast

from supertokens_lite._core.hooks import settle
from supertokens_lite._core.querier import Querier
from supertokens_lite._io.base import IO
from supertokens_lite._protocol import cdi_many
from supertokens_lite._protocol.paths import PUBLIC_TENANT
from supertokens_lite.exceptions import BadInputError, CoreError, GeneralError
from supertokens_lite.recipe.session.bulk_changes import PlannedChange
from supertokens_lite.recipe.session.bulk_files import FileFormat, Line, Listing, check_name
from supertokens_lite.recipe.session.interfaces import RecipeInterface
from supertokens_lite.types import CoreCall

__all__ = (
    "AllSessions",
    "AllUsers",
    "Entry",
    "Feed",
    "HandleFile",
    "Handles",
    "Reach",
    "Source",
    "UserFile",
    "Users",
    "identify_job",
)

T = TypeVar("T")

A_PAGE: Final = 500
TAKEN_S: Final = 0.05
"""For how long a slow iterable is asked for more before what it gave is worked on."""


class Entry(NamedTuple):
    """One session to be changed, or what could not be made of a part of the source."""

    handle: str
    user_id: str | None = None
    error: Exception | None = None


class Reach(NamedTuple):
    """What a source may use to find its sessions.

    Attributes:
        io: what waiting is.
        querier: the way to the core.
        front: what lists the sessions of a user, overrides and all.
        tenant_id: only sessions of this tenant; None: of all.
        limit: gives how many calls may be under way now.
        persist: makes a call, again where that may help, and has the pace adapt to how it goes.
    """

    io: IO
    querier: Querier
    front: RecipeInterface
    tenant_id: str | None
    limit: Callable[[], int]
    persist: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


class Feed(ABC):
    """A source that is being read."""

    @abstractmethod
    async def take(self, most: int) -> list[Entry] | None:
        """Give some entries, about `most`; maybe none though there are more; None at the end."""

    def close(self) -> None:
        """Give back what is held; idempotent."""
        return


class Source(ABC):
    """Which sessions a bulk update is about."""

    may_be_empty = False
    """Whether that there is nothing is an answer; else it is taken for a mistake."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Tell this source from others, for a journal; may read a file."""

    @abstractmethod
    async def open(self, reach: Reach) -> Feed:
        """Begin to read it.

        Raises:
            BadInputError: it can't be read; nothing was written.
            GeneralError: the core does not have what it needs.
        """


def identify_job(source: Source, change: PlannedChange, tenant_id: str | None) -> dict[str, str]:
    """Tell one update from others, by what a journal refuses another one for; may read a file."""
    return {
        "source": source.fingerprint(),
        "change": change.identity,
        "target": change.target,
        "tenant": tenant_id or "",
    }


class _Names:
    """The names that an iterable or a file gives, some at a time."""

    def __init__(self, io: IO, given: Iterable[str] | AsyncIterable[str]) -> None:
        self._io = io
        self._number = 0
        self._later: AsyncIterator[Any] | None = None
        self._now: Iterator[Any] = iter(())
        if isinstance(given, AsyncIterable):
            self._later = aiter(given)
        else:
            self._now = iter(given)

    async def take(self, most: int) -> list[Line] | None:
        """Give some names; None at the end."""
        taken: list[Line] = []
        until = self._io.monotonic() + TAKEN_S
        end: Any = object()
        while len(taken) < most and (not taken or self._io.monotonic() < until):
            name = next(self._now, end) if self._later is None else await anext(self._later, end)
            if name is end:
                break
            self._number += 1
            fault = check_name(name)
            said = fault and f"item {self._number} of the source: {fault}"
            taken.append(Line(name if isinstance(name, str) else "", said))
        return taken or None

    def close(self) -> None:
        """Nothing is held."""


class _FileNames:
    """The names that a file gives."""

    def __init__(self, io: IO, listing: Listing) -> None:
        self._io = io
        self._listing = listing
        self.close = listing.close

    async def take(self, most: int) -> list[Line] | None:
        """Give some names; None at the end."""
        return await self._io.in_thread(lambda: self._listing.take(most)) or None


class _HandleFeed(Feed):
    """Handles as they are named."""

    def __init__(self, names: _Names | _FileNames, tenant_id: str | None) -> None:
        self._names = names
        self._tenant_id = tenant_id
        self.close = names.close  # type: ignore[method-assign]

    async def take(self, most: int) -> list[Entry] | None:
        lines = await self._names.take(most)
        return None if lines is None else [self._entry(line) for line in lines]

    def _entry(self, line: Line) -> Entry:
        fault = line.fault
        wanted = self._tenant_id
        if wanted is not None and fault is None and (tenant_id := _tenant_of(line.name)) != wanted:
            fault = f"session {line.name!r} is of tenant {tenant_id!r}, not {wanted!r}"
        return Entry(line.name) if fault is None else Entry(line.name, None, BadInputError(fault))


def _tenant_of(handle: str) -> str:
    """Give the tenant that a handle names; the core puts it behind the last underscore."""
    _, named, tenant_id = handle.rpartition("_")
    return tenant_id if named else PUBLIC_TENANT


class _UserFeed(Feed):
    """The sessions of users as they are named."""

    def __init__(self, names: _Names | _FileNames | _UserPages, reach: Reach) -> None:
        self._names = names
        self._reach = reach
        self.close = names.close  # type: ignore[method-assign]

    async def take(self, most: int) -> list[Entry] | None:
        limit = self._reach.limit()
        lines = await self._names.take(max(limit, min(most // 10, limit * 4)))
        if lines is None:
            return None
        found = await self._reach.io.each(self._list_sessions, lines, limit=limit)
        return [entry for entries in found for entry in entries]

    async def _list_sessions(self, line: Line) -> list[Entry]:
        user_id = line.name
        if line.fault is not None:
            return [Entry("", user_id or None, BadInputError(line.fault))]
        tenant_id = self._reach.tenant_id
        front = self._reach.front

        async def ask() -> list[str]:
            return await settle(
                front.get_all_session_handles_for_user(user_id, True, tenant_id or PUBLIC_TENANT, tenant_id is None, {})
            )

        try:
            handles: list[str] = await self._reach.persist(ask)
        except CoreError as error:
            return [Entry("", user_id, error)]
        return [Entry(handle, user_id) for handle in handles]


class _Pages:
    """What the core lists, a page at a time."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._cursor: str | None = None
        self._ended = False

    async def next_page(
        self, build: Callable[..., CoreCall], read: Callable[[dict[str, Any]], cdi_many.Page]
    ) -> list[str] | None:
        """Give what the next page lists; None at the end."""
        if self._ended:
            return None
        reach = self._reach
        call = build(limit=A_PAGE, cursor=self._cursor, tenant_id=reach.tenant_id)
        page = cast("cdi_many.Page", await reach.persist(lambda: reach.querier.send(call, read)))
        self._cursor = page.cursor
        self._ended = page.cursor is None
        return page.ids

    def close(self) -> None:
        """Nothing is held."""


class _UserPages(_Pages):
    """The users of the core."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._left: list[str] = []

    async def take(self, most: int) -> list[Line] | None:
        """Give some users; None at the end."""
        while not self._left:
            page = await self.next_page(cdi_many.list_users, cdi_many.read_listed_users)
            if page is None:
                return None
            self._left = page
        taken, self._left = self._left[:most], self._left[most:]
        return [Line(user_id, None) for user_id in taken]


class _SessionPages(_Pages, Feed):
    """The sessions of the core."""

    async def take(self, most: int) -> list[Entry] | None:
        page = await self.next_page(cdi_many.list_sessions, cdi_many.read_listed_sessions)
        return None if page is None else [Entry(handle) for handle in page]


class _Named(Source):
    """A source that an iterable gives.

    Args:
        given: the names, of any iterable or async iterable.
        name: tells this source from others, for a journal; a list and a tuple are told by what they hold.
    """

    _kind = ""

    def __init__(self, given: Iterable[str] | AsyncIterable[str], *, name: str | None = None) -> None:
        if isinstance(given, (str, bytes)) or not isinstance(given, (Iterable, AsyncIterable)):
            raise BadInputError(f"must be an iterable of strings, not {type(given).__name__}", type(self).__name__)
        self._given = given
        self._name = name

    def fingerprint(self) -> str:
        """Tell this source from others: by its name, else by what a list or tuple holds."""
        if self._name is not None:
            return f"{self._kind} {self._name}"
        if not isinstance(self._given, (list, tuple)):
            return self._kind
        content = hashlib.sha256()
        for name in self._given:
            content.update(repr(name).encode("utf-8", "surrogatepass") + b"\n")
        return f"{self._kind} {content.hexdigest()}"


class Handles(_Named):
    """The sessions with these handles.

    Args:
        given: the handles: any iterable, or in async code an async one. It is read as the update goes on.
        name: tells this source from others, for a journal. A list or tuple is told by what it holds; anything else
            without a name is taken to be the same whenever it is given.

    Raises:
        BadInputError: it is no iterable, or a single string.
    """

    _kind = "handles"

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        return _HandleFeed(_Names(reach.io, self._given), reach.tenant_id)


class Users(_Named):
    """All sessions of these users.

    Args:
        given: the user ids: any iterable, or in async code an async one. It is read as the update goes on.
        name: as `Handles` has it.

    Raises:
        BadInputError: it is no iterable, or a single string.
    """

    _kind = "users"

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        return _UserFeed(_Names(reach.io, self._given), reach)


class _InFile(Source):
    """A source that a file gives."""

    _kind = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        column: str,
        format: FileFormat | None = None,  # noqa: A002
    ) -> None:
        self._listing = Listing(path, column, format)

    def fingerprint(self) -> str:
        """Tell this source from others, by what the file says."""
        return f"{self._kind} {self._listing.fingerprint()}"

    async def _open(self, reach: Reach) -> _FileNames:
        await reach.io.in_thread(self._listing.open)
        return _FileNames(reach.io, self._listing)


class HandleFile(_InFile):
    """The sessions whose handles a file lists.

    Args:
        path: the file: text with one handle on each line, CSV with a header, or JSON lines (a string, or an object that
            has it).
        column: the column of the CSV, or the member of the objects.
        format: `text`, `csv` or `jsonl`; None: as the file's suffix says (`.csv`, `.jsonl`, `.ndjson`), else text.
    """

    _kind = "handle file"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        column: str = "session_handle",
        format: FileFormat | None = None,  # noqa: A002
    ) -> None:
        super().__init__(path, column=column, format=format)

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        return _HandleFeed(await self._open(reach), reach.tenant_id)


class UserFile(_InFile):
    """All sessions of the users that a file lists.

    Args:
        path: as `HandleFile` has it, with user ids.
        column: the column of the CSV, or the member of the objects.
        format: as `HandleFile` has it.
    """

    _kind = "user file"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        column: str = "user_id",
        format: FileFormat | None = None,  # noqa: A002
    ) -> None:
        super().__init__(path, column=column, format=format)

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        return _UserFeed(await self._open(reach), reach)


class AllUsers(Source):
    """All sessions of all users that the core knows. A core that knows none, as the embedded one, is an error."""

    def fingerprint(self) -> str:
        """Tell this source from others."""
        return "all users"

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        pages = _UserPages(reach)
        first = await pages.take(0)
        if first is None:
            raise GeneralError("the session core knows no users. Use AllSessions(), or name users or handles")
        return _UserFeed(pages, reach)


class AllSessions(Source):
    """All live sessions, oldest first; of a core that can list them, as the embedded one can."""

    may_be_empty = True

    def fingerprint(self) -> str:
        """Tell this source from others."""
        return "all sessions"

    async def open(self, reach: Reach) -> Feed:
        """Begin to read it."""
        if not await reach.persist(reach.querier.has_extensions):
            raise GeneralError("the session core can't list its sessions. Use AllUsers(), or name users or handles")
        return _SessionPages(reach)
