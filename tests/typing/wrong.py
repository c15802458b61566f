"""What the type checkers must refuse: each line is wrong, and an unused `ignore` is an error. Never run."""

from __future__ import annotations

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe.session import asyncio as awaited
from supertokens_lite.recipe.session import init
from supertokens_lite.recipe.session import syncio as blocking

# ruff: noqa: B018
# pyright: reportUnnecessaryTypeIgnoreComment=true


async def refuse_awaited(user: RecipeUserId) -> None:
    """Misuse the asynchronous facade."""
    await awaited.create_new_session_without_request_response("public", "user")  # type: ignore[arg-type]
    await awaited.update_session_data_in_database("handle", ["a"])  # type: ignore[arg-type]
    (await awaited.get_session_information("handle")).user_id  # type: ignore[union-attr]
    await awaited.modify_session_data_in_database("handle", lambda: None)  # type: ignore[arg-type, misc]
    awaited.revoke_session("handle") + 1  # type: ignore[operator]
    (await awaited.get_session(None, session_required=False)).get_handle()  # type: ignore[union-attr]
    await awaited.get_session(None, session_required="no")  # type: ignore[call-overload]
    await awaited.get_session(None, max_token_age_s="60")  # type: ignore[call-overload]
    await awaited.revoke_other_sessions("handle")  # type: ignore[arg-type]


def refuse_blocking(user: RecipeUserId) -> None:
    """Misuse the blocking facade."""
    blocking.create_new_session_without_request_response("public")  # type: ignore[call-arg]
    blocking.revoke_multiple_sessions("handle")  # type: ignore[arg-type]
    blocking.list_sessions_for_user(user)  # type: ignore[arg-type]
    blocking.get_session_without_request_response("token", session_required=False).user_id  # type: ignore[union-attr]
    blocking.refresh_session_without_request_response(None)  # type: ignore[arg-type]


def refuse_settings(info: InputAppInfo) -> None:
    """Misuse the settings."""
    SupertokensConfig("http://localhost", core_durability="never")  # type: ignore[arg-type]
    Supertokens(info, "bottle", SupertokensConfig("http://localhost"), [])  # type: ignore[arg-type]
    init(anti_csrf="YES")  # type: ignore[arg-type]
