"""`supertokens-lite core stats`: what is in a database."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone

from supertokens_lite.cli.setup import existing_core
from supertokens_lite.embedded.upkeep import Stats

__all__ = ("run",)

Row = Sequence[str]


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
    _table("Sessions", ("app", "tenant", "live", "expired"), sessions, numbers=(2, 3))
    print()
    keys = [
        (key.app_id, key.kid, _kind(key.kid), _moment(key.created_at), _age(stats.at - key.created_at))
        for key in stats.keys
    ]
    _table("Signing keys", ("app", "key", "kind", "made", "age"), keys, numbers=(4,))


def _kind(kid: str) -> str:
    return "rotates" if kid.startswith("d-") else "stays"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _age(ms: int) -> str:
    minutes = max(0, ms) // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"


def _table(title: str, head: Row, rows: Sequence[Row], *, numbers: Sequence[int]) -> None:
    if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        _rich_table(title, head, rows, numbers=numbers)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    print(title)
    for row in (head, *rows):
        cells = (
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join(cells).rstrip())


def _rich_table(title: str, head: Row, rows: Sequence[Row], *, numbers: Sequence[int]) -> None:
    from rich.console import Console  # noqa: PLC0415  # the extra `cli`
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left")
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
