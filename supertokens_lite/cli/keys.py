"""`supertokens-lite core keys rotate --now`: a new signing key."""

from __future__ import annotations

import argparse

from supertokens_lite.cli.setup import existing_core

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """Make a new key for one app or for all, and name it."""
    core = existing_core(arguments.database)
    try:
        kids = core.rotate_keys(arguments.app)
    finally:
        core.close()
    for kid in kids:
        print(f"{kid}: published now, signs in a minute")
    return 0
