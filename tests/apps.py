"""SDK objects for tests."""

from __future__ import annotations

import os
from typing import Any

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer, SessionOverrideConfig

__all__ = ("APP_INFO", "TRANSPORT_VARIABLE", "USER", "build_app", "create", "override")

APP_INFO = InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.com")
USER = RecipeUserId("ada")

TRANSPORT_VARIABLE = "SUPERTOKENS_LITE_TRANSPORT"
"""Names what carries requests over HTTP, where a test does not say it."""


def build_app(
    core_uri: str, *, portal: bool = False, recipe: dict[str, Any] | None = None, **config: Any
) -> Supertokens:
    """Build an SDK object; `recipe` goes to `session.init`, the rest to `SupertokensConfig`."""
    if core_uri.startswith("http") and TRANSPORT_VARIABLE in os.environ:
        config.setdefault("transport", os.environ[TRANSPORT_VARIABLE])
    settings = SupertokensConfig(core_uri, **config)
    return Supertokens(APP_INFO, "fastapi", settings, [session.init(**(recipe or {}))], portal=portal)


def override(**functions: Any) -> dict[str, Any]:
    """Give the arguments of `session.init` that replace functions; each gets the original as its first argument."""

    def apply(original: Any) -> Any:
        for name, function in functions.items():
            default = getattr(original, name)

            def replaced(*args: Any, default: Any = default, function: Any = function, **kwargs: Any) -> Any:
                return function(default, *args, **kwargs)

            setattr(original, name, replaced)
        return original

    return {"override": SessionOverrideConfig(functions=apply)}


async def create(app: Supertokens, user: RecipeUserId = USER, **data: Any) -> SessionContainer:
    """Create a session with some data."""
    return await app.session.create_new_session_without_request_response("public", user, session_data_in_database=data)
