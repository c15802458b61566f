"""What becomes of an error on the way out: default answers byte by byte, handlers, logs and traces."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, PlainRequest
from supertokens_lite.exceptions import (
    BadInputError,
    ClosedError,
    ConfigurationError,
    CoreResponseError,
    CoreUnavailableError,
    CoreVersionError,
    GeneralError,
    PluginError,
)
from supertokens_lite.recipe.session import InputErrorHandlers
from supertokens_lite.recipe.session.exceptions import (
    ClaimValidationError,
    ClearDuplicateSessionCookiesError,
    InvalidClaimsError,
    TokenTheftError,
    TryRefreshTokenError,
    UnauthorisedError,
)
from supertokens_lite.types import Refusal
from tests.conftest import Drive
from tests.doors import API, AWAY, COOKIES, HEADERS, Client, build, cleared, cookies, jwks, log_in, mint, serve


def theft(subtype: str | None = "RECENT_PREV") -> TokenTheftError:
    """Make an error that a core of today would lead to."""
    return TokenTheftError("ada", RecipeUserId("ada-2"), "handle", subtype=subtype)


ANSWERS: list[tuple[Exception, int, bytes, bool]] = [
    (UnauthorisedError("m"), 401, b'{"message":"unauthorised"}', True),
    (UnauthorisedError("m", clear_tokens=False), 401, b'{"message":"unauthorised"}', False),
    (TryRefreshTokenError("m"), 401, b'{"message":"try refresh token"}', False),
    (theft(), 401, b'{"message":"token theft detected"}', True),
    (
        InvalidClaimsError("m", [ClaimValidationError("a", {"message": "é", "n": 1}), ClaimValidationError("b", None)]),
        403,
        b'{"message":"invalid claim","claimValidationErrors":'
        b'[{"id":"a","reason":{"message":"\xc3\xa9","n":1}},{"id":"b"}]}',
        False,
    ),
    (InvalidClaimsError("m", []), 403, b'{"message":"invalid claim","claimValidationErrors":[]}', False),
    (ClearDuplicateSessionCookiesError("said"), 200, b'{"message":"said"}', False),
    (CoreUnavailableError([("http://core", "refused")]), 503, b'{"message":"service unavailable"}', False),
    (
        CoreResponseError(status=500, path="/x", host="http://core", body="secret"),
        503,
        b'{"message":"service unavailable"}',
        False,
    ),
    (
        CoreVersionError(ours=["5.4"], theirs=["9"], host="http://core"),
        503,
        b'{"message":"service unavailable"}',
        False,
    ),
    (BadInputError("must be a dict", "data"), 400, b'{"message":"data: must be a dict"}', False),
    (PluginError("m"), 400, b'{"message":"m"}', False),
]


@pytest.mark.parametrize("mode", ["cookie", "header"])
@pytest.mark.parametrize(("error", "status", "body", "clears"), ANSWERS)
def test_default_answers(drive: Drive, mode: str, error: Exception, status: int, body: bytes, clears: bool) -> None:
    """Status, body and headers of each error; tokens are cleared where the session is over, the way they came."""

    async def test(app: Supertokens) -> None:
        headers = {"cookie": "sAccessToken=x"} if mode == "cookie" else {"authorization": "Bearer x"}
        response = BaseResponse()
        answer = await app.handle_supertokens_error(PlainRequest("POST", API, headers), error, response, {})
        assert answer is response
        assert (response.status, response.content) == (status, body)
        assert cleared(response) == ((COOKIES if mode == "cookie" else HEADERS) if clears else set())
        names = [name for name, _ in response.headers if name not in ("set-cookie", *HEADERS)]
        assert (
            names
            == [
                *(["Access-Control-Expose-Headers"] if clears and mode == "header" else []),
                *(["front-token", "Access-Control-Expose-Headers"] if clears else []),
                *(["Retry-After"] if status == 503 else []),
                "content-type",
                "content-length",
            ][1 if clears and mode == "header" else 0 :]
        )
        assert response.get_header("content-type") == "application/json; charset=utf-8"
        assert response.get_header("content-length") == str(len(body))

    with build(AWAY) as app:
        drive(test, app)


def test_the_bytes_of_clearing(drive: Drive) -> None:
    """Both ways at once if the request came with both, in one fixed form."""

    async def test(app: Supertokens) -> None:
        headers = {"cookie": "sAccessToken=x", "authorization": "Bearer x"}
        response = BaseResponse()
        request = PlainRequest("POST", API, headers)
        await app.handle_supertokens_error(request, UnauthorisedError("m"), response, {})
        gone = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        assert response.apply([("Vary", "Origin"), ("anti-csrf", "x")]) == [
            ("Vary", "Origin"),
            ("set-cookie", f"sAccessToken=; Path=/; {gone}"),
            ("set-cookie", f"sRefreshToken=; Path=/auth/session/refresh; {gone}"),
            ("st-access-token", ""),
            ("st-refresh-token", ""),
            ("front-token", "remove"),
            ("Access-Control-Expose-Headers", "front-token,st-access-token,st-refresh-token"),
            ("content-type", "application/json; charset=utf-8"),
            ("content-length", "26"),
        ]

    with build(AWAY) as app:
        drive(test, app)


OTHERS = [GeneralError("m"), ConfigurationError("m"), ClosedError(), ValueError("m"), KeyError("m")]


@pytest.mark.parametrize("error", OTHERS)
def test_errors_of_others(drive: Drive, error: Exception) -> None:
    """What says nothing about the request is raised on, and nothing is put on the response."""

    async def test(app: Supertokens) -> None:
        response = BaseResponse()
        with pytest.raises(type(error)) as caught:
            await app.handle_supertokens_error(PlainRequest("GET", API), error, response, {})
        assert caught.value is error
        assert (response.status, response.headers) == (None, [])

    with build(AWAY) as app:
        drive(test, app)


def test_other_statuses(drive: Drive) -> None:
    """Both can be set; the other answers keep theirs."""

    async def test(app: Supertokens) -> None:
        for error, usual, _, _ in ANSWERS:
            response = BaseResponse()
            await app.handle_supertokens_error(PlainRequest("GET", API), error, response, {})
            assert response.status == {401: 440, 403: 441}.get(usual, usual)

    with build(AWAY, session_expired_status_code=440, invalid_claim_status_code=441) as app:
        drive(test, app)


FAILED = [ClaimValidationError("a", None)]
HANDLERS = [
    ("on_unauthorised", UnauthorisedError("said"), ("said",), True),
    ("on_unauthorised", UnauthorisedError("said", clear_tokens=False), ("said",), False),
    ("on_try_refresh_token", TryRefreshTokenError("said"), ("said",), False),
    ("on_token_theft_detected", theft(), ("handle", "ada", RecipeUserId("ada-2")), True),
    (
        "on_invalid_claim",
        InvalidClaimsError("m", [ClaimValidationError("a", None)]),
        ([ClaimValidationError("a", None)],),
        False,
    ),
    ("on_clear_duplicate_session_cookies", ClearDuplicateSessionCookiesError("said"), ("said",), False),
]


@pytest.mark.parametrize("kind", ["def", "async def", "none"])
@pytest.mark.parametrize(("name", "error", "told", "clears"), HANDLERS)
def test_error_handlers(
    drive: Drive, name: str, error: Exception, told: tuple[Any, ...], clears: bool, kind: str
) -> None:
    """A handler gets request, facts and response, answers instead of the default, and clearing is done before."""
    seen: list[tuple[Any, ...]] = []

    def handler(*arguments: Any) -> BaseResponse:
        seen.append(arguments)
        response: BaseResponse = arguments[-1]
        assert bool(cleared(response)) == clears
        response.set_status_code(499)
        response.set_html_content("<p>no</p>")
        return response

    async def handler_later(*arguments: Any) -> BaseResponse:
        return handler(*arguments)

    def handler_of_none(*arguments: Any) -> None:
        handler(*arguments)

    chosen = {"def": handler, "async def": handler_later, "none": handler_of_none}[kind]

    async def test(app: Supertokens) -> None:
        request, response = PlainRequest("POST", API, {"cookie": "sAccessToken=x"}), BaseResponse()
        answer = await app.handle_supertokens_error(request, error, response, {})
        assert answer is response
        assert seen == [(request, *told, response)]
        assert (response.status, response.content) == (499, b"<p>no</p>")

    with build(AWAY, error_handlers=InputErrorHandlers(**{name: chosen})) as app:
        drive(test, app)


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(("name", "error", "told", "clears"), HANDLERS)
def test_a_handler_that_only_looks_on(
    drive: Drive, name: str, error: Exception, told: tuple[Any, ...], clears: bool, kind: str
) -> None:
    """One that sets no status and gives no response, as one that only logs, leaves the status that is the default."""
    seen: list[tuple[Any, ...]] = []

    def look_on(*arguments: Any) -> None:
        seen.append(arguments[1:-1])

    async def look_on_later(*arguments: Any) -> None:
        look_on(*arguments)

    chosen = look_on if kind == "def" else look_on_later

    async def test(app: Supertokens) -> None:
        request, response = PlainRequest("POST", API, {"cookie": "sAccessToken=x"}), BaseResponse()
        assert await app.handle_supertokens_error(request, error, response, {}) is response
        assert seen == [told]
        usual = {"on_invalid_claim": 441, "on_clear_duplicate_session_cookies": 200}
        assert response.status == usual.get(name, 440)
        assert bool(cleared(response)) == clears

    handlers = InputErrorHandlers(**{name: chosen})
    with build(AWAY, error_handlers=handlers, session_expired_status_code=440, invalid_claim_status_code=441) as app:
        drive(test, app)


def test_a_handler_may_answer_with_another_response(drive: Drive) -> None:
    """What it gives is what is sent."""
    other = BaseResponse()

    async def test(app: Supertokens) -> None:
        request = PlainRequest("POST", API)
        assert await app.handle_supertokens_error(request, TryRefreshTokenError("m"), BaseResponse(), {}) is other

    handlers = InputErrorHandlers(on_try_refresh_token=lambda request, message, response: other)
    with build(AWAY, error_handlers=handlers) as app:
        drive(test, app)


def test_what_an_error_wants_on_the_answer(drive: Drive) -> None:
    """Its mutators are applied in their order, after tokens were cleared, with the user context of the request."""

    def build_mutator(value: str) -> Any:
        def change(response: BaseResponse, user_context: dict[str, Any]) -> None:
            assert user_context["mine"] == 1
            assert cleared(response)
            response.set_header("x-changed", f"{response.get_header('x-changed') or ''}{value}")

        return change

    async def test(app: Supertokens) -> None:
        error = UnauthorisedError("m", response_mutators=[build_mutator("a"), build_mutator("b")])
        response = BaseResponse()
        await app.handle_supertokens_error(PlainRequest("GET", API), error, response, {"mine": 1})
        assert response.get_header("x-changed") == "ab"

    with build(AWAY) as app:
        drive(test, app)


@pytest.mark.parametrize("mode", ["cookie", "header"])
def test_new_tokens_survive_an_error_that_does_not_end_the_session(
    drive: Drive, core_uri: str, user: RecipeUserId, mode: str
) -> None:
    """Who refreshed and then failed has new tokens to go on with; if the session is over they are not handed out."""

    async def test(app: Supertokens) -> None:
        name = "sRefreshToken" if mode == "cookie" else "st-refresh-token"
        for error, status in (
            (CoreUnavailableError([("http://core", "gone")]), 503),
            (BadInputError("m"), 400),
            (InvalidClaimsError("m", []), 403),
            (UnauthorisedError("m"), 401),
        ):
            client = Client(mode)
            await log_in(app, client, user)
            before = client.token(name)

            async def handler(request: BaseRequest, error: Exception = error) -> None:
                await app.session.refresh_session(request)
                raise error

            refresh = client.request("POST", "/auth/session/refresh")
            request = PlainRequest(
                "POST",
                "/mine",
                {each: refresh.get_header(each) or "" for each in ("cookie", "authorization", "st-auth-mode")},
            )
            answer = client.take(await serve(app, request, handler))
            assert answer.status == status
            if status == 401:
                assert client.token(name) is None
                assert cleared(answer) == (COOKIES if mode == "cookie" else HEADERS)
                assert request.get_session() is None
            else:
                assert client.token(name) not in (None, before)

    with build(core_uri) as app:
        drive(test, app)


def test_theft_ends_the_session(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """The default answer ends it if the core has not; that the core is away then changes nothing of the answer."""

    async def test(app: Supertokens, away: Supertokens) -> None:
        for subtype, is_there in ((None, False), ("RECENT_PREV", True)):
            session = await app.session.create_new_session_without_request_response("public", user)
            error = TokenTheftError(user.get_as_string(), user, session.get_handle(), subtype=subtype)
            answer = await app.handle_supertokens_error(PlainRequest("POST", API), error, BaseResponse(), {})
            assert answer is not None
            assert answer.status == 401
            assert (await app.session.get_session_information(session.get_handle()) is not None) == is_there
        answer = await away.handle_supertokens_error(PlainRequest("POST", API), theft(None), BaseResponse(), {})
        assert answer is not None
        assert (answer.status, answer.content) == (401, b'{"message":"token theft detected"}')

    with (
        build(core_uri) as app,
        build(AWAY, core={"max_retries": 0}) as away,
    ):
        drive(test, app, away)


REASONS: list[tuple[Exception, str]] = [
    (UnauthorisedError("m"), "401: unauthorised"),
    (UnauthorisedError("m", reason=Refusal.SESSION_ENDED), "401: session_ended"),
    (TryRefreshTokenError("m"), "401: try_refresh_token"),
    (TryRefreshTokenError("m", reason=Refusal.EXPIRED), "401: expired"),
    (theft(), "401: token_theft"),
    (InvalidClaimsError("m", []), "403: invalid_claims"),
    (ClearDuplicateSessionCookiesError("m", reason=Refusal.DUPLICATE_COOKIES), "200: duplicate_cookies"),
    (CoreUnavailableError([("http://core", "gone")]), "503: core_unavailable"),
]


@pytest.mark.parametrize(("error", "said"), REASONS)
def test_the_log_says_why(drive: Drive, caplog: pytest.LogCaptureFixture, error: Exception, said: str) -> None:
    """One line for each answer: method, path in one line, status and reason; no token, no query."""

    async def test(app: Supertokens) -> None:
        caplog.clear()
        token = mint()
        headers = {"cookie": f"sAccessToken={token}", "authorization": f"Bearer {token}"}
        request = PlainRequest("POST", f"/a\nb?token={token}", headers)
        with caplog.at_level(logging.INFO, "supertokens_lite"):
            await app.handle_supertokens_error(request, error, BaseResponse(), {})
        assert [record.getMessage() for record in caplog.records] == [f"POST '/a\\nb' answered with {said}"]
        assert [(record.name, record.levelno) for record in caplog.records] == [
            ("supertokens_lite.session", logging.INFO)
        ]

    with build(AWAY) as app:
        drive(test, app)


def test_reasons_on_the_wire(drive: Drive, core_uri: str, caplog: pytest.LogCaptureFixture) -> None:
    """The reason of a refused token arrives in the log."""

    issuer = "https://api.example.com/auth"

    async def test(app: Supertokens) -> None:
        for token, reason in (
            (mint(age_s=9999, iss=issuer), "expired"),
            (mint(iss=issuer)[:-4] + "AAAA", "bad_signature"),
            (mint(iss=issuer, stt=1), "wrong_token_type"),
            (mint(iss="https://evil.example"), "wrong_issuer"),
            ("abc", "malformed"),
            ("", "no_token"),
            (mint(kid="s-1", iss=issuer), "wrong_key_kind"),
            (mint(kid="d-2"), "unknown_key"),
        ):
            caplog.clear()
            request = PlainRequest("GET", "/x", {"authorization": f"Bearer {token}"})

            async def handler(request: BaseRequest) -> None:
                await app.session.get_session(request)

            with caplog.at_level(logging.INFO, "supertokens_lite.session"):
                answer = await serve(app, request, handler)
            assert answer.status == 401
            lines = [record.getMessage() for record in caplog.records if record.name == "supertokens_lite.session"]
            assert lines == [f"GET '/x' answered with 401: {reason}"]
            assert not token or token not in caplog.text

    with build(core_uri, static_jwks=jwks(), expected_issuers=[issuer]) as app:
        drive(test, app)


class Recording(trace.NonRecordingSpan):
    """A span that is being recorded, or was."""

    def __init__(self, is_recording: bool) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.said: dict[str, Any] = {}
        self._is_recording = is_recording

    def is_recording(self) -> bool:
        return self._is_recording

    def set_attribute(self, key: str, value: Any) -> None:
        self.said[key] = value


@contextmanager
def recording(span: Recording) -> Iterator[None]:
    """Make a span the current one."""
    token = otel_context.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        otel_context.detach(token)


@pytest.mark.parametrize(("error", "said"), REASONS)
def test_the_trace_says_why(drive: Drive, error: Exception, said: str) -> None:
    """The span that is being recorded gets the reason; one that is over gets nothing."""

    async def test(app: Supertokens) -> None:
        for is_recording in (True, False):
            span = Recording(is_recording)
            with recording(span):
                await app.handle_supertokens_error(PlainRequest("GET", API), error, BaseResponse(), {})
            assert span.said == ({"supertokens.refusal": said.rpartition(" ")[2]} if is_recording else {})

    with build(AWAY) as app:
        drive(test, app)


def test_a_handler_that_fails(drive: Drive) -> None:
    """Its error is the application's to answer."""

    def handler(*_: Any) -> Any:
        raise LookupError("in the handler")

    async def test(app: Supertokens) -> None:
        with pytest.raises(LookupError, match="in the handler"):
            await app.handle_supertokens_error(PlainRequest("GET", API), TryRefreshTokenError("m"), BaseResponse(), {})

    with build(AWAY, error_handlers=InputErrorHandlers(on_try_refresh_token=handler)) as app:
        drive(test, app)


def test_clearing_follows_the_settings(drive: Drive) -> None:
    """Cookies are cleared for the domain that is set, and where nothing came, by the way that tokens may travel."""

    async def test(app: Supertokens) -> None:
        response = BaseResponse()
        await app.handle_supertokens_error(PlainRequest("GET", API), UnauthorisedError("m"), response, {})
        assert cleared(response) == {"sAccessToken@example.com", "sRefreshToken@example.com"}
        assert "Domain=example.com; Path=/v1/session/refresh" in cookies(response)["sRefreshToken@example.com"]
        response = BaseResponse()
        request = PlainRequest("GET", API, {"st-auth-mode": "header"})
        await app.handle_supertokens_error(request, UnauthorisedError("m"), response, {})
        assert cleared(response) == HEADERS
        response = BaseResponse()
        request = PlainRequest("GET", API, {"st-auth-mode": "header", "cookie": "sRefreshToken=x"})
        await app.handle_supertokens_error(request, UnauthorisedError("m"), response, {})
        assert cleared(response) == {"sAccessToken@example.com", "sRefreshToken@example.com"}

    with build(AWAY, cookie_domain="example.com", info={"api_base_path": "/v1"}) as app:
        drive(test, app)
