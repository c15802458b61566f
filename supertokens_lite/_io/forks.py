"""A process that was forked: what its parent held in locks, threads and connections is not the child's."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable

__all__ = ("Forks",)


class Forks:
    """Has something begun anew, once, in each process that uses it.

    The interpreter tells of a fork; to ask for the process's id at each use would be a system call at each use.

    Args:
        begin: begins anew; called now, and in a child before anything else of its owner is used there.

    Attributes:
        is_child: whether this is a new process in which nothing has begun anew yet.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self.is_child = False
        begin()
        if hasattr(os, "register_at_fork"):  # else there are no forks
            known = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _tell(known()))

    def notice(self) -> None:
        """Begin anew if this is a new process; whoever comes meanwhile waits until that is done."""
        if not self.is_child:
            return
        with self._lock:
            if self.is_child:
                self._begin()
                self.is_child = False


def _tell(forks: Forks | None) -> None:
    """Note that this is a new process; it has one thread yet. The parent's lock may be held there forever."""
    if forks is not None:
        forks._lock = threading.Lock()
        forks.is_child = True
