"""Sessions that come, are used, change and go, as they should."""

from __future__ import annotations

import base64
import json

import pytest

from supertokens_lite.testing.client import (
    COOKIES,
    HEADERS,
    REFRESH,
    SESSION_HEADERS,
    SIGN_OUT,
    attributes,
    cleared,
    content,
    cookies,
    header,
)
from supertokens_lite.testing.servers import Visit

__all__ = ("Life",)


class Life:
    """The life of a session."""

    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_from_beginning_to_end(self, visit: Visit, mode: str) -> None:
        """Log in, call, refresh, call, sign out: tokens come, change and go, the way the client wants them."""
        ada = visit(mode)
        made = ada.log_in()
        by_cookie = mode == "cookie"
        name, refresh = ("sAccessToken", "sRefreshToken") if by_cookie else ("st-access-token", "st-refresh-token")
        first, second = ada.token(name), ada.token(refresh)
        assert first
        assert second
        assert content(ada.ask("/me")) == made
        refreshed = ada.ask(REFRESH, "POST")
        assert (refreshed.status, content(refreshed)) == (200, {})
        assert ada.token(name) not in (None, first)
        assert ada.token(refresh) not in (None, second)
        assert content(ada.ask("/me")) == made
        left = ada.ask(SIGN_OUT, "POST")
        assert (left.status, content(left), header(left, "front-token")) == (200, {"status": "OK"}, ["remove"])
        assert cleared(left) == (COOKIES if by_cookie else HEADERS)
        refused = ada.ask("/me")
        assert (refused.status, content(refused)) == (401, {"message": "unauthorised"})

    def test_the_attributes_of_session_cookies(self, visit: Visit) -> None:
        """The cookies of a session have the one form that they have everywhere."""
        ada = visit()
        found = cookies(ada.ask("/login", "POST"))
        assert attributes(found["sAccessToken"]) == "Path=/; HttpOnly; Secure; SameSite=Lax"
        assert attributes(found["sRefreshToken"]) == f"Path={REFRESH}; HttpOnly; Secure; SameSite=Lax"

    def test_the_attributes_of_cleared_cookies(self, visit: Visit) -> None:
        """Cookies are cleared with the attributes that they were set with."""
        ada = visit()
        ada.log_in()
        found = cookies(ada.ask(SIGN_OUT, "POST"))
        epoch = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        assert found == {
            "sAccessToken": f"sAccessToken=; Path=/; {epoch}; HttpOnly; Secure; SameSite=Lax",
            "sRefreshToken": f"sRefreshToken=; Path={REFRESH}; {epoch}; HttpOnly; Secure; SameSite=Lax",
        }

    def test_the_headers_of_a_session(self, visit: Visit) -> None:
        """A client that keeps tokens itself gets them in headers, exposed to scripts, and no cookie of the session."""
        response = visit("header").ask("/login", "POST")
        assert [value.partition("=")[0] for value in header(response, "set-cookie")] == ["theme"]
        assert all(len(header(response, name)) == 1 for name in HEADERS)
        assert header(response, "access-control-expose-headers") == [
            "x-total,front-token,st-refresh-token,st-access-token"
        ]

    def test_what_scripts_are_told(self, visit: Visit) -> None:
        """The front token tells scripts whose session it is, when its access token expires, and its payload."""
        ada = visit()
        made = ada.log_in()
        told = json.loads(base64.b64decode(ada.headers["front-token"]))
        assert (told["uid"], told["up"]["sessionHandle"], told["up"]["role"]) == ("ada", made["handle"], "guest")
        assert told["ate"] == told["up"]["exp"] * 1000

    def test_a_call_that_changes_nothing(self, visit: Visit) -> None:
        """Where nothing changes, nothing of a session is on the answer."""
        ada = visit()
        ada.log_in()
        response = ada.ask("/me")
        assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)
        assert [value.partition("=")[0] for value in header(response, "set-cookie")] == ["theme"]
        assert header(response, "access-control-expose-headers") == ["x-total"]

    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_new_payload(self, visit: Visit, mode: str) -> None:
        """A view that changes the payload has a new access token sent along; text of any language is kept."""
        ada = visit(mode)
        ada.log_in()
        name = "sAccessToken" if mode == "cookie" else "st-access-token"
        before = ada.token(name)
        response = ada.ask("/merge")
        assert set(cookies(response)) == ({"theme", "sAccessToken"} if mode == "cookie" else {"theme"})
        assert ada.token(name) not in (None, before)
        assert header(response, "st-refresh-token") == []
        told = json.loads(base64.b64decode(ada.headers["front-token"]))
        assert told["up"]["more"] == "ü"
        assert ada.ask("/me").status == 200

    def test_session_data(self, visit: Visit) -> None:
        """A view reads and writes session data."""
        ada = visit("header")
        ada.log_in()
        assert [content(ada.ask("/data")) for _ in range(2)] == [{"visits": 2}, {"visits": 3}]

    def test_a_session_that_a_view_ends(self, visit: Visit) -> None:
        """A view that ends its session has the client's tokens cleared."""
        ada = visit()
        ada.log_in()
        response = ada.ask("/revoke")
        assert (response.status, cleared(response)) == (200, COOKIES)
        assert header(response, "front-token") == ["remove"]
        assert content(ada.ask("/optional")) is None

    def test_an_optional_session(self, visit: Visit) -> None:
        """Without a session a view that needs none is called, with None; with one, it gets it."""
        ada = visit()
        assert content(ada.ask("/optional")) is None
        made = ada.log_in()
        assert content(ada.ask("/optional")) == made

    def test_a_view_that_asks_itself(self, visit: Visit) -> None:
        """A view that asks for the session with the framework's own request sees the one that the door sees."""
        ada = visit()
        assert content(ada.ask("/quiet")) is None
        handle = ada.log_in()["handle"]
        assert content(ada.ask("/quiet")) == content(ada.ask("/late")) == handle

    def test_two_clients(self, visit: Visit) -> None:
        """What one client is, another is not, whatever order they come in."""
        ada, bob = visit(), visit("header")
        hers, his = ada.log_in("ada"), bob.log_in("bob")
        assert [content(each.ask("/me")) for each in (ada, bob, ada)] == [hers, his, hers]
        assert (hers["user"], his["user"]) == ("ada", "bob")

    def test_a_second_login(self, visit: Visit) -> None:
        """Who logs in again has the newer session."""
        ada = visit()
        first = ada.log_in("ada")
        second = ada.log_in("bob")
        assert first["handle"] != second["handle"]
        assert content(ada.ask("/me")) == second
