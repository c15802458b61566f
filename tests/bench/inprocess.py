"""A core in this process, on a file, against the raw statements that it can't do without."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
        self._path = path
        self._durability = durability
        self.connection = self.another()
        self.connection.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, handle TEXT UNIQUE, data TEXT)")
        self.connection.execute("INSERT INTO sessions (handle, data) VALUES ('one', '{}')")

    def another(self) -> sqlite3.Connection:
        """Open a connection."""
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=60)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._durability}")
        return connection

    def update(self, number: int, connection: sqlite3.Connection | None = None) -> None:
        """Replace the data, as JSON text, in a transaction of its own."""
        text = json.dumps({**DATA, "number": number})
        (connection or self.connection).execute("UPDATE sessions SET data = ? WHERE handle = 'one'", (text,))

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

        async def awaited(times: int = calls) -> None:
            for _ in range(times):
                await app.session.update_session_data_in_database(handle, {**DATA, "number": next(numbers)})

        one = side_by_side(ours, theirs)
        yield Figure(f"update in process, {durability}, against raw sqlite3", one.ratio, 2.5, detail=show(one, calls))
        if durability == "normal":
            one = side_by_side(lambda: loop.run_until_complete(awaited()), theirs)
            yield Figure(
                "async update in process, normal, against raw sqlite3", one.ratio, 2.5, detail=show(one, calls)
            )
        else:
            yield from many_writers(raw, ours, lambda: loop.run_until_complete(gathered(awaited, calls)), calls)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    raw.connection.close()


def many_writers(raw: Raw, ours: Callable[[int], None], tasks: Callable[[], None], calls: int) -> Iterator[Figure]:
    """Sixteen that update at once at durability full: against as many raw writers, and against one."""

    def alone(times: int = calls) -> None:
        for number in range(times):
            raw.update(number)

    def beside(times: int) -> None:
        with closing(raw.another()) as mine:
            for number in range(times):
                raw.update(number, mine)

    with ThreadPoolExecutor(WRITERS) as pool:
        for what, work, other, against in (
            ("16 threads", lambda: spread(pool, ours, calls), lambda: spread(pool, beside, calls), "16 threads"),
            ("16 threads", lambda: spread(pool, ours, calls), alone, "one thread"),
            ("16 tasks", tasks, alone, "one thread"),
        ):
            timing = side_by_side(work, other)
            name = f"rate of {what} that update in process, full, against {against} of raw autocommit"
            yield Figure(name, 1 / timing.ratio, 4, False, show(timing, calls))


async def gathered(work: Callable[[int], Awaitable[None]], calls: int) -> None:
    """Divide the calls among tasks."""
    await asyncio.gather(*(work(calls // WRITERS) for _ in range(WRITERS)))


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
