"""A process that was forked: what its parent held in locks, threads and connections is not the child's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

__all__ = ("Forks",)


class Forks:
    """Has something begun anew, once, in each process that uses it.

    Args:
        begin: begins anew; called now, and in a child before anything else of its owner is used there.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin
        self._locks: dict[int, threading.Lock] = {}
        begin()
        self._pid = os.getpid()

    def notice(self) -> None:
        """Begin anew if this is a new process; whoever comes meanwhile waits until that is done."""
        pid = os.getpid()
        if self._pid == pid:
            return
        # a lock of the parent's may be held there forever, so each process has one of its own: setdefault is atomic
        with self._locks.setdefault(pid, threading.Lock()):
            if self._pid != pid:
                self._begin()
                self._pid = pid

    @property
    def is_child(self) -> bool:
        """Whether this is a new process in which nothing has begun anew yet."""
        return self._pid != os.getpid()
