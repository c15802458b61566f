"""`supertokens-lite core sessions revoke-all`: end every session."""

from __future__ import annotations

import argparse
import sys

from supertokens_lite.cli.setup import existing_core
from supertokens_lite.exceptions import ConfigurationError

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """End all sessions of one app or of all, after asking."""
    core = existing_core(arguments.database)
    try:
        if not arguments.yes and not _confirmed(arguments.app):
            print("Nothing was changed.")
            return 0
        ended = core.revoke_all(arguments.app)
    finally:
        core.close()
    print(f"{ended:,} session{'' if ended == 1 else 's'} ended.")
    return 0


def _confirmed(app: str | None) -> bool:
    if not sys.stdin.isatty():
        raise ConfigurationError("there is nobody to ask: pass --yes to end all sessions without asking")
    what = "of every app" if app is None else f"of the app {app}"
    try:
        answer = input(f"End all sessions {what}? Every user has to sign in again. [y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")
