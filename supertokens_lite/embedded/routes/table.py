"""Which handler answers which path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from supertokens_lite._protocol import paths
from supertokens_lite.embedded.calls import Call, Route
from supertokens_lite.embedded.replies import text_reply
from supertokens_lite.embedded.routes import data, lite, refresh, service, session, tenancy, verify
from supertokens_lite.types import HttpReply

__all__ = ("CONFIG", "HELLO_REPLY", "ROOT", "ROUTES")

ROOT: Final = "/"
CONFIG: Final = "/config"
HELLO_REPLY: Final = text_reply(200, "Hello")


def _hello(_call: Call) -> HttpReply:
    return HELLO_REPLY


_HELLO = Route({"GET": _hello, "POST": _hello, "PUT": _hello, "DELETE": _hello}, keyless=True)

ROUTES: Final[Mapping[str, Route]] = {
    ROOT: _HELLO,
    paths.HELLO: _HELLO,
    CONFIG: Route({"GET": service.config}, keyless=True, public_from=0),
    paths.API_VERSION: Route({"GET": service.api_version}, public_from=0),
    paths.JWKS: Route({"GET": service.jwks}, keyless=True),
    paths.JWT: Route({"POST": service.create_jwt}, public_from=50),
    paths.JWT_JWKS: Route({"GET": service.old_jwks}, public_from=50),
    paths.SESSION: Route({"GET": session.get, "POST": session.create}),
    paths.SESSION_VERIFY: Route({"POST": verify.verify}, public_from=56),
    paths.SESSION_REFRESH: Route({"POST": refresh.refresh}),
    paths.SESSION_REGENERATE: Route({"POST": verify.regenerate}),
    paths.SESSION_REMOVE: Route({"POST": session.remove}),
    paths.SESSION_USER: Route({"GET": session.handles_of_user}),
    paths.SESSION_DATA: Route({"GET": data.get_data, "PUT": data.put_data}),
    paths.JWT_DATA: Route({"GET": data.get_payload, "PUT": data.put_payload}),
    paths.APP: Route({"PUT": tenancy.put_app}),
    paths.APP_LIST: Route({"GET": tenancy.list_apps}),
    paths.APP_REMOVE: Route({"POST": tenancy.remove_app}),
    paths.TENANT: Route({"GET": tenancy.get_tenant, "PUT": tenancy.put_tenant}),
    paths.TENANT_LIST: Route({"GET": tenancy.list_tenants}),
    paths.TENANT_REMOVE: Route({"POST": tenancy.remove_tenant}),
    paths.USER_BY_ID: Route({"GET": tenancy.find_user}),
    paths.USERS: Route({"GET": tenancy.list_users}),
    paths.USERS_COUNT: Route({"GET": tenancy.count_users}),
    paths.LITE_DATA: Route({"GET": lite.get_data, "PUT": lite.put_data}),
    paths.LITE_DATA_MERGE: Route({"POST": lite.merge_data}),
    paths.LITE_READ_MANY: Route({"POST": lite.read_many}),
    paths.LITE_UPDATE_MANY: Route({"POST": lite.update_many}),
    paths.LITE_LIST: Route({"GET": lite.list_sessions}),
}
