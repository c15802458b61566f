"""Harnesses on cookies and headers: what clients send, and what is sent to them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from supertokens_lite._protocol.cookies import CookieIdentity, build_set_cookie, identify_cookie, parse_cookies
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite._protocol.transfer import choose_for_create, read_bearer, read_wish
from supertokens_lite.exceptions import BadInputError
from tests.fuzz.shown import shows_none

__all__ = ("fuzz_cookies_read", "fuzz_cookies_written")

ENDS: Final = "\r\n\0"


def fuzz_cookies_read(data: bytes) -> None:
    """Read Cookie headers that are anything; one for each line."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    found = [parse_cookies(line) for line in lines]
    for line, cookies in zip(lines, found, strict=True):
        assert sum(map(len, cookies.values())) <= line.count("=")
        for name, values in cookies.items():
            assert values
            assert name == name.strip(" \t") != ""
            assert not set(name) & set(";=")
        _comes_back(cookies)
    request = PlainRequest("GET", "/", [(("cookie", "Cookie")[at % 2], line) for at, line in enumerate(lines)])
    for name in {name for cookies in found for name in cookies}:
        expected = [value for cookies in found for value in cookies.get(name, ())]
        assert request.get_cookies(name) == expected
        assert request.get_cookie(name) == expected[0]
    for line in lines:
        _read_header(line)


def fuzz_cookies_written(data: bytes) -> None:
    """Set a cookie whose parts are anything, and put it beside headers that are anything."""
    name, value, domain, path, *others = [*data.decode("utf-8", "surrogateescape").split("\n"), *[""] * 4]
    number = int.from_bytes(data[:8], "big", signed=True)
    try:
        written = build_set_cookie(
            name,
            value,
            domain=domain or None,
            path=path,
            secure=bool(number & 1),
            same_site=("lax", "none", "strict")[number % 3],
            expires_ms=number,
        )
    except BadInputError as error:
        shows_none(error, value)
    else:
        assert written.isascii()
        assert not set(written) & set(ENDS)
        parts = written.split("; ")
        assert written.count(";") == len(parts) - 1 == 4 + bool(domain) + (number & 1)
        assert parse_cookies(parts[0]) == {name: [value]}
        assert identify_cookie(written)[:2] == (name, domain.lower().removeprefix("."))
    _goes_beside([(each.partition(":")[0], each.partition(":")[2]) for each in others], name, value)


def _comes_back(cookies: dict[str, list[str]]) -> None:
    """Send cookies again as they were read: the same is read."""
    try:
        pairs = [f"{name}={quote(value, safe='')}" for name, values in cookies.items() for value in values]
    except UnicodeEncodeError:
        return  # a browser has no such value either
    assert parse_cookies("; ".join(pairs)) == cookies


def _read_header(line: str) -> None:
    """Read a line as each of the headers that say how tokens travel."""
    token = read_bearer(line)
    assert token is None or (token and not set(token) & set(" \t"))
    assert read_wish(line) in ("cookie", "header", "none")
    assert choose_for_create("any", line) in ("cookie", "header")
    assert isinstance(identify_cookie(line), CookieIdentity)


def _goes_beside(existing: list[tuple[str, str]], name: str, value: str) -> None:
    """Set a header on a response that has others: it is there once, and doing it again changes nothing."""
    response = BaseResponse()
    try:
        response.set_header(name, value)
        response.set_header("Access-Control-Expose-Headers", name)
    except BadInputError as error:
        shows_none(error, value)
    for header, content in response.headers:
        assert not set(header + content) & set(ENDS)
    response.remove_header("anti-csrf")
    applied = response.apply(existing)
    assert response.apply(applied) == applied
    assert all(header in applied for header in response.headers if header[0] == name != "Access-Control-Expose-Headers")
    assert not any(header.lower() == "anti-csrf" for header, _ in applied)
