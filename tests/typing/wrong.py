"""What the type checkers must refuse: each line is wrong, and an unused `ignore` is an error. Never run."""

from __future__ import annotations

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite.recipe.session import asyncio as awaited
from supertokens_lite.recipe.session import init
from supertokens_lite.recipe.session import syncio as blocking

# ruff: noqa: B018
# pyright: enableTypeIgnoreComments=false, reportUnnecessaryTypeIgnoreComment=true


async def refuse_awaited(user: RecipeUserId) -> None:
    """Misuse the asynchronous facade."""
    await awaited.create_new_session_without_request_response("public", "user")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await awaited.update_session_data_in_database("handle", ["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (await awaited.get_session_information("handle")).user_id  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    await awaited.modify_session_data_in_database("handle", lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    awaited.revoke_session("handle") + 1  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]


def refuse_blocking(user: RecipeUserId) -> None:
    """Misuse the blocking facade."""
    blocking.create_new_session_without_request_response("public")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    blocking.revoke_multiple_sessions("handle")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    blocking.list_sessions_for_user(user)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def refuse_settings(info: InputAppInfo) -> None:
    """Misuse the settings."""
    SupertokensConfig("http://localhost", core_durability="never")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Supertokens(info, "bottle", SupertokensConfig("http://localhost"), [])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    init(anti_csrf="YES")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
