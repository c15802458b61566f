"""Cores over TLS: whom each transport trusts, and what it shows."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from supertokens_lite import Supertokens
from supertokens_lite.exceptions import CoreUnavailableError
from tests.apps import build_app
from tests.conftest import Drive
from tests.io.certificates import Authority

BODY = b'{"status":"OK","sessionHandles":["h1"]}'
REPLY = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def serving(certificate: tuple[str, str], *, clients: Path | None = None) -> Iterator[str]:
    """Serve over TLS; `clients` signed the certificates that clients must show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                with context.wrap_socket(connection, server_side=True) as secured:
                    while secured.recv(65536)[-4:] not in (b"\r\n\r\n", b""):
                        pass
                    secured.sendall(REPLY)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        socket.create_connection(listening.getsockname()).close()
        thread.join()
        listening.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def trust(authority: Authority, transport: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have a transport trust that authority: the default one by a setting, the fast one by the system's."""
    if transport == "default":
        return {"ca_file": authority.file}
    if sys.platform != "linux":
        pytest.skip("elsewhere the system's certificates are in a store that is not for tests")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return {}


def build(url: str, **settings: Any) -> Supertokens:
    return build_app(url, cdi_version="5.4", max_retries=0, **settings)


def test_a_certificate_of_whom_is_trusted(authority: Authority, trust: dict[str, Any], drive: Drive) -> None:
    """A core with a good certificate is spoken to."""
    with serving(authority.issue("core")) as url:

        async def scenario() -> None:
            with build(url, **trust) as app:
                assert await app.session.get_all_session_handles_for_user("u") == ["h1"]
                await app.aclose()

        drive(scenario)


def test_a_certificate_of_somebody_else(tmp_path: Path, trust: dict[str, Any], drive: Drive) -> None:
    """A core whose certificate nobody signed that is trusted is not spoken to, and provably got nothing."""
    refuses(Authority(tmp_path, "theirs").issue("core"), trust, drive)


def test_a_certificate_for_another_address(authority: Authority, trust: dict[str, Any], drive: Drive) -> None:
    """A core whose certificate is another's is not spoken to."""
    refuses(authority.issue("core", "127.0.0.2"), trust, drive)


def refuses(certificate: tuple[str, str], trust: dict[str, Any], drive: Drive) -> None:
    with serving(certificate) as url:

        async def scenario() -> None:
            with build(url, **trust) as app:
                with pytest.raises(CoreUnavailableError, match=r"can't connect \(.*certificate"):
                    await app.session.get_all_session_handles_for_user("u")
                await app.aclose()

        drive(scenario)


@pytest.mark.parametrize("files", [1, 2])
def test_a_client_s_certificate(
    tmp_path: Path, authority: Authority, trust: dict[str, Any], drive: Drive, files: int
) -> None:
    """A core that wants a certificate is shown the one of the settings, in one file or with its key in another."""
    shown: Any = authority.issue("client")
    if files == 1:
        together = tmp_path / "together.pem"
        together.write_bytes(b"".join(Path(path).read_bytes() for path in shown))
        shown = str(together)
    with serving(authority.issue("core"), clients=authority.file) as url:

        async def scenario() -> None:
            with build(url, **trust, client_cert=shown) as app:
                assert await app.session.get_all_session_handles_for_user("u") == ["h1"]
                await app.aclose()
            with build(url, **trust) as app:
                with pytest.raises(CoreUnavailableError):
                    await app.session.get_all_session_handles_for_user("u")
                await app.aclose()

        drive(scenario)
