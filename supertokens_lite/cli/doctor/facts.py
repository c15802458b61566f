"""What was seen of a deployment, and what is found in it. Pure: reads what servers sent, and never fails on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from supertokens_lite._protocol.jsontext import parse_json
from supertokens_lite.types import is_object

__all__ = (
    "STRANGER",
    "Answer",
    "CoreFacts",
    "Facts",
    "Finding",
    "Outcome",
    "SeenCookie",
    "Unanswered",
    "Verdict",
    "read_cookie",
)

STRANGER: Final = "https://stranger.invalid"
"""A website that has no business at any API: the name can't exist (RFC 6761, section 6.4)."""

Verdict = Literal["ok", "warning", "broken", "not checked"]


class Finding(NamedTuple):
    """What became of a check.

    Attributes:
        check: what was looked at.
        verdict: `warning` is what may be meant like this; `broken` keeps users from signing in or staying so.
        found: what was seen.
        mend: what to do about it; empty if there is nothing to do.
    """

    check: str
    verdict: Verdict
    found: str
    mend: str = ""


class SeenCookie(NamedTuple):
    """A cookie as a Set-Cookie header has it.

    Attributes:
        name: its name; its value is not kept.
        attributes: lower-case names to values; of equal ones the last counts, as in browsers.
    """

    name: str
    attributes: Mapping[str, str]


def read_cookie(set_cookie: str) -> SeenCookie:
    """Read a Set-Cookie header. Source: RFC 6265, section 5.2."""
    pair, *rest = set_cookie.split(";")
    pieces = (piece.partition("=") for piece in rest)
    return SeenCookie(
        pair.partition("=")[0].strip(), {name.strip().lower(): value.strip() for name, _, value in pieces}
    )


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP.

    Attributes:
        status: the HTTP status.
        headers: names in lower case and values, in their order.
        body: as it came, or its beginning if it is long.
        sent_s: when the request was sent, in seconds since the epoch, by this machine's clock.
        came_s: when the answer had come.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    sent_s: float
    came_s: float

    def header(self, name: str) -> str | None:
        """Give the first header of a name."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Give all headers of a name."""
        return [value for key, value in self.headers if key == name]

    def listed(self, name: str) -> frozenset[str]:
        """Give what a header lists, in lower case."""
        return frozenset(each.strip().lower() for value in self.all(name) for each in value.split(",")) - {""}

    def cookies(self) -> list[SeenCookie]:
        """Give the cookies that it sets or clears."""
        return [read_cookie(value) for value in self.all("set-cookie")]

    def json(self) -> dict[str, Any]:
        """Give the JSON object in the body; an empty one if it is none."""
        try:
            value = parse_json(self.body.decode())
        except (ValueError, RecursionError):
            return {}
        return value if is_object(value) else {}


@dataclass(frozen=True)
class Unanswered:
    """No answer.

    Attributes:
        reason: why, in a few words.
        about_tls: whether the connection was there, but not to be trusted.
    """

    reason: str
    about_tls: bool = False


Outcome = Answer | Unanswered


@dataclass(frozen=True)
class CoreFacts:
    """What was seen of a host of the session core."""

    url: str
    versions: Outcome
    keys: Outcome


@dataclass(frozen=True)
class Facts:
    """What was seen of a deployment.

    Attributes:
        api: scheme and authority.
        base_path: below which the session endpoints are said to be.
        website: scheme and authority of the website; None: it was not named.
        refresh: the answer to a refresh without a token.
        made_up: to a refresh with a made-up token, which the core has to be asked about.
        preflight: to the question whether the website may call; None: it was not asked.
        stranger: to the question whether an unknown website may.
        keys: of the public keys.
        discovery: of the OpenID configuration.
        cores: what was seen of the session core's hosts.
    """

    api: str
    base_path: str
    website: str | None
    refresh: Outcome
    made_up: Outcome | None = None
    preflight: Outcome | None = None
    stranger: Outcome | None = None
    keys: Outcome | None = None
    discovery: Outcome | None = None
    cores: Sequence[CoreFacts] = ()

    @property
    def refresh_path(self) -> str:
        """Where the refresh endpoint is."""
        return f"{self.base_path}/session/refresh"

    @property
    def issuer(self) -> str:
        """What an SDK that is configured for this address calls itself."""
        return self.api + self.base_path
