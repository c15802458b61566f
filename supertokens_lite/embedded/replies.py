"""What the core says: replies of one line of JSON or one plain sentence, and the refusals that end a request early.

Bodies are put together from JSON texts, so that what is stored as JSON is not parsed and written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.types import HttpReply

__all__ = (
    "CLOSED",
    "INTERNAL_ERROR",
    "JSON_HEADERS",
    "NO_SESSION",
    "OK",
    "Refused",
    "json_reply",
    "text_reply",
    "unauthorised",
)

JSON_HEADERS: Final[Mapping[str, str]] = {"content-type": "application/json;charset=UTF-8"}
TEXT_HEADERS: Final[Mapping[str, str]] = {"content-type": "text/html;charset=UTF-8"}


def json_reply(body: str) -> HttpReply:
    """Answer 200 with a JSON text."""
    return HttpReply(200, JSON_HEADERS, (body + "\n").encode())


def text_reply(status: int, sentence: str) -> HttpReply:
    """Answer with a plain sentence."""
    return HttpReply(status, TEXT_HEADERS, (sentence + "\n").encode("utf-8", "replace"))


def unauthorised(message: str) -> HttpReply:
    """Answer that a session or token is not good."""
    return json_reply('{"status":"UNAUTHORISED","message":' + build_json(message) + "}")


OK: Final = json_reply('{"status":"OK"}')
NO_SESSION: Final = unauthorised("Session does not exist.")
INTERNAL_ERROR: Final = text_reply(500, "Internal error")
CLOSED: Final = text_reply(503, "The core was closed meanwhile")


class Refused(Exception):  # ends a request; not an error of this program
    """Ends a request with an error status and a plain sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.reply = text_reply(status, sentence)
