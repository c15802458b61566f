"""The core's protocol, from our side: what a call looks like, and what its reply says.

Field names in camel case and times in milliseconds end here. What a reply lacks although the protocol has it comes out
as `KeyError` or `TypeError`; the recipe turns that into one error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from supertokens_lite._protocol import paths
from supertokens_lite.types import CoreCall

__all__ = (
    "Created",
    "Regenerated",
    "SessionInfo",
    "VersionedData",
    "create_jwt",
    "create_session",
    "get_jwks",
    "get_session",
    "has_gone",
    "is_tenant_unknown",
    "list_handles",
    "max_age_s",
    "put_data",
    "put_data_if",
    "put_payload",
    "read_created",
    "read_info",
    "read_many",
    "read_regenerated",
    "read_versioned",
    "read_versioned_data",
    "regenerate",
    "remove_by_user",
    "remove_handles",
)

OK: Final = "OK"
UNKNOWN_TENANT: Final = "AppId or tenantId not found"
MAX_AGE: Final = re.compile(r"max-age\s*=\s*(\d{1,10})", re.IGNORECASE)


class SessionInfo(NamedTuple):
    """What the core knows about a session; times in milliseconds since the epoch."""

    handle: str
    user_id: str
    recipe_user_id: str
    data: dict[str, Any]
    expiry: int
    payload: dict[str, Any]
    time_created: int
    tenant_id: str


class Created(NamedTuple):
    """A session as it was created; `refresh_token` is `(token, expiry, created_time)`."""

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    access_token: str
    refresh_token: tuple[str, int, int]
    anti_csrf_token: str | None


class Regenerated(NamedTuple):
    """A session whose access token was minted anew; `access_token` is None if the old one had expired."""

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    payload: dict[str, Any]
    access_token: tuple[str, int, int] | None


class VersionedData(NamedTuple):
    """Session data and the version of its row."""

    data: dict[str, Any]
    version: int


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _tenant_path(tenant_id: str | None, path: str) -> str:
    return path if tenant_id is None else f"/{tenant_id}{path}"


def create_session(
    *,
    tenant_id: str,
    user_id: str,
    payload: Mapping[str, Any],
    data: Mapping[str, Any],
    enable_anti_csrf: bool,
    use_dynamic_key: bool,
) -> CoreCall:
    """Create a session: POST /<tenant>/recipe/session."""
    body = {
        "userId": user_id,
        "userDataInJWT": payload,
        "userDataInDatabase": data,
        "useDynamicSigningKey": use_dynamic_key,
        "enableAntiCsrf": enable_anti_csrf,
    }
    return CoreCall("POST", _tenant_path(tenant_id, paths.SESSION), None, body, repeatable=False)


def read_created(reply: Mapping[str, Any]) -> Created:
    """Read the reply to a creation."""
    session, access, refresh = reply["session"], reply["accessToken"], reply["refreshToken"]
    return Created(
        session["handle"],
        session["userId"],
        session.get("recipeUserId", session["userId"]),
        session["tenantId"],
        access["token"],
        (refresh["token"], refresh["expiry"], refresh["createdTime"]),
        reply.get("antiCsrfToken"),
    )


def get_session(handle: str) -> CoreCall:
    """Read a session: GET /recipe/session."""
    return CoreCall("GET", paths.SESSION, {"sessionHandle": handle})


def has_gone(reply: Mapping[str, Any]) -> bool:
    """Tell whether a reply says that there is no such session."""
    return bool(reply["status"] != OK)


def read_info(session: Mapping[str, Any]) -> SessionInfo:
    """Read a session as the core describes it."""
    return SessionInfo(
        session["sessionHandle"],
        session["userId"],
        session.get("recipeUserId", session["userId"]),
        session["userDataInDatabase"],
        session["expiry"],
        session["userDataInJWT"],
        session["timeCreated"],
        session["tenantId"],
    )


def is_tenant_unknown(status: int, excerpt: str) -> bool:
    """Tell whether an error of the core means that a session handle names a tenant that does not exist."""
    return status == 400 and excerpt.startswith(UNKNOWN_TENANT)


def list_handles(user_id: str, *, tenant_id: str | None, linked: bool) -> CoreCall:
    """List the handles of a user's sessions: GET [/<tenant>]/recipe/session/user; no tenant means all of them."""
    query = {
        "userId": user_id,
        "fetchAcrossAllTenants": _flag(tenant_id is None),
        "fetchSessionsForAllLinkedAccounts": _flag(linked),
    }
    return CoreCall("GET", _tenant_path(tenant_id, paths.SESSION_USER), query)


def remove_by_user(user_id: str, *, tenant_id: str | None, linked: bool) -> CoreCall:
    """End a user's sessions: POST [/<tenant>]/recipe/session/remove; no tenant means all of them."""
    body = {
        "userId": user_id,
        "revokeAcrossAllTenants": tenant_id is None,
        "revokeSessionsForLinkedAccounts": linked,
    }
    # sending it twice would end the sessions all right, but the second reply would not list them
    return CoreCall("POST", _tenant_path(tenant_id, paths.SESSION_REMOVE), None, body, repeatable=False)


def remove_handles(handles: Sequence[str]) -> CoreCall:
    """End sessions: POST /recipe/session/remove."""
    return CoreCall("POST", paths.SESSION_REMOVE, None, {"sessionHandles": list(handles)}, repeatable=False)


def put_data(handle: str, data: Mapping[str, Any]) -> CoreCall:
    """Replace session data: PUT /recipe/session/data."""
    return CoreCall("PUT", paths.SESSION_DATA, None, {"sessionHandle": handle, "userDataInDatabase": data})


def put_payload(handle: str, payload: Mapping[str, Any]) -> CoreCall:
    """Replace an access token payload: PUT /recipe/jwt/data."""
    return CoreCall("PUT", paths.JWT_DATA, None, {"sessionHandle": handle, "userDataInJWT": payload})


def regenerate(access_token: str, payload: Mapping[str, Any] | None) -> CoreCall:
    """Mint an access token anew: POST /recipe/session/regenerate."""
    body: dict[str, Any] = {"accessToken": access_token}
    if payload is not None:
        body["userDataInJWT"] = payload
    return CoreCall("POST", paths.SESSION_REGENERATE, None, body)


def read_regenerated(reply: Mapping[str, Any]) -> Regenerated | None:
    """Read the reply to a regeneration; None if the session is gone."""
    if has_gone(reply):
        return None
    session, access = reply["session"], reply.get("accessToken")
    return Regenerated(
        session["handle"],
        session["userId"],
        session.get("recipeUserId", session["userId"]),
        session["tenantId"],
        session["userDataInJWT"],
        None if access is None else (access["token"], access["expiry"], access["createdTime"]),
    )


def create_jwt(payload: Mapping[str, Any], *, validity_s: int, domain: str, use_static_key: bool) -> CoreCall:
    """Sign a JWT: POST /recipe/jwt."""
    body = {
        "payload": payload,
        "validity": validity_s,
        "useStaticSigningKey": use_static_key,
        "algorithm": "RS256",
        "jwksDomain": domain,
    }
    return CoreCall("POST", paths.JWT, None, body)


def get_jwks() -> CoreCall:
    """Read the public keys: GET /.well-known/jwks.json."""
    return CoreCall("GET", paths.JWKS)


def max_age_s(cache_control: str | None) -> int | None:
    """Give the `max-age` of a `Cache-Control` header in seconds, None if it has none."""
    found = MAX_AGE.search(cache_control or "")
    return int(found[1]) if found else None


def read_versioned_data(handle: str) -> CoreCall:
    """Read session data and its version: GET /lite/v1/session/data."""
    return CoreCall("GET", paths.LITE_DATA, {"sessionHandle": handle})


def put_data_if(handle: str, data: Mapping[str, Any], version: int) -> CoreCall:
    """Replace session data if it still has a version: PUT /lite/v1/session/data.

    Not to be sent again when in doubt: the second would meet the version that the first one made.
    """
    body = {"sessionHandle": handle, "userDataInDatabase": data, "version": version}
    return CoreCall("PUT", paths.LITE_DATA, None, body, repeatable=False)


def read_versioned(reply: Mapping[str, Any]) -> VersionedData | None:
    """Read session data and its version, from a reply `OK` or `CONFLICT`; None if the session is gone."""
    if reply["status"] not in (OK, "CONFLICT"):
        return None
    return VersionedData(reply["userDataInDatabase"], reply["version"])


def read_many(handles: Sequence[str]) -> CoreCall:
    """Read many sessions: POST /lite/v1/sessions/read."""
    return CoreCall("POST", paths.LITE_READ_MANY, None, {"sessionHandles": list(handles)})
