"""How requests show that they come from the website, in each anti-CSRF mode."""

from __future__ import annotations

import pytest

from supertokens_lite.testing.client import (
    COOKIES,
    REFRESH,
    SIGN_OUT,
    attributes,
    cleared,
    content,
    cookies,
    header,
)
from supertokens_lite.testing.servers import Visit

__all__ = ("AntiCsrf",)


class AntiCsrf:
    """Requests that other pages could have sent."""

    def test_nothing_to_show(self, visit: Visit) -> None:
        """Where website and API are of one site, cookies alone do."""
        ada = visit()
        ada.log_in()
        assert ada.ask("/me", "POST", rid="").status == 200

    @pytest.mark.parametrize(("method", "rid", "status"), [("GET", "", 200), ("POST", "any", 200), ("POST", "", 401)])
    def test_a_header(self, visit: Visit, method: str, rid: str, status: int) -> None:
        """Between sites a request with cookies has to have a `rid` header, unless it only reads."""
        ada = visit(profile="two sites")
        ada.log_in()
        response = ada.ask("/me", method, rid=rid)
        assert response.status == status
        assert status == 200 or content(response) == {"message": "try refresh token"}
        assert cleared(response) == set()

    @pytest.mark.parametrize(("route", "method", "status"), [("/unguarded", "POST", 200), ("/guarded", "GET", 401)])
    def test_what_a_route_wants(self, visit: Visit, route: str, method: str, status: int) -> None:
        """A route may do without, or want it for reading as well."""
        ada = visit(profile="two sites")
        ada.log_in()
        assert ada.ask(route, method, rid="").status == status

    def test_header_tokens_need_none(self, visit: Visit) -> None:
        """Tokens in headers need nothing to show where they come from: no other page has them."""
        ada = visit("header", "two sites")
        ada.log_in()
        assert ada.ask("/me", "POST", rid="").status == 200
        assert ada.ask(REFRESH, "POST", rid="").status == 200

    def test_a_header_for_the_endpoints(self, visit: Visit) -> None:
        """The endpoints want the header too: nobody is signed out, and nothing is refreshed, without it."""
        ada = visit(profile="two sites")
        ada.log_in()
        left = ada.ask(SIGN_OUT, "POST", rid="")
        assert (left.status, content(left), cleared(left)) == (401, {"message": "try refresh token"}, set())
        assert ada.ask(REFRESH, "POST").status == 200
        refused = ada.ask(REFRESH, "POST", rid="")
        assert (refused.status, content(refused), cleared(refused)) == (401, {"message": "unauthorised"}, COOKIES)

    def test_cookies_between_sites(self, visit: Visit) -> None:
        """Between sites cookies say so."""
        found = cookies(visit(profile="two sites").ask("/login", "POST"))
        assert attributes(found["sAccessToken"]) == "Path=/; HttpOnly; Secure; SameSite=None"

    def test_a_token(self, visit: Visit) -> None:
        """An anti-CSRF token comes in a header, exposed to scripts, and has to come back with what is no GET."""
        ada = visit(profile="own answers")
        response = ada.ask("/login", "POST")
        assert header(response, "access-control-expose-headers") == ["x-total,front-token,anti-csrf"]
        token = ada.headers["anti-csrf"]
        assert ada.ask("/me", "POST").status == 200
        assert ada.ask("/me", "GET", anti_csrf="").status == 200
        for wrong in ("", token[:-1], "wrong"):
            refused = ada.ask("/me", "POST", anti_csrf=wrong)
            assert (refused.status, content(refused)) == (440, {"message": "try refresh token"})
            assert cleared(refused) == set()

    def test_a_token_is_refreshed(self, visit: Visit) -> None:
        """A refresh gives a new anti-CSRF token, which counts from then on; the end of the session ends it."""
        ada = visit(profile="own answers")
        ada.log_in()
        first = ada.headers["anti-csrf"]
        assert ada.ask(REFRESH, "POST").status == 200
        assert ada.headers["anti-csrf"] != first
        assert ada.ask("/me", "POST", anti_csrf=first).status == 440
        left = ada.ask(SIGN_OUT, "POST")
        assert (left.status, cleared(left)) == (200, {"sAccessToken@example.com", "sRefreshToken@example.com"})

    def test_cookies_of_a_domain(self, visit: Visit) -> None:
        """Cookies of a domain name it."""
        found = cookies(visit(profile="own answers").ask("/login", "POST"))
        assert set(found) == {"theme", *(f"{name}@example.com" for name in COOKIES)}
        assert attributes(found["sAccessToken@example.com"]).startswith("Domain=")
