"""Hostile clients: what they send is refused, costs next to nothing, and touches nobody else's session."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import anyio
import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._core.keys import COOL_DOWN_S
from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework import BaseResponse, PlainRequest
from tests.conftest import Drive
from tests.doors import (
    API,
    AWAY,
    COOKIES,
    HEADERS,
    REFRESH,
    Calls,
    Client,
    build,
    cleared,
    content,
    jwks,
    log_in,
    mint,
    serve,
    serve_session,
)
from tests.forgeries import NEITHER, RETRY, encode_json, forge, parts_of, shown_by, shown_in_logs

SIGN_OUT = "/auth/signout"
KEYS = "/.well-known/jwks.json"
LARGE = 8192


class Stage(NamedTuple):
    """An application with two users who mean well, and a log of all that it does.

    Attributes:
        calls: what was sent to the core since they signed in.
        by_cookie: the client of one, by cookies.
        by_header: that of the other, by headers.
        handles: their sessions.
        began_s: when they had signed in, by a clock that only goes forward.
    """

    app: Supertokens
    calls: Calls
    by_cookie: Client
    by_header: Client
    handles: tuple[str, str]
    began_s: float

    @property
    def secrets(self) -> set[str]:
        """What nobody may be shown."""
        names = ("sAccessToken", "sRefreshToken", "st-access-token", "st-refresh-token", "anti-csrf")
        return parts_of(*(client.token(name) for client in (self.by_cookie, self.by_header) for name in names))

    def see_to_the_calls(self) -> None:
        """See that nothing was sent but for the keys, and that no more than once in each cool-down."""
        assert [call for call in self.calls.sent if not call[1].endswith(KEYS)] == []
        assert len(self.calls.sent) <= 1 + (time.monotonic() - self.began_s) // COOL_DOWN_S

    async def see_to_the_others(self) -> None:
        """See that the sessions of those who mean well are as they were: verified, refreshed, and in the database."""
        for client, handle in zip((self.by_cookie, self.by_header), self.handles, strict=True):
            assert content(await serve_session(self.app, client.request())) == handle
            assert await self.app.session.get_session_information(handle) is not None
            assert client.take(await serve(self.app, client.request("POST", REFRESH))).status == 200
            client.take(response := await serve_session(self.app, client.request(), check_database=True))
            assert content(response) == handle


@pytest.fixture
def calls() -> Calls:
    """Keep what is sent to the core."""
    return Calls()


@pytest.fixture
def app(core_uri: str, calls: Calls) -> Iterator[Supertokens]:
    """Give an application that notes what is sent to the core."""
    with build(core_uri, core={"network_interceptor": calls}) as app:
        yield app


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Have all logs write all they have."""
    caplog.set_level(logging.DEBUG)


async def set_up(app: Supertokens, calls: Calls, user: RecipeUserId) -> Stage:
    """Sign two users in, and have their tokens verified, so that the keys are at hand."""
    clients = Client("cookie"), Client("header")
    others = RecipeUserId(f"{user.get_as_string()}-2")
    handles = (await log_in(app, clients[0], user), await log_in(app, clients[1], others))
    for client in clients:
        assert (await serve_session(app, client.request())).status == 200
    calls.sent.clear()
    return Stage(app, calls, *clients, handles, time.monotonic())


def ask(place: str, token: str, method: str = "GET", path: str = "/", **headers: str) -> PlainRequest:
    """Make a request with a token, by cookie or by header."""
    carried = f"sAccessToken={quote(token, errors='replace')}" if place == "cookie" else f"Bearer {token}"
    name = "cookie" if place == "cookie" else "authorization"
    return PlainRequest(method, API + path, {name: carried, "rid": "session"} | headers)


def told(response: BaseResponse) -> tuple[int | None, Any]:
    """Give what the client of an answer is told: its status, and its message."""
    said = content(response)
    return response.status, said.get("message") if isinstance(said, dict) else said


@pytest.mark.parametrize("place", ["cookie", "header"])
def test_forged_access_tokens(
    drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A forgery of any kind gets 401 and nothing else, makes at most one call for the keys, and is shown nowhere."""

    async def scenario() -> None:
        keys = (await app.session.get_jwks()).keys
        stage = await set_up(app, calls, user)
        forgeries = forge(str(stage.by_header.token("st-access-token")), keys)
        for name, (token, message) in forgeries.items():
            response = await serve_session(app, ask(place, token))
            assert told(response) == (401, message), name
            assert cleared(response) == set(), name
            assert "front-token" not in dict(response.headers), name
            response = await serve_session(app, ask(place, token), session_required=False)
            assert told(response) == ((200, None) if message == NEITHER else (401, RETRY)), name
            response = await serve_session(app, ask(place, token, "POST"), check_database=True, max_token_age_s=0)
            assert told(response) == (401, message), name
            response = await serve(app, ask(place, token, "POST", SIGN_OUT))
            assert told(response) == (401, message), name
            assert cleared(response) == set(), name
        stage.see_to_the_calls()
        secrets = stage.secrets | parts_of(*(token for token, _ in forgeries.values()))
        assert shown_in_logs(caplog.records, secrets) == set()
        assert "set-cookie: x=y" not in caplog.text
        await stage.see_to_the_others()

    drive(scenario)


def test_errors_show_no_token(drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId) -> None:
    """Neither text, nor repr, nor traceback of what a forgery raises has anything of it; nor has a session's repr."""

    async def scenario() -> None:
        keys = (await app.session.get_jwks()).keys
        stage = await set_up(app, calls, user)
        honest = str(stage.by_header.token("st-access-token"))
        forgeries = forge(honest, keys)
        secrets = stage.secrets | parts_of(*(token for token, _ in forgeries.values()))
        for name, (token, _) in forgeries.items():
            request = PlainRequest("POST", API + REFRESH, {"authorization": f"Bearer {token}", "rid": "session"})
            for call in (
                app.session.get_session(ask("header", token)),
                app.session.get_session_without_request_response(token, anti_csrf_check=False),
                app.session.refresh_session_without_request_response(token),
                app.session.refresh_session(request),
            ):
                with pytest.raises(SuperTokensError) as caught:
                    await call
                assert shown_by(caught.value, secrets) == set(), name
        session = await app.session.get_session_without_request_response(honest, anti_csrf_check=False)
        assert not [secret for secret in secrets if secret in f"{session!r}{session}"]

    drive(scenario)


def test_ten_thousand_keys_that_nobody_has(
    drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens that name ten thousand keys make one call in a cool-down."""
    caplog.set_level(logging.WARNING)

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        _, payload, signature = str(stage.by_cookie.token("sAccessToken")).split(".")
        for number in range(10_000):
            header = encode_json({"alg": "RS256", "typ": "JWT", "version": "5", "kid": f"d-{number}"})
            response = await serve_session(app, ask("header", f"{header}.{payload}.{signature}"))
            assert told(response) == (401, RETRY)
        stage.see_to_the_calls()
        assert calls.sent
        await stage.see_to_the_others()

    drive(scenario)


def test_keys_that_nobody_has_at_once(drive_on_loop: Drive, app: Supertokens, calls: Calls, user: RecipeUserId) -> None:
    """Two hundred clients who name keys that nobody has make one call between them, and nobody else waits for it."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        _, payload, signature = str(stage.by_cookie.token("sAccessToken")).split(".")
        answers: list[tuple[int | None, Any]] = []

        async def attack(number: int) -> None:
            header = encode_json({"alg": "RS256", "typ": "JWT", "kid": f"d-{number}"})
            answers.append(told(await serve_session(app, ask("header", f"{header}.{payload}.{signature}"))))

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(attack, number)
        assert answers == [(401, RETRY)] * 200
        stage.see_to_the_calls()
        await stage.see_to_the_others()

    drive_on_loop(scenario)


def test_keys_that_nobody_has_while_the_core_is_away(drive: Drive, calls: Calls) -> None:
    """Whether a key is the core's can't be told then, so it's 503, one attempt for all; good tokens stay good."""

    async def scenario() -> None:
        core = {"network_interceptor": calls, "max_retries": 0}
        async with build(AWAY, core=core, static_jwks=jwks()) as app:
            began_s = time.monotonic()
            for number in range(300):
                response = await serve_session(app, ask("header", mint(kid=f"d-{number + 2}")))
                assert told(response) == (503, "service unavailable")
                assert cleared(response) == set()
            assert len(calls.sent) <= 1 + (time.monotonic() - began_s) // COOL_DOWN_S
            assert content(await serve_session(app, ask("header", mint("mine")))) == "mine"
            assert told(await serve_session(app, ask("header", "x" * LARGE))) == (401, NEITHER)

    drive(scenario)


def test_forgeries_of_version_2(drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId) -> None:
    """They make no call, and are refused."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        header = quote(encode_json({"alg": "RS256", "typ": "JWT", "version": "2"}))
        assert told(await serve_session(app, ask("header", f"{header}.e30.c2ln"))) == (401, NEITHER)
        assert calls.sent == []
        claims = {
            "sessionHandle": stage.handles[0],
            "userId": user.get_as_string(),
            "refreshTokenHash1": "0" * 64,
            "userData": {},
            "expiryTime": int(time.time() + 3600) * 1000,
            "timeCreated": int(time.time()) * 1000,
        }
        token = f"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=.{_padded(claims)}.{_padded('signature')}"
        for check_database in (False, True):
            response = await serve_session(app, ask("header", token), check_database=check_database)
            assert told(response) == (401, RETRY)
            assert cleared(response) == set()
        assert calls.sent == []
        await stage.see_to_the_others()

    drive(scenario)


def _padded(value: object) -> str:
    text = encode_json(value).replace("-", "+").replace("_", "/")
    return text + "=" * (-len(text) % 4)


A, R, OTHER = "{access}", "{refresh}", "{other}"

COOKIE_HEADERS: list[tuple[str, str | None]] = [
    (f"sAccessToken={A}; sAccessToken={A}", RETRY),
    (f"sAccessToken={A}; sAccessToken={OTHER}", RETRY),
    (f"sAccessToken={A}; sAccessToken=", RETRY),
    (f"sAccessToken=x; sAccessToken={A}", RETRY),
    (f"sAccessToken={A}; a=b; sAccessToken=x", RETRY),
    ("; ".join([f"sAccessToken={A}"] * 100), RETRY),
    (f"sIdRefreshToken=1; sAccessToken={A}", RETRY),
    ("sIdRefreshToken=", RETRY),
    ("sAccessToken=x; sAccessToken=y", NEITHER),
    ("sAccessToken=" + "x" * LARGE, NEITHER),
    ("sAccessToken=" + "%00" * 2000, NEITHER),
    ("sAccessToken=" + "%" * LARGE, NEITHER),
    ("sAccessToken=" + "%ff%c3%zz" * 1000, NEITHER),
    (f"sAccessToken={A}%ff", NEITHER),
    ("sAccessToken=" + "=" * LARGE, NEITHER),
    ("sAccessToken=\0", NEITHER),
    ("sAccessToken=\u00e9\u4e2d\udc80", NEITHER),
    (f"sAccessToken={A}\0", NEITHER),
    (f"sAccessToken={A}%00", NEITHER),
    (f"sAccessToken=\0{A}", NEITHER),
    (f"saccesstoken={A}", NEITHER),
    (f"SACCESSTOKEN={A}", NEITHER),
    (f"sAccessToken\0={A}", NEITHER),
    (f"={A}", NEITHER),
    (f"{A}", NEITHER),
    (f"sAccessToken={R}", NEITHER),
    (f"sRefreshToken={R}", NEITHER),
    (f"sAccessToken, {A}", NEITHER),
    (";=;;==;" * 1000, NEITHER),
    ('"' * LARGE, NEITHER),
    ("\0" * LARGE, NEITHER),
    ("", NEITHER),
    (f'sAccessToken="{A}"', None),
    (f"a=b;;;sAccessToken={A};c", None),
    ("a=b; " * 20_000 + f"sAccessToken={A}", None),
    (f"sAccessToken={A}; sRefreshToken=x; sRefreshToken=y", None),
    (f"sAccessToken={A}; saccesstoken=x; __Host-sAccessToken=y", None),
]
"""Cookie headers, and what a client that sends them is told; None: it has its session."""


def test_cookies_that_are_doubled_huge_or_nonsense(
    drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId, caplog: pytest.LogCaptureFixture
) -> None:
    """Which of two tokens counts is never guessed; nonsense is none; nothing of it is a call to the core."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        names = {
            A: str(stage.by_cookie.token("sAccessToken")),
            R: quote(str(stage.by_cookie.token("sRefreshToken"))),
            OTHER: str(stage.by_header.token("st-access-token")),
        }
        for header, message in COOKIE_HEADERS:
            sent = header
            for name, token in names.items():
                sent = sent.replace(name, token)
            response = await serve_session(app, PlainRequest("GET", API, {"cookie": sent}))
            expected = (401, message) if message is not None else (200, stage.handles[0])
            assert told(response) == expected, header[:80]
            assert cleared(response) == set(), header[:80]
            pairs = [("Cookie", piece) for piece in sent.split("; ")[:50]] + [
                ("cookie", "; ".join(sent.split("; ")[50:]))
            ]
            assert told(await serve_session(app, PlainRequest("GET", API, pairs))) == expected, header[:80]
        assert calls.sent == []
        assert shown_in_logs(caplog.records, stage.secrets) == set()
        await stage.see_to_the_others()

    drive(scenario)


def test_tokens_in_two_places(drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId) -> None:
    """A token in the header comes before one in a cookie if it is a session's at all, and two in one are none."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        mine, other = str(stage.by_cookie.token("sAccessToken")), str(stage.by_header.token("st-access-token"))
        bad = mine[:-8] + "AAAAAAAA"
        none = f"{encode_json({'alg': 'none'})}.{mine.split('.')[1]}."
        first, second = stage.handles
        for bearer, cookie, expected in [
            (f"Bearer {other}", mine, (200, second)),
            (f"bEaReR \t {other}\t", mine, (200, second)),
            (f"Bearer {bad}", mine, (401, RETRY)),
            (f"Bearer {other}", bad, (200, second)),
            (f"Bearer {none}", mine, (200, first)),
            ("Bearer " + "x" * LARGE, mine, (200, first)),
            ("Bearer \0", mine, (200, first)),
            ("Bearer", mine, (200, first)),
            ("Basic eDp5", mine, (200, first)),
            (f"Bearer {other}, Bearer {other}", mine, (200, first)),
            (f"Bearer {other} {other}", bad, (401, RETRY)),
            (f"Bearer\0{other}", "x", (401, NEITHER)),
            (f"Bearer{other}", "x", (401, NEITHER)),
            (f"Token {other}", "x", (401, NEITHER)),
            (other, "x", (401, NEITHER)),
        ]:
            request = PlainRequest("GET", API, {"Authorization": bearer, "Cookie": f"sAccessToken={cookie}"})
            assert told(await serve_session(app, request)) == expected, bearer[:30]
        pairs = [("authorization", f"Bearer {other}"), ("Authorization", f"Bearer {other}")]
        assert told(await serve_session(app, PlainRequest("GET", API, pairs))) == (401, NEITHER)
        assert calls.sent == []
        await stage.see_to_the_others()

    drive(scenario)


REFRESH_TOKENS: dict[str, str] = {
    "8 KB of one letter": "x" * LARGE,
    "8 KB of bytes": "".join(map(chr, range(33, 127))) * 87,
    "NUL": "\0",
    "NUL at the end": f"{R}\0",
    "not ASCII": "\u00e9\u4e2d\U0001f600" * 100,
    "half a character": "\udc80\ud800",
    "three parts": "a.b.c",
    "its last part": ".V2",
    "dots": "." * LARGE,
    "an access token": A,
    "another case": f"{R}".swapcase(),
    "one that was changed": f"A{R}",
    "one that was cut": f"{R}"[:-1],
    "JSON": '{"a":1}',
}


@pytest.mark.parametrize("place", ["cookie", "header"])
def test_forged_refresh_tokens(
    drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is one call to the core, which knows none of them: its client is to forget it, and no session ends."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        refresh = str(stage.by_cookie.token("sRefreshToken"))
        forged = set()
        for name, given in REFRESH_TOKENS.items():
            token = _forge_refresh(name, given, refresh, str(stage.by_cookie.token("sAccessToken")))
            forged.add(token)
            calls.sent.clear()
            headers = {"authorization": f"Bearer {token}"}
            if place == "cookie":
                headers = {"cookie": f"sRefreshToken={quote(token, safe='', errors='replace')}"}
            response = await serve(app, PlainRequest("POST", API + REFRESH, headers | {"rid": "session"}))
            assert told(response) == (401, NEITHER), name
            assert cleared(response) == (COOKIES if place == "cookie" else HEADERS), name
            assert len(calls.sent) <= 1, name
        assert shown_in_logs(caplog.records, stage.secrets | parts_of(*forged)) == set()
        await stage.see_to_the_others()

    drive(scenario)


def _forge_refresh(name: str, given: str, refresh: str, access: str) -> str:
    if name == "another case":
        return refresh.swapcase()
    if name == "one that was cut":
        return refresh[:-1]
    return given.replace(R, refresh).replace(A, access)


def test_refresh_cookies_that_are_doubled(
    drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId, caplog: pytest.LogCaptureFixture
) -> None:
    """Which refresh token counts is never guessed: no call, the client forgets both, and the session lives."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        token = quote(str(stage.by_cookie.token("sRefreshToken")), safe="")
        for sent in (
            f"sRefreshToken={token}; sRefreshToken={token}",
            f"sRefreshToken={token}; sRefreshToken=",
            f"sRefreshToken=; sRefreshToken={token}",
            f"sRefreshToken=x=y; sRefreshToken={token}=",
            f"sRefreshToken={token}; sAccessToken=x; sAccessToken=y",
            "; ".join(f"sRefreshToken={number}" for number in range(1000)),
        ):
            response = await serve(app, PlainRequest("POST", API + REFRESH, {"cookie": sent, "rid": "session"}))
            assert told(response) == (401, NEITHER), sent[:80]
            assert cleared(response) == COOKIES, sent[:80]
        assert "older_cookie_domain" in caplog.text
        assert calls.sent == []
        assert shown_in_logs(caplog.records, stage.secrets) == set()
        await stage.see_to_the_others()

    drive(scenario)


HEADER_VALUES = (
    "",
    " ",
    "x" * LARGE,
    "\0",
    "\r\nset-cookie: a=b",
    "\u00e9\u4e2d",
    "\udc80",
    "HEADER",
    "cookie, header",
)


def test_other_headers(drive: Drive, app: Supertokens, calls: Calls, user: RecipeUserId) -> None:
    """Whatever the headers beside the tokens say, a session is found, and a new one is made and travels."""

    async def scenario() -> None:
        stage = await set_up(app, calls, user)
        for value in HEADER_VALUES:
            for name in ("rid", "anti-csrf", "st-auth-mode", "fdi-version", "front-token", "st-access-token", "origin"):
                request = stage.by_header.request("POST", "/", **{name: value})
                assert content(await serve_session(app, request)) == stage.handles[1], (name, value[:20])
                client = Client(None)
                request = client.request("POST", "/login", **{name: value})
                await app.session.create_new_session(request, "public", user)
                session = request.get_session()
                assert session is not None
                for change in session.response_mutators:
                    change(response := BaseResponse(), {})
                client.take(response)
                assert client.token("st-access-token") == session.get_access_token()
                assert client.cookies == {}
        await stage.see_to_the_others()

    drive(scenario)
