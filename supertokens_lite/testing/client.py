"""A client that keeps the tokens it is given, as browsers and browser SDKs do, and what is read from answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from supertokens_lite._protocol.cookies import identify_cookie
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest

__all__ = (
    "API",
    "COOKIES",
    "ENDPOINTS",
    "EPOCH",
    "HEADERS",
    "PLACES_OF_TOKENS",
    "REFRESH",
    "SESSION_HEADERS",
    "SIGN_OUT",
    "Client",
    "Door",
    "Visitor",
    "attributes",
    "cleared",
    "content",
    "cookies",
    "header",
)

Door: TypeAlias = Callable[[PlainRequest], BaseResponse]
"""Sends a request to an application; gives what came back."""

API: Final = "https://api.example.com"
EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"

COOKIES: Final[Set[str]] = frozenset(("sAccessToken", "sRefreshToken"))
HEADERS: Final[Set[str]] = frozenset(("st-access-token", "st-refresh-token"))
SESSION_HEADERS: Final[Set[str]] = HEADERS | {"front-token", "anti-csrf"}
ENDPOINTS: Final = "/auth/"
REFRESH: Final = "/auth/session/refresh"
SIGN_OUT: Final = "/auth/signout"

PLACES_OF_TOKENS: Final = (
    ("any", True, True, "header"),
    ("any", True, False, "header"),
    ("any", False, True, "cookie"),
    ("any", False, False, None),
    ("header", True, True, "header"),
    ("header", False, True, None),
    ("cookie", True, True, "cookie"),
    ("cookie", True, False, None),
)
"""What is allowed, whether a token came by header and by cookie, and which counts."""


class Client:
    """Keeps the tokens it is given, in cookies or for headers.

    Args:
        mode: what it says in `st-auth-mode`; None: nothing.

    Attributes:
        cookies: the cookies by name, domain and path, as they were sent.
        headers: the tokens that came in headers.
    """

    def __init__(self, mode: str | None = "cookie") -> None:
        self.mode = mode
        self.cookies: dict[tuple[str, ...], str] = {}
        self.headers: dict[str, str] = {}

    def request(self, method: str = "GET", path: str = "/", body: str = "", **headers: str) -> PlainRequest:
        """Make a request with all that belongs to it; an empty header is left out, `_` in a name is `-`."""
        sent = {"rid": "session"}
        if self.mode is not None:
            sent["st-auth-mode"] = self.mode
        token = self.headers.get("st-refresh-token" if path.endswith("/session/refresh") else "st-access-token")
        if token:
            sent["authorization"] = f"Bearer {token}"
        if self.headers.get("anti-csrf"):
            sent["anti-csrf"] = self.headers["anti-csrf"]
        pairs = [f"{name}={value}" for (name, _, place), value in self.cookies.items() if path.startswith(place)]
        if pairs:
            sent["cookie"] = "; ".join(pairs)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (sent | given).items() if value}
        return PlainRequest(method, API + path, kept, body.encode())

    def take(self, response: BaseResponse | None) -> BaseResponse:
        """Keep what a response sets, and forget what it clears."""
        assert response is not None
        for name, value in response.apply([]):
            if name.lower() == "set-cookie":
                key = tuple(identify_cookie(value))
                if EPOCH in value:
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = value.partition("=")[2].partition(";")[0]
            elif name.lower() in SESSION_HEADERS:
                self.headers[name.lower()] = value
        if self.headers.get("front-token") == "remove":
            self.headers.pop("anti-csrf", None)
        return response

    def token(self, name: str) -> str | None:
        """Give a token by the name of its cookie or header."""
        found = [value for (cookie, _, _), value in self.cookies.items() if cookie == name]
        return unquote(found[0]) if found else self.headers.get(name) or None


class Visitor(Client):
    """A client of one application.

    Args:
        door: where its requests go.
        mode: what it says in `st-auth-mode`; None: nothing.
        below: what stands before the paths of the application's routes, but not of the session endpoints.
    """

    def __init__(self, door: Door, mode: str | None = "cookie", below: str = "") -> None:
        super().__init__(mode)
        self.door = door
        self.below = below

    def request(self, method: str = "GET", path: str = "/", body: str = "", **headers: str) -> PlainRequest:
        """Make a request as `Client` does, to a path of the application."""
        return super().request(method, path if path.startswith(ENDPOINTS) else self.below + path, body, **headers)

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> BaseResponse:
        """Send a request, and keep what the answer sets."""
        return self.take(self.door(self.request(method, path, body, **headers)))

    def log_in(self, user: str = "ada", **headers: str) -> Any:
        """Log in; give what the application says of the session: its handle, and its user."""
        response = self.ask("/login", "POST", x_user=user, **headers)
        assert response.status == 200, response.content
        return content(response)


def content(response: BaseResponse) -> Any:
    """Give the JSON value that a response has."""
    assert response.content is not None
    return json.loads(response.content)


def header(response: BaseResponse, name: str) -> list[str]:
    """Give all values of a header."""
    return [value for given, value in response.headers if given.lower() == name]


def cookies(response: BaseResponse) -> dict[str, str]:
    """Give the cookies that a response sets, by name and domain: the attributes after the value."""
    found: dict[str, str] = {}
    for value in header(response, "set-cookie"):
        identity = identify_cookie(value)
        found[identity.name + (f"@{identity.domain}" if identity.domain else "")] = value
    return found


def cleared(response: BaseResponse) -> set[str]:
    """Give the cookies that a response clears, and the headers that it empties."""
    emptied = {name.lower() for name, value in response.headers if value == ""}
    return {name for name, value in cookies(response).items() if EPOCH in value} | emptied


def attributes(set_cookie: str) -> str:
    """Give what comes after the value and the date of a cookie."""
    parts = set_cookie.split("; ")[1:]
    return "; ".join(part for part in parts if not part.startswith("Expires="))
