"""Asks before something is done that can't be undone."""

from __future__ import annotations

import sys

from supertokens_lite.exceptions import ConfigurationError

__all__ = ("confirm", "is_asked")


def is_asked() -> bool:
    """Tell whether there is somebody to ask."""
    return sys.stdin.isatty()


def confirm(question: str, *, otherwise: str, default: bool = False) -> bool:
    """Ask, on standard error, for standard output may be what another program reads.

    Args:
        question: what is to be confirmed.
        otherwise: what to do where there is nobody to ask.
        default: what no word at all means. The end of the input is always a no.

    Raises:
        ConfigurationError: there is nobody to ask.
    """
    if not is_asked():
        raise ConfigurationError(f"there is nobody to ask: {otherwise}")
    print(question, "[Y/n]" if default else "[y/N]", end=" ", file=sys.stderr, flush=True)
    try:
        answer = input().strip().lower()
    except EOFError:
        print(file=sys.stderr)
        return False
    return answer in ("y", "yes") or (default and not answer)
