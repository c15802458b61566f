"""`supertokens-lite sessions list USER`: the sessions of a user."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Final

from supertokens_lite.cli.sessions.connection import connect, describe, read_name
from supertokens_lite.cli.tables import count_of, printable, shorten, show_table
from supertokens_lite.cli.times import show_age
from supertokens_lite.recipe.session.interfaces import SessionInformationResult

__all__ = ("run",)

HEAD: Final = ("session", "tenant", "age", "expires in", "data")


def run(arguments: argparse.Namespace) -> int:
    """Print them, oldest first."""
    user = read_name("USER", arguments.user)
    with connect(arguments) as app:
        sessions = app.session.blocking.list_sessions_for_user(user)
    if arguments.json:
        for each in sessions:
            print(json.dumps(describe(each)))
    elif not sessions:
        print(f"{user} has no sessions.")
    else:
        count = f"{count_of(len(sessions), 'session')} of {user}"
        rows = [_build_row(each, time.time() * 1000) for each in sessions]
        if sys.stdout.isatty():
            _show_in_terminal(count, rows)
        else:
            show_table(count, HEAD, rows, numbers=(2, 3))
    return 0


def _build_row(information: SessionInformationResult, now_ms: float) -> Sequence[str]:
    return (
        printable(information.session_handle),
        printable(information.tenant_id),
        show_age(round(now_ms - information.time_created)),
        show_age(round(information.expiry - now_ms)),
        printable(json.dumps(information.session_data_in_database, ensure_ascii=False)),
    )


def _show_in_terminal(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Give the data a line of its own, with as much of it as there is room for: handles alone are half a line long."""
    width = shutil.get_terminal_size().columns
    widths = [max(map(len, column)) for column in zip(HEAD[:4], *(row[:4] for row in rows), strict=True)]
    print(title)
    for index, row in enumerate((HEAD, *rows)):
        cells = [cell.ljust(size) for cell, size in zip(row[:2], widths[:2], strict=True)]
        cells += [cell.rjust(size) for cell, size in zip(row[2:4], widths[2:], strict=True)]
        print("  " + "  ".join(cells))
        if index:
            print(f"    {shorten(row[4], width - 4)}")
