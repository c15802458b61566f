"""The tables of tokens: by cookie or by header, which one counts, and which is cleared."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.testing.client import (
    COOKIES,
    HEADERS,
    PLACES_OF_TOKENS,
    REFRESH,
    cleared,
    content,
    cookies,
    header,
)
from supertokens_lite.testing.servers import Visit
from supertokens_lite.types import RecipeUserId

__all__ = ("Transfer",)

CREATION: Final = (
    ("any", "cookie", "cookie"),
    ("any", "header", "header"),
    ("any", "Cookie", "cookie"),
    ("any", "", "header"),
    ("any", "nonsense", "header"),
    ("cookie", "header", "cookie"),
    ("header", "cookie", "header"),
)
"""What is allowed, what `st-auth-mode` says, and how the tokens of a new session travel."""

CLEARING: Final = (
    (True, True, "header", COOKIES | HEADERS),
    (True, False, "cookie", HEADERS),
    (False, True, "header", COOKIES),
)
"""Whether a token came by header and by cookie, what `st-auth-mode` says, and what is cleared."""


class Transfer:
    """How tokens travel."""

    @pytest.mark.parametrize(("allowed", "wish", "method"), CREATION)
    def test_creation(self, visit: Visit, allowed: str, wish: str, method: str) -> None:
        """A new session's tokens travel as is allowed, and else as the client wishes."""
        ada = visit(None)
        response = ada.ask("/login", "POST", st_auth_mode=wish, x_transfer=allowed)
        assert response.status == 200
        assert (set(cookies(response)) == {"theme", *COOKIES}) == (method == "cookie")
        assert all(bool(header(response, name)) == (method == "header") for name in HEADERS)
        assert cleared(response) == set()

    def test_creation_beside_other_tokens(self, visit: Visit) -> None:
        """A new session by headers has the cookies of the one before go, and the other way about."""
        ada = visit()
        ada.log_in()
        assert cleared(ada.ask("/login", "POST", st_auth_mode="header")) == COOKIES
        assert cleared(ada.ask("/login", "POST", st_auth_mode="cookie")) == HEADERS

    @pytest.mark.parametrize(("allowed", "by_header", "by_cookie", "counts"), PLACES_OF_TOKENS)
    def test_verification(
        self,
        visit: Visit,
        stored_sessions: BlockingSessions,
        allowed: str,
        by_header: bool,
        by_cookie: bool,
        counts: str | None,
    ) -> None:
        """Of two access tokens the one counts that is allowed, and the one in the header before that in the cookie."""
        tokens = {user: _tokens(stored_sessions, user)["accessToken"] for user in ("header", "cookie")}
        response = visit(None).ask(
            "/me",
            authorization=f"Bearer {tokens['header']}" if by_header else "",
            cookie=f"sAccessToken={tokens['cookie']}" if by_cookie else "",
            x_transfer=allowed,
        )
        if counts is None:
            assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        else:
            assert (response.status, content(response)["user"]) == (200, counts)

    @pytest.mark.parametrize(("allowed", "by_header", "by_cookie", "counts"), PLACES_OF_TOKENS)
    def test_refresh(
        self,
        visit: Visit,
        stored_sessions: BlockingSessions,
        allowed: str,
        by_header: bool,
        by_cookie: bool,
        counts: str | None,
    ) -> None:
        """Of two refresh tokens the same one counts; new tokens come the same way, and the others go."""
        tokens = {user: _tokens(stored_sessions, user)["refreshToken"] for user in ("header", "cookie")}
        ada = visit(None)
        response = ada.ask(
            REFRESH,
            "POST",
            authorization=f"Bearer {tokens['header']}" if by_header else "",
            cookie=f"sRefreshToken={quote(tokens['cookie'])}" if by_cookie else "",
            x_transfer=allowed,
        )
        if counts is None:
            assert (response.status, content(response)) == (401, {"message": "unauthorised"})
            return
        assert (response.status, content(response)) == (200, {})
        other = by_cookie if counts == "header" else by_header
        assert cleared(response) == ((COOKIES if counts == "header" else HEADERS) if other else set())
        name = "st-access-token" if counts == "header" else "sAccessToken"
        token = ada.token(name)
        assert content(visit(None).ask("/me", authorization=f"Bearer {token}"))["user"] == counts

    @pytest.mark.parametrize(("by_header", "by_cookie", "wish", "expected"), CLEARING)
    def test_clearing(
        self,
        visit: Visit,
        stored_sessions: BlockingSessions,
        by_header: bool,
        by_cookie: bool,
        wish: str,
        expected: set[str],
    ) -> None:
        """The client of a session that is over is told to forget the tokens that it sent, wherever they were."""
        tokens = _tokens(stored_sessions, "ada")
        stored_sessions.revoke_all_sessions_for_user("ada")
        response = visit(wish).ask(
            "/checked",
            authorization=f"Bearer {tokens['accessToken']}" if by_header else "",
            cookie=f"sAccessToken={tokens['accessToken']}" if by_cookie else "",
        )
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert cleared(response) == expected
        assert header(response, "front-token") == ["remove"]


def _tokens(stored_sessions: BlockingSessions, user: str) -> dict[str, str]:
    """Make a session without a request; give its tokens."""
    made = stored_sessions.create_new_session_without_request_response("public", RecipeUserId(user))
    tokens = made.get_all_session_tokens_dangerously()
    return {"accessToken": tokens["accessToken"], "refreshToken": str(tokens["refreshToken"])}
