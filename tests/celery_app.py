"""The Celery application of the workers under test, as a user's module makes it; and what runs them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import pytest
from celery import Celery

from supertokens_lite import Supertokens
from tests.apps import build_app

__all__ = ("Worker", "app", "build_celery", "run_redis")

BROKER_VARIABLE = "SUPERTOKENS_LITE_TEST_BROKER"
CORE_VARIABLE = "SUPERTOKENS_LITE_TEST_CORE"
DELIVERY: Final = {"visibility_timeout": 3, "unacked_restore_interval": 0.5, "unacked_restore_throttle": 1}
"""After how many seconds a message is delivered again, and how often workers look for such ones."""


def build_celery(broker: str) -> Celery:
    """Make an application that delivers again after seconds what was not acknowledged."""
    made = Celery("shop", broker=broker, backend=broker, include=["supertokens_lite.recipe.session.celery"])
    made.conf.update(
        broker_transport_options=DELIVERY,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
    )
    return made


app = build_celery(os.environ.get(BROKER_VARIABLE, "memory://"))

if CORE_VARIABLE in os.environ:  # in a worker
    Supertokens._instance = build_app(os.environ[CORE_VARIABLE])
    Supertokens.get_instance().session.blocking.get_all_session_handles_for_user("used before the fork")


@contextmanager
def run_redis(folder: Path) -> Iterator[str]:
    """Run a Redis of the test's own; give its URL."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not here: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = next((line for line in process.stdout if "Ready to accept connections" in line), None)
            assert said is not None, "redis-server ended"
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


class Worker:
    """A worker named after its pool, in a process group of its own.

    Args:
        pool: the kind of pool.
        broker: the URL of the broker.
        core: the URL of the core.
        concurrency: how many tasks it works on at once.
    """

    def __init__(self, pool: str, broker: str, core: str, concurrency: int) -> None:
        name = ("--hostname", f"{pool}@here", "--loglevel", "INFO")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "tests.celery_app",
                "worker",
                "-P",
                pool,
                "-c",
                str(concurrency),
                *name,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, BROKER_VARIABLE: broker, CORE_VARIABLE: core},
            start_new_session=True,
        )
        self._said = ""
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._changed:
                    self._said += line
                    self._changed.notify_all()

    def wait_until_said(self, text: str, times: int = 1) -> None:
        """Wait until its log has a text."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._said.count(text) >= times, 60), self._said

    def kill(self) -> None:
        """End it as a crash would, with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self._listener.join()

    def __enter__(self) -> Worker:
        self.wait_until_said("@here ready.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
