"""`supertokens-lite sessions revoke`: end sessions."""

from __future__ import annotations

import argparse

from supertokens_lite.cli.asking import confirm
from supertokens_lite.cli.sessions.connection import connect, read_name
from supertokens_lite.cli.tables import count_of
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.supertokens import Supertokens

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """End sessions, after asking.

    Raises:
        ConfigurationError: it is not said which, or there is nobody to ask.
    """
    users = [read_name("--user", user) for user in arguments.user or ()]
    named = [read_name("HANDLE", handle) for handle in arguments.handles]
    if bool(users) == bool(named):
        raise ConfigurationError("name the sessions: either handles, or users with --user ID")
    if arguments.tenant is not None and not users:
        raise ConfigurationError("--tenant is for --user; a handle is of one tenant")
    with connect(arguments) as app:
        handles = list(dict.fromkeys(named)) or _find(app, users, arguments.tenant)
        if not handles:
            print("There are no sessions to end.")
            return 0
        question = f"End {count_of(len(handles), 'session')}{' of ' + ', '.join(users) if users else ''}?"
        if not arguments.yes and not confirm(question, otherwise="pass --yes to end them without asking"):
            print("Nothing was changed.")
            return 0
        if users:  # anew, for more may have begun while it was asked
            end = app.session.blocking.revoke_all_sessions_for_user
            ended = {handle for user in users for handle in end(user, True, arguments.tenant)}
        else:
            ended = set(app.session.blocking.revoke_multiple_sessions(handles))
    print(f"{count_of(len(ended), 'session')} ended.")
    missing = [handle for handle in named if handle not in ended]
    if missing:
        more = ", …" if len(missing) > 3 else ""
        print(f"{count_of(len(missing), 'session')} had ended before: {', '.join(missing[:3])}{more}")
    return 0


def _find(app: Supertokens, users: list[str], tenant_id: str | None) -> list[str]:
    find = app.session.blocking.get_all_session_handles_for_user
    return list(dict.fromkeys(handle for user in users for handle in find(user, True, tenant_id)))
