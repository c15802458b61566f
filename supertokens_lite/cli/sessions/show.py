"""`supertokens-lite sessions show HANDLE`: all there is about a session."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from supertokens_lite.cli.sessions.connection import connect, describe, find_session, read_name
from supertokens_lite.cli.tables import printable
from supertokens_lite.cli.times import show_age, show_moment
from supertokens_lite.recipe.session.interfaces import SessionInformationResult

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """Print it.

    Raises:
        GeneralError: there is no such session.
    """
    handle = read_name("HANDLE", arguments.handle)
    with connect(arguments) as app:
        information = find_session(app, handle)
    if arguments.json:
        print(json.dumps(describe(information), indent=2))
    else:
        _show(information, round(time.time() * 1000))
    return 0


def _show(information: SessionInformationResult, now_ms: int) -> None:
    recipe_user_id = information.recipe_user_id.get_as_string()
    parts = {
        "session": information.session_handle,
        "user": information.user_id,
        **({"logged in as": recipe_user_id} if recipe_user_id != information.user_id else {}),
        "tenant": information.tenant_id,
        "created": f"{show_moment(information.time_created)}, {show_age(now_ms - information.time_created)} ago",
        "expires": f"{show_moment(information.expiry)}, in {show_age(information.expiry - now_ms)}",
    }
    for name, text in parts.items():
        print(f"{name:12}  {printable(text)}")
    _show_data("data", information.session_data_in_database)
    _show_data("access token payload", information.custom_claims_in_access_token_payload)


def _show_data(title: str, data: dict[str, Any]) -> None:
    print(f"\n{title}")
    for line in json.dumps(data, indent=2, ensure_ascii=False).splitlines():
        print(printable(line))
