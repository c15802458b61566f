"""Requests without a good session, a core that is away, and what an application does wrong."""

from __future__ import annotations

import pytest

from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.testing.client import (
    COOKIES,
    EPOCH,
    REFRESH,
    SESSION_HEADERS,
    SIGN_OUT,
    cleared,
    content,
    cookies,
    header,
)
from supertokens_lite.testing.servers import Visit
from supertokens_lite.testing.settings import TENANT
from supertokens_lite.testing.signer import Signer
from supertokens_lite.types import RecipeUserId

__all__ = ("Refusals",)


class Refusals:
    """Requests that don't get what they ask for."""

    @pytest.mark.parametrize("path", ["/me", "/late"])
    def test_no_session(self, visit: Visit, path: str) -> None:
        """Without a session a view that needs one is not called; verified by it or by the door, the answer is one."""
        response = visit().ask(path)
        assert (response.status, response.content) == (401, b'{"message":"unauthorised"}')
        assert header(response, "content-type") == ["application/json; charset=utf-8"]
        assert header(response, "content-length") == ["26"]
        assert header(response, "set-cookie") == []

    def test_signing_out_without_a_session(self, visit: Visit) -> None:
        """Who has no session can't end one."""
        response = visit().ask(SIGN_OUT, "POST")
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})

    def test_a_session_that_was_ended_elsewhere(self, visit: Visit, stored_sessions: BlockingSessions) -> None:
        """A session that the core does not know any more is answered with 401, and its cookies are cleared."""
        ada = visit()
        stored_sessions.revoke_session(ada.log_in()["handle"])
        assert ada.ask("/me").status == 200
        response = ada.ask("/checked")
        assert (response.status, content(response)) == (401, {"message": "unauthorised"})
        assert cleared(response) == COOKIES
        assert header(response, "front-token") == ["remove"]
        assert all(EPOCH in value for value in header(response, "set-cookie"))

    def test_claims(self, visit: Visit) -> None:
        """A claim that fails is answered with 403 and its reason, and nothing is cleared."""
        ada = visit()
        ada.log_in()
        response = ada.ask("/admin")
        said = content(response)
        assert (response.status, said["message"]) == (403, "invalid claim")
        [error] = said["claimValidationErrors"]
        assert error == {
            "id": "role",
            "reason": {"message": "wrong value", "expectedValue": "admin", "actualValue": "guest"},
        }
        assert cleared(response) == set()
        assert ada.ask("/me").status == 200

    def test_a_status_for_claims(self, visit: Visit) -> None:
        """The status of a claim that fails is the application's choice."""
        ada = visit(profile="own answers")
        ada.log_in()
        assert ada.ask("/admin").status == 422

    def test_an_answer_of_the_application(self, visit: Visit) -> None:
        """An error handler may answer with no body; what it doesn't handle has the status that was chosen."""
        response = visit(profile="own answers").ask("/me")
        assert (response.status, response.content, header(response, "location")) == (302, b"", ["/welcome"])
        assert header(response, "content-type") == []
        ada = visit(profile="own answers")
        ada.log_in()
        cookie = ada.request().get_header("cookie")
        assert ada.ask("/late", cookie=f"{cookie}; {cookie}").status == 440

    def test_another_tenant(self, visit: Visit, stored_sessions: BlockingSessions) -> None:
        """A session of another tenant is one for every route, and its tokens go on naming the tenant."""
        made = stored_sessions.create_new_session_without_request_response(TENANT, RecipeUserId("ada"))
        ada = visit("header")
        ada.headers = {
            "st-access-token": made.get_access_token(),
            "st-refresh-token": str(made.get_all_session_tokens_dangerously()["refreshToken"]),
        }
        assert content(ada.ask("/checked"))["handle"] == made.get_handle()
        assert ada.ask(REFRESH, "POST").status == 200
        assert content(ada.ask("/data")) == {"visits": 1}
        again = stored_sessions.get_session_without_request_response(ada.headers["st-access-token"])
        assert again.get_tenant_id() == TENANT

    @pytest.mark.parametrize("text", ["x", "a.b.c", "%00", "\u00fc", "e30.e30.e30"])
    def test_what_is_no_token(self, visit: Visit, text: str) -> None:
        """What is no access token is as none, or asks for a refresh; in either place, and nothing is cleared."""
        for sent in ({"cookie": f"sAccessToken={text}"}, {"authorization": f"Bearer {text}"}):
            response = visit().ask("/me", **sent)
            assert (response.status, cleared(response)) == (401, set())
            assert content(response)["message"] in ("unauthorised", "try refresh token")

    def test_a_token_that_has_expired(self, visit: Visit, token_signer: Signer) -> None:
        """An expired access token asks for a refresh, and nothing is cleared."""
        ada = visit("header", "core away")
        response = ada.ask("/me", authorization=f"Bearer {token_signer.mint(age_s=4000)}")
        assert (response.status, content(response)) == (401, {"message": "try refresh token"})
        assert cleared(response) == set()

    def test_a_core_that_is_not_needed(self, visit: Visit, token_signer: Signer) -> None:
        """An access token is verified where no core can be reached."""
        ada = visit("header", "core away")
        response = ada.ask("/me", authorization=f"Bearer {token_signer.mint('h', 'ada')}")
        assert (response.status, content(response)) == (200, {"handle": "h", "user": "ada"})

    @pytest.mark.parametrize(
        ("path", "method"), [("/data", "GET"), ("/checked", "GET"), (REFRESH, "POST"), (SIGN_OUT, "POST")]
    )
    @pytest.mark.parametrize("mode", ["cookie", "header"])
    def test_a_core_that_is_away(self, visit: Visit, token_signer: Signer, mode: str, path: str, method: str) -> None:
        """A core that can't be reached is answered with 503 and nothing is cleared, in views and at the endpoints."""
        token = token_signer.mint()
        by_cookie = {"cookie": f"sAccessToken={token}; sRefreshToken=r"}
        sent = by_cookie if mode == "cookie" else {"authorization": f"Bearer {token}"}
        response = visit(mode, "core away").ask(path, method, **sent)
        assert (response.status, response.content) == (503, b'{"message":"service unavailable"}')
        assert header(response, "retry-after") == ["1"]
        assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)
        assert cookies(response) == {}

    def test_bad_input(self, visit: Visit) -> None:
        """Bad input is answered with 400, and the session is as it was."""
        ada = visit()
        ada.log_in()
        response = ada.ask("/bad")
        assert (response.status, content(response)) == (400, {"message": "this: is bad"})
        assert ada.ask("/me").status == 200

    def test_a_fault_of_the_application(self, visit: Visit) -> None:
        """A fault of the application is left to the framework, which says 500; the next request is as any."""
        ada = visit()
        ada.log_in()
        assert ada.ask("/broken").status == 500
        assert ada.ask("/me").status == 200
