"""A session core served by a process of its own, as users start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

__all__ = ("ServedCore",)

LISTENING = re.compile(r"(http://\S+?),")


class ServedCore:
    """Runs `supertokens-lite core serve` on a port that is free.

    Args:
        options: what follows `core serve`, without `--port`.
        environment: added to the environment.
    """

    def __init__(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "supertokens_lite", "core", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        found = LISTENING.search(self.first_line)
        if found is None:
            _, errors = self.process.communicate(timeout=10)
            raise AssertionError(f"the core did not start: {self.first_line}{errors}")
        self.url = found[1]

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=10)

    def stop(self) -> tuple[int, str]:
        """End it politely; give its exit code and what it wrote to standard error."""
        if self.process.poll() is None:
            self.process.terminate()
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def __enter__(self) -> ServedCore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
