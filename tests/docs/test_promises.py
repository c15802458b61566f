"""Each promise of the documentation is proved by a test that is there."""

from __future__ import annotations

import re

import pytest

from supertokens_lite.types import Refusal
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
ROWS = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| promise")]
PROOF = re.compile(r"`([a-z0-9_/]+\.py)(?:::(test_\w+))?`")


def test_there_are_promises() -> None:
    """The page is read, and each of its promises is proved."""
    assert len(ROWS) > 50
    assert [row for row in ROWS if not PROOF.search(row)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:60])
def test_a_promise_is_proved(row: str) -> None:
    """Each test that a promise names is in the file that it names."""
    for file, name in PROOF.findall(row):
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{file}::{name}"


def test_every_reason_is_explained() -> None:
    """The page of troubleshooting says of each reason code what it means."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert [str(reason) for reason in Refusal if f"`{reason}`" not in page] == []
