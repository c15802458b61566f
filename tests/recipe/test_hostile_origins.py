"""Origins that no browser sends, where `origin` passes on what a client says: they count as another site's."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens
from supertokens_lite.config import AppInfo
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.framework import BaseRequest, BaseResponse
from tests.conftest import Drive
from tests.doors import COOKIES, REFRESH, Client, attributes, build, cleared, content, cookies, serve, serve_session

ELSEWHERE = "https://elsewhere.org"
ORIGINS = {
    "of an extension": "chrome-extension://abc",
    "half an address": "http://[",
    "a blank": "a b",
    "a line end": "https://else\nwhere.org",
    "NUL": "https://example.com\0",
    "no host": "https://",
    "opaque": "null",
    "a long label": "https://xn--" + "a" * 60_000 + ".com",
    "many labels": "https://" + "a." * 30_000 + "example.com",
    "not ASCII": "https://" + "\u00fc" * 30_000 + ".example.com",
}


def origin(request: BaseRequest | None, user_context: dict[str, Any]) -> str:
    """Believe what a client says."""
    return (request and request.get_header("origin")) or "https://example.com"


def told(response: BaseResponse | None) -> Any:
    """Give all that a client is told: status, body, and what becomes of its cookies."""
    assert response is not None
    set_cookies = [value for name, value in response.apply([]) if name.lower() == "set-cookie"]
    return response.status, content(response), cleared(response), [attributes(value) for value in set_cookies]


@pytest.mark.parametrize("sent", ORIGINS.values(), ids=ORIGINS)
def test_any_origin_is_answered(drive: Drive, core_uri: str, user: RecipeUserId, sent: str) -> None:
    """Each gets the answers that any other website gets, and cookies that are protected."""

    async def test(app: Supertokens) -> None:
        client = Client()
        request = client.request("POST", "/login", origin=sent)
        await app.session.create_new_session(request, "public", user)
        answer = client.take(await serve(app, request))
        assert "SameSite=None" in cookies(answer)["sAccessToken"]
        doubled = "sAccessToken=x; sAccessToken=y; sRefreshToken=x; sRefreshToken=y"
        answers = [
            (
                told(await serve_session(app, client.request("POST", rid="", origin=named))),
                told(await serve_session(app, Client().request("POST", origin=named))),
                told(await serve(app, client.request("POST", REFRESH, rid="", origin=named))),
                told(await serve(app, client.request("POST", REFRESH, cookie="sAccessToken=x", origin=named))),
                told(await serve(app, client.request("POST", REFRESH, cookie=doubled, origin=named))),
            )
            for named in (ELSEWHERE, sent)
        ]
        assert answers[0] == answers[1]
        assert [answer[0] for answer in answers[1]] == [401] * 5
        assert answers[1][4][2] == COOKIES
        assert (await serve_session(app, client.request("POST", origin=sent))).status == 200
        assert client.take(await serve(app, client.request("POST", REFRESH, origin=sent))).status == 200

    with build(core_uri, info={"origin": origin}) as app:
        drive(test, app)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://Two.example.com/login", "https://two.example.com"),
        ("null", "https://null"),
        ("https://a.example.com/" + "x" * 2026, "https://a.example.com"),
        ("https://a.example.com/" + "x" * 2027, None),
        *((text, None) for text in ("chrome-extension://abc", "http://[", "a b", "", "https://", "a\nb", "x" * 60_000)),
    ],
)
def test_what_a_function_says_of_the_origin(given: str, found: str | None) -> None:
    """It may pass on what a client sent: what is no domain is found to be none, and raises where a domain is needed."""
    info = AppInfo(
        InputAppInfo("Shop", "https://api.example.com", origin=lambda _request, _context: given), "flask", None
    )
    domain = info.find_origin(None, {})
    assert (domain and domain.get_as_string_dangerous()) == found
    if found is None and len(given) < 100:
        with pytest.raises(ConfigurationError, match="must be a domain like"):
            info.get_origin(None, {})
