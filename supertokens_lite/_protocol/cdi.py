"""The core's protocol, from our side: what a call looks like, and what its reply says.

Field names in camel case and times in milliseconds end here. A reply that lacks what the protocol has is an error, as
`members` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from supertokens_lite._protocol import paths
from supertokens_lite._protocol.members import (
    read_array,
    read_identity,
    read_object,
    read_status,
    read_text,
    read_text_or_none,
    read_whole,
)
from supertokens_lite.types import CoreCall

__all__ = (
    "Created",
    "Regenerated",
    "Replaced",
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
    "read_done",
    "read_found",
    "read_handles",
    "read_info",
    "read_jwks",
    "read_jwt",
    "read_many",
    "read_many_found",
    "read_regenerated",
    "read_replaced",
    "read_revoked",
    "read_versioned",
    "read_versioned_data",
    "read_versioned_members",
    "regenerate",
    "remove_by_user",
    "remove_handles",
)

OK: Final = "OK"
GONE: Final = "UNAUTHORISED"
CONFLICT: Final = "CONFLICT"
UNSUPPORTED: Final = "UNSUPPORTED_ALGORITHM_ERROR"
KEY_MEMBERS: Final = ("kty", "kid", "n", "e", "alg", "use")
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

    def __repr__(self) -> str:
        return f"Created({self.handle!r})"


class Regenerated(NamedTuple):
    """A session whose access token was minted anew; `access_token` is None if the old one had expired."""

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    payload: dict[str, Any]
    access_token: tuple[str, int, int] | None

    def __repr__(self) -> str:
        return f"Regenerated({self.handle!r})"


class VersionedData(NamedTuple):
    """Session data and the version of its row."""

    data: dict[str, Any]
    version: int


class Replaced(NamedTuple):
    """What became of a write that names a version: `newer` is what was found instead, None if the session is gone."""

    done: bool
    newer: VersionedData | None


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
        *read_identity(session),
        read_text(session["tenantId"]),
        read_text(access["token"]),
        _read_token(refresh),
        read_text_or_none(reply.get("antiCsrfToken")),
    )


def _read_token(token: Mapping[str, Any]) -> tuple[str, int, int]:
    return read_text(token["token"]), read_whole(token["expiry"]), read_whole(token["createdTime"])


def get_session(handle: str) -> CoreCall:
    """Read a session: GET /recipe/session."""
    return CoreCall("GET", paths.SESSION, {"sessionHandle": handle})


def has_gone(reply: Mapping[str, Any]) -> bool:
    """Tell whether a reply says that there is no such session."""
    return read_status(reply, OK, GONE) == GONE


def read_done(reply: Mapping[str, Any]) -> bool:
    """Tell whether a write was done; False if there is no such session."""
    return not has_gone(reply)


def read_found(reply: Mapping[str, Any]) -> SessionInfo | None:
    """Read the reply to a read; None if there is no such session."""
    return None if has_gone(reply) else read_info(reply)


def read_info(session: Mapping[str, Any]) -> SessionInfo:
    """Read a session."""
    user_id = read_text(session["userId"])
    return SessionInfo(
        read_text(session["sessionHandle"]),
        user_id,
        read_text(session.get("recipeUserId", user_id)),
        read_object(session["userDataInDatabase"]),
        read_whole(session["expiry"]),
        read_object(session["userDataInJWT"]),
        read_whole(session["timeCreated"]),
        read_text(session["tenantId"]),
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


def read_handles(reply: Mapping[str, Any]) -> list[str]:
    """Read the handles of a user."""
    return list(map(read_text, read_array(reply["sessionHandles"])))


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


def read_revoked(reply: Mapping[str, Any]) -> list[str]:
    """Read the handles of the sessions that were ended."""
    return list(map(read_text, read_array(reply["sessionHandlesRevoked"])))


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
    return CoreCall("POST", paths.SESSION_REGENERATE, None, body, repeatable=False)


def read_regenerated(reply: Mapping[str, Any]) -> Regenerated | None:
    """Read the reply to a regeneration; None if the session is gone."""
    if has_gone(reply):
        return None
    session, access = reply["session"], reply.get("accessToken")
    return Regenerated(
        *read_identity(session),
        read_text(session["tenantId"]),
        read_object(session["userDataInJWT"]),
        None if access is None else _read_token(access),
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
    return CoreCall("POST", paths.JWT, None, body, repeatable=False)


def read_jwt(reply: Mapping[str, Any]) -> str | None:
    """Read a signed JWT; None if the core can't sign with that algorithm."""
    return read_text(reply["jwt"]) if read_status(reply, OK, UNSUPPORTED) == OK else None


def get_jwks() -> CoreCall:
    """Read the public keys: GET /.well-known/jwks.json."""
    return CoreCall("GET", paths.JWKS)


def read_jwks(reply: Mapping[str, Any]) -> list[list[str]]:
    """Read the public keys: `kty`, `kid`, `n`, `e`, `alg` and `use` of each."""
    keys = read_array(reply["keys"])
    return [[read_text(key[name]) for name in KEY_MEMBERS] for key in keys]


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
    """Read session data and its version; None if the session is gone."""
    return None if has_gone(reply) else read_versioned_members(reply)


def read_versioned_members(reply: Mapping[str, Any]) -> VersionedData:
    """Read session data and its version where they are there for sure."""
    return VersionedData(read_object(reply["userDataInDatabase"]), read_whole(reply["version"]))


def read_replaced(reply: Mapping[str, Any]) -> Replaced:
    """Read what became of a write that names a version."""
    status = read_status(reply, OK, GONE, CONFLICT)
    return Replaced(status == OK, read_versioned_members(reply) if status == CONFLICT else None)


def read_many(handles: Sequence[str]) -> CoreCall:
    """Read many sessions: POST /lite/v1/sessions/read; it changes nothing, so it may be sent again."""
    return CoreCall("POST", paths.LITE_READ_MANY, None, {"sessionHandles": list(handles)})


def read_many_found(reply: Mapping[str, Any]) -> list[SessionInfo | None]:
    """Read many sessions, in the order of the handles; None for one that is gone."""
    found = read_array(reply["sessions"])
    return [None if session is None else read_info(session) for session in found]
