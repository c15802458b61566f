"""What can be typed after `supertokens-lite sessions`."""

from __future__ import annotations

from typing import Final

from supertokens_lite.cli.tree import Commands, Parser, add_command, add_commands
from supertokens_lite.recipe.session.bulk_changes import TARGETS
from supertokens_lite.recipe.session.bulk_files import FORMATS

__all__ = ("add_sessions",)

CORE_NOTES: Final = """\
URI is http://HOST:PORT, with /appid-NAME behind it for an app, or
sqlite:///FILE. The API key is read from the file, else from
SUPERTOKENS_LITE_API_KEYS. None is taken from the command line, which
other users of the machine can read.
"""

CHANGE_NOTES: Final = """\
The first four make up one merge patch (RFC 7396): objects are merged into
those that are there. VALUE is JSON if it can be read as such, else text:
plan=pro, visits=3, 'zip="01234"'. NAME is all before the first =, and a
dot in it is a dot. A function gets each session and gives its new data, or
None to leave it; it is imported from here, or from what is installed.
"""

UPDATE_NOTES: Final = """\
interrupted:
  Ctrl-C or SIGTERM lets what is under way finish. With --journal the same
  command goes on where it ended. A second Ctrl-C ends it at once.

exit codes:
  0    every session has the change, or is gone
  1    a session failed or met a conflict, or the core can't be asked
  2    wrong use: an option, the source or the journal can't work
  130  interrupted

example:
  supertokens-lite sessions update --handles-file handles.txt --set plan=pro \\
      --journal june.journal --core http://127.0.0.1:3567
"""

EDIT_NOTES: Final = """\
It opens the data as JSON in $VISUAL or $EDITOR. If somebody else changed it
meanwhile nothing is saved, and your text is kept in a file. A core without
compare-and-set is read again just before it is written.
"""

REVOKE_NOTES: Final = """\
An access token that is verified without asking the core is good until it
expires.
"""


def add_sessions(commands: Commands[Parser]) -> None:
    """Add the commands on sessions."""
    group = add_commands(add_command(commands, "sessions", "list, show, edit, update and revoke sessions of a core"))
    _add_list(group)
    _add_show(group)
    _add_edit(group)
    _add_update(group)
    _add_revoke(group)


def _add_list(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "list", "show the sessions of a user")
    parser.set_defaults(module="sessions.list")
    parser.add_argument("user", metavar="USER", help="user id; sessions of linked accounts are shown too")
    _add_connection(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _add_show(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "show", "show all there is about a session")
    parser.set_defaults(module="sessions.show")
    parser.add_argument("handle", metavar="HANDLE", help="session handle")
    _add_connection(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, times in milliseconds since the epoch")


def _add_edit(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "edit", "edit the data of a session in your editor", epilog=EDIT_NOTES)
    parser.set_defaults(module="sessions.edit")
    parser.add_argument("handle", metavar="HANDLE", help="session handle")
    _add_connection(parser)


def _add_update(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "update", "change the data of many sessions", epilog=UPDATE_NOTES)
    parser.usage = "%(prog)s [-h] SESSIONS CHANGE [OPTION ...]"
    parser.set_defaults(module="sessions.update")
    group = parser.add_argument_group("sessions, exactly one of these")
    source = group.add_mutually_exclusive_group(required=True)
    source.add_argument("--handles-file", metavar="FILE", help="sessions whose handles a file lists")
    source.add_argument("--users-file", metavar="FILE", help="sessions of the users that a file lists")
    source.add_argument("--user", metavar="ID", action="append", help="sessions of a user; may be repeated")
    source.add_argument("--all-users", action="store_true", help="sessions of all users that the core knows")
    source.add_argument("--all-sessions", action="store_true", help="all, of a core that can list them")
    add = group.add_argument
    add("--column", metavar="NAME", help="CSV column or JSON member (session_handle, user_id)")
    add("--format", metavar="NAME", choices=FORMATS, help="text, csv or jsonl (as the suffix says, else text)")
    add("--tenant", metavar="ID", help="only sessions of this tenant")
    add = parser.add_argument_group("change", CHANGE_NOTES).add_argument
    add("--set", metavar="NAME=VALUE", action="append", help="set a member; may be repeated")
    add("--unset", metavar="NAME", action="append", help="remove a member; may be repeated")
    add("--patch", metavar="JSON", help="merge an object into the data")
    add("--patch-file", metavar="FILE", help="likewise, from a file")
    add("--function", metavar="MODULE:NAME", help="have a function of yours make the new data")
    add("--target", metavar="NAME", choices=TARGETS, help="session_data (default) or access_token_payload")
    add = parser.add_argument_group("how").add_argument
    add("--dry-run", action="store_true", help="write nothing; show what would change")
    add("--yes", action="store_true", help="don't ask")
    add("--journal", metavar="FILE", help="remember what is done, to go on after an interruption")
    add("--concurrency", metavar="N", help="calls to the core under way at once, at most (8)")
    add("--max-per-second", metavar="N", help="sessions begun in a second, at most")
    add("--fast", action="store_true", help="send requests through pyreqwest (extra 'fast')")
    add("--json", action="store_true", help="print one JSON object a session; the rest to stderr")
    _add_connection(parser)


def _add_revoke(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "revoke", "end sessions: their users have to sign in again", epilog=REVOKE_NOTES)
    parser.set_defaults(module="sessions.revoke")
    parser.add_argument("handles", metavar="HANDLE", nargs="*", help="session handles")
    add = parser.add_argument
    add("--user", metavar="ID", action="append", help="all sessions of a user; may be repeated")
    add("--tenant", metavar="ID", help="with --user: only sessions of this tenant")
    add("--yes", action="store_true", help="don't ask")
    _add_connection(parser)


def _add_connection(parser: Parser) -> None:
    add = parser.add_argument_group("core", CORE_NOTES).add_argument
    add("--core", metavar="URI", help="where it is (or set SUPERTOKENS_CORE_URI)")
    add("--api-key-file", metavar="PATH", help="file with its API key")
    add("--app", metavar="ID", help="app in the database, for sqlite:///FILE (public)")
