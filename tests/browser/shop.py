"""What the applications that a browser visits have in common: where they are, their page, and their SDK.

Each is started as `python -m tests.browser.shop_FRAMEWORK BUNDLE [options]` and prints where it is. With a
certificate the website is at another site than the API: `https://website.test` and `https://api.test`, two names that
the browser is told to look for on loopback. One server answers to both, and to `https://stranger.test`.
"""

from __future__ import annotations

import json
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Literal, NamedTuple

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, get_all_cors_headers, init
from supertokens_lite.recipe import session

__all__ = ("CORS_HEADERS", "SESSION_DATA", "TOKEN_PAYLOAD", "USER", "Shop", "open_shop")

VALIDITY_S = 2
"""For how long an access token is good; the clock of a browser is the machine's, so expiry is waited for."""
USER = RecipeUserId("ada")
TOKEN_PAYLOAD = {"role": "guest"}
SESSION_DATA = {"count": 0}
CORS_HEADERS = ("content-type", *get_all_cors_headers())


class Shop(NamedTuple):
    """What an application has to know.

    Attributes:
        listening: the socket to serve on.
        website: the origin of the page.
        page: the page, which holds the frontend SDK.
        certificate: the file with certificate and key, if it is served over https.
    """

    listening: socket.socket
    website: str
    page: str
    certificate: str | None


def open_shop(framework: Literal["fastapi", "flask", "django"]) -> Shop:
    """Read the command line, make the SDK of the process, and print where everything is."""
    parser = ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--cdi-version")
    parser.add_argument("--anti-csrf", choices=("VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"))
    parser.add_argument("--certificate")
    given = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    api = website = stranger = f"http://localhost:{port}"
    if given.certificate:
        api, website, stranger = (f"https://{name}.test:{port}" for name in ("api", "website", "stranger"))
    core = {"access_token_validity": VALIDITY_S}
    init(
        InputAppInfo("Shop", api, website_domain=website),
        framework,
        SupertokensConfig("sqlite:///:memory:", cdi_version=given.cdi_version, core_config=core),
        [session.init(anti_csrf=given.anti_csrf, leeway_s=0)],
    )
    print(json.dumps({"api": api, "website": website, "stranger": stranger}), flush=True)
    page = f"<!doctype html><script>{given.bundle.read_text()}</script>"
    return Shop(listening, website, page, given.certificate)
