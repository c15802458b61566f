"""Paths, header names and field names of the core's protocol: the one file that the client and the embedded core share.

Source: CDI 3.1 to 5.6; the `/lite/v1` paths are this project's own extension and are served only by its embedded core.
"""

from __future__ import annotations

from typing import Final

HELLO: Final = "/hello"
API_VERSION: Final = "/apiversion"
SESSION: Final = "/recipe/session"
SESSION_VERIFY: Final = "/recipe/session/verify"
SESSION_REFRESH: Final = "/recipe/session/refresh"
SESSION_REGENERATE: Final = "/recipe/session/regenerate"
SESSION_REMOVE: Final = "/recipe/session/remove"
SESSION_USER: Final = "/recipe/session/user"
SESSION_DATA: Final = "/recipe/session/data"
JWT: Final = "/recipe/jwt"
JWT_DATA: Final = "/recipe/jwt/data"
JWT_JWKS: Final = "/recipe/jwt/jwks"
JWKS: Final = "/.well-known/jwks.json"

APP: Final = "/recipe/multitenancy/app/v2"
APP_LIST: Final = "/recipe/multitenancy/app/list/v2"
APP_REMOVE: Final = "/recipe/multitenancy/app/remove"
TENANT: Final = "/recipe/multitenancy/tenant/v2"
TENANT_LIST: Final = "/recipe/multitenancy/tenant/list/v2"
TENANT_REMOVE: Final = "/recipe/multitenancy/tenant/remove"
USER_BY_ID: Final = "/user/id"
USERS: Final = "/users"
USERS_COUNT: Final = "/users/count"

LITE_DATA: Final = "/lite/v1/session/data"
LITE_DATA_MERGE: Final = "/lite/v1/session/data/merge"
LITE_READ_MANY: Final = "/lite/v1/sessions/read"
LITE_UPDATE_MANY: Final = "/lite/v1/sessions/update"
LITE_LIST: Final = "/lite/v1/sessions"

CDI_VERSION_HEADER: Final = "cdi-version"
API_KEY_HEADER: Final = "api-key"
EXTENSIONS_HEADER: Final = "lite-extensions"
"""On the reply to `/apiversion`: the extension versions that this core serves, comma-separated (`v1`)."""
EXTENSIONS_V1: Final = "v1"

PUBLIC_TENANT: Final = "public"
PUBLIC_APP: Final = "public"
APP_PREFIX: Final = "appid-"
