"""From what was typed to the sessions that are meant; what is wrong with a file is said before anybody is asked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, NamedTuple

from supertokens_lite.cli.sessions.connection import read_name
from supertokens_lite.cli.tables import count_of
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.bulk import AllSessions, AllUsers, HandleFile, Source, UserFile, Users
from supertokens_lite.recipe.session.bulk_files import Listing

__all__ = ("Choice", "choose_source")

A_BLOCK: Final = 1 << 20


class Choice(NamedTuple):
    """Which sessions are meant.

    Attributes:
        source: the source.
        words: what it is.
        total: how many sessions it names; None where that is not known before.
    """

    source: Source
    words: str
    total: int | None = None


def choose_source(arguments: argparse.Namespace) -> Choice:
    """Give the source that was typed.

    Raises:
        ConfigurationError: it can't be read, or has nothing in it.
        BadInputError: likewise.
    """
    path = arguments.handles_file if arguments.handles_file is not None else arguments.users_file
    if path is None and (arguments.column is not None or arguments.format is not None):
        raise ConfigurationError("--column and --format are for --handles-file and --users-file")
    if arguments.all_users:
        return Choice(AllUsers(), "all sessions of all users")
    if arguments.all_sessions:
        return Choice(AllSessions(), "all sessions")
    if path is None:
        users = [read_name("--user", user) for user in arguments.user]
        return Choice(Users(users), f"all sessions of {', '.join(users[:3])}{', …' if len(users) > 3 else ''}")
    if arguments.handles_file is None:
        column = arguments.column or "user_id"
        count = _count(Listing(path, column, arguments.format))
        words = f"all sessions of the users in {path} ({count_of(count, 'line')})"
        return Choice(UserFile(path, column=column, format=arguments.format), words)
    column = arguments.column or "session_handle"
    count = _count(Listing(path, column, arguments.format))
    source = HandleFile(path, column=column, format=arguments.format)
    return Choice(source, f"those in {path} ({count_of(count, 'line')})", count)


def _count(listing: Listing) -> int:
    """Look at a file, and tell how many names it lists; quoted line ends in a CSV count too."""
    if listing.path.exists() and not listing.path.is_file() and not listing.path.is_dir():
        raise ConfigurationError(f"{listing.path}: is no regular file, and can't be read twice; write it into one")
    try:
        listing.open()
        if not listing.take(1):
            raise ConfigurationError(f"{listing.path}: is empty; it must list at least one session or user")
    finally:
        listing.close()
    return _count_lines(listing.path) - (listing.format == "csv")


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(A_BLOCK):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")
