"""Files that list sessions or users, and what can be wrong with them."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite import Supertokens
from supertokens_lite.exceptions import BadInputError
from supertokens_lite.recipe.session.bulk import HandleFile, Handles, Replace, UserFile, Users
from supertokens_lite.recipe.session.bulk_files import Line, Listing, check_name
from tests.apps import USER, build_app
from tests.bulk import StubCore, collect, create_many
from tests.conftest import Drive
from tests.servers import serve, session_core

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40).filter(
    lambda name: check_name(name) is None
)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def read(path: Path, column: str = "id", format: str | None = None, step: int = 7) -> list[Line]:  # noqa: A002
    """Read a file in steps."""
    listing = Listing(path, column, format)
    listing.fingerprint()
    listing.open()
    lines: list[Line] = []
    with closing(listing):
        while taken := listing.take(step):
            assert len(taken) <= step
            lines += taken
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for the files of a property."""
    return tmp_path_factory.mktemp("files")


@given(st.lists(NAMES), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_text(folder: Path, names: list[str], ending: str, marked: bool) -> None:
    """Every name of a text file is read as it is, with either line end, with a byte order mark or without."""
    path = folder / "names.txt"
    path.write_bytes((b"\xef\xbb\xbf" if marked else b"") + "".join(name + ending for name in names).encode())
    assert read(path) == [Line(name, None) for name in names]


@given(st.lists(st.tuples(CELLS, NAMES, CELLS)))
def test_csv(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """The column is found by its name, whatever quotes and line ends the others hold."""
    text = io.StringIO()
    csv.writer(text).writerows([("note", "id", "more"), *rows])
    path = folder / "names.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    assert read(path) == [Line(name, None) for _, name, _ in rows]


@given(st.lists(st.tuples(NAMES, st.booleans())))
def test_json_lines(folder: Path, rows: list[tuple[str, bool]]) -> None:
    """A line is a string, or an object with the member."""
    path = folder / "names.jsonl"
    lines = (json.dumps({"id": name, "x": 1} if within else name) for name, within in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    assert read(path) == [Line(name, None) for name, _ in rows]


@given(st.binary(max_size=300), st.sampled_from(["text", "csv", "jsonl"]))
def test_anything_else(folder: Path, content: bytes, kind: str) -> None:
    """Whatever a file holds: names, faults with their line, or one error that names the file."""
    path = folder / "anything"
    path.write_bytes((b"id\n" if kind == "csv" else b"") + content)
    lines: list[Line] = []
    error = ""
    try:
        lines = read(path, format=kind)
    except BadInputError as caught:
        error = str(caught)
    assert error == "" or str(path) in error
    for name, fault in lines:
        assert check_name(name) is None if fault is None else f"{path}:" in fault


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("h.txt", "good\n\n", "h.txt:2: is blank"),
        ("h.txt", "good\na b\n", "h.txt:2: 'a b' has a blank in it"),
        ("h.csv", "session_handle,x\ngood,1\n,2\n", "h.csv:3: is blank"),
        ("h.csv", 'session_handle,x\n"good","1\n2"\n" a",2\n', "h.csv:4: ' a' has a blank in it"),
        ("h.jsonl", '"good"\n{"x": 1}\n', "h.jsonl:2: has no member 'session_handle'"),
        ("h.jsonl", '"good"\n7\n', "h.jsonl:2: must be a string, not int"),
        ("h.ndjson", '"good"\n{"x\n', "h.ndjson:2: is no JSON"),
    ],
)
def test_one_bad_line(tmp_path: Path, drive: Drive, name: str, content: str, fault: str) -> None:
    """What is wrong with a line is its own result, with its number; the others go on."""
    path, stub = tmp_path / name, StubCore(["good"])
    path.write_text(content)

    async def scenario() -> None:
        with serve(session_core(stub)) as server:
            async with build_app(server.url) as app:
                results = await collect(app.session.iter_bulk_update(HandleFile(path), Replace({"a": 1})))
        assert results.pop("good").outcome == "updated"
        [bad] = results.values()
        assert bad.outcome == "failed"
        assert fault in str(bad.error)

    drive(scenario)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.txt", None, "can't be read: No such file or directory"),
        (".", None, "can't be read: Is a directory"),
        ("h.csv", "id,name\n1,2\n", "has no column 'session_handle'; its columns are: id, name"),
        ("h.csv", 'session_handle\n"x\n', "is no CSV"),
        ("h.csv", "", "is empty"),
        ("h.txt", "", "is empty"),
    ],
)
def test_files_that_cant_be_used(tmp_path: Path, drive: Drive, name: str, content: str | None, reason: str) -> None:
    """What is wrong with a file is named in one line, before anything is written."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)

    async def scenario() -> None:
        with serve(session_core(StubCore([]))) as server:
            async with build_app(server.url) as app:
                with pytest.raises(BadInputError) as caught:
                    await app.session.bulk_update(HandleFile(path), Replace({}), journal=tmp_path / "journal")
            assert reason in str(caught.value)
            assert "\n" not in str(caught.value)
            assert [seen for seen in server.seen if seen.method == "PUT"] == []

    drive(scenario)


def test_files_of_users(app: Supertokens, drive: Drive, tmp_path: Path) -> None:
    """A file of users stands for all their sessions."""
    path = tmp_path / "users.csv"

    async def scenario() -> None:
        handles = await create_many(app, 3)
        path.write_text(f"email,who\na@example.com,{USER.get_as_string()}\nb@example.com,bob\nc@example.com,\n")
        results = await collect(app.session.iter_bulk_update(UserFile(path, column="who"), Replace({"a": 1})))
        bad = results.pop("")
        assert "users.csv:4: is blank" in str(bad.error)
        assert sorted(results) == sorted(handles)

    drive(scenario)


def test_sessions_of_another_tenant(app: Supertokens, drive: Drive) -> None:
    """Where one tenant is meant, the handle of another tenant's session is refused."""

    async def scenario() -> None:
        handles = await create_many(app, 1)
        given = [*handles, "0000_t1"]
        results = await collect(app.session.iter_bulk_update(Handles(given), Replace({}), tenant_id="public"))
        assert results[handles[0]].outcome == "updated"
        assert "is of tenant 't1', not 'public'" in str(results["0000_t1"].error)

    drive(scenario)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"source": ["h"]}, "source"),
    ({"source": None}, "source"),
    ({"change": {"a": 1}}, "change"),
    ({"target": "cookies"}, "target"),
    ({"concurrency": 0}, "concurrency"),
    ({"concurrency": True}, "concurrency"),
    ({"max_per_second": 0}, "max_per_second"),
    ({"on_error": "ignore"}, "on_error"),
    ({"tenant_id": "a b"}, "tenant_id"),
]


@pytest.mark.parametrize(("given", "named"), WRONG)
def test_wrong_arguments(app: Supertokens, given: dict[str, Any], named: str) -> None:
    """Every argument that can't work is named at once, in both facades."""
    arguments: dict[str, Any] = {"source": Handles(["h"]), "change": Replace({}), **given}
    source, change = arguments.pop("source"), arguments.pop("change")
    for sessions in (app.session, app.session.blocking):
        with pytest.raises(BadInputError, match=named):
            sessions.iter_bulk_update(source, change, **arguments)


def test_wrong_sources_and_changes() -> None:
    """A single string is no list of handles, a format must be known, and data must be JSON."""
    for make, named in (
        (lambda: Handles("h1"), "Handles"),
        (lambda: Users(5), "Users"),  # type: ignore[arg-type]
        (lambda: HandleFile("x", format="xml"), "format"),  # type: ignore[arg-type]
        (lambda: Replace({"a": {1}}), "Replace"),
        (lambda: Replace([]), "Replace"),  # type: ignore[arg-type]
    ):
        with pytest.raises(BadInputError, match=named):
            make()
