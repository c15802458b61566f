"""The command `supertokens-lite`: picks the command's module, and turns what it raises into a line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from supertokens_lite.cli.parser import build_parser
from supertokens_lite.cli.tables import printable
from supertokens_lite.cli.tree import PROGRAM, WRONG_USE
from supertokens_lite.exceptions import BadInputError, ConfigurationError, SuperTokensError

__all__ = ("main",)

FAILED: Final = 1
INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` is `sys.argv[1:]` if not given.

    Returns:
        The exit code: 0, 1 failed, 2 wrong use, 130 interrupted.

    Raises:
        SystemExit: the arguments can't be parsed (2), or `--help` was asked for (0).
    """
    typed = sys.argv[1:] if argv is None else argv
    arguments, unknown = build_parser().parse_known_args(typed)
    if unknown:
        arguments.parser.error(f"unknown: {' '.join(unknown)}")
    if arguments.version:
        print(f"{PROGRAM} {version(PROGRAM)}")
        return 0
    if arguments.module is None:
        arguments.parser.print_help(sys.stderr)
        return WRONG_USE
    arguments.typed = typed
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")  # whatever data and file names hold, it can be printed
    try:
        code = int(importlib.import_module(f"supertokens_lite.cli.{arguments.module}").run(arguments))
        sys.stdout.flush()
    except (ConfigurationError, BadInputError) as error:
        return _fail(error, WRONG_USE)
    except BrokenPipeError:  # whoever read the output has enough of it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (SuperTokensError, OSError) as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    return code


def _fail(error: Exception, code: int) -> int:
    """Print an error as one line."""
    print(f"{PROGRAM}: {printable(' '.join(str(error).split()))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
