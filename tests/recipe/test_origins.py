"""Several websites with one API: what protects the users of one from the pages of others."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.framework import BaseRequest
from tests.conftest import Drive
from tests.doors import Client, build, cookies, serve, serve_session

KNOWN = {"https://example.com", "https://partner.example.org"}
PARTNER = "https://partner.example.org"


def origin(request: BaseRequest | None, user_context: dict[str, Any]) -> str:
    """Answer only with websites that are known."""
    named = request and request.get_header("origin")
    return named if named in KNOWN else "https://example.com"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"origin": "https://evil.com"}, 401),
        ({"origin": "null"}, 401),
        ({"origin": "chrome-extension://abc"}, 401),
        ({"origin": "https://exam\nple.com"}, 401),
        ({"origin": "https://" + "a" * 60_000}, 401),
        ({"origin": PARTNER}, 401),
        ({}, 401),
        ({"origin": PARTNER, "rid": "anti-csrf"}, 200),
        ({"rid": "anti-csrf"}, 200),
        ({"origin": "https://example.com"}, 200),
        ({"origin": "https://shop.example.com"}, 200),
    ],
)
def test_other_pages_can_not_act_for_a_partners_user(
    drive: Drive, core_uri: str, user: RecipeUserId, sent: dict[str, str], status: int
) -> None:
    """Cookies made for a website elsewhere are protected whatever a request says of where it comes from."""

    async def test(app: Supertokens) -> None:
        client = Client()
        request = client.request("POST", "/login", origin=PARTNER)
        await app.session.create_new_session(request, "public", user)
        answer = client.take(await serve(app, request))
        assert "SameSite=None" in cookies(answer)["sAccessToken"]
        answer = await serve_session(app, client.request("POST", **{"rid": "", "origin": "", **sent}))
        assert answer.status == status

    with build(core_uri, info={"origin": origin}) as app:
        drive(test, app)
