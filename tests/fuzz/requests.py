"""A harness on whole requests: whatever their headers say, they are answered, and no session of others is touched."""

from __future__ import annotations

import functools
from typing import Any, Final

from supertokens_lite import Supertokens
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from tests.apps import create
from tests.doors import API, build, serve, serve_session

__all__ = ("PLACES", "fuzz_requests")

PLACES: Final[tuple[tuple[str, str, dict[str, Any] | None, set[int]], ...]] = (
    ("GET", "/", {}, {200, 401}),
    ("GET", "/", {"session_required": False}, {200, 401}),
    ("POST", "/auth/session/refresh", None, {200, 401}),
    ("POST", "/auth/signout", None, {200, 401}),
    ("PATCH", "/", {"check_database": True}, {200, 401}),
    ("POST", "/", {"max_token_age_s": 60}, {200, 401}),
    ("GET", "/auth/jwt/jwks.json", None, {200}),
)
"""Method and path; how the session is asked for, None if an endpoint answers; and what may be answered."""


def fuzz_requests(data: bytes) -> None:
    """Answer a request whose headers are anything, one for each line: `name:value`."""
    method, path, options, expected = PLACES[(data[0] if data else 0) % len(PLACES)]
    lines = data[1:].decode("utf-8", "surrogateescape").split("\n")
    headers = [(line.partition(":")[0], line.partition(":")[2]) for line in lines]
    app, handle = _world()
    request = PlainRequest(method, API + path, headers)
    response = run(serve(app, request) if options is None else serve_session(app, request, **options))
    assert response.status in expected
    for _, value in response.apply([]):
        assert not set(value) & set("\r\n\0")
    _is_alive(app, handle, response)


@functools.cache
def _world() -> tuple[Supertokens, str]:
    """Give an application, and the handle of a session that nobody here knows the tokens of."""
    app = build("sqlite:///:memory:")
    return app, run(create(app)).get_handle()


def _is_alive(app: Supertokens, handle: str, response: BaseResponse) -> None:
    assert app.session.blocking.get_session_information(handle) is not None, response.status
