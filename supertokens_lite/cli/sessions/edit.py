"""`supertokens-lite sessions edit HANDLE`: the data of a session in an editor.

What was typed is never lost: whatever keeps it from being saved, it stays in a file that only its owner can read.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from supertokens_lite._protocol.jsondata import build_canonical, check_object
from supertokens_lite.cli.asking import confirm, is_asked
from supertokens_lite.cli.sessions.connection import connect, find_session, read_name
from supertokens_lite.exceptions import ConfigurationError, GeneralError, SuperTokensError

__all__ = ("run",)

EDITOR: Final = "notepad" if sys.platform == "win32" else "vi"


class _Changed(Exception):
    """Somebody else wrote while the data was edited."""


def run(arguments: argparse.Namespace) -> int:
    """Have the data edited, and save it if nobody else changed it meanwhile.

    Raises:
        ConfigurationError: the editor can't be started.
        GeneralError: there is no such session, or the text was not saved; the message says where it is kept.
    """
    handle = read_name("HANDLE", arguments.handle)
    editor = _find_editor()
    with connect(arguments) as app:
        before = find_session(app, handle).session_data_in_database
        text = _Text(before)
        after = text.edit(editor)
        if after is None:
            text.remove()
            print("Unchanged; nothing was written.")
            return 0

        def replace(found: dict[str, Any]) -> dict[str, Any]:
            if build_canonical(found) != build_canonical(before):
                raise _Changed
            return after

        try:
            saved = app.session.blocking.modify_session_data_in_database(handle, replace)
        except _Changed:
            text.keep("somebody else changed the data meanwhile; theirs stays")
        except SuperTokensError as error:
            text.keep(str(error))
        if saved is None:
            text.keep("the session has ended meanwhile")
    text.remove()
    print(f"Saved the data of {handle}.")
    return 0


class _Text:
    """The text that is edited, in a folder of its own, for editors leave things beside it.

    Args:
        data: what it says at first.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._before = build_canonical(data)
        self._folder = Path(tempfile.mkdtemp(prefix="supertokens-lite-"))  # only for its owner
        self._path = self._folder / "session.json"
        self._path.write_text(_build_text(data), encoding="utf-8")

    def edit(self, editor: Sequence[str]) -> dict[str, Any] | None:
        """Let the user edit it until it is an object; None if it says the same as before."""
        while True:
            self._run(editor)
            try:
                data = _read_object(self._path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                reason = f"{error.strerror}" if isinstance(error, OSError) else str(error)
                print(f"Not saved: {reason}.", file=sys.stderr)
                if not _wants_to_go_on():
                    self.keep(reason)
                continue
            return None if build_canonical(data) == self._before else data

    def _run(self, editor: Sequence[str]) -> None:
        """Run the editor to its end. Ctrl-C in it is the editor's own."""
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            code = subprocess.run([*editor, self._path], check=False).returncode  # noqa: S603  # the user's own
        finally:
            signal.signal(signal.SIGINT, before)
        if code != 0 and self._is_untouched():
            self.remove()
            raise GeneralError(f"not saved: the editor ended with {code}")
        if code != 0:
            self.keep(f"the editor ended with {code}")

    def _is_untouched(self) -> bool:
        try:
            return build_canonical(_read_object(self._path.read_text(encoding="utf-8"))) == self._before
        except (OSError, ValueError):
            return False

    def keep(self, reason: str) -> NoReturn:
        """End without saving.

        Raises:
            GeneralError: why, and where the text is.
        """
        raise GeneralError(f"not saved: {reason}. Your text is in {self._path}")

    def remove(self) -> None:
        """Remove the text, and what an editor left beside it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _build_text(data: dict[str, Any]) -> str:
    text = json.dumps(data, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        text = json.dumps(data, indent=2)
    return text + "\n"


def _read_object(text: str) -> dict[str, Any]:
    """Read what was edited.

    Raises:
        ValueError: it is no JSON object; says where the fault is.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    try:
        data = json.loads(text, parse_constant=refuse)
        check_object(data, "data")
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return dict(data)


def _find_editor() -> list[str]:
    """Give the command that starts the user's editor."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or EDITOR
    try:
        words = shlex.split(command, posix=os.name == "posix")
    except ValueError:
        words = []
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise ConfigurationError(f"the editor {command!r} can't be started: set VISUAL or EDITOR to one that is there")
    return [program, *words[1:]]


def _wants_to_go_on() -> bool:
    try:
        return is_asked() and confirm("Edit it again?", otherwise="", default=True)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return False
