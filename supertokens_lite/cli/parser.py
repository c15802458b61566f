"""What can be typed: the tree of commands, their options and their help.

Decides names and wording. Must not import what a command needs to run: `module` names the module that does, so that
`--help` is quick. Options are None where they are not given, because the environment comes before the default.
"""

from __future__ import annotations

import argparse
from typing import Final

from supertokens_lite.cli.sessions.options import add_sessions
from supertokens_lite.cli.tree import PROGRAM, Commands, Parser, add_command, add_commands

__all__ = ("build_parser",)

EXIT_CODES: Final = """\
exit codes:
  0    done
  1    failed
  2    wrong use: an option, a setting or a database that can't work
  130  interrupted
"""

SERVE_NOTES: Final = """\
environment:
  Each option can be set as SUPERTOKENS_LITE_<OPTION>, each configuration key
  as SUPERTOKENS_LITE_<KEY>; an option wins:
    SUPERTOKENS_LITE_PORT=3600 SUPERTOKENS_LITE_ACCESS_TOKEN_VALIDITY=600
  SUPERTOKENS_LITE_API_KEYS holds API keys, separated by commas. None are taken
  from the command line, which other users of the machine can read.

configuration keys, and what holds without them:
  access_token_validity                             3600 seconds
  access_token_validity_jitter                      0.05 of it, 0 to 0.25
  refresh_token_validity                            144000 minutes
  refresh_token_rotation_grace_period               30 seconds
  recent_token_reuse_behaviour                      TOKEN_THEFT, or UNAUTHORISED
  access_token_dynamic_signing_key_update_interval  168 hours
  supertokens_max_cdi_version                       5.6
  supertokens_min_cdi_version                       3.1
  ip_allow_regex, ip_deny_regex                     none

example:
  supertokens-lite core serve --database sessions.db
"""

DOCTOR_NOTES: Final = """\
It asks as a browser without a session does, with a made-up token at most.
SUPERTOKENS_LITE_API_KEYS holds the core's API key as well.

exit codes:
  0    nothing is broken
  1    something is to be mended
  2    wrong use

example:
  supertokens-lite doctor https://api.example.com --website https://example.com
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = Parser(
        prog=PROGRAM,
        description="Sessions for Python: an SDK, and a session core on SQLite in the box.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.set_defaults(module=None, parser=parser)
    commands = add_commands(parser)
    add_command(commands, "demo", "read and replace session data on a core in memory, and show it").set_defaults(
        module="demo"
    )
    _add_doctor(commands)
    add_sessions(commands)
    core = add_commands(add_command(commands, "core", "serve, inspect and tend a session core on SQLite"))
    _add_serve(core)
    _add_stats(core)
    _add_rotate(add_commands(add_command(core, "keys", "tend the keys that sign access tokens")))
    _add_revoke_all(add_commands(add_command(core, "sessions", "tend the sessions")))
    return parser


def _add_serve(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "serve", "serve a session core over HTTP", epilog=SERVE_NOTES)
    parser.set_defaults(module="serve")
    add = parser.add_argument
    add("--host", help="address to listen on (127.0.0.1)")
    add("--port", help="port to listen on, 0 for any that is free (3567)")
    add("--database", metavar="PATH", help="needed: SQLite file, made if it isn't there; or :memory:")
    add(
        "--durability",
        choices=("full", "normal"),
        help="full: an answer survives a power cut (default on files); normal: a crash",
    )
    add("--api-key-file", metavar="PATH", help="file with the API keys to ask for, one a line")
    add("--base-path", metavar="PATH", help="path that all paths are served below")
    add("--body-limit", metavar="BYTES", help="size of the largest body taken (33554432)")
    add("--config", metavar="KEY=VALUE", action="append", help="set a configuration key; may be repeated")


def _add_doctor(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands, "doctor", "look at a live API from outside, and say what to mend", epilog=DOCTOR_NOTES
    )
    parser.set_defaults(module="doctor")
    add = parser.add_argument
    add("url", metavar="URL", help="scheme and host of the API, as browsers call it")
    add("--website", metavar="URL", help="scheme and host of the website; needed to check CORS")
    add("--base-path", metavar="PATH", help="below which the session endpoints are (/auth)")
    add("--core", metavar="URI", help="the session core, as in connection_uri; to compare")
    add("--api-key-file", metavar="PATH", help="file with the core's API key")
    add("--ca-file", metavar="PATH", help="certificates to trust instead of the usual ones")
    add("--json", action="store_true", help="print JSON")


def _add_stats(commands: Commands[Parser]) -> None:
    parser = add_command(commands, "stats", "show tenants, sessions and key ages of a database")
    parser.set_defaults(module="stats")
    _add_database(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, times in milliseconds since the epoch")


def _add_rotate(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands,
        "rotate",
        "make a new signing key for access tokens",
        epilog="The new key is published at once and signs after a minute, when verifiers know\n"
        "it. Tokens that the old one signed stay valid.",
    )
    parser.set_defaults(module="keys")
    _add_database(parser)
    parser.add_argument("--now", action="store_true", required=True, help="don't wait for the rotation that is due")
    _add_app(parser)


def _add_revoke_all(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands,
        "revoke-all",
        "end all sessions: every user has to sign in again",
        epilog="An access token that is verified without asking the core is good until it\nexpires.",
    )
    parser.set_defaults(module="revoke_all")
    _add_database(parser)
    _add_app(parser)
    parser.add_argument("--yes", action="store_true", help="don't ask")


def _add_database(parser: Parser) -> None:
    parser.add_argument("--database", metavar="PATH", help="SQLite file (or set SUPERTOKENS_LITE_DATABASE)")


def _add_app(parser: Parser) -> None:
    parser.add_argument("--app", metavar="ID", help="only this app (all of them)")
