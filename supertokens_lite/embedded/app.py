"""The embedded core as one object: a request in, a reply out.

The order of the checks is the protocol's: API key, protocol version, route, method, tenant, input.
"""

from __future__ import annotations

import hmac
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

from supertokens_lite._io.forks import Forks
from supertokens_lite._protocol.paths import API_KEY_HEADER, CDI_VERSION_HEADER, PUBLIC_APP
from supertokens_lite.embedded.apps import Apps
from supertokens_lite.embedded.calls import Call, Followed, WriteJob, unknown_tenant
from supertokens_lite.embedded.paths import Place, resolve
from supertokens_lite.embedded.replies import CLOSED, INTERNAL_ERROR, Refused
from supertokens_lite.embedded.routes.session import only_public
from supertokens_lite.embedded.settings import API_KEY, VERSIONS, Settings, parse_settings
from supertokens_lite.embedded.store.database import BusyError, Database
from supertokens_lite.embedded.store.writer import Outcome
from supertokens_lite.embedded.upkeep import Stats, Upkeep
from supertokens_lite.exceptions import ClosedError, ConfigurationError
from supertokens_lite.types import HttpReply, HttpRequest, Secret

__all__ = ("EmbeddedCore", "Write")

logger = logging.getLogger("supertokens_lite.embedded")

PATHS_REMEMBERED: Final = 1024
VERSION_FORM: Final = re.compile(r"[0-9]+(\.[0-9]+)*")


def now_ms() -> int:
    """Give the milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class Write:
    """What is left of a request after `EmbeddedCore.plan`, because it may have to wait."""

    __slots__ = ("_database", "_job")

    def __init__(self, database: Database, job: WriteJob) -> None:
        self._database = database
        self._job = job

    def try_now(self) -> HttpReply | None:
        """Do it where you are if that needs no waiting; None if it would, and nothing was done."""
        outcome = self._database.try_write(self._job)
        return None if outcome is None else self._reply_of(outcome)

    def do(self) -> HttpReply:
        """Do it, and wait for as long as it takes."""
        try:
            return self._reply_of(Outcome(self._database.write(self._job)))
        except Exception as error:  # noqa: BLE001  # whatever the job met, the caller gets a reply
            return self._reply_of(Outcome(error=error))

    def submit(self, done: Callable[[HttpReply], Callable[[], None]]) -> None:
        """Have it done in a thread of the core, and `done` called there with the reply; never blocks, never raises.

        `done` is called exactly once, must return quickly and must not raise. It gives a function that is called once
        for all replies that were given together, if it is the same for them: wake your event loop there.
        """
        self._database.submit(self._job, lambda outcome: done(self._reply_of(outcome)))

    def _reply_of(self, outcome: Outcome) -> HttpReply:
        if isinstance(self._job, Followed):
            self._job.follow_up()
        return _reply_of(outcome)


class EmbeddedCore:
    """A session core on one SQLite file, or in memory.

    Thread-safe, usable after a fork in parent and child (a child of a store in memory has a copy of its own), and
    together with other processes on the same file.

    Args:
        database: the path of the file, made if absent with mode 0600; or `":memory:"`.
        config: core settings, as in a core's `config.yaml` (`{"access_token_validity": 3600}`).
        durability: `"full"`: a reply to a write is given after fsync and survives a power cut. `"normal"`: it survives
            `kill -9`; a power cut may lose the last moments but corrupts nothing.
        api_keys: keys that callers must show one of; each has at least 20 characters.
        clock: gives milliseconds since the epoch, UTC.
        app_id: an app to make if it is not there.

    Raises:
        ConfigurationError: the folder is missing, the file is not a database of this core, is of a newer version or can
            be read by others, or a setting is wrong; in one line. Nothing is opened yet: no connection, no thread.
    """

    def __init__(
        self,
        database: str,
        *,
        config: Mapping[str, object] | None = None,
        durability: Literal["full", "normal"] = "full",
        api_keys: Sequence[Secret] = (),
        clock: Callable[[], int] = now_ms,
        app_id: str = PUBLIC_APP,
    ) -> None:
        if durability not in ("full", "normal"):
            raise ConfigurationError(f"durability is {durability!r} and must be 'full' or 'normal'")
        if not all(API_KEY.fullmatch(key.reveal()) for key in api_keys):
            raise ConfigurationError("each API key needs at least 20 characters, and only letters, digits, '=' and '-'")
        self.settings: Settings = parse_settings(config or {})
        self.database = Database(database, durability)
        self._clock = clock
        self._app_id = app_id
        self._apps = Apps(self.database, self.settings, api_keys)
        self._upkeep = Upkeep(self.database, self._apps)
        self._resolve = lru_cache(PATHS_REMEMBERED)(resolve)
        self._is_open = False
        self._closed = False
        self._has_begun = False
        self._forks = Forks(self._begin)

    def open(self) -> None:
        """Open the store now rather than at the first request; makes or migrates the file. Idempotent, blocks.

        Raises:
            ConfigurationError: the file can't be used; in one line.
            ClosedError: the core was closed.
        """
        if self._closed:
            raise ClosedError
        with self._opening:
            if not self._is_open:
                with self.database.told():
                    self.database.open()
                    now = self._clock()
                    self._apps.make(self._app_id, now)
                    self._apps.find(self._app_id, now, wait=True)
                self._is_open = True

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer one request; blocks until its write, if any, is as durable as configured.

        Never raises for anything in the request; `ClosedError` after `close`.
        """
        planned = self._plan(request, wait=True)
        return planned if isinstance(planned, HttpReply) else planned.do()

    def plan(self, request: HttpRequest) -> HttpReply | Write | None:
        """Answer one request as far as that needs no waiting; for callers on an event loop.

        Never waits for a lock, for the disk to sync or for a key to be made. A reply is final; a `Write` must be
        carried out: `reply = write.try_now()`, and if that is None, `write.submit(done)`. None: even that much needs
        waiting, because the store is not open yet, or a key has to be made; call `handle` in a thread of yours.
        """
        if not (self._is_open or self._closed):
            return None
        try:
            return self._plan(request, wait=False)
        except BusyError:
            return None

    def _plan(self, request: HttpRequest, *, wait: bool) -> HttpReply | Write:
        if self._closed:
            raise ClosedError
        self._forks.notice()
        try:
            if not self._is_open:
                self.open()
            now = self._clock()
            if not self._upkeep.rests_from <= now < self._upkeep.next_at:
                self._upkeep.begin(now)
            planned = self._route(request, now, wait=wait)
        except Refused as refused:
            return refused.reply
        except (BusyError, ClosedError, ConfigurationError):
            raise
        except Exception as error:
            logger.exception("the embedded core met an unexpected %s", type(error).__name__)
            return INTERNAL_ERROR
        return planned if isinstance(planned, HttpReply) else Write(self.database, planned)

    def _route(self, request: HttpRequest, now: int, *, wait: bool) -> HttpReply | WriteJob:
        path, _, query = request.target.partition("?")
        place: Place = self._resolve(path)
        route = place.route
        app = self._apps.find(place.app_id, now, wait=wait)
        if route is not None and not route.keyless:
            if app is None:
                raise unknown_tenant(place.app_id, place.tenant_id)
            if app.api_keys:
                _check_api_key(request.headers, app.api_keys)
        version = _version(request.headers, self.settings if app is None else app.settings)
        if route is None:
            raise Refused(404, "Not found")
        if app is None:
            raise unknown_tenant(place.app_id, place.tenant_id)
        handler = route.handlers.get(request.method)
        if handler is None:
            raise Refused(405, "Method not supported")
        call = Call(request, query, app, place.tenant_id, version, now, wait, self.database, self._apps)
        if route.public_from is not None and version >= route.public_from:
            only_public(call)
        return handler(call)

    def _begin(self) -> None:
        """Begin here, or anew in a child: locks, threads and connections are the parent's."""
        self._opening = threading.Lock()
        if self._has_begun:
            self.database.after_fork()
            self._apps.after_fork()
            self._upkeep.after_fork()
        self._has_begun = True

    def sweep(self) -> int:
        """Remove expired sessions and old signing keys, in chunks between which others can write; blocks.

        Requests do this by themselves, in a thread, every 12 hours (sessions) and 24 hours (keys).

        Returns:
            The number of sessions removed.
        """
        self.open()
        with self.database.told():
            return self._upkeep.sweep(self._clock())

    def stats(self) -> Stats:
        """Count tenants, live and expired sessions, and give the ages of the keys; blocks."""
        self.open()
        with self.database.told():
            return self._upkeep.stats(self._clock())

    def rotate_keys(self, app_id: str | None = None) -> list[tuple[str, str]]:
        """Make a new dynamic signing key now: published at once, signing after 60 seconds; blocks.

        Args:
            app_id: the app; None for every app.

        Returns:
            `(app id, key id)` of each new key.

        Raises:
            ConfigurationError: there is no such app.
        """
        self.open()
        with self.database.told():
            return self._upkeep.rotate_keys(app_id, self._clock())

    def revoke_all(self, app_id: str | None = None) -> int:
        """End all sessions, in chunks between which others can write; blocks.

        Args:
            app_id: the app; None for every app.

        Returns:
            The number of sessions ended.

        Raises:
            ConfigurationError: there is no such app.
        """
        self.open()
        with self.database.told():
            return self._upkeep.revoke_all(app_id)

    def close(self) -> None:
        """Finish the writes under way and close the store; a store in memory is gone. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._forks.notice()
        self._upkeep.stop()
        self.database.close()


def _reply_of(outcome: Outcome) -> HttpReply:
    """Turn what became of a write into a reply."""
    error = outcome.error
    if error is None:
        reply: HttpReply = outcome.value
        return reply
    if isinstance(error, Refused):
        return error.reply
    if isinstance(error, ClosedError):
        return CLOSED
    logger.error("the embedded core could not write: %s", type(error).__name__, exc_info=error)
    return INTERNAL_ERROR


def _check_api_key(headers: Mapping[str, str], keys: Sequence[str]) -> None:
    given = headers.get(API_KEY_HEADER)
    if given is None:
        given = headers.get("authorization", "")
        if given[:7].lower() == "bearer ":
            given = given[7:]
    shown = given.strip().encode("utf-8", "replace")
    # every key is compared, so that the time tells nothing about which one came close
    if not any([hmac.compare_digest(shown, key.encode()) for key in keys]):  # noqa: C419
        raise Refused(401, "Invalid API key")


def _version(headers: Mapping[str, str], settings: Settings) -> int:
    given = headers.get(CDI_VERSION_HEADER)
    newest = settings.supertokens_max_cdi_version
    if given is None:
        return VERSIONS[newest]
    number = VERSIONS.get(given)
    if number is None:
        given = given.strip()
        if not VERSION_FORM.fullmatch(given):
            raise Refused(400, "cdi-version header is invalid")
        number = VERSIONS.get(given)
    if number is not None and number < VERSIONS[settings.supertokens_min_cdi_version]:
        raise Refused(
            400,
            f"cdi-version {given} is lower than the minimum allowed version {settings.supertokens_min_cdi_version}",
        )
    if number is None or number > VERSIONS[newest]:
        raise Refused(400, f"cdi-version {given} not supported")
    return number
