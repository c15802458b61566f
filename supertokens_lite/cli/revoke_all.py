"""`supertokens-lite core sessions revoke-all`: end every session."""

from __future__ import annotations

import argparse

from supertokens_lite.cli.asking import confirm
from supertokens_lite.cli.setup import existing_core
from supertokens_lite.cli.tables import count_of

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """End all sessions of one app or of all, after asking."""
    core = existing_core(arguments.database)
    try:
        what = "of every app" if arguments.app is None else f"of the app {arguments.app}"
        question = f"End all sessions {what}? Every user has to sign in again."
        if not arguments.yes and not confirm(question, otherwise="pass --yes to end all sessions without asking"):
            print("Nothing was changed.")
            return 0
        ended = core.revoke_all(arguments.app)
    finally:
        core.close()
    print(f"{count_of(ended, 'session')} ended.")
    return 0
