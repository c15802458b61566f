"""The session recipe: `init` sets it up; `asyncio` and `syncio` beside this module use it."""

from __future__ import annotations

from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.recipe.session.recipe import (
    InputErrorHandlers,
    InputOverrideConfig,
    SessionOverrideConfig,
    SessionRecipe,
    TokenTransferMethod,
    init,
)

__all__ = (
    "InputErrorHandlers",
    "InputOverrideConfig",
    "SessionContainer",
    "SessionOverrideConfig",
    "SessionRecipe",
    "TokenTransferMethod",
    "init",
)
