"""Settings that can't work, or hardly: found when the SDK is built, and said in one line that tells what to do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.exceptions import ConfigurationError, SuperTokensWarning
from tests.doors import allowing, build

MEMORY = "sqlite:///:memory:"


def places(api: str, website: Any) -> dict[str, Any]:
    return {"api_domain": api, "origin": website, "website_domain": None}


def setting_none(**more: Any) -> dict[str, Any]:
    return {"cookie_same_site": "none", **more}


REFUSED = [
    ("http://api.example.com", "http://other.example", setting_none()),
    ("http://api.example.com", lambda *_: "http://other.example", setting_none()),
    ("https://api.example.com", "https://other.example", setting_none(cookie_secure=False)),
]


@pytest.mark.parametrize(("api", "website", "recipe"), REFUSED)
def test_same_site_none_without_https(api: str, website: Any, recipe: dict[str, Any]) -> None:
    """Cookies that are to travel between sites and are not secure, which no browser keeps, are refused."""
    with pytest.raises(ConfigurationError, match=r"\Asession\.init: cookie_same_site is 'none'.*make api_domain https"):
        build(MEMORY, info=places(api, website), **recipe)


SECURE = {"cookie_secure": True}
WARNED = [
    ("http://api.example.com", "http://other.example", {}, "get_token_transfer_method give 'header'"),
    ("http://api.example.com", "https://example.com", {}, "are of different sites.*use https"),
    ("http://localhost:3001", "http://127.0.0.1:3000", {}, "use one host name for both"),
    ("https://api.example.com", "https://other.example", {"cookie_secure": False}, "are of different sites"),
    (
        "http://api.example.com",
        "http://example.com",
        SECURE,
        "cookie_secure is set, but http://api.example.com is on http",
    ),
]


@pytest.mark.parametrize(("api", "website", "recipe", "said"), WARNED)
def test_cookies_that_may_not_be_kept(api: str, website: str, recipe: dict[str, Any], said: str) -> None:
    """What works with tokens in headers, or behind a proxy, is warned about, at the line that builds the SDK."""
    with pytest.warns(SuperTokensWarning, match=f"session.init: .*{said}") as seen:
        build(MEMORY, info=places(api, website), **recipe).close()
    assert len(seen) == 1
    assert "\n" not in str(seen[0].message)
    assert Path(seen[0].filename).name == "doors.py"


FINE = [
    ("https://api.example.com", "https://other.example", {}),
    ("https://api.example.com", "https://other.example", setting_none()),
    ("https://api.example.com", "http://localhost:3000", {}),
    ("http://api.example.com", "http://example.com", {}),
    ("http://api.example.com", "http://other.example", allowing("header")),
    ("http://api.example.com", lambda *_: "http://other.example", {}),
    ("http://localhost:3001", "http://localhost:3000", SECURE),
    ("http://localhost:3001", "http://localhost:3000", setting_none()),
]


@pytest.mark.parametrize(("api", "website", "recipe"), FINE)
def test_what_works_is_not_spoken_of(api: str, website: Any, recipe: dict[str, Any]) -> None:
    """Deployments that work, and such as are decided for each request, are no matter for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(MEMORY, info=places(api, website), **recipe).close()
