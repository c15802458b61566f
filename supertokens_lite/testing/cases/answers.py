"""What goes over the wire beside sessions: the application's own headers, streams, methods, paths, public keys."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from supertokens_lite.testing.application import FIXED_COOKIES, PARTS
from supertokens_lite.testing.client import API, SESSION_HEADERS, content, cookies, header
from supertokens_lite.testing.servers import Gate, ServerDoor, Visit

__all__ = ("Answers",)

KEYS = "/auth/jwt/jwks.json"
DISCOVERY = "/auth/.well-known/openid-configuration"


class Answers:
    """Answers of applications and of the other endpoints."""

    def test_the_answer_of_an_application_is_kept(self, visit: Visit) -> None:
        """What the application sets stays beside what the session wants, once each."""
        response = visit().ask("/login", "POST")
        assert [value.partition("=")[0] for value in header(response, "set-cookie")] == [
            "theme",
            "sAccessToken",
            "sRefreshToken",
        ]
        assert header(response, "access-control-expose-headers") == ["x-total,front-token"]
        assert header(response, "content-type") == ["application/json"]
        assert header(response, "x-kept") == ["app"]

    def test_the_bytes_of_cookies(self, visit: Visit) -> None:
        """Cookies go out as they were recorded, several of one name and all, whatever the machine's time zone."""
        ada = visit()
        ada.log_in()
        response = ada.ask("/fixed")
        assert header(response, "set-cookie")[1:] == FIXED_COOKIES
        assert header(response, "x-kept") == ["session"]
        assert header(response, "x-removed") == []

    def test_a_stream(self, visit: Visit) -> None:
        """A stream has all its parts, and on its head what the session wants."""
        ada = visit()
        ada.log_in()
        before = ada.token("sAccessToken")
        with Gate() as gate:
            opening = threading.Thread(target=gate.open, daemon=True)
            opening.start()
            response = ada.ask("/stream", x_gate=gate.port)
            opening.join()
        assert (response.status, response.content) == (200, b"".join(PARTS))
        assert ada.token("sAccessToken") not in (None, before)
        assert ada.ask("/me").status == 200

    def test_a_stream_comes_in_parts(self, visit: Visit) -> None:
        """Nothing of a stream waits for the rest of it."""
        ada = visit()
        ada.log_in()
        with Gate() as gate, cast("ServerDoor", ada.door).open(ada.request("GET", "/stream", x_gate=gate.port)) as come:
            assert "sAccessToken" in str(come.headers)
            assert come.read(len(PARTS[0])) == PARTS[0]
            gate.open()
            assert come.read() == PARTS[1]

    def test_a_stream_without_a_session(self, visit: Visit) -> None:
        """Who has no session gets no stream but the answer that everybody gets."""
        response = visit().ask("/stream", x_gate="1")
        assert (response.status, response.content) == (401, b'{"message":"unauthorised"}')

    @pytest.mark.parametrize("has_session", [False, True])
    def test_preflights(self, visit: Visit, has_session: bool) -> None:
        """OPTIONS passes where a session is optional, whoever asks: browsers send no cookies with it."""
        ada = visit()
        if has_session:
            ada.log_in()
        response = ada.ask(
            "/optional", "OPTIONS", origin="https://example.com", access_control_request_method="POST", rid=""
        )
        assert (response.status, content(response)) == (200, None)
        assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)

    def test_options_of_a_protected_view(self, visit: Visit) -> None:
        """OPTIONS needs a session where everything does."""
        assert visit().ask("/me", "OPTIONS").status == 401

    @pytest.mark.parametrize(
        "path", ["/nothing", "/auth", "/auth/other", "/auth/jwt", "/authors", "/me/session/refresh"]
    )
    def test_other_paths(self, visit: Visit, path: str) -> None:
        """What is no endpoint and no route of the application is nothing, with and without a session."""
        ada = visit()
        assert ada.ask(path).status == 404
        ada.log_in()
        response = ada.ask(path, "POST")
        assert response.status == 404
        assert {name.lower() for name, _ in response.headers}.isdisjoint(SESSION_HEADERS)

    def test_public_keys(self, visit: Visit) -> None:
        """The public keys are served to everybody, with how long they may be kept."""
        response = visit().ask(KEYS)
        assert response.status == 200
        assert content(response)["keys"]
        assert "must-revalidate" in header(response, "cache-control")[0]
        assert header(response, "access-control-allow-origin") == ["*"]

    def test_where_the_public_keys_are(self, visit: Visit) -> None:
        """OpenID discovery says where the public keys are."""
        response = visit().ask(DISCOVERY)
        assert content(response)["jwks_uri"] == API + KEYS
        assert content(response)["issuer"] == API + "/auth"

    @pytest.mark.parametrize("path", [KEYS, DISCOVERY])
    @pytest.mark.parametrize("method", ["HEAD", "POST"])
    def test_other_methods_of_the_keys(self, visit: Visit, path: str, method: str) -> None:
        """What only reads is only there for GET."""
        response = visit().ask(path, method)
        assert response.status == 404
        assert method == "POST" or response.content == b""

    def test_a_query(self, visit: Visit) -> None:
        """A query is no part of a path."""
        assert content(visit().ask(f"{KEYS}?a=1&a=%2F&b=/x"))["keys"]
        ada = visit()
        made = ada.log_in()
        assert content(ada.ask("/me?path=/auth/signout")) == made

    def test_headers_that_are_no_ascii(self, visit: Visit) -> None:
        """Text of another language in a header is read as Latin-1, by everybody."""
        ada = visit()
        made = ada.log_in("Zo\u00eb")
        assert made["user"] == "Zo\u00eb"
        sent = ada.request().get_header("cookie")
        assert content(ada.ask("/me", cookie=f"name=\u00fc; {sent}; other=%C3%BC; broken")) == made

    def test_cookies_of_others(self, visit: Visit) -> None:
        """Among many cookies the session's are found, and none of the others is touched."""
        ada = visit()
        made = ada.log_in()
        others = "; ".join(f"c{number}={'x' * 40}" for number in range(60))
        response = ada.ask("/me", cookie=f"{others}; {ada.request().get_header('cookie')}")
        assert content(response) == made
        assert set(cookies(response)) == {"theme"}

    def test_the_scheme_of_a_token(self, visit: Visit) -> None:
        """The scheme of a token counts in any case."""
        ada = visit("header")
        made = ada.log_in()
        for scheme in ("BEARER", "bearer"):
            assert content(ada.ask("/me", authorization=f"{scheme} {ada.token('st-access-token')}")) == made
