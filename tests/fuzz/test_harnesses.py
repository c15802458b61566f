"""The harnesses themselves: what the fuzzer begins with, and any bytes that hypothesis finds, hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens_lite._protocol import cdi, cdi_many, cdi_tokens
from supertokens_lite._protocol.cdi import Created, SessionInfo
from tests.fuzz import requests
from tests.fuzz.__main__ import NAMES
from tests.fuzz.corpus import HARNESSES, build_corpus
from tests.fuzz.replies import READERS, WHOLE, fits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def world() -> Iterator[None]:
    """Close the application of the harness on requests."""
    yield
    if requests._world.cache_info().currsize:
        requests._world()[0].close()
        requests._world.cache_clear()


@pytest.mark.parametrize("name", list(HARNESSES))
def test_what_the_fuzzer_begins_with_holds(name: str) -> None:
    """No harness finds anything in its corpus, nor in what is cut off it or doubled."""
    for data in build_corpus(name):
        for variant in (data, data[:-1], data[: len(data) // 2], data + data, data[:1] + b"\xff" + data[1:]):
            HARNESSES[name](variant)


@pytest.mark.parametrize("name", list(HARNESSES))
def test_any_bytes_hold(name: str) -> None:
    """No harness finds anything in bytes of any kind, alone or put into what it begins with."""
    corpus = build_corpus(name)

    @settings(deadline=None)
    @given(st.sampled_from(corpus), st.binary(max_size=80), st.integers(0, 1000), st.integers(0, 20))
    def check(seed: bytes, data: bytes, at: int, taken: int) -> None:
        HARNESSES[name](data)
        at = min(at, len(seed))
        HARNESSES[name](seed[:at] + data + seed[at + taken :])

    check()


def test_every_harness_has_a_corpus_of_its_own() -> None:
    """A fuzzer that begins with nothing finds nothing, and one that is not named is not run."""
    assert list(HARNESSES) == list(NAMES)
    assert all(len(build_corpus(name)) > 4 for name in HARNESSES)


def test_every_reader_of_replies_is_driven() -> None:
    """No function that reads a core's reply is left out."""
    calls = {"read_versioned_data", "read_many"}
    expected = {
        name for module in (cdi, cdi_many, cdi_tokens) for name in module.__all__ if name.startswith("read_")
    } - calls
    assert {read.__name__ for read in READERS} == expected | {"has_gone"}
    for read, reply in WHOLE:
        read(reply)


def test_every_place_of_every_reply() -> None:
    """Whatever stands in one place of a reply, or nothing, it is read as what it should be or refused."""
    for reply in range(len(WHOLE)):
        for place in range(20):
            for value in (b"", b"null", b"true", b"1", b"1.5", b'"x"', b"[]", b"[1]", b"{}", b'"OK"'):
                HARNESSES["core_replies"](bytes((1, reply, place)) + value)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (None, str | None, True),
        (1, str | None, False),
        (["a"], list[str], True),
        (["a", 1], list[str], False),
        ({}, dict[str, Any], True),
        ([], dict[str, Any], False),
        (("a", 1, 1), tuple[str, int, int], True),
        (("a", 1), tuple[str, int, int], False),
        (SessionInfo("h", "u", "u", {}, 1, {}, 1, "public"), SessionInfo, True),
        (SessionInfo("h", "u", "u", {}, 1, {}, 1, None), SessionInfo, False),  # type: ignore[arg-type]
        (Created("h", "u", "u", "public", "a", ("r", 1, True), None), Created, False),
    ],
)
def test_types_are_told_apart(value: object, hint: Any, expected: bool) -> None:
    """The harness on replies sees what is not of the type that is said."""
    assert fits(value, hint) is expected


def test_without_the_fuzzer_it_says_what_is_missing() -> None:
    """The command ends with one line where atheris is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['atheris'] = None; import runpy; sys.argv[1:] = ['1']; "
         "runpy.run_module('tests.fuzz', run_name='__main__')"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "atheris" in done.stderr
    assert "Traceback" not in done.stderr
