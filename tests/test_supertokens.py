"""The life of an SDK object: `init` and the default, closing, several in a process, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import supertokens_lite
from supertokens_lite import (
    InputAppInfo,
    RecipeUserId,
    Supertokens,
    SupertokensConfig,
    convert_to_recipe_user_id,
    get_all_cors_headers,
    get_request_from_user_context,
    init,
    is_recipe_initialized,
)
from supertokens_lite.exceptions import ClosedError, ConfigurationError, GeneralError
from supertokens_lite.framework import PlainRequest
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionOverrideConfig, syncio
from supertokens_lite.types import CoreCall, HttpReply, HttpRequest
from tests.apps import USER, build_app, create
from tests.conftest import Drive
from tests.served import ServedCore
from tests.servers import Reply, serve, session_core

MEMORY = "sqlite:///:memory:"
HANDLES = Reply(body=b'{"status":"OK","sessionHandles":["h1"]}')

NAMES = (
    "AppInfo, InputAppInfo, RecipeInit, RecipeUserId, Supertokens, SupertokensConfig, SupertokensExperimentalConfig, "
    "SupertokensPublicConfig, convert_to_recipe_user_id, get_all_cors_headers, get_request_from_user_context, init, "
    "is_recipe_initialized"
)


@pytest.fixture
def _testing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Allow `reset`, and forget the default afterwards."""
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    yield
    monkeypatch.setenv("SUPERTOKENS_ENV", "testing")
    Supertokens.reset()


def begin(config: SupertokensConfig | None = None, recipe: dict[str, Any] | None = None, **more: Any) -> None:
    arguments: dict[str, Any] = {
        "app_info": InputAppInfo("Shop", "https://api.example.com", website_domain="https://example.com"),
        "framework": "fastapi",
        "supertokens_config": config or SupertokensConfig(MEMORY),
        "recipe_list": [session.init(**(recipe or {}))],
        **more,
    }
    init(**arguments)


def test_the_names_of_the_top_level() -> None:
    """The top level has the 13 names that code written for the other SDK imports, and says so in `__all__`."""
    assert supertokens_lite.__all__ == tuple(NAMES.split(", "))


def public_modules() -> list[str]:
    found = pkgutil.walk_packages(supertokens_lite.__path__, "supertokens_lite.")
    names = [module.name for module in found if not re.search(r"\._", module.name)]
    return ["supertokens_lite", *names]


@pytest.mark.parametrize("name", public_modules())
def test_every_public_module_lists_its_names(name: str) -> None:
    """`__all__` of each public module is a tuple without repeats, of names that are there."""
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        assert hasattr(module, "__path__"), "only a package that holds nothing but modules has no __all__"
        assert not [each for each, value in vars(module).items() if getattr(value, "__module__", None) == name]
        return
    assert isinstance(module.__all__, tuple)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


def test_recipe_user_ids_are_values() -> None:
    """A `RecipeUserId` is hashable, equal by value, and equal to nothing but its like."""
    ada = RecipeUserId("ada")
    assert ada == RecipeUserId("ada") == convert_to_recipe_user_id("ada")
    assert ada != RecipeUserId("eve")
    assert ada != "ada"
    assert len({ada, RecipeUserId("ada"), RecipeUserId("eve")}) == 2
    assert ada.get_as_string() == "ada"
    assert repr(ada) == "RecipeUserId('ada')"


def test_calls_are_shown_without_what_they_carry() -> None:
    """Neither body, nor headers, nor a query is in the text of a call, a request or a reply."""
    secret = "s3cret"
    call = CoreCall("POST", "/recipe/session/verify", {"a": secret}, {"accessToken": secret})
    request = HttpRequest("PUT", f"http://{secret}@core", f"/recipe/x?a={secret}", {"api-key": secret}, secret.encode())
    reply = HttpReply(200, {"set-cookie": secret}, secret.encode())
    assert repr(call) == str(call) == "CoreCall('POST', '/recipe/session/verify')"
    assert repr(request) == f"{request}" == "HttpRequest('PUT', '/recipe/x', 6 bytes)"
    assert repr(reply) == str(reply) == "HttpReply(200, 6 bytes)"
    assert secret not in repr([call, request, reply])


def test_cors_headers() -> None:
    """The headers that browsers must be allowed to send are given as a list of the caller's own."""
    expected = {"anti-csrf", "authorization", "fdi-version", "rid", "st-auth-mode"}
    get_all_cors_headers().append("changed")
    assert set(get_all_cors_headers()) == expected
    assert len(get_all_cors_headers()) == 5


def test_the_request_of_a_user_context() -> None:
    """The request is found where the middleware puts it; anything else is None."""
    request = PlainRequest("GET", "/")
    assert get_request_from_user_context({"_default": {"request": request}}) is request
    wrong: list[Any] = [None, {}, {"_default": None}, {"_default": {}}, {"_default": {"request": "GET /"}}]
    assert [get_request_from_user_context(each) for each in wrong] == [None] * 5


def test_before_init() -> None:
    """Before `init` there is no instance and no recipe, and the functions say what was forgotten."""
    with pytest.raises(GeneralError, match=r"Did you forget to call the SuperTokens\.init function\?"):
        Supertokens.get_instance()
    with pytest.raises(GeneralError, match="Initialisation not done"):
        syncio.get_all_session_handles_for_user("ada")
    assert not is_recipe_initialized("session")


@pytest.mark.usefixtures("_testing")
def test_init_makes_the_default() -> None:
    """After `init` the module functions use the instance, and the session recipe is there, but no other."""
    begin()
    assert is_recipe_initialized("session")
    assert not is_recipe_initialized("emailpassword")
    syncio.create_new_session_without_request_response("public", USER)
    app = Supertokens.get_instance()
    assert len(app.session.blocking.get_all_session_handles_for_user("ada")) == 1


def test_init_that_fails_leaves_no_default() -> None:
    """An `init` that is refused can be called again."""
    with pytest.raises(ConfigurationError, match="Please provide at least one recipe"):
        begin(recipe_list=[])
    assert not is_recipe_initialized("session")


def on_functions(original: Any) -> Any:
    return original


def other_functions(original: Any) -> Any:
    return original


def local_functions() -> Callable[[Any], Any]:
    """Make a new function under the same name each time, as reloading a module does."""

    def functions(original: Any) -> Any:
        return original

    return functions


def intercept(url: str, method: str, headers: Any, params: Any, body: Any, context: Any) -> Any:
    return url, method, headers, params, body


@pytest.mark.usefixtures("_testing")
def test_init_again_with_the_same() -> None:
    """The same settings, built anew, change nothing: not the instance, not its sessions."""

    def again() -> None:
        config = SupertokensConfig(MEMORY, network_interceptor=intercept, core_config={"access_token_validity": 60})
        override = SessionOverrideConfig(functions=local_functions())
        begin(config, {"cookie_domain": ".example.com", "override": override}, debug=False)

    again()
    app = Supertokens.get_instance()
    handle = syncio.create_new_session_without_request_response("public", USER).get_handle()
    again()
    assert Supertokens.get_instance() is app
    assert syncio.get_session_information(handle) is not None


@pytest.mark.usefixtures("_testing")
def test_init_again_builds_nothing() -> None:
    """The second `init` with the same settings doesn't call overrides again."""
    calls: list[str] = []

    def counting(original: Any) -> Any:
        calls.append("called")
        return original

    for _ in range(2):
        begin(recipe={"override": SessionOverrideConfig(functions=counting)})
    assert calls == ["called"]


OTHERS: dict[str, dict[str, Any]] = {
    "config": {"config": SupertokensConfig(MEMORY, timeout_s=5)},
    "core config": {"config": SupertokensConfig(MEMORY, core_config={"access_token_validity": 60})},
    "interceptor": {"config": SupertokensConfig(MEMORY, network_interceptor=intercept)},
    "override": {"recipe": {"override": SessionOverrideConfig(functions=other_functions)}},
    "no override": {"recipe": {}},
    "recipe": {"recipe": {"override": SessionOverrideConfig(functions=on_functions), "anti_csrf": "NONE"}},
    "app": {"app_info": InputAppInfo("Other", "https://api.example.com", website_domain="https://example.com")},
    "origin": {"app_info": InputAppInfo("Shop", "https://api.example.com", origin=lambda *_: "https://example.com")},
    "framework": {"framework": "flask"},
    "mode": {"mode": "wsgi"},
    "portal": {"portal": True},
}


@pytest.mark.usefixtures("_testing")
@pytest.mark.parametrize("kind", list(OTHERS))
def test_init_again_with_others(kind: str) -> None:
    """Other settings are an error that says what to do, and the first ones stay in force."""
    first: dict[str, Any] = {"recipe": {"override": SessionOverrideConfig(functions=on_functions)}}
    begin(**first)
    app = Supertokens.get_instance()
    with pytest.raises(ConfigurationError, match="init was called before with other settings; call it once"):
        begin(**{**first, **OTHERS[kind]})
    assert Supertokens.get_instance() is app


@pytest.mark.usefixtures("_testing")
def test_callables_without_a_name() -> None:
    """Callables that have no qualified name are compared by value."""
    one, other = functools.partial(on_functions), functools.partial(on_functions)
    begin(recipe={"override": SessionOverrideConfig(functions=one)})
    begin(recipe={"override": SessionOverrideConfig(functions=one)})
    with pytest.raises(ConfigurationError, match="other settings"):
        begin(recipe={"override": SessionOverrideConfig(functions=other)})


@pytest.mark.usefixtures("_testing")
@pytest.mark.parametrize("value", [None, "", "production", "Testing"])
def test_reset_outside_of_tests(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `SUPERTOKENS_ENV=testing` the default can't be forgotten, and goes on."""
    begin()
    if value is None:
        monkeypatch.delenv("SUPERTOKENS_ENV")
    else:
        monkeypatch.setenv("SUPERTOKENS_ENV", value)
    with pytest.raises(GeneralError, match="set SUPERTOKENS_ENV=testing to allow it"):
        Supertokens.reset()
    assert syncio.get_all_session_handles_for_user("ada") == []


@pytest.mark.usefixtures("_testing")
def test_reset_in_tests() -> None:
    """With it the default is closed and forgotten, and `init` can be called with other settings."""
    begin()
    old = Supertokens.get_instance()
    Supertokens.reset()
    with pytest.raises(ClosedError, match="this Supertokens object is closed; build a new one"):
        old.session.blocking.get_all_session_handles_for_user("ada")
    Supertokens.reset()
    begin(framework="flask")
    assert Supertokens.get_instance() is not old


def end_async_with(app: Supertokens) -> None:
    async def scenario() -> None:
        async with app as entered:
            assert entered is app
            await create(app)

    asyncio.run(scenario())


def end_with(app: Supertokens) -> None:
    with app as entered:
        assert entered is app
        app.session.blocking.create_new_session_without_request_response("public", USER)


def end_aclose(app: Supertokens) -> None:
    async def scenario() -> None:
        await create(app)
        await app.aclose()
        await app.aclose()

    asyncio.run(scenario())


def end_close(app: Supertokens) -> None:
    app.session.blocking.create_new_session_without_request_response("public", USER)
    app.close()
    app.close()


ENDS = [end_async_with, end_with, end_aclose, end_close]


@pytest.mark.parametrize("portal", [False, True], ids=["no portal", "portal"])
@pytest.mark.parametrize("end", ENDS)
def test_use_after_the_end(end: Callable[[Supertokens], None], portal: bool, core_uri: str) -> None:
    """However it was closed, and closed again, both facades refuse further calls."""
    app = build_app(core_uri, portal=portal)
    end(app)
    app.close()
    asyncio.run(app.aclose())
    with pytest.raises(ClosedError, match="closed; build a new one"):
        app.session.blocking.get_all_session_handles_for_user("ada")
    with pytest.raises(ClosedError, match="closed; build a new one"):
        asyncio.run(app.session.get_all_session_handles_for_user("ada"))


@pytest.mark.usefixtures("transport")
def test_closing_in_the_midst_of_http() -> None:
    """Over HTTP too a closed object refuses both facades, on the loop that it was used on and on a new one."""
    with serve(session_core(lambda _: HANDLES)) as server:

        async def scenario() -> Supertokens:
            app = build_app(server.url)
            assert await app.session.get_all_session_handles_for_user("u") == ["h1"]
            await app.aclose()
            with pytest.raises(ClosedError):
                await app.session.get_all_session_handles_for_user("u")
            return app

        app = asyncio.run(scenario())
        before = len(server.seen)
        with pytest.raises(ClosedError):
            asyncio.run(app.session.get_all_session_handles_for_user("u"))
        with pytest.raises(ClosedError):
            app.session.blocking.get_all_session_handles_for_user("u")
        assert len(server.seen) == before


def test_closing_what_was_never_used(tmp_path: Path) -> None:
    """An object that was never used closes, opens nothing, and makes no file."""
    path = tmp_path / "never.db"
    build_app(f"sqlite:///{path}").close()
    asyncio.run(build_app(f"sqlite:///{path}", portal=True).aclose())
    assert not path.exists()


def test_several_in_one_process(drive: Drive) -> None:
    """Objects beside each other have sessions, settings and lives of their own, and make no default."""
    one, other = build_app(MEMORY), build_app(MEMORY, core_config={"access_token_validity": 60})

    async def scenario() -> None:
        await create(one)
        await create(other)
        await create(other)
        assert len(await one.session.get_all_session_handles_for_user("ada")) == 1
        assert len(await other.session.get_all_session_handles_for_user("ada")) == 2
        await one.aclose()
        assert len(await other.session.get_all_session_handles_for_user("ada")) == 2

    drive(scenario)
    other.close()
    assert not is_recipe_initialized("session")


EXITS = {
    "blocking": """
for number in range(10):
    app.session.blocking.create_new_session_without_request_response(*arguments)
""",
    "asyncio": """
import asyncio
async def main():
    for number in range(5):
        await app.session.create_new_session_without_request_response(*arguments)
    await asyncio.gather(*(app.session.create_new_session_without_request_response(*arguments) for _ in range(5)))
asyncio.run(main())
""",
    "trio": """
import trio
async def main():
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(app.session.create_new_session_without_request_response, *arguments)
trio.run(main)
""",
    "both": """
import asyncio
async def main():
    for number in range(5):
        await app.session.create_new_session_without_request_response(*arguments)
asyncio.run(main())
for number in range(5):
    app.session.blocking.create_new_session_without_request_response(*arguments)
""",
}

BEFORE_EXIT = """
import sys
from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig, init
from supertokens_lite.recipe import session
info = InputAppInfo("a", "http://localhost", website_domain="http://localhost")
init(info, "flask", SupertokensConfig(sys.argv[1]), [session.init()])
app = Supertokens.get_instance()
arguments = ("public", RecipeUserId("ada"), {}, {"large": "x" * 1000})
"""


@pytest.mark.parametrize("kind", ["file", "http"])
@pytest.mark.parametrize("how", list(EXITS))
def test_the_end_of_the_interpreter(how: str, kind: str, core_file: Path, tmp_path: Path) -> None:
    """A program that ends without closing leaves no warning, doesn't hang, and keeps every write that was answered."""
    database = tmp_path / "sessions.db"
    database.write_bytes(core_file.read_bytes())
    database.chmod(0o600)
    if kind == "file":
        end_of_a_program(EXITS[how], f"sqlite:///{database}")
    else:
        with ServedCore("--database", str(database)) as core:
            end_of_a_program(EXITS[how], core.url)
    with build_app(f"sqlite:///{database}") as app:
        assert len(app.session.blocking.get_all_session_handles_for_user("ada")) == 10


def end_of_a_program(program: str, uri: str) -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEFORE_EXIT + program, uri],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
