"""`supertokens-lite sessions update`: one change to many sessions."""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from contextlib import closing
from typing import Final, TextIO

from supertokens_lite.cli.asking import confirm
from supertokens_lite.cli.sessions.change import choose_change
from supertokens_lite.cli.sessions.connection import connect, name_core
from supertokens_lite.cli.sessions.diff import show_differences
from supertokens_lite.cli.sessions.interruption import INTERRUPTED, Interruption
from supertokens_lite.cli.sessions.progress import Progress, start_progress
from supertokens_lite.cli.sessions.source import Choice, choose_source
from supertokens_lite.cli.setup import read_whole
from supertokens_lite.cli.tables import count_of, printable, show_table
from supertokens_lite.cli.tree import PROGRAM
from supertokens_lite.exceptions import (
    BadInputError,
    ConfigurationError,
    GeneralError,
    JournalError,
    SuperTokensError,
)
from supertokens_lite.recipe.session.bulk import BlockingBulkUpdates, BulkReport, BulkResult

__all__ = ("run",)

CONCURRENCY: Final = 8
MOST_CONCURRENCY: Final = 1000
FAILURES_SHOWN: Final = 5
DIFFERENCES_SHOWN: Final = 10
FAILED: Final = 1


def run(arguments: argparse.Namespace) -> int:
    """Change the sessions, after asking.

    Raises:
        ConfigurationError: something that was typed can't work; nothing was written.
        SuperTokensError: the update ended before all was done.
    """
    change = choose_change(arguments)
    concurrency = read_whole(
        arguments.concurrency, "--concurrency", default=CONCURRENCY, lowest=1, highest=MOST_CONCURRENCY
    )
    source = choose_source(arguments)
    with connect(arguments, concurrency=concurrency, fast=arguments.fast, portal=change.is_async) as app:
        updates = app.session.blocking.iter_bulk_update(
            source.source,
            change.change,
            target=arguments.target or "session_data",
            concurrency=concurrency,
            max_per_second=_read_rate(arguments.max_per_second),
            journal=arguments.journal,
            dry_run=arguments.dry_run,
            tenant_id=arguments.tenant,
        )
        plan = _tell_plan(arguments, name_core(app), source.words, change.words)
        if not arguments.yes and not arguments.dry_run and not _confirm(plan):
            print("Nothing was changed.", file=_out(arguments))
            return 0
        return _Run(arguments, updates, source).carry_out()


def _read_rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ConfigurationError(f"--max-per-second is {text!r} and must be a number above 0")
    return rate


def _tell_plan(arguments: argparse.Namespace, core: str, source: str, change: str) -> str:
    """Say what will be done, a line for each part of it."""
    parts = {
        "core": core + (f", app {arguments.app}" if arguments.app else ""),
        "sessions": source + (f", of tenant {arguments.tenant}" if arguments.tenant else ""),
        "change": change + (" in the access token payload" if arguments.target == "access_token_payload" else ""),
        "journal": arguments.journal or "none: an interrupted update begins anew",
    }
    return "".join(f"  {name:8}  {printable(text)}\n" for name, text in parts.items())


def _confirm(plan: str) -> bool:
    otherwise = "pass --yes to write without asking, or --dry-run to see what would be written"
    return confirm(f"{plan}Change these sessions?", otherwise=otherwise)


def _out(arguments: argparse.Namespace) -> TextIO:
    """Give where what people read goes."""
    return sys.stderr if arguments.json else sys.stdout


class _Run:
    """An update under way, and what is shown of it."""

    def __init__(self, arguments: argparse.Namespace, updates: BlockingBulkUpdates, source: Choice) -> None:
        self._arguments = arguments
        self._updates = updates
        self._source = source
        self._out = _out(arguments)
        self._changed: list[BulkResult] = []

    def carry_out(self) -> int:
        """Run it to its end, or to an interruption, and say what came of it."""
        failure: SuperTokensError | None = None
        with (
            closing(start_progress(self._source.total)) as progress,
            Interruption(self._updates.stop) as interruption,
            self._updates,
        ):
            try:
                self._take_all(progress)
            except SuperTokensError as error:
                failure = error
                self._take_all(progress)  # what was done before is told of too
        report = self._updates.report
        if failure is not None and not report.total:
            raise self._blame(failure)
        self._show(report)
        if failure is not None:
            self._show_way_on()
            raise GeneralError(str(failure)) from failure
        if interruption.happened and not report.complete:
            self._show_way_on()
            return INTERRUPTED
        return 0 if report.succeeded else FAILED

    def _take_all(self, progress: Progress) -> None:
        for result in self._updates:
            if self._arguments.json:
                print(_build_line(result))
            elif result.outcome == "would_update" and len(self._changed) < DIFFERENCES_SHOWN:
                self._changed.append(result)
            if progress.is_due():
                progress.show(self._updates.report)
                sys.stdout.flush()

    def _blame(self, error: SuperTokensError) -> SuperTokensError:
        """Say what is wrong with what was typed, in the words of the command line."""
        if type(error) is GeneralError and self._arguments.all_users:
            return ConfigurationError("the core knows no users: use --all-sessions, or name users or handles")
        if type(error) is GeneralError and self._arguments.all_sessions:
            return ConfigurationError("the core can't list its sessions: use --all-users, or name users or handles")
        if isinstance(error, (BadInputError, JournalError)):
            return ConfigurationError(str(error))
        return error

    def _show(self, report: BulkReport) -> None:
        if self._changed:
            self._show_changed(report.counts["would_update"])
        rows = [(outcome.replace("_", " "), f"{count:,}") for outcome, count in report.counts.items() if count]
        if report.skipped:
            rows.append(("done before", f"{report.skipped:,}"))
        if rows:
            show_table("Sessions", ("outcome", "sessions"), rows, numbers=(1,), file=self._out)
        dry = " Nothing was written: it was a dry run." if self._arguments.dry_run else ""
        rate = f"{count_of(report.total, 'session')} in {report.duration_s:,.1f} s, {report.rate:,.0f} a second."
        print(rate + dry, file=self._out)
        self._show_failures(report)

    def _show_changed(self, count: int) -> None:
        shown = len(self._changed)
        print("What would change" + (f", in the first {shown} of {count:,}" if shown < count else ""), file=self._out)
        for result in self._changed:
            print(f"  {printable(result.handle)} of {printable(result.user_id or '')}", file=self._out)
            show_differences(result.before or {}, result.after or {}, self._out)
        print(file=self._out)

    def _show_failures(self, report: BulkReport) -> None:
        count = report.counts["failed"] + report.counts["conflict"]
        if not count:
            return
        shown = report.failures[:FAILURES_SHOWN]
        more = f", the first {len(shown)} of {count:,}" if len(shown) < count else ""
        print(f"\nFailed{more}", file=self._out)
        for result in shown:
            name = result.handle or result.user_id
            reason = printable(" ".join(str(result.error).split()))
            # what is wrong with a line of a file names that line, and what it says
            print(f"  {printable(name)}: {reason}" if name and name not in reason else f"  {reason}", file=self._out)

    def _show_way_on(self) -> None:
        """Say how to go on with what is left."""
        if self._arguments.journal is None:
            print("\nNo --journal remembers what is done: the same command begins anew.", file=self._out)
        else:
            command = shlex.join([PROGRAM, *self._arguments.typed])
            print(f"\nWhat is done is in {self._arguments.journal}. To go on:\n  {command}", file=self._out)


def _build_line(result: BulkResult) -> str:
    return json.dumps(
        {
            "handle": result.handle or None,
            "user_id": result.user_id,
            "outcome": result.outcome,
            "error": None if result.error is None else " ".join(str(result.error).split()),
            "before": result.before,
            "after": result.after,
        }
    )
