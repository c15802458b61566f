"""The embedded core as one object: a request in, a reply out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from supertokens_lite.types import HttpReply, HttpRequest, Secret

__all__ = ("EmbeddedCore", "Write")


def now_ms() -> int:
    """Give the milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class Write:
    """What is left of a request after `EmbeddedCore.plan`, because it may have to wait."""

    def try_now(self) -> HttpReply | None:
        """Do it where you are if that needs no waiting; None if it would, and nothing was done."""
        return None

    def submit(self, done: Callable[[HttpReply], None]) -> None:
        """Have it done in a thread of the core, and `done` called there with the reply; never blocks, never raises.

        `done` is called exactly once, must return quickly and must not raise: hand the reply to your event loop.
        """
        raise NotImplementedError


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
    ) -> None:
        self.database = database

    def open(self) -> None:
        """Open the store now rather than at the first request; makes or migrates the file. Idempotent, blocks.

        Raises:
            ConfigurationError: the file can't be used; in one line.
        """

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer one request; blocks until its write, if any, is as durable as configured.

        Never raises for anything in the request; `ClosedError` after `close`.
        """
        if request.target.endswith(("/hello", "/")):
            return HttpReply(200, {"content-type": "text/html;charset=UTF-8"}, b"Hello\n")
        return HttpReply(404, {"content-type": "text/html;charset=UTF-8"}, b"Not found\n")

    def plan(self, request: HttpRequest) -> HttpReply | Write:
        """Answer one request as far as that needs no waiting; for callers on an event loop.

        Never waits for a lock, for the disk to sync or for a key to be made. A reply is final; a `Write` must be
        carried out: `reply = write.try_now()`, and if that is None, `write.submit(done)`.
        """
        return self.handle(request)

    def sweep(self) -> int:
        """Remove expired sessions and old signing keys, in chunks between which others can write; blocks.

        Requests do this by themselves, in a thread, every 12 hours (sessions) and 24 hours (keys).

        Returns:
            The number of sessions removed.
        """
        return 0

    def close(self) -> None:
        """Finish the writes under way and close the store; a store in memory is gone. Idempotent."""
