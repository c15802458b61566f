"""A bulk update cut into chunks for workers: what they are told, in JSON, and the folder that remembers the job.

A job that has a folder is cut once: its chunks are all on the disk before the first is handed out, and are the same
when the job is started again, whatever its source gives by then. No handle is in two of them. So each session belongs
to one chunk with one journal, which one worker has at a time, and nothing is done twice. Workers that don't share a
disk have no folder, and only changes that can be done again.
"""

from __future__ import annotations

import importlib
import os
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, Final, cast

from supertokens_lite._io.journal import Journal
from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite.exceptions import BadInputError, JournalError
from supertokens_lite.recipe.session.bulk_changes import ChangeFunction, MergePatch, Replace
from supertokens_lite.recipe.session.bulk_results import FAILURES_KEPT, BulkReport
from supertokens_lite.recipe.session.bulk_sources import (
    AllSessions,
    AllUsers,
    Entry,
    HandleFile,
    Handles,
    Source,
    UserFile,
    Users,
)
from supertokens_lite.types import is_array, is_object

__all__ = (
    "Chunk",
    "JobFolder",
    "LeftOut",
    "cut",
    "describe_change",
    "describe_report",
    "find_function",
    "note_done",
    "restore_change",
    "restore_source",
)


def find_function(name: str) -> ChangeFunction:
    """Import a function that is named as `package.module:callable`; nothing is evaluated.

    Raises:
        BadInputError: there is no such module or function, or the module can't be imported.
    """
    module_name, _, path = name.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise BadInputError(f"{name!r} must be MODULE:NAME, as in shop.jobs:count_visit", "function")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise BadInputError(
                f"there is no module {error.name}, here or among what is installed", "function"
            ) from error
        raise BadInputError(f"{module_name} can't be imported: {_explain(error)}", "function") from error
    try:
        found: Any = reduce(getattr, path.split("."), module)
    except AttributeError:
        raise BadInputError(f"the module {module_name} has no {path}", "function") from None
    if not callable(found):
        raise BadInputError(f"{name} is no function but of type {type(found).__name__}", "function")
    return cast("ChangeFunction", found)


def _explain(error: BaseException) -> str:
    """Say what was raised while a module was imported, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"


def describe_change(change: object) -> dict[str, Any]:
    """Describe a change in JSON, as `restore_change` reads it.

    Args:
        change: `Replace({…})`, `MergePatch({…})`, or a function or its name.

    Raises:
        BadInputError: it is none of these, or a function that a worker could not import.
    """
    if isinstance(change, Replace):
        return {"replace": change.data, **({} if change.compare else {"compare": False})}
    if isinstance(change, MergePatch):
        return {"merge_patch": change.patch}
    if isinstance(change, str):
        find_function(change)
        return {"function": change}
    if not callable(change):
        raise BadInputError("must be Replace({…}), MergePatch({…}), a function or package.module:callable", "change")
    return {"function": _name_function(change)}


def _name_function(function: Callable[..., object]) -> str:
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    name = f"{module}:{path}"
    if module == "__main__":
        reason = "a worker can't import it from the program that was started; put it into a module"
    elif path is None or "<" in path:
        reason = "a worker can't import a lambda, an inner function or an object; define it with def in a module"
    else:
        if find_function(name) is function:
            return name
        reason = "what is found under that name is another function"
    raise BadInputError(f"{name}: {reason}", "change")


def restore_change(description: object) -> Replace | MergePatch | ChangeFunction:
    """Read a change.

    Args:
        description: `{"replace": {…}}`, `{"merge_patch": {…}}` or `{"function": "package.module:callable"}`.

    Raises:
        BadInputError: it is no such description, or there is no such function.
    """
    if is_object(description):
        if description.keys() <= {"replace", "compare"} and "replace" in description:
            return Replace(description["replace"], compare=description.get("compare") is not False)
        if description.keys() == {"merge_patch"}:
            return MergePatch(description["merge_patch"])
        if description.keys() == {"function"} and isinstance(description["function"], str):
            return find_function(description["function"])
    forms = '{"replace": {…}}, {"merge_patch": {…}} or {"function": "package.module:callable"}'
    raise BadInputError(f"must be {forms}", "change")


NAMED: Final[Mapping[str, Callable[[list[Any]], Source]]] = {"handles": Handles, "users": Users}
FILES: Final[Mapping[str, Callable[..., Source]]] = {"handle_file": HandleFile, "user_file": UserFile}
ALL: Final[Mapping[str, Callable[[], Source]]] = {"all_sessions": AllSessions, "all_users": AllUsers}


def restore_source(description: object) -> Source:
    """Read which sessions are meant.

    Args:
        description: an object with one of `handles`, `users` (arrays of strings), `handle_file`, `user_file` (a path,
            with `column` and `format` beside it if need be), `all_sessions`, `all_users` (true).

    Raises:
        BadInputError: it is nothing of the sort.
    """
    kinds = (*NAMED, *FILES, *ALL)
    if is_object(description) and len(found := [kind for kind in kinds if kind in description]) == 1:
        kind = found[0]
        given: Any = description[kind]
        options = {name: value for name, value in description.items() if name != kind}
        if kind in FILES and isinstance(given, str) and options.keys() <= {"column", "format"}:
            return FILES[kind](given, **options)
        if kind in NAMED and is_array(given) and not options:
            return NAMED[kind](given)
        if kind in ALL and given is True and not options:
            return ALL[kind]()
    raise BadInputError(f"must be an object with one of {', '.join(kinds)}", "source")


def describe_report(report: BulkReport) -> dict[str, Any]:
    """Give a report as JSON: `counts`, `skipped`, `failures`, `duration_s`, `rate`, `complete`."""
    failures = [
        {
            "handle": result.handle,
            "user_id": result.user_id,
            "outcome": result.outcome,
            "reason": f"{type(result.error).__name__}: {result.error}",
        }
        for result in report.failures
    ]
    return {
        "counts": dict(report.counts),
        "skipped": report.skipped,
        "failures": failures,
        "duration_s": report.duration_s,
        "rate": report.rate,
        "complete": report.complete,
    }


@dataclass
class LeftOut:
    """What of a source names no session, and so is in no chunk.

    Attributes:
        count: how much that is.
        failures: the first 20 of it, as a report has them.
    """

    count: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def note(self, entry: Entry) -> None:
        """Count one more."""
        self.count += 1
        if len(self.failures) < FAILURES_KEPT:
            failed = {"handle": entry.handle, "user_id": entry.user_id, "outcome": "failed"}
            self.failures.append({**failed, "reason": f"{type(entry.error).__name__}: {entry.error}"})


def cut(
    take: Callable[[int], Sequence[Entry] | None], size: int, left_out: LeftOut, *, may_be_empty: bool
) -> Iterator[list[str]]:
    """Cut what a source gives into chunks of handles.

    Args:
        take: gives some entries, about as many as it is asked for; None at the end.
        size: how many handles a chunk has.
        left_out: is told what names no session.
        may_be_empty: whether that there is nothing is an answer.

    Raises:
        BadInputError: the source is empty, or can't be read.
        CoreError: the core could not say what sessions a user has; without them the job would not be whole.
    """
    handles: list[str] = []
    is_empty = True
    while (entries := take(size)) is not None:
        is_empty = False
        for entry in entries:
            if entry.error is None:
                handles.append(entry.handle)
            elif isinstance(entry.error, BadInputError):
                left_out.note(entry)
            else:
                raise entry.error
        while len(handles) >= size:
            yield handles[:size]
            del handles[:size]
    if handles:
        yield handles
    if is_empty and not may_be_empty:
        raise BadInputError("is empty", "source")


@dataclass(frozen=True)
class Chunk:
    """A chunk of a job.

    Attributes:
        number: counts from 1.
        source: what `restore_source` makes its source of.
        journal: the path of its journal; None without a folder.
        done: how many sessions were done by an earlier run, if all were; else None.
    """

    number: int
    source: dict[str, Any]
    journal: str | None = None
    done: int | None = None


class JobFolder:
    """The folder of one job.

    `chunks/job.json` says what the job is, `chunks/000001.txt` names the sessions of the first chunk,
    `chunks/000001.journal` is its journal, and `chunks/000001.journal.done` is there once all of them are done.

    Args:
        path: the folder; made if it is not there. Its parent must be.
        job: what the job is, by name; another job is refused.
    """

    def __init__(self, path: str | os.PathLike[str], job: Mapping[str, str]) -> None:
        self.path = Path(path).absolute()
        self._job = dict(job)
        self._chunks = self.path / "chunks"

    def is_cut(self) -> bool:
        """Tell whether the job was started before.

        Raises:
            JournalError: the folder is another job's, or can't be read.
        """
        if not self._chunks.exists():
            return False
        there = self._read()["job"]
        differing = [name for name, value in self._job.items() if there.get(name) != value]
        if differing:
            raise JournalError(
                str(self.path),
                f"is another job's: it differs in its {' and '.join(differing)}. Use another folder, or that job",
            )
        return True

    def cut(self, chunks: Iterable[list[str]], left_out: LeftOut) -> None:
        """Put the chunks on the disk: all or, if anything goes wrong, none. A handle that comes twice is in one.

        Raises:
            JournalError: the folder can't be written.
            Exception: what making the chunks raises.
        """
        cutting = self.path / "cutting"
        try:
            self.path.mkdir(exist_ok=True)
            shutil.rmtree(cutting, ignore_errors=True)
            cutting.mkdir()
            count = 0
            for count, handles in enumerate(self._distinct(chunks, cutting / "seen"), 1):
                _write(cutting / f"{count:06}.txt", "".join(f"{handle}\n" for handle in handles))
            about = {"job": self._job, "chunks": count, "left_out": left_out.count, "failures": left_out.failures}
            _write(cutting / "job.json", build_json(about))
            cutting.replace(self._chunks)
        except OSError as error:
            raise _unusable(self.path, error) from error
        finally:
            shutil.rmtree(cutting, ignore_errors=True)

    def _distinct(self, chunks: Iterable[list[str]], path: Path) -> Iterator[list[str]]:
        """Leave out the handles that came before; a file remembers them, so that memory stays the same."""
        seen = Journal(str(path), {})
        seen.open()
        try:
            for handles in chunks:
                before = seen.find_done(handles)
                fresh = list(dict.fromkeys(handle for handle in handles if handle not in before))
                seen.record_done([(handle, "") for handle in fresh])
                if fresh:
                    yield fresh
        finally:
            seen.close()
            path.unlink(missing_ok=True)

    def list_chunks(self) -> Iterator[Chunk]:
        """Give the chunks of a job that is cut."""
        for number in range(1, self._read()["chunks"] + 1):
            stem = str(self._chunks / f"{number:06}")
            journal = f"{stem}.journal"
            yield Chunk(number, {"handle_file": f"{stem}.txt"}, journal, _find_done(journal))

    def left_out(self) -> LeftOut:
        """Give what of the source is in no chunk."""
        about = self._read()
        return LeftOut(about["left_out"], about["failures"])

    def _read(self) -> dict[str, Any]:
        try:
            about: dict[str, Any] = parse_json((self._chunks / "job.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise _unusable(self.path, error) from error
        except ValueError as error:
            raise JournalError(str(self.path), "is damaged: chunks/job.json is no JSON") from error
        return about


def note_done(journal: str, report: BulkReport) -> None:
    """Put down beside the journal of a chunk that nothing of it is left to be done, if that is so."""
    if report.succeeded:
        try:
            _write(Path(f"{journal}.done"), str(report.total + report.skipped))
        except OSError as error:
            raise _unusable(Path(journal), error) from error


def _find_done(journal: str) -> int | None:
    try:
        return int(Path(f"{journal}.done").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """Write a file, all of it or none."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _unusable(path: Path, error: OSError) -> JournalError:
    return JournalError(str(path), f"can't be used: {os.strerror(error.errno) if error.errno else error}")
