"""One request on its way through the core: what the path and the headers said, and what its handler may ask for.

A handler reads its input, answers or refuses, and gives back either the reply or a job to be run in a transaction: a
function of a connection that gives the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, Union

from supertokens_lite._protocol.paths import PUBLIC_APP, PUBLIC_TENANT
from supertokens_lite.embedded.apps import App, Apps
from supertokens_lite.embedded.fields import parse_body, parse_query
from supertokens_lite.embedded.replies import Refused
from supertokens_lite.embedded.settings import Settings
from supertokens_lite.embedded.store.apps import Connection, has_tenant
from supertokens_lite.embedded.store.database import Database
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("Call", "Followed", "Handler", "Route", "WriteJob", "tenant_of_handle", "unknown_tenant")

T = TypeVar("T")

WriteJob = Callable[[Connection], HttpReply]


class Followed:
    """A job after whose commit something is done in this process, before the reply is given."""

    __slots__ = ("follow_up", "job")

    def __init__(self, job: WriteJob, follow_up: Callable[[], None]) -> None:
        self.job = job
        self.follow_up = follow_up

    def __call__(self, connection: Connection) -> HttpReply:
        """Do the job."""
        return self.job(connection)


@dataclass(slots=True)
class Call:
    """One request.

    Attributes:
        request: the request itself.
        query: what follows the question mark, undecoded.
        app: the app that the path names.
        tenant_id: the tenant that the path names, `public` if none.
        version: the protocol version as a number: 54 for CDI 5.4.
        now: milliseconds since the epoch.
        wait: whether waiting for a lock is allowed.
        database: the core's database.
        apps: the core's apps.
    """

    request: HttpRequest
    query: str
    app: App
    tenant_id: str
    version: int
    now: int
    wait: bool
    database: Database
    apps: Apps

    @property
    def app_id(self) -> str:
        """The id of the app."""
        return self.app.app_id

    @property
    def settings(self) -> Settings:
        """What holds for the app."""
        return self.app.settings

    def parse_body(self) -> dict[str, Any]:
        """Parse the body, which must be a JSON object."""
        return parse_body(self.request.body)

    def parse_query(self) -> dict[str, str]:
        """Parse the query."""
        return parse_query(self.query)

    def read(self, function: Callable[[Connection], T]) -> T:
        """Read from the database; raises `BusyError` where waiting would be needed and is not allowed."""
        return self.database.read(function, wait=self.wait)

    def check_tenant(self, tenant_id: str) -> None:
        """Refuse an unknown tenant."""
        if tenant_id != PUBLIC_TENANT and not self.read(lambda c: has_tenant(c, self.app_id, tenant_id)):
            raise unknown_tenant(self.app_id, tenant_id)


Handler = Callable[[Call], Union[HttpReply, WriteJob]]  # noqa: UP007  # an alias that Python 3.10 evaluates


class Route(NamedTuple):
    """What answers a path.

    Attributes:
        handlers: by method.
        keyless: whether it is answered without an API key.
        public_from: the protocol version from which only the public tenant's path may be used; None: never.
    """

    handlers: Mapping[str, Handler]
    keyless: bool = False
    public_from: int | None = None


def tenant_of_handle(handle: str) -> str:
    """Give the tenant that a session handle names."""
    return handle.partition("_")[2].lower() or PUBLIC_TENANT


def unknown_tenant(app_id: str = PUBLIC_APP, tenant_id: str = PUBLIC_TENANT) -> Refused:
    """Refuse an app or tenant that does not exist."""
    return Refused(
        400,
        "AppId or tenantId not found => Tenant with the following connectionURIDomain, appId and tenantId combination "
        f"not found: (, {app_id}, {tenant_id})",
    )
