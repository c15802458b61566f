"""`supertokens-lite demo`: the main job in a few seconds, on a core in memory."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from supertokens_lite.config import InputAppInfo, SupertokensConfig
from supertokens_lite.exceptions import GeneralError
from supertokens_lite.recipe import session
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.types import RecipeUserId

__all__ = ("run",)

USER = "ada"
DEVICES = ("phone", "laptop", "tablet")


def run(_arguments: argparse.Namespace) -> int:
    """Create sessions, replace their data both ways, and show it.

    Raises:
        GeneralError: something is not as it must be.
    """
    begun = time.perf_counter()
    app = Supertokens(
        InputAppInfo("demo", "http://localhost:8000", website_domain="http://localhost:3000"),
        "fastapi",
        SupertokensConfig("sqlite:///:memory:"),
        [session.init()],
    )
    print("A session core in memory, no server needed.\n")
    with app:
        for device in DEVICES:
            app.session.blocking.create_new_session_without_request_response(
                "public", RecipeUserId(USER), session_data_in_database={"device": device}
            )
        _show("Three sessions of one user, as created", app)
        asyncio.run(_update_awaiting(app))
        _show("Data replaced, awaited: + plan", app)
        _update_blocking(app)
        _show("Data replaced, blocking: + visits", app)
        changed = [info.session_data_in_database for info in app.session.blocking.list_sessions_for_user(USER)]
    if changed != [{"device": device, "plan": "pro", "visits": 1} for device in DEVICES]:
        raise GeneralError("the demo read back something else than it wrote")
    print(f"Read back as written, in {time.perf_counter() - begun:.1f} s.")
    return 0


async def _update_awaiting(app: Supertokens) -> None:
    for handle in await app.session.get_all_session_handles_for_user(USER):
        information = await app.session.get_session_information(handle)
        if information is not None:
            data = information.session_data_in_database
            data["plan"] = "pro"
            await app.session.update_session_data_in_database(handle, data)


def _update_blocking(app: Supertokens) -> None:
    sessions = app.session.blocking
    for handle in sessions.get_all_session_handles_for_user(USER):
        sessions.modify_session_data_in_database(handle, _count_visit)


def _count_visit(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "visits": data.get("visits", 0) + 1}


def _show(title: str, app: Supertokens) -> None:
    print(title)
    for information in app.session.blocking.list_sessions_for_user(USER):
        print(f"  {information.session_handle[:8]}…  {json.dumps(information.session_data_in_database)}")
    print()
