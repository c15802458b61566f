"""What `session.init` gives, and what its settings come to."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from supertokens_lite import RecipeInit
from supertokens_lite.framework import PlainRequest
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import InputErrorHandlers, SessionOverrideConfig
from tests.apps import build_app

MEMORY = "sqlite:///:memory:"


def unchanged(original: Any) -> Any:
    return original


def by_header(request: Any, for_create_new_session: bool, user_context: dict[str, Any]) -> Literal["header"]:
    return "header"


def test_defaults() -> None:
    """Without arguments the settings are those of the other SDK."""
    with build_app(MEMORY) as app:
        config = app.recipe_modules[0].config
    assert config.session_expired_status_code == 401
    assert config.invalid_claim_status_code == 403
    assert config.use_dynamic_access_token_signing_key is True
    assert config.expose_access_token_to_frontend_in_cookie_based_auth is False
    assert config.jwks_refresh_interval_sec == 14_400
    assert config.anti_csrf is None
    assert config.cookie_domain is None
    assert config.error_handlers == InputErrorHandlers()
    assert config.issuer == "https://api.example.com/auth"


def test_what_is_given_is_kept() -> None:
    """Each argument arrives where it is read."""
    handlers = InputErrorHandlers(on_unauthorised=unchanged)
    given: dict[str, Any] = {
        "cookie_domain": ".example.com",
        "older_cookie_domain": "",
        "cookie_secure": False,
        "cookie_same_site": "strict",
        "session_expired_status_code": 440,
        "invalid_claim_status_code": 401,
        "anti_csrf": "VIA_TOKEN",
        "get_token_transfer_method": by_header,
        "error_handlers": handlers,
        "use_dynamic_access_token_signing_key": False,
        "expose_access_token_to_frontend_in_cookie_based_auth": True,
        "jwks_refresh_interval_sec": 60,
    }
    with build_app(MEMORY, recipe=given) as app:
        config = app.recipe_modules[0].config
    del given["get_token_transfer_method"]
    assert {name: getattr(config, name) for name in given} == given
    assert config.get_token_transfer_method(PlainRequest("GET", "/"), True, {}) == "header"


def test_the_recipe_is_one_of_the_top_level() -> None:
    """What `session.init` gives is a `RecipeInit` that names the recipe."""
    recipe = session.init()
    assert isinstance(recipe, RecipeInit)
    assert recipe.recipe_id == "session"


DIFFERENT: list[dict[str, Any]] = [
    {"anti_csrf": "NONE"},
    {"cookie_domain": ".example.com"},
    {"override": SessionOverrideConfig()},
    {"override": SessionOverrideConfig(apis=unchanged)},
    {"error_handlers": InputErrorHandlers(on_unauthorised=unchanged)},
    {"use_dynamic_access_token_signing_key": True},
]


@pytest.mark.parametrize("arguments", DIFFERENT, ids=lambda each: next(iter(each)))
def test_recipes_are_equal_by_value(arguments: dict[str, Any]) -> None:
    """Two recipes of the same arguments are equal, those of others and other things are not."""
    assert session.init(**arguments) == session.init(**arguments)
    assert session.init(**arguments) != session.init()
    assert session.init(**arguments) != arguments
    with pytest.raises(TypeError, match="unhashable"):
        hash(session.init(**arguments))


def test_overrides_get_the_default_and_are_used() -> None:
    """Each override is called once with the default implementation, and what it gives back is what is used."""
    seen: list[str] = []

    def functions(original: Any) -> Any:
        seen.append(type(original).__name__)
        return original

    def apis(original: Any) -> Any:
        seen.append(type(original).__name__)
        return original

    with build_app(MEMORY, recipe={"override": SessionOverrideConfig(functions, apis)}) as app:
        recipe = app.recipe_modules[0]
        assert seen == [type(recipe.recipe_implementation).__name__, type(recipe.api_implementation).__name__]
