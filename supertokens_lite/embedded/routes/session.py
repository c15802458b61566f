"""Sessions: create, read, list, remove."""

from __future__ import annotations

import uuid

from supertokens_lite._protocol.jsontext import build_json, build_string
from supertokens_lite._protocol.paths import PUBLIC_TENANT
from supertokens_lite.embedded.calls import Call, WriteJob, tenant_of_handle, unknown_tenant
from supertokens_lite.embedded.fields import (
    flag,
    optional_flag,
    query_flag,
    query_text,
    stored_data,
    stored_payload,
    stored_text,
    whole_object,
)
from supertokens_lite.embedded.replies import NO_SESSION, Refused, json_reply
from supertokens_lite.embedded.routes.minting import (
    Subject,
    check_payload,
    lifetime_ms,
    mint_access_token,
    session_json,
    token_json,
    token_version,
)
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.embedded.tokens import RefreshToken, hash_text, mint_refresh_token
from supertokens_lite.types import HttpReply, is_array

__all__ = ("create", "get", "handles_of_user", "only_public", "remove", "versioned_session")


def only_public(call: Call) -> None:
    """Refuse a path with a tenant where the whole app is meant."""
    if call.tenant_id != PUBLIC_TENANT:
        raise Refused(403, "Only public tenantId can call this app specific API")


def create(call: Call) -> WriteJob:
    """Create a session: POST /recipe/session."""
    body = call.parse_body()
    user_id = stored_text(body, "userId")
    anti_csrf = str(uuid.uuid4()) if flag(body, "enableAntiCsrf") else None
    payload = whole_object(body, "userDataInJWT")
    data = stored_data(body, "userDataInDatabase")
    static_key = not optional_flag(body, "useDynamicSigningKey", default=True)
    lifetime = lifetime_ms(call, body)
    version = token_version(call)
    check_payload(payload, version)
    stored = stored_payload(payload, "userDataInJWT")

    tenant_id, now = call.tenant_id, call.now
    handle = str(uuid.uuid4()) if tenant_id == PUBLIC_TENANT else f"{uuid.uuid4()}_{tenant_id}"
    content = RefreshToken(handle, user_id, None, anti_csrf, tenant_id)
    refresh_token = mint_refresh_token(call.app.refresh_key, content)
    token_hash = hash_text(refresh_token)
    subject = Subject(handle, user_id, tenant_id, token_hash, None, anti_csrf)
    access_token = mint_access_token(
        call, subject, payload, version=version, static_key=static_key, expires_at=now + lifetime
    )
    expires_at = now + call.settings.session_ms
    row = sessions.NewSession(
        call.app_id,
        tenant_id,
        handle,
        user_id,
        hash_text(token_hash),
        data,
        expires_at,
        now,
        stored,
        static_key,
    )
    reply = json_reply(
        f'{{"session":{session_json(call, handle, user_id, stored, tenant_id)},"accessToken":{access_token},'
        f'"refreshToken":{token_json(refresh_token, expires_at, now)},'
        + (f'"antiCsrfToken":{build_json(anti_csrf)},' if anti_csrf else "")
        + '"status":"OK"}'
    )

    def job(connection: Connection) -> HttpReply:
        if not sessions.insert(connection, row):
            raise unknown_tenant(call.app_id, tenant_id)
        return reply

    return job


def _members(call: Call, session: sessions.LiveSession) -> str:
    """Write a session as it is read: the members of one flat object."""
    _, tenant_id, handle, user_id, data, _, expires_at, created_at, payload = session
    user = build_string(user_id)
    recipe_user = f'"recipeUserId":{user},' if call.version >= 40 else ""
    return (
        f'"sessionHandle":{build_string(handle)},"userId":{user},{recipe_user}"userDataInDatabase":{data},'
        f'"expiry":{expires_at},"userDataInJWT":{payload},"timeCreated":{created_at},'
        f'"tenantId":{build_string(tenant_id)}'
    )


def versioned_session(call: Call, session: sessions.LiveSession) -> str:
    """Write a session and the version of its data."""
    return f'{{{_members(call, session)},"version":{session[5]}}}'


def get(call: Call) -> HttpReply:
    """Read a session: GET /recipe/session."""
    handle = query_text(call.parse_query(), "sessionHandle")
    tenant_id, app_id, now = tenant_of_handle(handle), call.app_id, call.now
    session = call.read(lambda connection: sessions.find_live(connection, app_id, tenant_id, handle, now))
    if session is None:
        call.check_tenant(tenant_id)
        return NO_SESSION
    return json_reply(f'{{{_members(call, session)},"status":"OK"}}')


def handles_of_user(call: Call) -> HttpReply:
    """List the handles of a user's live sessions: GET /recipe/session/user."""
    query = call.parse_query()
    user_id = query_text(query, "userId")
    tenant_id = _tenant_meant(call, across=query_flag(query, "fetchAcrossAllTenants"))
    handles = call.read(lambda c: sessions.handles_of_user(c, call.app_id, user_id, tenant_id, call.now))
    return json_reply(f'{{"status":"OK","sessionHandles":{build_json(handles)}}}')


def _tenant_meant(call: Call, *, across: bool) -> str | None:
    """Give the one tenant that a call by user is about, None for all of them."""
    if across:
        if call.version >= 50:
            only_public(call)
        return None
    call.check_tenant(call.tenant_id)
    return call.tenant_id


def remove(call: Call) -> WriteJob:
    """End sessions, by handles or by user: POST /recipe/session/remove."""
    body = call.parse_body()
    if ("userId" in body) == ("sessionHandles" in body):
        raise Refused(400, "Invalid JSON input - use one of userId or sessionHandles array")
    if "userId" not in body:
        return _remove_by_handles(call, body)
    user_id = stored_text(body, "userId")
    across = optional_flag(body, "revokeAcrossAllTenants", default=True)
    optional_flag(body, "revokeSessionsForLinkedAccounts", default=True)
    tenant_id = _tenant_meant(call, across=across)

    def job(connection: Connection) -> HttpReply:
        return _revoked(sessions.delete_of_user(connection, call.app_id, user_id, tenant_id, call.now))

    return job


def _remove_by_handles(call: Call, body: dict[str, object]) -> WriteJob:
    for name in ("revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"):
        if name in body:
            raise Refused(400, f"Invalid JSON input - {name} can only be set if userId is set")
    given = body["sessionHandles"]
    if not is_array(given):
        raise Refused(400, "Field name 'sessionHandles' is invalid in JSON input")
    handles = [stored_text({"sessionHandles": handle}, "sessionHandles") for handle in given]
    for tenant_id in dict.fromkeys(map(tenant_of_handle, handles)):
        call.check_tenant(tenant_id)

    def job(connection: Connection) -> HttpReply:
        gone = {
            handle
            for handle in dict.fromkeys(handles)
            if sessions.delete_by_handle(connection, call.app_id, tenant_of_handle(handle), handle)
        }
        return _revoked([handle for handle in handles if handle in gone])

    return job


def _revoked(handles: list[str]) -> HttpReply:
    return json_reply(f'{{"status":"OK","sessionHandlesRevoked":{build_json(handles)}}}')
