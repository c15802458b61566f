"""Ctrl-C and SIGTERM while an update is under way: the first lets it finish what it does, the second ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

__all__ = ("INTERRUPTED", "Interruption")

INTERRUPTED: Final = 130
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
NOTICE: Final = "Interrupted: what is under way is being finished. Once more ends it at once.\n"
CLEAR_LINE: Final = "\r\x1b[2K"
SHOW_CURSOR: Final = "\x1b[?25h"


class Interruption:
    """A context manager in which signals are taken as the wish to end well.

    Args:
        stop: called by the first signal.

    Attributes:
        happened: whether there was one.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.happened = False
        self._stop = stop
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        if self.happened:
            _write(SHOW_CURSOR + "\n" if sys.stderr.isatty() else "")
            os._exit(INTERRUPTED)  # a journal stands this, as it stands a crash
        self.happened = True
        self._stop()
        _write((CLEAR_LINE if sys.stderr.isatty() else "") + NOTICE)


def _write(text: str) -> None:
    """Write straight to standard error: the signal may have come in the middle of another write."""
    os.write(2, text.encode())
