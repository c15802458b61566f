"""What the core holds in memory about each app: its settings, its signing keys, the key of its refresh tokens.

Read from the database when first asked for, and again after a few seconds, because other processes may have changed it.
Missing or due keys are made here, outside any transaction; the one that is stored first counts.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Sequence
from typing import Final, NamedTuple

from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.embedded.keyring import Keyring, SigningKey, make_key_text, oldest_kept
from supertokens_lite.embedded.settings import BadSettingError, Settings, overlay
from supertokens_lite.embedded.store import apps as stored
from supertokens_lite.embedded.store.database import BusyError, Database
from supertokens_lite.embedded.tokens import make_refresh_key
from supertokens_lite.types import Secret

__all__ = ("App", "Apps")

FRESH_MS: Final = 5_000
"""How long what was read about an app is used before it is read again."""


class App(NamedTuple):
    """One app as it was read.

    Attributes:
        app_id: its id.
        settings: what holds for it.
        refresh_key: the key its refresh tokens are sealed under.
        keyring: its signing keys.
        api_keys: what callers must show one of.
        read_at: when it was read.
        mark: what held as the mark before it was read.
        good_until: from when on it has to be read again or lacks a key; 0 if it lacks one already.
    """

    app_id: str
    settings: Settings
    refresh_key: str
    keyring: Keyring
    api_keys: tuple[str, ...]
    read_at: int
    mark: int
    good_until: int


class Apps:
    """The apps of a core.

    Args:
        database: where they are stored.
        settings: what holds where an app has no setting of its own.
        api_keys: keys that are good for every app.
    """

    def __init__(self, database: Database, settings: Settings, api_keys: Sequence[Secret]) -> None:
        self._database = database
        self.settings = settings
        self._api_keys = tuple(key.reveal() for key in api_keys)
        self._held: dict[str, App] = {}
        self._marks = itertools.count()  # one step from any thread
        self._mark = next(self._marks)
        self._making = threading.Lock()

    def after_fork(self) -> None:
        """Start anew in a child: whoever makes a key is the parent's."""
        self._making = threading.Lock()

    def find(self, app_id: str, now: int, *, wait: bool) -> App | None:
        """Find an app, ready to sign.

        Raises:
            BusyError: a key has to be made first, or the database is busy, and waiting is not allowed.
        """
        app = self._held.get(app_id)
        if app is not None and app.read_at - FRESH_MS <= now < app.good_until and app.mark == self._mark:
            return app
        return self._ready(app_id, now, wait=wait)

    def make(self, app_id: str, now: int) -> None:
        """Make an app if it is not there."""
        if self._database.read(lambda connection: stored.core_config(connection, app_id), wait=True) is None:
            self._database.write(lambda connection: stored.make_app(connection, app_id, now))

    def reread(self, app_id: str, now: int, *, wait: bool) -> App | None:
        """Read an app again, because a key was not found."""
        return self._read(app_id, now, wait=wait)

    def forget(self, app_id: str) -> None:
        """Read an app again when it is next asked for, even if it is just being read; to be called after a commit."""
        self._mark = next(self._marks)
        self._held.pop(app_id, None)

    def rotate(self, app_id: str, now: int) -> str:
        """Make a new dynamic key now; give its id."""
        text = make_key_text()
        created_at = self._database.write(lambda connection: stored.add_dynamic_key(connection, app_id, text, now))
        self.forget(app_id)
        return f"d-{created_at}"

    def oldest_kept(self, app_id: str, now: int) -> int | None:
        """Give the time before which this app's dynamic keys are of no use any more."""
        app = self._read(app_id, now, wait=True)
        return None if app is None else oldest_kept(app.settings, now)

    def _read(self, app_id: str, now: int, *, wait: bool) -> App | None:
        mark = self._mark
        found = self._database.read(lambda connection: stored.load_app(connection, app_id), wait=wait)
        if found is None:
            self._held.pop(app_id, None)
            return None
        try:
            settings = overlay(self.settings, parse_json(found.core_config))
        except BadSettingError:  # it was good beside the core's own settings of that time
            settings = self.settings
        known = {key.kid: key for key in self._held[app_id].keyring.published(now)} if app_id in self._held else {}
        dynamic = [known.get(f"d-{at}") or SigningKey(f"d-{at}", at, text) for at, text in found.dynamic]
        static = [known.get(kid) or SigningKey(kid, at, text) for kid, at, text in found.static]
        keyring = Keyring(dynamic, static, settings)
        api_keys = self._api_keys + settings.api_keys
        good_until = min(now + FRESH_MS, keyring.due_at) if found.refresh_key else 0
        app = App(app_id, settings, found.refresh_key or "", keyring, api_keys, now, mark, good_until)
        self._held[app_id] = app
        return app

    def _ready(self, app_id: str, now: int, *, wait: bool) -> App | None:
        """Read an app, and have made what it lacks."""
        app = self._read(app_id, now, wait=wait)
        if app is None or now < app.good_until:
            return app
        if not wait:
            raise BusyError
        with self._making:  # others that find it lacking wait, rather than make keys that are thrown away
            app = self._read(app_id, now, wait=True)
            if app is None or now < app.good_until:
                return app
            return self._complete(app, now)

    def _complete(self, app: App, now: int) -> App | None:
        """Make and store what an app lacks, and read it again."""
        texts = {"dynamic": make_key_text()}
        if app.keyring.lacks_static:
            texts["static"] = make_key_text()
        refresh_key = app.refresh_key or make_refresh_key()
        self._database.write(lambda connection: _store_keys(connection, app, texts, refresh_key, now))
        return self._read(app.app_id, now, wait=True)


def _store_keys(connection: stored.Connection, app: App, texts: dict[str, str], refresh_key: str, now: int) -> None:
    """Store keys that were made, unless another process was quicker."""
    found = stored.load_app(connection, app.app_id)
    if found is None:
        return
    stored.set_refresh_key(connection, app.app_id, refresh_key, now)
    newest = found.dynamic[0][0] if found.dynamic else None
    if newest is None or newest == app.keyring.newest_dynamic_at:  # else another process was quicker
        stored.add_dynamic_key(connection, app.app_id, texts["dynamic"], now)
    if not found.static and "static" in texts:
        stored.add_static_key(connection, app.app_id, f"s-{uuid.uuid4()}", texts["static"], now)
