"""Takes a path apart: which app and which tenant it names, and which of the core's routes is left.

`[/appid-<app>][/<tenant>]/route`, in any case, with doubled slashes and one slash at the end let through. Source: CDI.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from supertokens_lite._protocol.paths import APP_PREFIX, HELLO, PUBLIC_APP, PUBLIC_TENANT
from supertokens_lite.embedded.calls import Route
from supertokens_lite.embedded.routes.table import ROOT, ROUTES

__all__ = ("Place", "resolve")

SLASHES: Final = re.compile("/{2,}")
APP_ID: Final = re.compile(r"[a-z0-9-]*")
TENANT_ID: Final = re.compile(r"[a-z0-9-]+")


class Place(NamedTuple):
    """Where a path leads.

    Attributes:
        app_id: the app.
        tenant_id: the tenant.
        route: what answers, None if nothing does.
    """

    app_id: str
    tenant_id: str
    route: Route | None


def resolve(path: str) -> Place:
    """Find what a path leads to."""
    route = ROUTES.get(path)
    if route is not None:
        return Place(PUBLIC_APP, PUBLIC_TENANT, route)
    path = SLASHES.sub("/", unquote(path, errors="replace").lower())
    if len(path) > 1:
        path = path.removesuffix("/")
    app_id = PUBLIC_APP
    head, rest = _split(path)
    if head.startswith(APP_PREFIX) and APP_ID.fullmatch(head, len(APP_PREFIX)):
        app_id, path = head[len(APP_PREFIX) :] or PUBLIC_APP, rest
    route = ROUTES.get(path)
    if route is not None:
        return Place(app_id, PUBLIC_TENANT, route)
    tenant_id, rest = _split(path)
    if TENANT_ID.fullmatch(tenant_id) and (rest != ROOT or path == HELLO):
        return Place(app_id, tenant_id, ROUTES.get(rest))
    return Place(app_id, PUBLIC_TENANT, None)


def _split(path: str) -> tuple[str, str]:
    """Split the first segment off."""
    head, _, rest = path[1:].partition("/")
    return head, "/" + rest
