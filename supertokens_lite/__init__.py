"""Session SDK for Python, async first, with a blocking twin of every function."""

from __future__ import annotations

from supertokens_lite._protocol.messages import get_request_from_user_context
from supertokens_lite.config import (
    AppInfo,
    InputAppInfo,
    SupertokensConfig,
    SupertokensExperimentalConfig,
    SupertokensPublicConfig,
)
from supertokens_lite.recipe.session.recipe import RecipeInit
from supertokens_lite.supertokens import (
    Supertokens,
    get_all_cors_headers,
    init,
    is_recipe_initialized,
)
from supertokens_lite.types import (
    RecipeUserId,
    convert_to_recipe_user_id,
)

__all__ = (
    "AppInfo",
    "InputAppInfo",
    "RecipeInit",
    "RecipeUserId",
    "Supertokens",
    "SupertokensConfig",
    "SupertokensExperimentalConfig",
    "SupertokensPublicConfig",
    "convert_to_recipe_user_id",
    "get_all_cors_headers",
    "get_request_from_user_context",
    "init",
    "is_recipe_initialized",
)
