"""What calls cost with many sessions in the file, against few; and how long the sweep keeps a writer waiting."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.embedded import EmbeddedCore
from tests.bench.cores import DATA, build_app, new_handle
from tests.bench.measure import Figure, micros, side_by_side

FEW = 1_000
MANY = 1_000_000
EXPIRED = 500_000
LONGEST_WAIT_S = 0.05

SEED = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, expires_at,
                          created_at_time, jwt_user_payload, use_static_key)
SELECT app_id, tenant_id, lower(hex(randomblob(16))), 'user' || (n / 4), refresh_token_hash_2, session_data,
       :expires_at, created_at_time, jwt_user_payload, use_static_key
FROM numbers, (SELECT * FROM session_info LIMIT 1)
"""


def figures(folder: Path, calls: int, share: float) -> Iterator[Figure]:
    """Measure; `share` is the part of the rows that are seeded."""
    few, many = seeded(folder / "few.db", FEW), seeded(folder / "many.db", int(MANY * share))
    with build(few) as small, build(many) as large:
        handles = new_handle(small), new_handle(large)
        for name, wanted, call in operations():
            timing = side_by_side(
                lambda call=call: repeat(call, large, handles[1], calls),  # type: ignore[misc]
                lambda call=call: repeat(call, small, handles[0], calls),  # type: ignore[misc]
            )
            detail = f"{micros(timing.ours_s, calls)} against {micros(timing.other_s, calls)}"
            what = f"{name} with {int(MANY * share):,} sessions in the file, against {FEW:,}"
            yield Figure(what, timing.ratio, wanted, detail=detail)
    yield sweep_figure(folder / "expired.db", int(EXPIRED * share))


def build(path: Path) -> Supertokens:
    """Build an SDK on a file."""
    return build_app(f"sqlite:///{path}", core_durability="normal")


def seeded(path: Path, count: int, *, expires_at: int = 2**45) -> Path:
    """Make a file with many sessions."""
    with build(path) as app:
        new_handle(app)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(SEED, {"count": count, "expires_at": expires_at})
    connection.close()
    return path


def operations() -> Iterator[tuple[str, float, Callable[[Supertokens, str], object]]]:
    """Name what is called, and the bound of its ratio."""
    yield "get", 1.5, lambda app, handle: app.session.blocking.get_session_information(handle)
    yield "update", 1.5, lambda app, handle: app.session.blocking.update_session_data_in_database(handle, DATA)
    yield "list", 1.5, lambda app, handle: app.session.blocking.get_all_session_handles_for_user("user7")
    user = RecipeUserId("new")
    create = "create_new_session_without_request_response"
    yield "create", 2.5, lambda app, handle: getattr(app.session.blocking, create)("public", user, {}, DATA)


def repeat(call: Callable[[Supertokens, str], object], app: Supertokens, handle: str, calls: int) -> None:
    """Call it again and again."""
    for _ in range(calls):
        call(app, handle)


def sweep_figure(path: Path, count: int) -> Figure:
    """Measure the longest that an update takes while expired sessions are removed."""
    with build(seeded(path, count, expires_at=1)) as app:
        handle = new_handle(app)
        core = EmbeddedCore(str(path), durability="normal")
        sweeping = threading.Thread(target=core.sweep)
        longest = 0.0
        begun = time.perf_counter()
        sweeping.start()
        while sweeping.is_alive():
            before = time.perf_counter()
            app.session.blocking.update_session_data_in_database(handle, DATA)
            longest = max(longest, time.perf_counter() - before)
        took = time.perf_counter() - begun
        core.close()
    detail = f"{longest * 1000:.1f} ms while {count:,} were removed in {took:.1f} s"
    return Figure(
        "longest wait of a writer during the sweep, against 50 ms", longest / LONGEST_WAIT_S, 1.0, detail=detail
    )
