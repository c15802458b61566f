"""JSON text, written and read as fast as the standard library can, and strictly: no NaN, nothing after the end.

`json.dumps` with options and `json.loads` prepare and check a lot for each text, which costs more than a small text
itself; here that is done once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any, Final, NoReturn

__all__ = ("build_json", "build_string", "parse_json")

BLANKS: Final = " \t\n\r"

_build_ascii: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# What JSONEncoder.encode and JSONDecoder.decode make or look up anew for each text. Neither is in the type stubs; the
# first is None where Python has no C accelerator.
_c_make_encoder: Final[Any] = vars(encoder)["c_make_encoder"]
_make_chunks: Final[Any] = _c_make_encoder and _c_make_encoder(
    None, _refuse, encoder.encode_basestring, None, ":", ",", False, False, False
)
_build_slowly: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_decoder: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(_decoder)["scan_once"]


def build_json(value: object) -> str:
    """Write a value as JSON text that UTF-8 can hold: a lone surrogate makes all of it ASCII.

    Raises:
        ValueError: a number is not finite.
        TypeError: something in it has no form in JSON.
        RecursionError: it is nested too deep, or holds itself.
    """
    text: str = _build_slowly(value) if _make_chunks is None else "".join(_make_chunks(value, 0))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return _build_ascii(value)
    return text


def build_string(text: str) -> str:
    """Write a string as JSON text, quotes and all, as `build_json` does."""
    return encoder.encode_basestring(text) if text.isascii() else build_json(text)


def parse_json(text: str) -> Any:
    """Read JSON text.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deep.
    """
    try:
        value, end = _scan(text, 0)
    except StopIteration:  # blanks come first, or nothing that can be read
        return _decoder.decode(text)
    if end != len(text) and text[end:].strip(BLANKS):
        raise ValueError("there is more after the end")
    return value
