"""The two objects of a session: its data in the database and its access token payload."""

from __future__ import annotations

from typing import Final

from supertokens_lite.embedded.calls import Call, WriteJob, tenant_of_handle, unknown_tenant
from supertokens_lite.embedded.fields import query_text, stored_data, stored_payload, stored_text, whole_object
from supertokens_lite.embedded.replies import NO_SESSION, OK, json_reply
from supertokens_lite.embedded.routes.minting import check_payload, token_version
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store.apps import Connection, has_tenant
from supertokens_lite.embedded.store.writer import OneStatement
from supertokens_lite.types import HttpReply

__all__ = ("get_data", "get_payload", "missing", "put_data", "put_payload")

DATA: Final = 4
PAYLOAD: Final = 8


def missing(connection: Connection, app_id: str, tenant_id: str) -> HttpReply:
    """Say that there is no such session, or refuse where there is not even such a tenant."""
    if not has_tenant(connection, app_id, tenant_id):
        raise unknown_tenant(app_id, tenant_id)
    return NO_SESSION


def put_data(call: Call) -> WriteJob:
    """Replace the data: PUT /recipe/session/data."""
    body = call.parse_body()
    handle = stored_text(body, "sessionHandle")
    data = stored_data(body, "userDataInDatabase")
    tenant_id, app_id, now = tenant_of_handle(handle), call.app_id, call.now

    def job(connection: Connection) -> HttpReply:
        if sessions.replace_data(connection, app_id, tenant_id, handle, now, data):
            return OK
        return missing(connection, app_id, tenant_id)

    return OneStatement(job)


def put_payload(call: Call) -> WriteJob:
    """Replace the payload: PUT /recipe/jwt/data."""
    body = call.parse_body()
    handle = stored_text(body, "sessionHandle")
    payload = whole_object(body, "userDataInJWT")
    check_payload(payload, token_version(call))
    stored = stored_payload(payload, "userDataInJWT")
    tenant_id, app_id, now = tenant_of_handle(handle), call.app_id, call.now

    def job(connection: Connection) -> HttpReply:
        if sessions.replace_payload(connection, app_id, tenant_id, handle, now, stored):
            return OK
        return missing(connection, app_id, tenant_id)

    return OneStatement(job)


def get_data(call: Call) -> HttpReply:
    """Read the data: GET /recipe/session/data."""
    return _read(call, "userDataInDatabase", DATA)


def get_payload(call: Call) -> HttpReply:
    """Read the payload: GET /recipe/jwt/data."""
    return _read(call, "userDataInJWT", PAYLOAD)


def _read(call: Call, name: str, column: int) -> HttpReply:
    handle = query_text(call.parse_query(), "sessionHandle")
    tenant_id = tenant_of_handle(handle)
    session = call.read(lambda c: sessions.find_live(c, call.app_id, tenant_id, handle, call.now))
    if session is None:
        call.check_tenant(tenant_id)
        return NO_SESSION
    return json_reply(f'{{"status":"OK","{name}":{session[column]}}}')
