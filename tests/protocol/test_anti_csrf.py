"""Whether a request has shown that it comes from the website."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.anti_csrf import Mode, check, choose_mode, needs_check
from supertokens_lite._protocol.cookies import SameSite
from supertokens_lite.types import Refusal

MODES: tuple[Mode, ...] = ("VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE")
TEXTS = st.one_of(st.none(), st.text(st.characters(), max_size=8))

CHOSEN: list[tuple[Mode | None, SameSite, Mode]] = [
    (None, "none", "VIA_CUSTOM_HEADER"),
    (None, "lax", "NONE"),
    (None, "strict", "NONE"),
    *((mode, same_site, mode) for mode in MODES for same_site in ("lax", "none", "strict")),
]


@pytest.mark.parametrize(("configured", "same_site", "mode"), CHOSEN)
def test_the_mode(configured: Mode | None, same_site: SameSite, mode: Mode) -> None:
    """What is set holds; else cookies that travel between sites need a header, and others nothing."""
    assert choose_mode(configured, same_site) == mode


NEEDED: list[tuple[bool | None, str, Literal["cookie", "header"] | None, bool]] = [
    (None, "GET", "cookie", False),
    (None, "get", "cookie", False),
    (None, "HEAD", "cookie", True),
    (None, "POST", "cookie", True),
    (None, "put", "cookie", True),
    (None, "", "cookie", True),
    (True, "GET", "cookie", True),
    (False, "POST", "cookie", False),
    (None, "POST", "header", False),
    (True, "POST", "header", False),
    (True, "POST", None, False),
]


@pytest.mark.parametrize(("wanted", "method", "transfer", "needed"), NEEDED)
def test_when_a_check_is_needed(
    wanted: bool | None, method: str, transfer: Literal["cookie", "header"] | None, needed: bool
) -> None:
    """What the caller wants holds, else all methods but GET are checked; a token in a header never is."""
    assert needs_check(wanted, method, transfer) is needed


@pytest.mark.parametrize("claim", [None, "", "t", "é"])
@pytest.mark.parametrize("header", [None, "", "t", "é"])
def test_every_case_of_a_check(claim: str | None, header: str | None) -> None:
    """The token has to be there twice and be the same; the custom header has to be there; without need all is well."""
    for mode, needs, has_rid in itertools.product(MODES, (False, True), (False, True)):
        found = check(mode, needs, token_claim=claim, header_value=header, has_rid=has_rid)
        expected = None
        if needs and mode == "VIA_CUSTOM_HEADER" and not has_rid:
            expected = Refusal.CUSTOM_HEADER
        if needs and mode == "VIA_TOKEN" and (claim is None or header is None or claim != header):
            expected = Refusal.ANTI_CSRF
        assert found is expected


@given(TEXTS, TEXTS)
@example("\ud800", "\ud800")
@example("?", "\ud800")
@example("a\x00", "a")
@example("é", "e\u0301")
def test_only_the_same_token_will_do(claim: str | None, header: str | None) -> None:
    """Any two texts are compared, and only equal ones pass."""
    found = check("VIA_TOKEN", True, token_claim=claim, header_value=header, has_rid=True)
    assert (found is None) == (claim is not None and claim == header)
