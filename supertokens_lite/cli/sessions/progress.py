"""How far an update is, on standard error: a bar in a terminal where rich is installed, else a line now and then."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, TextIO

from supertokens_lite.recipe.session.bulk import BulkReport

__all__ = ("LineProgress", "Progress", "start_progress", "tell_progress")

A_LINE_S: Final = 5.0
A_REDRAW_S: Final = 0.1


def tell_progress(report: BulkReport, total: int | None) -> str:
    """Say how far an update is, how fast it goes, and how long it will take if it goes on like this."""
    done = report.total + report.skipped
    parts = [f"{done:,}" if total is None else f"{done:,} of {total:,}", f"{report.rate:,.0f}/s"]
    if total is not None and report.rate > 0:
        minutes, seconds = divmod(round(max(0, total - done) / report.rate), 60)
        hours, minutes = divmod(minutes, 60)
        parts.append(f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left")
    bad = report.counts["failed"] + report.counts["conflict"]
    if bad:
        parts.append(f"{bad:,} failed")
    return ", ".join(parts)


class Progress(ABC):
    """Shows how far an update is, every now and then.

    Args:
        total: how many sessions there are; None if that is not known.
        every_s: how long there is silence between two looks.
        clock: gives the time in seconds.
    """

    def __init__(self, total: int | None, every_s: float, clock: Callable[[], float]) -> None:
        self.total = total
        self._every_s = every_s
        self._clock = clock
        self._next_s = clock() + every_s

    def is_due(self) -> bool:
        """Tell whether it is time to show it again."""
        now_s = self._clock()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._every_s
        return True

    @abstractmethod
    def show(self, report: BulkReport) -> None:
        """Show it."""

    def close(self) -> None:
        """Take away what is shown; idempotent."""
        return


class LineProgress(Progress):
    """Prints a line.

    Args:
        total: as `Progress` has it.
        clock: gives the time in seconds.
        file: where to.
    """

    def __init__(self, total: int | None, clock: Callable[[], float], file: TextIO) -> None:
        super().__init__(total, A_LINE_S, clock)
        self._file = file

    def show(self, report: BulkReport) -> None:
        """Print a line."""
        print(tell_progress(report, self.total), file=self._file, flush=True)


class BarProgress(Progress):
    """Draws a bar in a terminal, which is gone in the end.

    Args:
        total: as `Progress` has it.
        clock: gives the time in seconds.
    """

    def __init__(self, total: int | None, clock: Callable[[], float]) -> None:
        from rich import progress  # noqa: PLC0415  # the extra `cli`
        from rich.console import Console  # noqa: PLC0415

        super().__init__(total, A_REDRAW_S, clock)
        self._bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.BarColumn(bar_width=None),
            progress.TextColumn("{task.description}"),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("begins", total=total)
        self._bar.start()

    def show(self, report: BulkReport) -> None:
        """Draw it anew."""
        done = report.total + report.skipped
        self._bar.update(self._task, completed=done, description=tell_progress(report, self.total))

    def close(self) -> None:
        """Take it away."""
        self._bar.stop()


def start_progress(total: int | None) -> Progress:
    """Begin to show how far an update is, as the terminal allows."""
    is_plain = not sys.stderr.isatty() or os.environ.get("TERM") in ("dumb", "unknown")
    if is_plain or importlib.util.find_spec("rich") is None:
        return LineProgress(total, time.monotonic, sys.stderr)
    return BarProgress(total, time.monotonic)
