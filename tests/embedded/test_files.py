"""The file of a core: who may read it, what is taken for one, how it is made and brought up, and who shares it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.app import Write
from supertokens_lite.embedded.store.schema import APPLICATION_ID, SCHEMA_VERSION, migrate
from supertokens_lite.exceptions import ClosedError, ConfigurationError
from supertokens_lite.types import HttpRequest
from tests.embedded.client import Client

needs_posix = pytest.mark.skipif(os.name != "posix", reason="files have no mode here")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")

ROOT = Path(__file__).parents[2]
PROCESSES = 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "sessions.db"


def open_core(path: Path | str) -> EmbeddedCore:
    """Open a core."""
    core = EmbeddedCore(str(path), durability="normal")
    core.open()
    return core


def pragma(path: Path, name: str) -> Any:
    """Read a pragma of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def tables(path: Path) -> list[str]:
    """Name the tables of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def make_private(path: Path, content: bytes = b"") -> None:
    """Make a file that only its owner may read."""
    path.write_bytes(content)
    path.chmod(0o600)


def execute(path: Path, *statements: str) -> None:
    """Execute statements on a file of its own mode 0600, made if absent."""
    if not path.exists():
        make_private(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)


@needs_posix
def test_only_the_owner_may_read_the_files(path: Path) -> None:
    """The file, its log and the log's index are made with mode 0600, whatever the process's mask allows."""
    mask = os.umask(0)
    try:
        with closing(open_core(path)) as core:
            Client(core).create()
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(mask)
    assert modes == {"sessions.db": 0o600, "sessions.db-wal": 0o600, "sessions.db-shm": 0o600}


@needs_posix
def test_a_link_to_a_file_that_is_not_there(path: Path, tmp_path: Path) -> None:
    """The file that a link names is made as private as any."""
    link = tmp_path / "link.db"
    link.symlink_to(path)
    open_core(link).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    """A looser mode is refused in one line that holds the command which mends it, and the command does."""
    with closing(open_core(path)) as core:
        handle = Client(core).create().handle
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=rf"^.* run chmod 600 {path}$") as refused:
        EmbeddedCore(str(path))
    remedy = str(refused.value).partition("run ")[2]
    subprocess.run(remedy.split(), check=True)
    with closing(open_core(path)) as core:
        assert Client(core).handles() == [handle]


@needs_posix
def test_a_file_that_was_loosened_before_the_first_call_is_refused(path: Path) -> None:
    """The mode is looked at again when the file is opened, not only when it is named."""
    open_core(path).close()
    core = EmbeddedCore(str(path))
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="run chmod 600"):
        core.open()
    core.close()


def test_nothing_is_made_before_the_first_call(path: Path) -> None:
    """Naming a file makes none."""
    EmbeddedCore(str(path)).close()
    assert list(path.parent.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A folder that is not there is named, and not made."""
    folder = tmp_path / "missing"
    with pytest.raises(ConfigurationError, match=f"the folder {folder} of the database .* make it first"):
        EmbeddedCore(str(folder / "sessions.db"))
    assert not folder.exists()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no database."""
    with pytest.raises(ConfigurationError, match="is not a file: name a file"):
        EmbeddedCore(str(tmp_path))


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """A file of another kind is refused, and left as it is."""
    make_private(path, b"name,amount\nada,1\n")
    with pytest.raises(ConfigurationError, match="is not a database: name a new file"):
        EmbeddedCore(str(path))
    assert path.read_bytes() == b"name,amount\nada,1\n"


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    """An SQLite file that is not a core's is refused, and left as it is, journal and all."""
    execute(path, "CREATE TABLE accounts (name TEXT)", "INSERT INTO accounts VALUES ('ada')", "PRAGMA user_version = 1")
    before = path.read_bytes()
    core = EmbeddedCore(str(path))
    with pytest.raises(ConfigurationError, match="is an SQLite database of another program; name a new file"):
        core.open()
    core.close()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_newer_file_is_refused(path: Path) -> None:
    """A file that a newer version has taken forward is refused with both versions and what to do."""
    open_core(path).close()
    execute(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    core = EmbeddedCore(str(path))
    said = f"has schema version {SCHEMA_VERSION + 1}, and .* knows {SCHEMA_VERSION}: install a newer supertokens-lite"
    with pytest.raises(ConfigurationError, match=said):
        core.open()
    core.close()
    assert pragma(path, "user_version") == SCHEMA_VERSION + 1


def test_a_damaged_file_is_refused_in_one_line(path: Path) -> None:
    """A file that only begins like a database is refused without a traceback of SQLite's."""
    make_private(path, b"SQLite format 3\0" + b"\xff" * 8000)
    core = EmbeddedCore(str(path))
    with pytest.raises(ConfigurationError, match=rf"^the database {path} can't be opened: [^\n]*$"):
        core.open()
    core.close()


def nothing(_path: Path) -> None:
    """Leave the file to be made."""


def half_made(path: Path) -> None:
    """Make what is there when a process ends between the journal's mode and the tables."""
    execute(path, "PRAGMA journal_mode = WAL")


@pytest.mark.parametrize("before", [nothing, make_private, half_made])
def test_a_file_without_tables_is_brought_up(path: Path, before: Callable[[Path], None]) -> None:
    """A file that is absent, empty or half made is taken to this version, and marked as ours."""
    before(path)
    with closing(open_core(path)) as core:
        Client(core).create()
    assert pragma(path, "user_version") == SCHEMA_VERSION
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "journal_mode") == "wal"
    assert "session_info" in tables(path)


def test_a_core_finds_what_another_left(path: Path) -> None:
    """A file that is opened again has its sessions and keys, and is not changed by it."""
    with closing(open_core(path)) as core:
        client = Client(core)
        tokens, kids = client.create(data={"cart": ["apple"]}), client.kids()
    with closing(open_core(path)) as core:
        client = Client(core)
        assert client.get(tokens.handle)["userDataInDatabase"] == {"cart": ["apple"]}
        assert client.verify(tokens.access)["status"] == "OK"
        assert client.kids() == kids


def test_a_step_that_fails_leaves_nothing(path: Path) -> None:
    """The steps run in one transaction: where one fails, the file is as before, and the next start brings it up."""

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql.lstrip().startswith("CREATE INDEX"):
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *parameters)

    make_private(path)
    with closing(sqlite3.connect(path, isolation_level=None, factory=Failing)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            migrate(connection, str(path))
        assert not connection.in_transaction
    assert tables(path) == []
    assert (pragma(path, "user_version"), pragma(path, "application_id")) == (0, 0)
    with closing(open_core(path)) as core:
        assert Client(core).handles() == []


KILLED = """
import os, signal, sqlite3, sys
from supertokens_lite.embedded.store.schema import migrate

class Killed(sqlite3.Connection):
    def execute(self, sql, *parameters):
        if sql.lstrip().startswith(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(sql, *parameters)

os.close(os.open(sys.argv[1], os.O_CREAT, 0o600))
connection = sqlite3.connect(sys.argv[1], isolation_level=None, factory=Killed)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA cache_size = 1")
migrate(connection, sys.argv[1])
"""


@needs_posix
@pytest.mark.parametrize("statement", ["CREATE TABLE session_info", "PRAGMA user_version =", "COMMIT"])
def test_a_kill_amid_the_steps_leaves_nothing(path: Path, statement: str) -> None:
    """A process that is killed while it makes the tables leaves a file that the next start brings up."""
    assert run_python(KILLED, str(path), statement).returncode == -signal.SIGKILL
    with closing(open_core(path)) as core:
        Client(core).create()
    assert pragma(path, "user_version") == SCHEMA_VERSION
    assert pragma(path, "integrity_check") == "ok"


TOGETHER = """
import sys
from supertokens_lite.embedded import EmbeddedCore
from tests.embedded.client import Client

core = EmbeddedCore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
client = Client(core)
handle = client.create().handle
print(handle, *sorted(client.kids()), flush=True)
core.close()
"""


def test_processes_that_open_a_new_file_at_once(path: Path) -> None:
    """Six processes make one file at the same time: all succeed, with one set of keys, and no session is lost."""
    command = [sys.executable, "-c", TOGETHER, str(path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, cwd=ROOT, **pipes) for _ in range(PROCESSES)]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * PROCESSES
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in said] == [""] * PROCESSES
    handles = [out.split()[0] for out, _ in said]
    kids = {tuple(out.split()[1:]) for out, _ in said}
    assert len(kids) == 1, kids
    with closing(open_core(path)) as core:
        assert sorted(Client(core).handles()) == sorted(handles)


FORKED = """
import json, os, sys, threading
from supertokens_lite.embedded import EmbeddedCore
from tests.embedded.client import Client

core = EmbeddedCore(sys.argv[1], durability=sys.argv[2])
client = Client(core)

def at_once(function, *args):
    threads = [threading.Thread(target=function, args=args) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def write_many(user):
    at_once(client.create, user)

# signed one after the other: a thread that ends holds locks of OpenSSL for a moment, and a child would inherit them
for _ in range(8):
    client.create("before")
own = client.create("own")
at_once(client.put, own.handle, {})
child = os.fork()
if child == 0:
    write_many("child")
    client.put(own.handle, {"by": "child"})
    core.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
write_many("parent")
seen = {user: len(client.handles(user)) for user in ("before", "child", "parent")}
data = client.get(own.handle)["userDataInDatabase"]
print(json.dumps({"status": status, "seen": seen, "data": data}))
core.close()
"""


@needs_fork
@pytest.mark.parametrize(
    ("place", "durability", "child", "data"),
    [
        ("sessions.db", "full", 8, {"by": "child"}),
        ("sessions.db", "normal", 8, {"by": "child"}),
        (":memory:", "full", 0, {}),
    ],
)
def test_parent_and_child_go_on_after_a_fork(
    tmp_path: Path, place: str, durability: str, child: int, data: dict[str, str]
) -> None:
    """Both write on; on a file they see each other, and in memory the child has a copy of its own."""
    where = place if place == ":memory:" else str(tmp_path / place)
    done = run_python(FORKED, where, durability)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "status": 0,
        "seen": {"before": 8, "child": child, "parent": 8},
        "data": data,
    }
    if place != ":memory:":
        assert pragma(tmp_path / place, "integrity_check") == "ok"


def test_a_store_in_memory_is_gone_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in memory ends with its core, shares nothing with another, and leaves no file."""
    monkeypatch.chdir(tmp_path)
    with closing(open_core(":memory:")) as core, closing(open_core(":memory:")) as other:
        handle = Client(core).create().handle
        assert Client(core).handles() == [handle]
        assert Client(other).handles() == []
    with pytest.raises(ClosedError, match="closed"):
        Client(core).handles()
    with closing(open_core(":memory:")) as core:
        assert Client(core).handles() == []
    assert list(tmp_path.iterdir()) == []


def test_a_call_that_meets_the_end(path: Path) -> None:
    """A write that was begun before the core was closed, and comes to be carried out after it, is refused."""
    for database in (str(path), ":memory:"):
        core = EmbeddedCore(database)
        core.open()
        body = b'{"sessionHandle": "h", "userDataInDatabase": {}}'
        write = core.plan(HttpRequest("PUT", "", "/recipe/session/data", {}, body))
        assert isinstance(write, Write)
        core.close()
        assert write.do().status == 503
        assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_log_is_folded_in_when_the_last_core_closes(path: Path) -> None:
    """A file that nobody has open is one file, and holds everything."""
    with closing(open_core(path)) as core:
        handle = Client(core).create().handle
    assert list(path.parent.iterdir()) == [path]
    with closing(open_core(path)) as core:
        assert Client(core).handles() == [handle]


def test_a_damaged_file_is_said_in_one_line(tmp_path: Path) -> None:
    """A file whose pages are damaged is refused with what to do, whatever is asked of it."""
    path = tmp_path / "sessions.db"
    core = EmbeddedCore(str(path))
    core.open()
    core.close()
    damaged = bytearray(path.read_bytes())
    damaged[100:] = b"\xff" * (len(damaged) - 100)
    path.write_bytes(damaged)
    for ask in (EmbeddedCore.open, EmbeddedCore.stats, EmbeddedCore.rotate_keys, EmbeddedCore.revoke_all):
        core = EmbeddedCore(str(path))
        with pytest.raises(ConfigurationError, match="can't be") as caught:
            ask(core)
        assert len(str(caught.value).splitlines()) == 1
        core.close()


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """A name that no file can have is refused like any other that can't be used."""
    with pytest.raises(ConfigurationError, match="can't be used"):
        EmbeddedCore(str(tmp_path / ("x" * 300)))


SHARING = """
import sys
from contextlib import closing
from tests.embedded.client import Client
from tests.embedded.test_files import open_core
with closing(open_core(sys.argv[1])) as core:
    print(*Client(core).handles())
"""


def test_a_second_core_of_a_process_takes_no_locks_away(path: Path) -> None:
    """What one core holds stays held when another of its process comes: no other process takes the log away.

    POSIX gives up all of a process's locks on a file when it closes it once, however it had opened it.
    """
    with closing(open_core(path)) as first:
        handles = [Client(first).create().handle]
        with closing(open_core(path)) as second:
            handles.append(Client(second).create().handle)
        for _ in range(2):
            assert sorted(run_python(SHARING, str(path)).stdout.split()) == sorted(handles)
            handles.append(Client(first).create().handle)
