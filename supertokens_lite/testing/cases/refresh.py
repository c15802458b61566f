"""New tokens for old ones: at the refresh endpoint, once each, and what is done about those who come twice."""

from __future__ import annotations

import pytest

from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.testing.client import COOKIES, HEADERS, REFRESH, cleared, content, cookies, header
from supertokens_lite.testing.servers import Visit
from supertokens_lite.testing.settings import TENANT

__all__ = ("Refresh",)


class Refresh:
    """The refresh endpoint."""

    def test_its_answer(self, visit: Visit) -> None:
        """The answer has an empty object, both tokens and what scripts are told; nothing of the application's."""
        ada = visit()
        ada.log_in()
        response = ada.ask(REFRESH, "POST")
        assert (response.status, response.content) == (200, b"{}")
        assert header(response, "content-type") == ["application/json; charset=utf-8"]
        assert header(response, "content-length") == ["2"]
        assert header(response, "access-control-expose-headers") == ["front-token"]
        assert len(header(response, "front-token")) == 1
        assert set(cookies(response)) == COOKIES
        assert header(response, "x-kept") == []

    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_no_token(self, visit: Visit, mode: str) -> None:
        """Without a refresh token there is nothing to refresh, and the client forgets what else it may have."""
        response = visit(mode).ask(REFRESH, "POST")
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert cleared(response) == (COOKIES if mode == "cookie" else HEADERS)

    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_a_token_that_is_none(self, visit: Visit, mode: str) -> None:
        """What is no refresh token is refused, and the client forgets it."""
        sent = {"cookie": "sRefreshToken=old"} if mode == "cookie" else {"authorization": "Bearer old"}
        response = visit(mode).ask(REFRESH, "POST", **sent)
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert cleared(response) == (COOKIES if mode == "cookie" else HEADERS)
        assert header(response, "front-token") == ["remove"]

    def test_an_access_token_is_none(self, visit: Visit) -> None:
        """An access token refreshes nothing."""
        ada = visit("header")
        ada.log_in()
        response = visit("header").ask(REFRESH, "POST", authorization=f"Bearer {ada.token('st-access-token')}")
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})

    def test_twice_before_it_was_used(self, visit: Visit) -> None:
        """A refresh token is good again while what came of it was not used: the answer may have been lost."""
        ada = visit("header")
        made = ada.log_in()
        first = ada.token("st-refresh-token")
        assert ada.ask(REFRESH, "POST").status == 200
        assert ada.ask(REFRESH, "POST", authorization=f"Bearer {first}").status == 200
        assert content(ada.ask("/me")) == made

    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_theft(self, visit: Visit, stored_sessions: BlockingSessions, mode: str) -> None:
        """A refresh token that comes again after its successor was used ends the session for everybody."""
        ada, thief = visit(mode), visit(mode)
        handle = ada.log_in()["handle"]
        thief.cookies, thief.headers = dict(ada.cookies), dict(ada.headers)
        assert ada.ask(REFRESH, "POST").status == 200
        assert ada.ask("/me").status == 200
        assert ada.ask(REFRESH, "POST").status == 200
        response = thief.ask(REFRESH, "POST")
        assert (response.status, content(response)) == (401, {"message": "token theft detected"})
        assert cleared(response) == (COOKIES if mode == "cookie" else HEADERS)
        assert stored_sessions.get_session_information(handle) is None
        assert ada.ask("/checked").status == 401

    @pytest.mark.parametrize("tenant", ["public", TENANT])
    def test_below_a_tenant(self, visit: Visit, tenant: str) -> None:
        """The endpoint is there below a tenant's name too; a slash at the end does no harm."""
        ada = visit("header")
        ada.log_in()
        for end in ("", "/"):
            response = ada.ask(
                f"/auth/{tenant}/session/refresh{end}",
                "POST",
                authorization=f"Bearer {ada.token('st-refresh-token')}",
            )
            assert (response.status, content(response)) == (200, {})

    @pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
    def test_a_body_is_no_matter(self, visit: Visit, kind: str) -> None:
        """A body is not looked at, whatever it is, and however large."""
        ada = visit()
        ada.log_in()
        response = ada.ask(REFRESH, "POST", "[" * 300_000, content_type=kind)
        assert (response.status, content(response)) == (200, {})
        assert ada.ask("/me").status == 200

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
    def test_other_methods(self, visit: Visit, method: str) -> None:
        """Any other method is the application's, which has nothing there."""
        ada = visit()
        ada.log_in()
        response = ada.ask(REFRESH, method)
        assert response.status == 404
        assert set(cookies(response)).isdisjoint(COOKIES)

    def test_doubled_access_tokens(self, visit: Visit) -> None:
        """Access tokens of two domains are answered with a wish to refresh, and nothing is cleared."""
        ada, bob = visit(), visit()
        ada.log_in()
        bob.log_in()
        both = f"{ada.request().get_header('cookie')}; {bob.request().get_header('cookie')}"
        response = ada.ask("/me", cookie=both)
        assert (response.status, content(response)) == (401, {"message": "try refresh token"})
        assert cleared(response) == set()

    def test_doubled_refresh_tokens(self, visit: Visit) -> None:
        """Refresh tokens of two domains end the session where nothing is known of an older domain."""
        ada = visit()
        ada.log_in()
        sent = ada.request("POST", REFRESH).get_header("cookie")
        response = ada.ask(REFRESH, "POST", cookie=f"sRefreshToken=old; {sent}")
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert cleared(response) >= COOKIES

    def test_cookies_of_an_older_domain(self, visit: Visit) -> None:
        """Where the older domain is known, its cookies are cleared and the session goes on."""
        ada = visit(profile="two sites")
        ada.log_in()
        sent = ada.request("POST", REFRESH).get_header("cookie")
        response = visit(profile="two sites").ask(REFRESH, "POST", cookie=f"sRefreshToken=old; {sent}")
        assert response.status == 200
        assert content(response) == {
            "message": "cookies of the older domain were cleared; the request can be sent again"
        }
        assert cleared(response) == {"sRefreshToken"}
        assert ada.ask(REFRESH, "POST").status == 200

    def test_cookies_of_an_old_version(self, visit: Visit) -> None:
        """The cookie of an old version asks for a refresh, which clears it."""
        ada = visit()
        ada.log_in()
        old = "sIdRefreshToken=old"
        response = ada.ask("/me", cookie=f"{ada.request().get_header('cookie')}; {old}")
        assert (response.status, content(response)) == (401, {"message": "try refresh token"})
        sent = ada.request("POST", REFRESH).get_header("cookie")
        refreshed = ada.ask(REFRESH, "POST", cookie=f"{sent}; {old}")
        assert (refreshed.status, cleared(refreshed)) == (200, {"sIdRefreshToken"})
