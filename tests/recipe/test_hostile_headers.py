"""Any headers at all: nothing but our own errors comes out, each has an answer, and nobody else notices."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._io.blocking import run
from supertokens_lite.exceptions import SuperTokensError
from supertokens_lite.framework import BaseResponse, PlainRequest
from tests.doors import API, Calls, Client, build, log_in, serve_session
from tests.forgeries import encode, forge, parts_of, shown_by, shown_in_logs

NAMES: Final = (
    *("authorization", "Authorization", "cookie", "Cookie", "COOKIE", "rid", "anti-csrf", "st-auth-mode"),
    *("fdi-version", "origin", "host", "st-access-token", "st-refresh-token", "front-token", "content-type"),
)
PATHS: Final = (
    *("/", "/auth/session/refresh", "/auth/t1/session/refresh", "/auth/signout", "/auth/t1/signout"),
    *("/auth/jwt/jwks.json", "/auth/.well-known/openid-configuration", "/auth", "/auth/", "//", ""),
    *("/auth/session/refresh/", "/auth/session/refresh?rid=x#y", "/auth/\0/signout", "/auth/%2e%2e/signout"),
)
COOKIES: Final = ("sAccessToken", "sRefreshToken", "sIdRefreshToken", "saccesstoken", "a")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "GET\r\n2026 INFO forged", "\0", "")
ANSWERS: Final = {200, 400, 401}

TEXT = st.text(max_size=40) | st.text(st.sampled_from('\0\r\n\t "%;=,./+-_AQ\u00e9\u0660\udc80\U0001f600'), max_size=40)


class Stage:
    """An application, a user who means well, and the tokens of one who does not."""

    def __init__(self, app: Supertokens, calls: Calls) -> None:
        self.app = app
        self.calls = calls
        self.client = Client("cookie")
        self.handle = run(log_in(app, self.client, RecipeUserId("ada")))
        mallory = Client("header")
        run(log_in(app, mallory, RecipeUserId("mallory")))
        self.access = str(mallory.token("st-access-token"))
        self.refresh = str(mallory.token("st-refresh-token"))
        self.forged = [text for text, _ in forge(self.access, run(app.session.get_jwks()).keys).values()]
        self.secrets = parts_of(self.access, self.refresh, *self.forged)
        self.secrets |= parts_of(*(self.client.token(name) for name in ("sAccessToken", "sRefreshToken")))

    def see_to_the_other(self) -> None:
        """See that the session of the user who means well is as it was."""
        assert self.app.session.blocking.get_session_information(self.handle) is not None
        found = run(serve_session(self.app, self.client.request()))
        assert found.content == f'"{self.handle}"'.encode()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Give one application for all examples."""
    calls = Calls()
    with build("sqlite:///:memory:", core={"network_interceptor": calls}) as app:
        yield Stage(app, calls)


def tokens(stage: Stage) -> st.SearchStrategy[str]:
    """Make what may stand where a token belongs: a good one, a forged one, one that was changed, and any text."""
    known = st.sampled_from([stage.access, stage.refresh, *stage.forged])
    parts = st.binary(max_size=30).map(encode) | st.sampled_from([*stage.access.split("."), "", "x"])
    return st.one_of(
        known,
        TEXT,
        st.builds(change, known, st.integers(0, 2000), st.integers(0, 20), TEXT),
        st.lists(parts, min_size=3, max_size=3).map(".".join),
    )


def change(text: str, at: int, taken: int, put: str) -> str:
    """Take something out of a text, and put something else in."""
    at %= len(text) + 1
    return text[:at] + put + text[at + taken :]


def headers(stage: Stage) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Make headers: those that are read, with what might be in them, and any others."""
    token = tokens(stage)
    scheme = st.sampled_from(("Bearer ", "bearer ", "BEARER\t", "Bearer", "", "Basic "))
    bearer = st.builds(lambda first, second: first + second, scheme, token)
    pair = st.builds(lambda name, value: f"{name}={value}", st.sampled_from(COOKIES) | TEXT, token)
    cookie = st.lists(pair, max_size=4).map("; ".join)
    known = st.one_of(
        st.tuples(st.sampled_from(("authorization", "Authorization")), bearer),
        st.tuples(st.sampled_from(("cookie", "Cookie")), cookie),
        st.tuples(st.just("st-auth-mode"), st.sampled_from(("cookie", "header", "COOKIE", "any", "\0"))),
    )
    return st.lists(known | st.tuples(st.sampled_from(NAMES) | TEXT, token), max_size=6)


@contextmanager
def all_logs() -> Iterator[list[logging.LogRecord]]:
    """Keep what every logger writes."""
    kept: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    handler, root = Keeping(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


async def ask(stage: Stage, request: PlainRequest, options: dict[str, Any]) -> BaseResponse | None:
    """Send a request to the endpoints, and if it is to none of them, ask for its session; answer what goes wrong."""
    response = BaseResponse()
    try:
        answer = await stage.app.middleware(request, response, {})
        if answer is None:
            await stage.app.session.get_session(request, **options)
    except SuperTokensError as error:
        assert shown_by(error, stage.secrets) == set()  # noqa: PT017  # there may be none
        answer = await stage.app.handle_supertokens_error(request, error, BaseResponse(), {})
    return answer


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "session_required": st.booleans(),
        "anti_csrf_check": st.booleans(),
        "check_database": st.booleans(),
        "max_token_age_s": st.floats(allow_nan=False) | st.integers(0, 100),
    },
)


def test_any_headers(stage: Stage) -> None:
    """Any request has a session, none, or one of our errors, with an answer that can be sent and shows no token."""

    @settings(deadline=None, max_examples=300)
    @given(st.sampled_from(METHODS), st.sampled_from(PATHS) | TEXT, headers(stage), OPTIONS)
    @example("POST", "/auth/session/refresh", [("authorization", f"Bearer {stage.refresh}\0")], {})
    @example("POST", "/auth/signout", [("cookie", "sAccessToken=\udc80"), ("cookie", "sAccessToken=")], {})
    def check(method: str, path: str, pairs: list[tuple[str, str]], options: dict[str, Any]) -> None:
        stage.calls.sent.clear()
        with all_logs() as records:
            answer = run(ask(stage, PlainRequest(method, API + path, pairs), options))
        assert shown_in_logs(records, stage.secrets) == set()
        assert all(record.getMessage().isprintable() for record in records)
        assert answer is None or answer.status in ANSWERS
        for name, value in answer.apply([]) if answer is not None else ():
            assert not set(name + value) & set("\0\r\n")
        about = stage.calls.about_sessions()
        assert len(about) <= 2
        assert len(stage.calls.sent) - len(about) <= 1
        stage.see_to_the_other()

    check()


def test_any_headers_of_who_signs_in(stage: Stage) -> None:
    """A new session is made whatever the headers say, and only its own tokens go on the answer."""

    @settings(deadline=None, max_examples=100)
    @given(headers(stage))
    def check(pairs: list[tuple[str, str]]) -> None:
        request, response = PlainRequest("POST", f"{API}/login", pairs), BaseResponse()
        session = run(stage.app.session.create_new_session(request, "public", RecipeUserId("eve")))
        assert request.get_session() is session
        for mutator in session.response_mutators:
            mutator(response, {})
        shown = "".join(name + value for name, value in response.apply([]))
        others = stage.secrets - parts_of(session.get_access_token())  # all have the same header
        assert not [secret for secret in others if secret in shown]
        assert session.get_access_token() in shown
        assert not set(shown) & set("\0\r\n")
        stage.see_to_the_other()

    check()
