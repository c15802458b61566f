"""Apps and tenants: create, get, list, remove; and the look-ups of users that this core does not have."""

from __future__ import annotations

import re
from typing import Any, Final

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite._protocol.paths import APP_PREFIX, PUBLIC_APP, PUBLIC_TENANT
from supertokens_lite.embedded.calls import Call, Followed, WriteJob
from supertokens_lite.embedded.fields import optional_object, optional_text, text
from supertokens_lite.embedded.replies import Refused, json_reply
from supertokens_lite.embedded.settings import BadSettingError, overlay
from supertokens_lite.embedded.store import apps as stored
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.types import HttpReply

__all__ = (
    "count_users",
    "find_user",
    "get_tenant",
    "list_apps",
    "list_tenants",
    "list_users",
    "put_app",
    "put_tenant",
    "remove_app",
    "remove_tenant",
)

ID: Final = re.compile(r"[a-z0-9-]+")
LONGEST_ID: Final = 64
RESERVED_TENANTS: Final = frozenset(("recipe", "config", "users", "hello"))


def _only_base_app(call: Call) -> None:
    if call.app_id != PUBLIC_APP or call.tenant_id != PUBLIC_TENANT:
        raise Refused(403, "Only the public app may create, list or remove apps")


def _only_public_tenant(call: Call) -> None:
    if call.tenant_id != PUBLIC_TENANT:
        raise Refused(403, "Only the public tenant may create, list or remove tenants")


def _id(body: dict[str, Any], name: str) -> str:
    """Read an id; absent or empty means public."""
    given = (optional_text(body, name) or "").strip().lower()
    if not given:
        return "public"
    if not ID.fullmatch(given):
        raise Refused(400, f"{name} can only contain letters, numbers and hyphens")
    if len(given) > LONGEST_ID:
        raise Refused(400, f"{name} must be {LONGEST_ID} characters long at most")
    if given.startswith(APP_PREFIX):
        raise Refused(400, f"{name} must not start with '{APP_PREFIX}'")
    return given


def _core_config(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Read the settings in a request; those that could not hold are refused."""
    config = optional_object(body, "coreConfig") or {}
    try:
        overlay(call.apps.settings, config)
    except BadSettingError as error:
        raise Refused(400, f"Invalid core config: {error}") from None
    return config


def _merged(current: str | None, config: dict[str, Any]) -> str:
    """Lay settings over the stored ones; null removes one."""
    merged = (stored.parse_config(current) if current else {}) | config
    return build_json({name: value for name, value in merged.items() if value is not None})


def put_app(call: Call) -> WriteJob:
    """Create an app or change its settings: PUT /recipe/multitenancy/app/v2."""
    _only_base_app(call)
    body = call.parse_body()
    app_id = _id(body, "appId")
    config = _core_config(call, body)

    def job(connection: Connection) -> HttpReply:
        merged = _merged(stored.core_config(connection, app_id), config)
        created = stored.put_app(connection, app_id, merged, call.now)
        return _created(created=created)

    return Followed(job, lambda: call.apps.forget(app_id))


def _created(*, created: bool) -> HttpReply:
    return json_reply(f'{{"status":"OK","createdNew":{"true" if created else "false"}}}')


def _existed(*, existed: bool) -> HttpReply:
    return json_reply(f'{{"status":"OK","didExist":{"true" if existed else "false"}}}')


def remove_app(call: Call) -> WriteJob:
    """Remove an app with all its tenants, sessions and keys: POST /recipe/multitenancy/app/remove."""
    _only_base_app(call)
    body = call.parse_body()
    text(body, "appId")
    app_id = _id(body, "appId")
    if app_id == PUBLIC_APP:
        raise Refused(403, "Cannot delete the public app, use remove connection uri domain API instead")

    def job(connection: Connection) -> HttpReply:
        existed = stored.delete_app(connection, app_id)
        return _existed(existed=existed)

    return Followed(job, lambda: call.apps.forget(app_id))


def _tenant_json(tenant_id: str, config: str, *, factors: bool) -> str:
    first = '"firstFactors":[],' if factors else ""
    return f'{{"tenantId":{build_json(tenant_id)},"thirdParty":{{"providers":[]}},{first}"coreConfig":{config}'


def _tenants_json(connection: Connection, app_id: str) -> str:
    tenants = stored.tenants(connection, app_id)
    return ",".join(_tenant_json(tenant_id, config, factors=False) + "}" for tenant_id, config in tenants)


def list_apps(call: Call) -> HttpReply:
    """List the apps and their tenants: GET /recipe/multitenancy/app/list/v2."""
    _only_base_app(call)

    def read(connection: Connection) -> str:
        return ",".join(
            f'{{"appId":{build_json(app_id)},"tenants":[{_tenants_json(connection, app_id)}]}}'
            for app_id in stored.app_ids(connection)
        )

    return json_reply(f'{{"status":"OK","apps":[{call.read(read)}]}}')


def put_tenant(call: Call) -> WriteJob:
    """Create a tenant or change its settings: PUT /recipe/multitenancy/tenant/v2."""
    _only_public_tenant(call)
    body = call.parse_body()
    text(body, "tenantId")
    tenant_id = _id(body, "tenantId")
    if tenant_id in RESERVED_TENANTS:
        raise Refused(400, f"Cannot use '{tenant_id}' as a tenantId")
    config = _core_config(call, body)

    def job(connection: Connection) -> HttpReply:
        known = dict(stored.tenants(connection, call.app_id))
        merged = _merged(known.get(tenant_id), config)
        return _created(created=stored.put_tenant(connection, call.app_id, tenant_id, merged, call.now))

    return job


def get_tenant(call: Call) -> HttpReply:
    """Describe the tenant that the path names: GET /recipe/multitenancy/tenant/v2."""
    known = dict(call.read(lambda c: stored.tenants(c, call.app_id)))
    config = known.get(call.tenant_id)
    if config is None:
        return json_reply('{"status":"TENANT_NOT_FOUND_ERROR"}')
    return json_reply(_tenant_json(call.tenant_id, config, factors=True) + ',"status":"OK"}')


def list_tenants(call: Call) -> HttpReply:
    """List the tenants of an app: GET /recipe/multitenancy/tenant/list/v2."""
    _only_public_tenant(call)
    return json_reply(f'{{"status":"OK","tenants":[{call.read(lambda c: _tenants_json(c, call.app_id))}]}}')


def remove_tenant(call: Call) -> WriteJob:
    """Remove a tenant and its sessions: POST /recipe/multitenancy/tenant/remove."""
    _only_public_tenant(call)
    body = call.parse_body()
    text(body, "tenantId")
    tenant_id = _id(body, "tenantId")
    if tenant_id == PUBLIC_TENANT:
        raise Refused(403, "Cannot delete public tenant, use remove app API instead")
    return lambda connection: _existed(existed=stored.delete_tenant(connection, call.app_id, tenant_id))


def find_user(_call: Call) -> HttpReply:
    """Look a user up by id: GET /user/id. There are none."""
    return json_reply('{"status":"UNKNOWN_USER_ID_ERROR"}')


def list_users(_call: Call) -> HttpReply:
    """List the users: GET /users. There are none."""
    return json_reply('{"status":"OK","users":[]}')


def count_users(_call: Call) -> HttpReply:
    """Count the users: GET /users/count. There are none."""
    return json_reply('{"status":"OK","count":0}')
