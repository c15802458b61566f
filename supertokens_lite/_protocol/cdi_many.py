"""The calls about many sessions or users at once: our core's batches and pages, and the core's list of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from supertokens_lite._protocol import paths
from supertokens_lite._protocol.cdi import SessionInfo, VersionedData, read_info, read_versioned_members
from supertokens_lite._protocol.members import read_array, read_status, read_text, read_text_or_none, read_whole
from supertokens_lite.types import CoreCall

__all__ = (
    "Page",
    "Update",
    "VersionedSession",
    "Written",
    "list_sessions",
    "list_users",
    "read_listed_sessions",
    "read_listed_users",
    "read_many_versioned",
    "read_updated",
    "update_many",
)

OK: Final = "OK"
GONE: Final = "UNAUTHORISED"
CONFLICT: Final = "CONFLICT"


class VersionedSession(NamedTuple):
    """A session and the version of its data."""

    session: SessionInfo
    version: int


class Update(NamedTuple):
    """New data for a session; with a version only if the session still has it."""

    handle: str
    data: Mapping[str, Any]
    version: int | None


class Written(NamedTuple):
    """What became of an update: done, or what was found instead, or neither if the session is gone."""

    done: bool
    newer: VersionedData | None


class Page(NamedTuple):
    """Some ids, and where to go on; None at the end."""

    ids: list[str]
    cursor: str | None


def read_many_versioned(reply: Mapping[str, Any]) -> list[VersionedSession | None]:
    """Read many sessions with their versions, in the order of the handles; None for one that is gone."""
    found = read_array(reply["sessions"])
    return [None if each is None else VersionedSession(read_info(each), read_whole(each["version"])) for each in found]


def update_many(updates: Sequence[Update]) -> CoreCall:
    """Replace the data of many sessions: POST /lite/v1/sessions/update.

    To be sent again when in doubt only if it names no version: else the second would meet what the first one made.
    """
    body: list[dict[str, Any]] = []
    for update in updates:
        body.append({"sessionHandle": update.handle, "userDataInDatabase": update.data})
        if update.version is not None:
            body[-1]["version"] = update.version
    repeatable = all(update.version is None for update in updates)
    return CoreCall("POST", paths.LITE_UPDATE_MANY, None, {"updates": body}, repeatable)


def read_updated(reply: Mapping[str, Any]) -> list[Written]:
    """Read what became of each of many updates."""
    return [_read_written(result) for result in read_array(reply["results"])]


def _read_written(result: Mapping[str, Any]) -> Written:
    status = read_status(result, OK, GONE, CONFLICT)
    return Written(status == OK, read_versioned_members(result) if status == CONFLICT else None)


def list_sessions(*, limit: int, cursor: str | None, tenant_id: str | None) -> CoreCall:
    """List the sessions of an app, oldest first: GET /lite/v1/sessions."""
    query = {"limit": str(limit), "cursor": cursor, "tenantId": tenant_id}
    return CoreCall("GET", paths.LITE_LIST, {name: value for name, value in query.items() if value is not None})


def read_listed_sessions(reply: Mapping[str, Any]) -> Page:
    """Read a page of sessions: their handles."""
    handles = [read_text(session["sessionHandle"]) for session in read_array(reply["sessions"])]
    return Page(handles, read_text_or_none(reply.get("nextCursor")))


def list_users(*, limit: int, cursor: str | None, tenant_id: str | None) -> CoreCall:
    """List the users, oldest first: GET [/<tenant>]/users."""
    query = {"limit": str(limit), "timeJoinedOrder": "ASC"}
    if cursor is not None:
        query["paginationToken"] = cursor
    return CoreCall("GET", paths.USERS if tenant_id is None else f"/{tenant_id}{paths.USERS}", query)


def read_listed_users(reply: Mapping[str, Any]) -> Page:
    """Read a page of users: their ids."""
    users = [read_text(user["id"]) for user in read_array(reply["users"])]
    return Page(users, read_text_or_none(reply.get("nextPaginationToken")))
