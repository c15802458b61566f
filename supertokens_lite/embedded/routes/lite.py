"""This core's own extensions, under /lite/v1.

Compare-and-set and merge patch of session data, many sessions in one call, and a paged list of all sessions of an app.
Every write of a session's data raises the version of its row, so that a caller can replace what it read and nothing
newer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from supertokens_lite._protocol.jsondata import merge_patch
from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite.embedded.calls import Call, WriteJob, tenant_of_handle
from supertokens_lite.embedded.fields import (
    optional_integer,
    query_text,
    stored_data,
    stored_text,
    whole_object,
)
from supertokens_lite.embedded.replies import NO_SESSION, Refused, json_reply
from supertokens_lite.embedded.routes.data import missing
from supertokens_lite.embedded.routes.session import versioned_session
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.types import HttpReply, is_array, is_object

__all__ = ("get_data", "list_sessions", "merge_data", "put_data", "read_many", "update_many")

MOST_AT_ONCE: Final = 1000
PAGE: Final = 100
GONE: Final = '{"status":"UNAUTHORISED"}'


def get_data(call: Call) -> HttpReply:
    """Read the data and its version: GET /lite/v1/session/data."""
    handle = query_text(call.parse_query(), "sessionHandle")
    tenant_id = tenant_of_handle(handle)
    found = call.read(lambda c: sessions.read_data(c, call.app_id, tenant_id, handle, call.now))
    if found is None:
        call.check_tenant(tenant_id)
        return NO_SESSION
    return json_reply(f'{{"status":"OK","userDataInDatabase":{found[0]},"version":{found[1]}}}')


def _version(body: dict[str, Any]) -> int:
    version = optional_integer(body, "version")
    if version is None:
        raise Refused(400, "Field name 'version' is invalid in JSON input")
    return version


def put_data(call: Call) -> WriteJob:
    """Replace the data if it still has a version: PUT /lite/v1/session/data."""
    body = call.parse_body()
    handle = stored_text(body, "sessionHandle")
    data = stored_data(body, "userDataInDatabase")
    version = _version(body)

    def job(connection: Connection) -> HttpReply:
        tenant_id = tenant_of_handle(handle)
        outcome = _replace_if(call, connection, handle, data, version)
        return missing(connection, call.app_id, tenant_id) if outcome == GONE else json_reply(outcome)

    return job


def _replace_if(call: Call, connection: Connection, handle: str, data: str, version: int) -> str:
    tenant_id = tenant_of_handle(handle)
    if sessions.replace_data_if(connection, call.app_id, tenant_id, handle, call.now, data, version):
        return f'{{"status":"OK","version":{version + 1}}}'
    found = sessions.read_data(connection, call.app_id, tenant_id, handle, call.now)
    if found is None:
        return GONE
    return f'{{"status":"CONFLICT","version":{found[1]},"userDataInDatabase":{found[0]}}}'


def merge_data(call: Call) -> WriteJob:
    """Merge a patch into the data: POST /lite/v1/session/data/merge."""
    body = call.parse_body()
    handle = stored_text(body, "sessionHandle")
    patch = whole_object(body, "patch")
    stored_data(body, "patch")

    def job(connection: Connection) -> HttpReply:
        tenant_id = tenant_of_handle(handle)
        found = _merge(call, connection, handle, patch, None)
        if isinstance(found, str):
            return missing(connection, call.app_id, tenant_id)
        return json_reply(f'{{"status":"OK","userDataInDatabase":{found[0]},"version":{found[1]}}}')

    return job


def _merge(
    call: Call, connection: Connection, handle: str, patch: dict[str, Any], version: int | None
) -> tuple[str, int] | str:
    """Merge a patch; give the data and its version, or why not."""
    tenant_id = tenant_of_handle(handle)
    found = sessions.read_data(connection, call.app_id, tenant_id, handle, call.now)
    if found is None:
        return GONE
    data, current = found
    if version is not None and version != current:
        return f'{{"status":"CONFLICT","version":{current},"userDataInDatabase":{data}}}'
    merged = build_json(merge_patch(parse_json(data), patch))
    sessions.replace_data(connection, call.app_id, tenant_id, handle, call.now, merged)
    return merged, current + 1


def _items(body: dict[str, Any], name: str) -> list[Any]:
    items = body.get(name)
    if not is_array(items):
        raise Refused(400, f"Field name '{name}' is invalid in JSON input")
    if len(items) > MOST_AT_ONCE:
        raise Refused(400, f"'{name}' may have {MOST_AT_ONCE} items at most")
    return items


def read_many(call: Call) -> HttpReply:
    """Read many sessions: POST /lite/v1/sessions/read."""
    handles = [stored_text({"sessionHandles": handle}, "sessionHandles") for handle in _items(call.parse_body(), "sessionHandles")]  # fmt: skip  # noqa: E501

    def read(connection: Connection) -> str:
        found = (
            sessions.find_live(connection, call.app_id, tenant_of_handle(handle), handle, call.now)
            for handle in handles
        )
        return ",".join("null" if session is None else versioned_session(call, session) for session in found)

    return json_reply(f'{{"status":"OK","sessions":[{call.read(read)}]}}')


def update_many(call: Call) -> WriteJob:
    """Change the data of many sessions, each by itself, in one transaction: POST /lite/v1/sessions/update."""
    updates = [_plan_update(call, item) for item in _items(call.parse_body(), "updates")]

    def job(connection: Connection) -> HttpReply:
        results = ",".join([update(connection) for update in updates])
        return json_reply(f'{{"status":"OK","results":[{results}]}}')

    return job


def _plan_update(call: Call, item: Any) -> Callable[[Connection], str]:
    """Read one update; give what does it and tells what became of it."""
    if not is_object(item) or ("patch" in item) == ("userDataInDatabase" in item):
        raise Refused(400, "Each of 'updates' needs a sessionHandle and one of userDataInDatabase or patch")
    handle = stored_text(item, "sessionHandle")
    version = optional_integer(item, "version")
    tenant_id, app_id, now = tenant_of_handle(handle), call.app_id, call.now
    if "patch" in item:
        patch = whole_object(item, "patch")
        stored_data(item, "patch")

        def merge(connection: Connection) -> str:
            found = _merge(call, connection, handle, patch, version)
            return found if isinstance(found, str) else f'{{"status":"OK","version":{found[1]}}}'

        return merge
    data = stored_data(item, "userDataInDatabase")
    if version is not None:
        return lambda connection: _replace_if(call, connection, handle, data, version)

    def replace(connection: Connection) -> str:
        replaced = sessions.replace_data_returning(connection, app_id, tenant_id, handle, now, data)
        return GONE if replaced is None else f'{{"status":"OK","version":{replaced}}}'

    return replace


def list_sessions(call: Call) -> HttpReply:
    """List the live sessions of an app, oldest first, a page at a time: GET /lite/v1/sessions."""
    query = call.parse_query()
    limit = _whole(query.get("limit", str(PAGE)), "limit", lowest=1, highest=MOST_AT_ONCE)
    after = _whole(query.get("cursor", "0"), "cursor", lowest=0, highest=2**62)
    tenant_id = query.get("tenantId")
    page = call.read(lambda c: sessions.page(c, call.app_id, tenant_id, call.now, after=after, limit=limit))
    found = ",".join(versioned_session(call, session) for session in page)
    cursor = f',"nextCursor":{build_json(str(page[-1][0]))}' if len(page) == limit else ""
    return json_reply(f'{{"status":"OK","sessions":[{found}]{cursor}}}')


def _whole(given: str, name: str, *, lowest: int, highest: int) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 20 and lowest <= int(given) <= highest):
        raise Refused(400, f"'{name}' must be a whole number between {lowest} and {highest}")
    return int(given)
