"""`supertokens-lite core stats`: what is in a database."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from supertokens_lite.cli.setup import existing_core
from supertokens_lite.cli.tables import show_table
from supertokens_lite.cli.times import show_age, show_moment
from supertokens_lite.embedded.upkeep import Stats

__all__ = ("run",)


def run(arguments: argparse.Namespace) -> int:
    """Print tenants, sessions and keys."""
    core = existing_core(arguments.database)
    try:
        stats = core.stats()
    finally:
        core.close()
    if arguments.json:
        print(json.dumps(asdict(stats), indent=2))
    else:
        _show(stats)
    return 0


def _show(stats: Stats) -> None:
    print(f"{stats.size_bytes / 1024:,.0f} KiB, schema version {stats.schema_version}\n")
    sessions = [(each.app_id, each.tenant_id, f"{each.live:,}", f"{each.expired:,}") for each in stats.tenants]
    show_table("Sessions", ("app", "tenant", "live", "expired"), sessions, numbers=(2, 3))
    print()
    keys = [
        (key.app_id, key.kid, _kind(key.kid), show_moment(key.created_at), show_age(stats.at - key.created_at))
        for key in stats.keys
    ]
    show_table("Signing keys", ("app", "key", "kind", "made", "age"), keys, numbers=(4,))


def _kind(kid: str) -> str:
    return "rotates" if kid.startswith("d-") else "stays"
