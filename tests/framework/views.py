"""What the applications of these tests answer with a session, whatever framework they are of."""

from __future__ import annotations

from typing import Any

from supertokens_lite.recipe.session import SessionOverrideConfig
from supertokens_lite.testing.application import AWAITED, BLOCKING, FIXED_COOKIES, OPTIONS, ROLE, SHARED

__all__ = ("AWAITED", "BLOCKING", "FIXED_COOKIES", "OPTIONS", "ROLE", "SHARED", "noting_bodies")


def noting_bodies(read: list[Any]) -> SessionOverrideConfig:
    """Give an override of the refresh endpoint that notes what is in the bodies of requests."""

    def apis(original: Any) -> Any:
        default = original.refresh_post

        async def refresh_post(api_options: Any, user_context: Any) -> Any:
            read.append(await api_options.request.get_json_or_form_data())
            return await default(api_options, user_context)

        original.refresh_post = refresh_post
        return original

    return SessionOverrideConfig(apis=apis)
