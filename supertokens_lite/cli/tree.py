"""What the command line is made of: a parser that says things our way, and places for commands in it.

Must not import what a command needs to run, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

__all__ = ("PROGRAM", "WRONG_USE", "Commands", "Parser", "add_command", "add_commands")

PROGRAM: Final = "supertokens-lite"
WRONG_USE: Final = 2

Commands = argparse._SubParsersAction  # argparse has no public name for what add_subparsers gives


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of its texts, and takes no abbreviated options: a later option could change their sense."""

    def __init__(self, *, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=27),
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, as every other error is said."""
        self.exit(WRONG_USE, f"{self.prog}: {message}; see {self.prog} --help\n")


def add_commands(parser: argparse.ArgumentParser) -> Commands[Parser]:
    """Give a parser a place for commands."""
    return parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser, prog=parser.prog)


def add_command(commands: Commands[Parser], name: str, purpose: str, *, epilog: str | None = None) -> Parser:
    """Add a command, or a group of them.

    Args:
        commands: the place for it.
        name: what is typed.
        purpose: what it does, in a few words that begin with a verb.
        epilog: what else its help says.
    """
    parser = commands.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".", epilog=epilog)
    parser.set_defaults(parser=parser)
    return parser
