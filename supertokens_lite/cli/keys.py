"""`supertokens-lite core keys rotate --now`: a new signing key."""

from __future__ import annotations

import argparse

from supertokens_lite.cli.setup import existing_core

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """Make a new key for one app or for all, and name it."""
    core = existing_core(arguments.database)
    try:
        made = core.rotate_keys(arguments.app)
    finally:
        core.close()
    for app_id, kid in made:
        print(f"{app_id}: {kid} is published now and signs in a minute")
    return 0
