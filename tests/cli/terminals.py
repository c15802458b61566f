"""The command line in a terminal: a process of its own, with somebody at the keyboard."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pytest

from tests.cli.processes import environment

__all__ = ("CTRL_C", "Terminal", "in_terminal", "posix_terminal")

CTRL_C = b"\x03"
PATIENCE_S = 60
QUIET_S = 0.5

posix_terminal = pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX is made for it")

IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the process's own, so that Ctrl-C in it is a signal, and becomes the command."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs a command in a terminal of 80 columns.

    Args:
        arguments: the command.
        folder: the working directory.
        settings: added to the environment; `TERM` is `dumb` unless it says otherwise.

    Attributes:
        process: the command's process.
    """

    def __init__(self, *arguments: str, folder: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        import fcntl
        import pty
        import termios

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        kept = environment(**{"TERM": "dumb", **(settings or {})})
        kept.pop("COLUMNS", None)
        self._raw = b""
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", IN_TERMINAL, sys.executable, "-m", "supertokens_lite", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=kept,
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def shown(self) -> str:
        """All that was shown so far."""
        return self._raw.decode(errors="replace")

    @property
    def text(self) -> str:
        """What was shown, without colours and movements of the cursor."""
        return ESCAPES.sub("", self.shown)

    def wait_for(self, text: str) -> None:
        """Wait until something is shown."""
        while text not in self.text:
            assert self._read(PATIENCE_S), f"{text!r} was not shown: {self.shown}"

    def press(self, typed: bytes) -> None:
        """Type something."""
        os.write(self._ours, typed)

    def end(self, again: bytes = b"") -> int:
        """Wait for the end, typing something again whenever nothing happens; give the exit code."""
        while self._read(QUIET_S if again else PATIENCE_S, again):
            pass
        return self.process.wait(timeout=PATIENCE_S)

    def _read(self, patience_s: float, again: bytes = b"") -> bool:
        """Read what is shown next; False at the end."""
        ready, _, _ = select.select([self._ours], [], [], patience_s)
        if not ready:
            assert again, f"nothing more was shown: {self.shown}"
            self.press(again)
            return True
        try:
            read = os.read(self._ours, 65536)
        except OSError:  # the other side is closed
            return False
        self._raw += read
        return bool(read)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._ours)
        self.process.kill()
        self.process.wait()


def in_terminal(*arguments: str, typed: bytes = b"") -> tuple[int, str]:
    """Run a command in a terminal, typing once it asks; give its exit code and what was shown."""
    with Terminal(*arguments) as terminal:
        if typed:
            terminal.wait_for("[y/N] ")
            terminal.press(typed)
        # Ctrl-C may come between the question and the wait for an answer, where reading goes on: again, as a user would
        code = terminal.end(typed if typed == CTRL_C else b"")
        return code, terminal.shown
