"""`doctor`: what it says of real servers, good ones and such as have one thing wrong."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware

from supertokens_lite import InputAppInfo, Supertokens, SupertokensConfig, get_all_cors_headers
from supertokens_lite.__main__ import main
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.recipe import session
from tests.cli.processes import run_cli
from tests.served import ServedCore
from tests.servers import Fault, Reply, closed_port, serve

WEBSITE = "http://localhost:3000"
MEMORY = "sqlite:///:memory:"
CORS: dict[str, Any] = {
    "allow_origins": [WEBSITE],
    "allow_credentials": True,
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["content-type", *get_all_cors_headers()],
}

Wrap = Callable[[Any], Any]


class Deployment(NamedTuple):
    """Where an API is, and what arrived there: method, path, and headers."""

    url: str
    seen: list[tuple[str, str, dict[str, str]]]


@contextmanager
def deploy(
    *,
    cors: dict[str, Any] | None = CORS,
    core_uri: str = MEMORY,
    base_path: str = "/auth",
    api_domain: str | None = None,
    website: str = WEBSITE,
    wrap: Wrap | None = None,
    server: dict[str, Any] | None = None,
    **recipe: Any,
) -> Iterator[Deployment]:
    """Serve an API of ours by uvicorn.

    Args:
        cors: of Starlette's middleware; None: there is none.
        core_uri: of its core.
        base_path: of its endpoints.
        api_domain: what it thinks that it is called; None: what it is called.
        website: whom it thinks it is for.
        wrap: gets the application, and gives what is served.
        server: settings of uvicorn.
        recipe: arguments of `session.init`.
    """
    settings = {"log_level": "warning", "lifespan": "off", **(server or {})}
    seen: list[tuple[str, str, dict[str, str]]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "https" if "ssl_certfile" in settings else "http"
        url = f"{scheme}://localhost:{listening.getsockname()[1]}"
        info = InputAppInfo("Shop", api_domain or url, website_domain=website, api_base_path=base_path)
        with Supertokens(info, "fastapi", SupertokensConfig(core_uri, max_retries=0), [session.init(**recipe)]) as app:
            application = FastAPI(openapi_url=None)
            application.add_middleware(Middleware, supertokens=app)
            if cors is not None:
                application.add_middleware(CORSMiddleware, **cors)

            @application.middleware("http")
            async def note(request: Request, call_next: Any) -> Any:
                seen.append((request.method, request.url.path, dict(request.headers)))
                return await call_next(request)

            running = uvicorn.Server(uvicorn.Config(wrap(application) if wrap else application, **settings))
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                yield Deployment(url, seen)
            finally:
                running.should_exit = True
                thread.join()


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """Run the command; give its exit code and its findings by check."""
    code = main(["doctor", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(out)["findings"]:
        found.setdefault(each["check"], []).append(each)
    return code, found


def troubles(found: dict[str, list[dict[str, str]]], verdict: str = "broken") -> dict[str, str]:
    """Give what has a verdict, by check."""
    return {
        check: " | ".join(each["found"] for each in all_of_it if each["verdict"] == verdict)
        for check, all_of_it in found.items()
        if any(each["verdict"] == verdict for each in all_of_it)
    }


def test_all_is_well() -> None:
    """Of a good deployment each row says so, the last line too, and the exit code is 0."""
    with ServedCore("--database", ":memory:") as core, deploy(core_uri=core.url) as api:
        done = run_cli("doctor", api.url, "--website", WEBSITE, "--core", core.url)
    assert (done.returncode, done.stderr) == (0, "")
    title, head, *rows, empty, summary = done.stdout.splitlines()
    assert (title, head.split()[:2], empty, summary) == (f"{api.url}/auth", ["check", "verdict"], "", "All is well.")
    assert len(rows) == 14
    assert [row for row in rows if "  ok  " not in row] == []


def test_nothing_that_is_sent_could_be_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    """What arrives is what a browser without a session sends, but for one token that says that it is made up."""
    with deploy() as api:
        examine(capsys, api.url, "--website", WEBSITE)
    assert [(method, path) for method, path, _ in api.seen] == [
        ("POST", "/auth/session/refresh"),
        ("POST", "/auth/session/refresh"),
        ("OPTIONS", "/auth/session/refresh"),
        ("OPTIONS", "/auth/session/refresh"),
        ("GET", "/auth/jwt/jwks.json"),
        ("GET", "/auth/.well-known/openid-configuration"),
    ]
    tokens = {headers[name] for _, _, headers in api.seen for name in ("cookie", "authorization") if name in headers}
    assert tokens == {
        "sRefreshToken=made-up-by-supertokens-lite-doctor",
        "Bearer made-up-by-supertokens-lite-doctor",
    }
    assert {headers["user-agent"] for _, _, headers in api.seen} == {"supertokens-lite doctor"}


def test_without_the_website(capsys: pytest.CaptureFixture[str]) -> None:
    """What needs more than the address of the API is said not to be checked, with the option that is needed."""
    with deploy() as api:
        code, found = examine(capsys, api.url)
    assert code == 0
    assert troubles(found) == troubles(found, "warning") == {}
    assert {check: found[check][0]["mend"] for check in troubles(found, "not checked")} == {
        "domains": "name it with --website",
        "CORS": "name it with --website",
        "core": "name it with --core",
    }


BAD_CORS: list[tuple[str, dict[str, Any] | None, dict[str, str]]] = [
    ("none", None, {"CORS preflight": "no Access-Control-Allow-Origin", "CORS answers": "no Access-Control-Allow-O"}),
    (
        "of any website, without credentials",
        CORS | {"allow_origins": ["*"], "allow_credentials": False},
        {"CORS preflight": "Access-Control-Allow-Origin is *", "CORS answers": "Access-Control-Allow-Origin is *"},
    ),
    (
        "without credentials",
        CORS | {"allow_credentials": False},
        {"CORS preflight": "no Access-Control-Allow-Credentials", "CORS answers": "no Access-Control-Allow-Cred"},
    ),
    (
        "without our headers",
        CORS | {"allow_headers": ["rid"]},
        {"CORS preflight": "these headers may not be sent: anti-csrf, authorization, fdi-version, st-auth-mode"},
    ),
    ("with headers of its own to read", CORS | {"expose_headers": ["x-total"]}, {"CORS answers": "front-token"}),
]


@pytest.mark.parametrize(("cors", "broken"), [row[1:] for row in BAD_CORS], ids=[row[0] for row in BAD_CORS])
def test_cors(cors: dict[str, Any] | None, broken: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """CORS that a browser would stumble over is found, and nothing else is complained about."""
    with deploy(cors=cors) as api:
        code, found = examine(capsys, api.url, "--website", WEBSITE)
    assert code == 1
    assert troubles(found).keys() == broken.keys()
    for check, part in broken.items():
        assert part in troubles(found)[check]


def test_any_website_may_call(capsys: pytest.CaptureFixture[str]) -> None:
    """An API that lets every website in with the user's cookies is warned about, and that alone is no failure."""
    with deploy(cors=CORS | {"allow_origins": ["*"], "allow_origin_regex": ".*"}) as api:
        code, found = examine(capsys, api.url, "--website", WEBSITE)
    assert code == 0
    assert troubles(found, "warning").keys() == {"CORS strangers"}


def test_same_site_none_over_http(capsys: pytest.CaptureFixture[str]) -> None:
    """Cookies that browsers drop are found."""
    with deploy(cookie_same_site="none", anti_csrf="VIA_CUSTOM_HEADER") as api:
        code, found = examine(capsys, api.url, "--website", WEBSITE)
    assert code == 1
    assert troubles(found) == {"cookies": "SameSite=None without Secure: browsers drop them"}


def test_another_base_path(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the endpoints are elsewhere, the option is named that says so; with it all is well."""
    with deploy(base_path="/api") as api:
        code, found = examine(capsys, api.url)
        assert code == 1
        assert troubles(found) == {"refresh endpoint": "POST /auth/session/refresh answers 404"}
        assert "--base-path" in found["refresh endpoint"][0]["mend"]
        assert examine(capsys, api.url, "--base-path", "/api")[0] == 0


def test_an_api_that_has_another_name_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """An `api_domain` that is not what browsers call is found, and so are the cookies that follow from it."""
    with deploy(api_domain="https://api.example.com") as api:
        _, found = examine(capsys, api.url, "--website", WEBSITE)
    assert f"https://api.example.com/auth and is reached as {api.url}/auth" in troubles(found)["API's own name"]


def test_two_names_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """`localhost` and `127.0.0.1` are different sites to browsers."""
    with deploy() as api:
        _, found = examine(capsys, api.url.replace("localhost", "127.0.0.1"), "--website", WEBSITE)
    assert troubles(found)["domains"] == "localhost and 127.0.0.1 are different sites"


def test_tokens_in_headers(capsys: pytest.CaptureFixture[str]) -> None:
    """An API that uses no cookies has none to judge."""
    with deploy(get_token_transfer_method=lambda *_: "header", cookie_same_site="none") as api:
        code, found = examine(capsys, api.url, "--website", WEBSITE)
    assert code == 0
    assert found["cookies"][0]["found"] == "none: tokens travel in headers"


def test_a_core_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    """An API that can't reach its core, and a core that can't be reached, are two findings."""
    nowhere = closed_port()
    with deploy(core_uri=nowhere) as api:
        code, found = examine(capsys, api.url, "--website", WEBSITE, "--core", nowhere)
    assert code == 1
    assert "the core can't be asked" in troubles(found)["API's core"]
    assert troubles(found)["core"].startswith(f"{nowhere}: can't connect")
    assert troubles(found, "warning").keys() == {"public keys"}


def test_another_core(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A core whose keys are not those of the API, and one that wants a key, are found."""
    keys = tmp_path / "keys.txt"
    keys.write_text("k" * 20, encoding="utf-8")
    keys.chmod(0o600)
    with deploy() as api, ServedCore("--database", ":memory:", "--api-key-file", str(keys)) as core:
        _, found = examine(capsys, api.url, "--core", core.url)
        assert troubles(found) == {"core": f"{core.url} wants another API key"}
        _, found = examine(capsys, api.url, "--core", core.url, "--api-key-file", str(keys))
        assert troubles(found) == {"core's keys": "the API serves others: it asks another core, or another app of it"}


def dated(shift: timedelta) -> Wrap:
    """Have all answers of an application dated wrongly."""

    def wrap(application: Any) -> Any:
        async def serve_dated(scope: Any, receive: Any, send: Any) -> None:
            async def send_dated(message: Any) -> None:
                if message["type"] == "http.response.start":
                    date = datetime.now(timezone.utc) + shift
                    message["headers"].append((b"date", date.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()))
                await send(message)

            await application(scope, receive, send_dated)

        return serve_dated

    return wrap


@pytest.mark.parametrize(
    ("shift_s", "verdict", "found"),
    [(2, "ok", "as this"), (30, "warning", " s ahead of"), (-30, "warning", " s behind"), (-600, "broken", "s behind")],
)
def test_the_clock(shift_s: int, verdict: str, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock that differs by more than tokens allow is found."""
    with deploy(wrap=dated(timedelta(seconds=shift_s)), server={"date_header": False}) as api:
        _, seen = examine(capsys, api.url)
    assert seen["clock"][0]["verdict"] == verdict
    assert found in seen["clock"][0]["found"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a key and a certificate for localhost that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_tls(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate that browsers don't trust is found; with `--ca-file` it is trusted, and cookies are Secure."""
    website = "https://localhost:3000"
    settings = {"ssl_certfile": str(certificate), "ssl_keyfile": str(certificate)}
    with deploy(cors=CORS | {"allow_origins": [website]}, website=website, server=settings) as api:
        code, found = examine(capsys, api.url, "--website", website)
        assert code == 1
        assert "the certificate is not good: self-signed certificate" in troubles(found)["TLS"].replace(
            "self ", "self-"
        )
        code, found = examine(capsys, api.url, "--website", website, "--ca-file", str(certificate))
    assert code == 0
    assert troubles(found, "warning") == {}
    assert found["cookies"][0]["found"].endswith("SameSite=Lax; Secure; HttpOnly")


def test_nothing_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing listens that is all that is said, as a table and as JSON."""
    url = closed_port()
    code, found = examine(capsys, url)
    assert code == 1
    assert troubles(found)["reachable"].startswith("can't connect: ")
    assert main(["doctor", url]) == 1
    assert capsys.readouterr().out.endswith("\n1 broken, 1 not checked.\n")


@pytest.mark.parametrize(
    ("reply", "check", "said"),
    [
        (Reply(301, b"", {"location": "https://api.example.com/"}), "refresh endpoint", "a redirect to https://api."),
        (Reply(403, b"csrf"), "refresh endpoint", "answers 403"),
        (Reply(500, b"\xff\x00"), "refresh endpoint", "answers 500"),
        (Reply(200, b'["' * 10_000), "refresh endpoint", "answers 200, not as it should"),
        (Reply(302, b"", {"location": "\x1b[31mred"}), "refresh endpoint", "a redirect to ?[31mred"),
        (Fault("reset"), "reachable", ""),
        (Fault("truncate"), "refresh endpoint", "answers 200, not as it should"),
    ],
    ids=["redirect", "forbidden", "broken", "no JSON", "escapes", "reset", "truncated"],
)
def test_somebody_else_is_there(
    reply: Reply | Fault, check: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever answers, the outcome is a table with a row that says so: no traceback, nothing that moves the cursor."""
    with serve(lambda seen: reply) as server:
        assert main(["doctor", server.url, "--website", WEBSITE, "--core", server.url]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    row = next(line for line in out.splitlines() if line.startswith(f"  {check} "))
    assert "broken" in row
    assert said in row


WRONG = [
    (["ftp://api.example.com"], "URL is 'ftp://api.example.com' and must be like https://api.example.com"),
    (["https://ada:secret@api.example.com"], "URL is 'api.example.com' and must be like https://api.example.com"),
    (["https://api.example.com:port"], "URL is 'https://api.example.com:port' and must be like"),
    (["https://api.example.com/auth"], "URL has more than scheme and host; give the path with --base-path"),
    (["api.example.com", "--website", "https://"], "--website is 'https://' and must be like"),
    (["api.example.com", "--base-path", "/a b"], "--base-path is '/a b' and must be a path like /auth"),
    (["api.example.com", "--core", "sqlite:///x.db"], "--core: a core in a process can't be asked from outside"),
    (["api.example.com", "--core", "http://"], "connection_uri: 'http://' is not the address of a core"),
    (["api.example.com", "--ca-file", "nosuch.pem"], "--ca-file: 'nosuch.pem' can't be used: "),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong_use(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that can't work is said in one line, without passwords, before anything is asked."""
    assert main(["doctor", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"supertokens-lite: {said}")
    assert "secret" not in err


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("drawn", [True, False], ids=["rich", "plain"])
def test_in_a_terminal(
    drawn: bool, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is no wider than the terminal, and nothing of what to do is cut off."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    if not drawn:
        monkeypatch.setitem(sys.modules, "rich", None)
    with deploy(cors=CORS | {"expose_headers": ["x-total"]}) as api:
        assert main(["doctor", api.url, "--website", WEBSITE]) == 1
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    assert ("│" in lines[4]) is drawn
    said = " ".join(" ".join(line.strip("│ ").split("│")[-1].strip() for line in lines).split())
    assert "Have nothing replace Access-Control-Expose-Headers" in said
    assert "st-refresh-token, anti-csrf." in said
    assert lines[-1] == "1 broken, 1 not checked."
