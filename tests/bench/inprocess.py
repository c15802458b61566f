"""A core in this process, on a file, against the raw statements that it can't do without."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite import RecipeUserId
from tests.bench.cores import DATA, build_app, new_handle
from tests.bench.measure import Figure, Timing, micros, side_by_side

WRITERS = 16


def figures(folder: Path, calls: int) -> Iterator[Figure]:
    """Measure."""
    for durability in ("normal", "full"):
        yield from update_figures(folder, durability, calls)
    yield create_figure(folder, calls)


class Raw:
    """A table of one's own and the statements on it, at a durability."""

    def __init__(self, path: Path, durability: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            f"PRAGMA synchronous = {durability}",
            "CREATE TABLE sessions (id INTEGER PRIMARY KEY, handle TEXT UNIQUE, data TEXT)",
            "INSERT INTO sessions (handle, data) VALUES ('one', '{}')",
        ):
            self.connection.execute(statement)

    def update(self, number: int) -> None:
        """Replace the data, as JSON text, in a transaction of its own."""
        text = json.dumps({**DATA, "number": number})
        self.connection.execute("UPDATE sessions SET data = ? WHERE handle = 'one'", (text,))

    def insert(self, number: int) -> None:
        """Insert a row."""
        self.connection.execute("INSERT INTO sessions (handle, data) VALUES (?, '{}')", (f"s{number}",))


def update_figures(folder: Path, durability: Literal["full", "normal"], calls: int) -> Iterator[Figure]:
    """Updates one at a time, and from many threads where they can share an fsync."""
    raw = Raw(folder / f"raw-{durability}.db", durability)
    numbers = itertools.count()
    loop = asyncio.new_event_loop()
    with build_app(f"sqlite:///{folder / f'ours-{durability}.db'}", core_durability=durability) as app:
        handle = new_handle(app)
        update = app.session.blocking.update_session_data_in_database

        def ours(times: int = calls) -> None:
            for _ in range(times):
                update(handle, {**DATA, "number": next(numbers)})

        def theirs() -> None:
            for _ in range(calls):
                raw.update(next(numbers))

        async def awaited() -> None:
            for _ in range(calls):
                await app.session.update_session_data_in_database(handle, {**DATA, "number": next(numbers)})

        one = side_by_side(ours, theirs)
        yield Figure(f"update in process, {durability}, against raw sqlite3", one.ratio, 2.5, detail=show(one, calls))
        if durability == "normal":
            one = side_by_side(lambda: loop.run_until_complete(awaited()), theirs)
            yield Figure(
                "async update in process, normal, against raw sqlite3", one.ratio, 2.5, detail=show(one, calls)
            )
        else:
            with ThreadPoolExecutor(WRITERS) as pool:
                many = side_by_side(lambda: spread(pool, ours, calls), theirs)
            what = "rate of 16 threads that update in process, full, against raw autocommit"
            yield Figure(what, 1 / many.ratio, 4, False, show(many, calls))
    loop.close()
    raw.connection.close()


def spread(pool: ThreadPoolExecutor, work: Callable[[int], None], calls: int) -> None:
    """Divide the calls among the threads."""
    for done in [pool.submit(work, calls // WRITERS) for _ in range(WRITERS)]:
        done.result()


def create_figure(folder: Path, calls: int) -> Figure:
    """Creating a session, against a signature, a key derivation and an insert."""
    raw = Raw(folder / "raw-create.db", "normal")
    key = rsa.generate_private_key(65537, 2048)
    numbers = itertools.count()
    with build_app(f"sqlite:///{folder / 'ours-create.db'}", core_durability="normal") as app:
        create: Any = app.session.blocking.create_new_session_without_request_response
        user = RecipeUserId("bench")

        def ours() -> None:
            for _ in range(calls):
                create("public", user, {}, DATA)

        def theirs() -> None:
            for _ in range(calls):
                key.sign(b"x" * 400, padding.PKCS1v15(), SHA256())
                hashlib.pbkdf2_hmac("sha512", b"secret", b"0123456789abcdef", 100, 32)
                raw.insert(next(numbers))

        one = side_by_side(ours, theirs)
    raw.connection.close()
    return Figure("create in process, against signature, derivation, insert", one.ratio, 1.8, detail=show(one, calls))


def show(timing: Timing, calls: int) -> str:
    """Show both sides' time of one call."""
    return f"{micros(timing.ours_s, calls)} against {micros(timing.other_s, calls)}"
