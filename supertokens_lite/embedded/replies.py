"""What the core says: replies of one line of JSON or one plain sentence, and the refusals that end a request early.

Bodies are put together from JSON texts, so that what is stored as JSON is not parsed and written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from supertokens_lite.types import HttpReply

__all__ = (
    "INTERNAL_ERROR",
    "NO_SESSION",
    "OK",
    "Refused",
    "json_reply",
    "quote",
    "text_reply",
    "to_json",
    "unauthorised",
)

JSON_HEADERS: Final[Mapping[str, str]] = {"content-type": "application/json;charset=UTF-8"}
TEXT_HEADERS: Final[Mapping[str, str]] = {"content-type": "text/html;charset=UTF-8"}

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def to_json(value: Any) -> str:
    """Write a value as JSON text that UTF-8 can hold.

    Raises:
        ValueError: a number is not finite.
    """
    text: str = _encode(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate
            text = _encode_ascii(value)
    return text


quote = to_json


def json_reply(body: str) -> HttpReply:
    """Answer 200 with a JSON text."""
    return HttpReply(200, JSON_HEADERS, (body + "\n").encode())


def text_reply(status: int, sentence: str) -> HttpReply:
    """Answer with a plain sentence."""
    return HttpReply(status, TEXT_HEADERS, (sentence + "\n").encode("utf-8", "replace"))


def unauthorised(message: str) -> HttpReply:
    """Answer that a session or token is not good."""
    return json_reply('{"status":"UNAUTHORISED","message":' + quote(message) + "}")


OK: Final = json_reply('{"status":"OK"}')
NO_SESSION: Final = unauthorised("Session does not exist.")
INTERNAL_ERROR: Final = text_reply(500, "Internal error")


class Refused(Exception):  # ends a request; not an error of this program
    """Ends a request with an error status and a plain sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.reply = text_reply(status, sentence)
