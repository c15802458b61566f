"""`supertokens-lite core serve`: a session core over HTTP."""

from __future__ import annotations

import argparse
import errno
import gc
import importlib.util
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from supertokens_lite._protocol.urls import is_local
from supertokens_lite.cli.setup import option, read_api_keys, read_config, read_durability, read_whole
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.server import BODY_LIMIT, CoreServer
from supertokens_lite.exceptions import ConfigurationError

if TYPE_CHECKING:
    import uvicorn

__all__ = ("run",)

HOST: Final = "127.0.0.1"
PORT: Final = 3567
LARGEST_BODY: Final = 2**31
BACKLOG: Final = 1024


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: an option can't work, or the port is in use.
    """
    if any(importlib.util.find_spec(name) is None for name in ("uvicorn", "httptools")):
        raise ConfigurationError("serving needs the extra 'server': pip install 'supertokens-lite[server]'")
    host = option(arguments.host, "host") or HOST
    port = read_whole(option(arguments.port, "port"), "port", default=PORT, lowest=0, highest=65535)
    body_limit = read_whole(
        option(arguments.body_limit, "body_limit"), "body-limit", default=BODY_LIMIT, lowest=1, highest=LARGEST_BODY
    )
    base_path = option(arguments.base_path, "base_path") or ""
    database = option(arguments.database, "database")
    if not database:
        raise ConfigurationError("name the database with --database PATH, or --database :memory: for one that is lost")
    api_keys = read_api_keys(option(arguments.api_key_file, "api_key_file"))
    core = EmbeddedCore(
        database,
        config=read_config(arguments.config or ()),
        durability=read_durability(option(arguments.durability, "durability")),
        api_keys=api_keys,
    )
    server = _build_server(CoreServer(core, base_path=base_path, body_limit=body_limit))
    with closing(_listen(host, port)) as listening, _ended_by_signals(server), closing(core):
        core.open()
        _announce(listening, host, database, base_path, has_keys=bool(api_keys))
        gc.freeze()  # what is there now stays, and need not be looked through again
        server.run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} of {host} is in use: end what listens there, or name another with --port"
            ) from None
        raise ConfigurationError(f"can't listen on {host} port {port}: {error.strerror or error}") from None
    return listening


def _announce(listening: socket.socket, host: str, database: str, base_path: str, *, has_keys: bool) -> None:
    """Say where the core is and how to point an SDK at it."""
    name = f"[{host.strip('[]')}]" if ":" in host else host
    reachable = {"0.0.0.0": HOST, "[::]": "[::1]"}.get(name, name)  # noqa: S104  # compared, not bound
    path = base_path.strip().strip("/")
    url = f"http://{reachable}:{listening.getsockname()[1]}" + (f"/{path}" if path else "")
    key = ', api_key="…"' if has_keys else ""
    kept = "memory, lost when it ends" if database == ":memory:" else database
    print(f"Session core on {url}, sessions in {kept}.")
    print(f'Point an SDK at it: SupertokensConfig(connection_uri="{url}"{key})')
    print("Ctrl-C ends it.", flush=True)
    if not has_keys and not is_local(host):
        print(
            f"Warning: {host} can be reached from other machines, and no API key is asked for; use --api-key-file.",
            file=sys.stderr,
            flush=True,
        )


def _build_server(application: CoreServer) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415  # the extra `server`

    from supertokens_lite.embedded.one_write import OneWriteProtocol  # noqa: PLC0415  # of the same extra

    settings: dict[str, Any] = {
        "http": OneWriteProtocol,
        "access_log": False,
        "log_level": "warning",
        "lifespan": "on",
        "server_header": False,
        "date_header": True,
        "proxy_headers": False,  # addresses are those of whoever connects, not what they claim
        "timeout_graceful_shutdown": 10,
    }
    return uvicorn.Server(uvicorn.Config(application, **settings))


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Generator[None, None, None]:
    """Take SIGTERM and Ctrl-C as the wish to end well, from the start: uvicorn listens to them only while it serves.

    When it is done it raises them again, for whoever had them before, and that is this.
    """

    def end(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
