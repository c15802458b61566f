"""What a real core was recorded to answer, the embedded core answers too."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.types import HttpRequest
from tests.contract.replayer import Answer, replay
from tests.served import ServedCore

RECORDINGS = sorted((Path(__file__).parent / "recordings").rglob("*.json"))
CONFIG = {"refresh_token_rotation_grace_period": 2, "access_token_validity_jitter": 0}

recordings = pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")


class Clock:
    """The time, which moves only when it is told to."""

    def __init__(self) -> None:
        self.ms = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture(scope="module")
def core(clock: Clock) -> Iterator[EmbeddedCore]:
    """Give a core in memory."""
    core = EmbeddedCore(":memory:", config=CONFIG, clock=clock)
    yield core
    core.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCore]:
    """Give a core in another process."""
    options = [f"--config={name}={value}" for name, value in CONFIG.items()]
    database = tmp_path_factory.mktemp("served") / "sessions.db"
    with ServedCore("--database", str(database), *options) as served:
        yield served


def test_all_recordings_are_here() -> None:
    """There are 49 recordings, of CDI 3.1, 5.4, 5.6 and of apps."""
    assert len(RECORDINGS) == 49


@recordings
def test_recording_in_process(path: Path, core: EmbeddedCore, clock: Clock) -> None:
    """A recording replays without a difference against a core in this process."""

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return Answer(*core.handle(HttpRequest(method, "", target, headers, body)))

    steps = json.loads(path.read_text())["steps"]
    assert replay(steps, send, now=lambda: clock.ms / 1000, sleep=clock.sleep) == []


@recordings
def test_recording_over_http(path: Path, served: ServedCore) -> None:
    """A recording replays without a difference against a core that is served over HTTP."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=20)

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection.request(method, target, body or None, dict(headers))
        with connection.getresponse() as response:
            lowered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lowered, response.read())

    steps = json.loads(path.read_text())["steps"]
    try:
        assert replay(steps, send, now=time.time, sleep=time.sleep) == []
    finally:
        connection.close()
