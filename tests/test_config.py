"""What a user sets: what is refused, in which words, and what no error and no `repr` shows."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite import (
    AppInfo,
    InputAppInfo,
    Supertokens,
    SupertokensConfig,
    SupertokensExperimentalConfig,
    SupertokensPublicConfig,
)
from supertokens_lite.exceptions import ConfigurationError, GeneralError, SuperTokensWarning
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import InputErrorHandlers, SessionOverrideConfig
from tests.apps import APP_INFO

HTTP = "http://localhost:3567"
MEMORY = "sqlite:///:memory:"
SECRET = "very-secret-key-0123456789"


def refused(build: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Call something that has to refuse; give what it says, which is one line."""
    with pytest.raises(ConfigurationError) as caught:
        build(*args, **kwargs)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, GeneralError)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "pydantic" not in said
    return said


def build(config: SupertokensConfig | None = None, recipes: Any = None, **more: Any) -> Supertokens:
    recipe_list = [session.init()] if recipes is None else recipes
    arguments: dict[str, Any] = {"app_info": APP_INFO, "framework": "fastapi", "recipe_list": recipe_list, **more}
    return Supertokens(supertokens_config=config or SupertokensConfig(MEMORY), **arguments)


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"connection_uri": None}, "connection_uri: Input should be a valid string"),
    ({"connection_uri": Path("sessions.db")}, "connection_uri: Input should be a valid string"),
    ({"api_key": 5}, "api_key: Input should be a valid string"),
    ({"api_key": " "}, "api_key is empty"),
    ({"api_key": "line\nbreak"}, "a header can't hold"),
    ({"api_key": "schlüssel"}, "a header can't hold"),
    ({"network_interceptor": "watch"}, "network_interceptor: Input should be callable"),
    ({"disable_core_call_cache": 1}, "disable_core_call_cache: Input should be a valid boolean"),
    ({"timeout_s": 0}, "timeout_s: Input should be greater than 0"),
    ({"timeout_s": "5"}, "timeout_s: Input should be a valid number"),
    ({"timeout_s": True}, "timeout_s: Input should be a valid number"),
    ({"timeout_s": float("nan")}, "timeout_s: Input should be"),
    ({"connect_timeout_s": 3601}, "connect_timeout_s: Input should be less than or equal to 3600"),
    ({"max_connections": 0}, "max_connections: Input should be greater than or equal to 1"),
    ({"max_connections": 10_001}, "max_connections: Input should be less than or equal to 10000"),
    ({"max_connections": 2.5}, "max_connections: Input should be a valid integer"),
    ({"max_retries": -1}, "max_retries: Input should be greater than or equal to 0"),
    ({"cdi_version": "5.2"}, "cdi_version is '5.2' and must be one of"),
    ({"cdi_version": 5.4}, "cdi_version: Input should be a valid string"),
    ({"ca_file": "/nosuch/ca.pem"}, "ca_file: there is no file '/nosuch/ca.pem'"),
    ({"ca_file": "two\nlines.pem"}, r"ca_file: there is no file 'two\nlines.pem'"),
    ({"ca_file": Path("/nosuch/ca.pem")}, "ca_file: there is no file '/nosuch/ca.pem'"),
    ({"client_cert": "/nosuch/cert.pem"}, "client_cert: there is no file '/nosuch/cert.pem'"),
    ({"client_cert": (__file__, "/nosuch/key.pem")}, "client_cert: there is no file '/nosuch/key.pem'"),
    ({"client_cert": (__file__,)}, "client_cert"),
    ({"trust_env": None}, "trust_env: Input should be a valid boolean"),
    ({"connection_uri": MEMORY, "core_config": [1]}, "core_config: Input should be a valid dictionary"),
    ({"connection_uri": MEMORY, "core_config": {1: 2}}, "core_config.1"),
    ({"connection_uri": MEMORY, "core_durability": "half"}, "core_durability: Input should be 'full' or 'normal'"),
    ({"connection_uri": MEMORY, "core_app_id": "Shop"}, "core_app_id: String should match pattern"),
    ({"connection_uri": MEMORY, "core_app_id": "shop\n"}, "core_app_id: String should match pattern"),
    ({"connection_uri": MEMORY, "core_app_id": "a" * 65}, "core_app_id: String should have at most 64 characters"),
]


@pytest.mark.parametrize(("options", "said"), BAD_OPTIONS)
def test_options_that_cannot_work(options: dict[str, Any], said: str) -> None:
    """Each option that can't work is named in one line, with what it may be."""
    assert said in refused(SupertokensConfig, **{"connection_uri": HTTP, **options})


@pytest.mark.parametrize(
    "options",
    [{"core_config": {}}, {"core_durability": "normal"}, {"core_app_id": "shop"}],
    ids=lambda each: next(iter(each)),
)
def test_settings_of_a_core_in_process_with_another(options: dict[str, Any]) -> None:
    """A setting for a core in this process is refused where the URI names another, with the place where it belongs."""
    said = refused(SupertokensConfig, HTTP, **options)
    assert said.startswith(f"{next(iter(options))} is for a core in this process (connection_uri sqlite:///…)")
    assert "http://host:3567/appid-NAME" in said
    SupertokensConfig(MEMORY, **options)


BAD_URIS = [
    "",
    " ; ",
    "ftp://core",
    "redis:3567x",
    "postgresql://core/db",
    "supertokens://core",
    "http://",
    "http://:3567",
    "http://[::1",
    "http://core:port",
    "http://core:99999",
    "http://core one",
    "http://core\n:3567",
    "http://co\tre",
    "http://core\x00",
    "http://\ud800",
    "http://core/a b",
    "http://one,http://two",
    "http://good;ftp://bad",
    "sqlite:",
    "sqlite://",
    "sqlite:///",
    "sqlite:/sessions.db",
    "sqlite://sessions.db",
    "sqlite:///a\x00b",
    "sqlite:///\ud800.db",
]


@pytest.mark.parametrize("uri", BAD_URIS, ids=ascii)
def test_uris_that_name_no_core(uri: str) -> None:
    """A URI that names no core is refused with the forms that do."""
    said = refused(SupertokensConfig, uri)
    assert said.startswith("connection_uri")
    assert "http://HOST:PORT, https://HOST, sqlite:///FILE" in said


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_password_in_a_uri(scheme: str) -> None:
    """A URI with a password is refused without showing it."""
    said = refused(SupertokensConfig, f"{scheme}://admin:{SECRET}@core:3567")
    assert SECRET not in said
    assert "admin" not in said


GOOD_URIS: list[tuple[str, list[tuple[str, str]]]] = [
    ("http://localhost:3567", [("http://localhost:3567", "")]),
    (" http://a:1 ;; https://B/appid-shop/ ;", [("http://a:1", ""), ("https://b", "/appid-shop")]),
    ("core.example.com", [("https://core.example.com", "")]),
    ("127.0.0.1:3567", [("http://127.0.0.1:3567", "")]),
    ("http://[::1]:3567/x", [("http://[::1]:3567", "/x")]),
]


@pytest.mark.parametrize(("uri", "hosts"), GOOD_URIS)
def test_uris_that_name_cores(uri: str, hosts: list[tuple[str, str]]) -> None:
    """One or several hosts, each with a path of its own, are read from a URI."""
    config = SupertokensConfig(uri)
    assert [tuple(host) for host in config.hosts] == hosts
    assert config.database is None


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("sqlite:///sessions.db", "sessions.db"),
        ("sqlite:////srv/s.db", "/srv/s.db"),
        (" SQLite:///:memory: ", ":memory:"),
    ],
)
def test_uris_that_name_a_database(uri: str, database: str) -> None:
    """Three slashes begin a relative path, four an absolute one."""
    assert SupertokensConfig(uri).database == database


def broken_files(folder: Path) -> dict[str, tuple[str, str]]:
    text = folder / "text.db"
    text.write_text("a letter, not a database")
    text.chmod(0o600)
    return {
        "missing folder": (f"sqlite:///{folder}/nosuch/x.db", "does not exist: make it first"),
        "a folder": (f"sqlite:///{folder}", "is not a file"),
        "no database": (f"sqlite:///{text}", "is not a database: name a new file or one that this core made"),
    }


@pytest.mark.parametrize("kind", ["missing folder", "a folder", "no database"])
def test_files_that_cannot_be_a_database(kind: str, tmp_path: Path) -> None:
    """A file that can't be a core's database is refused when the SDK object is built."""
    uri, said = broken_files(tmp_path)[kind]
    assert said in refused(build, SupertokensConfig(uri))


CORE_CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"access_token_valdity": 60}, "Invalid config key: access_token_valdity"),
    ({"access_token_validity": "soon"}, "'access_token_validity' must be an integer"),
    ({"refresh_token_validity": -1}, "'refresh_token_validity' must be a number of minutes above 0"),
]


@pytest.mark.parametrize(("core_config", "said"), CORE_CONFIGS)
def test_core_settings_that_cannot_work(core_config: dict[str, Any], said: str) -> None:
    """A setting of a core in this process that can't work is named."""
    assert said in refused(build, SupertokensConfig(MEMORY, core_config=core_config))


def test_a_short_key_of_a_core_in_process() -> None:
    """A key for a core in this process is held to the core's rule, and not shown."""
    said = refused(build, SupertokensConfig(MEMORY, "short-secret"))
    assert "at least 20 characters" in said
    assert "short-secret" not in said


BAD_APPS: list[tuple[dict[str, Any], str]] = [
    ({"app_name": 5}, "app_name: Input should be a valid string"),
    ({"api_domain": None}, "api_domain: Input should be a valid string"),
    ({"api_domain": ""}, "api_domain is '' and must be a domain like https://api.example.com"),
    ({"api_domain": "ftp://api.example.com"}, "api_domain is 'ftp://api.example.com' and must be a domain"),
    ({"api_domain": "http://["}, "api_domain is 'http://['"),
    ({"api_domain": "api.exam\nple.com"}, r"api_domain is 'api.exam\nple.com'"),
    ({"website_domain": None}, "Please provide at least one of website_domain or origin"),
    ({"website_domain": 80}, "website_domain: Input should be a valid string"),
    ({"website_domain": "a b"}, "website_domain is 'a b' and must be a domain"),
    ({"origin": "http://"}, "origin is 'http://' and must be a domain"),
    ({"origin": 5}, "origin"),
    ({"api_base_path": None}, "api_base_path: Input should be a valid string"),
    ({"api_base_path": "http://[/auth"}, "api_base_path is 'http://[/auth' and must be a path like /auth"),
    ({"api_gateway_path": "/a\x00"}, "api_gateway_path is"),
    ({"website_base_path": "/a b"}, "website_base_path is '/a b' and must be a path"),
]


@pytest.mark.parametrize(("options", "said"), BAD_APPS)
def test_applications_that_cannot_work(options: dict[str, Any], said: str) -> None:
    """Each argument of `InputAppInfo` that can't work is named, at the latest when the SDK object is built."""
    good = {"app_name": "Shop", "api_domain": "api.example.com", "website_domain": "example.com"}
    assert said in refused(lambda: build(app_info=InputAppInfo(**{**good, **options})))


def test_the_application_in_one_form() -> None:
    """Domains and paths are brought to one form; `origin` wins, and a function is asked each time."""
    origins = iter(["https://one.example.com", "two.example.com"])
    given_info = InputAppInfo(
        "Shop",
        "API.example.com/",
        "/gateway",
        "auth/",
        "/login",
        "example.com",
        lambda _request, _context: next(origins),
    )
    info = AppInfo(given_info, "fastapi", None)
    assert info.toJSON() == {
        "appName": "Shop",
        "apiDomain": "https://api.example.com",
        "apiBasePath": "/gateway/auth",
        "websiteBasePath": "/login",
        "framework": "fastapi",
        "mode": "asgi",
    }
    assert info.get_origin(None, {}).get_as_string_dangerous() == "https://one.example.com"
    assert info.get_origin(None, {}).get_as_string_dangerous() == "https://two.example.com"
    assert AppInfo(given_info, "flask", None).mode == "wsgi"
    assert AppInfo(given_info, "django", "asgi").mode == "asgi"
    assert AppInfo(given_info, "quart", None).mode == "asgi"
    assert repr(given_info) == "InputAppInfo('Shop', 'API.example.com/')"


BAD_RECIPES: list[tuple[dict[str, Any], str]] = [
    ({"cookie_domain": 5}, "cookie_domain: Input should be a valid string"),
    ({"cookie_domain": "a.com\r\nSet-Cookie: x"}, "cookie_domain is"),
    ({"older_cookie_domain": "a.com; Secure"}, "older_cookie_domain is 'a.com; Secure' and must be a domain"),
    ({"cookie_secure": "yes"}, "cookie_secure: Input should be a valid boolean"),
    ({"cookie_same_site": "Lax"}, "cookie_same_site: Input should be 'lax', 'none' or 'strict'"),
    ({"session_expired_status_code": 99}, "session_expired_status_code: Input should be greater than or equal to 100"),
    ({"session_expired_status_code": True}, "session_expired_status_code: Input should be a valid integer"),
    ({"session_expired_status_code": 403}, "session_expired_status_code and invalid_claim_status_code are both 403"),
    ({"invalid_claim_status_code": 401}, "session_expired_status_code and invalid_claim_status_code are both 401"),
    ({"invalid_claim_status_code": 600}, "invalid_claim_status_code: Input should be less than or equal to 599"),
    ({"anti_csrf": "VIA_COOKIE"}, "anti_csrf: Input should be 'VIA_TOKEN', 'VIA_CUSTOM_HEADER' or 'NONE'"),
    ({"get_token_transfer_method": "cookie"}, "get_token_transfer_method: Input should be callable"),
    ({"error_handlers": {}}, "error_handlers: Input should be an instance of InputErrorHandlers"),
    ({"error_handlers": InputErrorHandlers(on_unauthorised="x")}, "error_handlers.on_unauthorised must be a function"),  # type: ignore[arg-type]
    ({"override": {}}, "override: Input should be an instance of SessionOverrideConfig"),
    ({"override": SessionOverrideConfig(functions=5)}, "override.functions must be a function"),  # type: ignore[arg-type]
    (
        {"use_dynamic_access_token_signing_key": 1},
        "use_dynamic_access_token_signing_key: Input should be a valid boolean",
    ),
    ({"expose_access_token_to_frontend_in_cookie_based_auth": 0}, "Input should be a valid boolean"),
    ({"jwks_refresh_interval_sec": 0}, "jwks_refresh_interval_sec: Input should be greater than 0"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_RECIPES, ids=[said for _, said in BAD_RECIPES])
def test_recipes_that_cannot_work(arguments: dict[str, Any], said: str) -> None:
    """Each argument of `session.init` that can't work is named."""
    line = refused(session.init, **arguments)
    assert line.startswith("session.init: ")
    assert said in line


@pytest.mark.parametrize("which", ["functions", "apis"])
def test_an_override_that_gives_nothing_back(which: str) -> None:
    """An override that forgot to return the implementation is told so."""
    functions: dict[str, Any] = {which: lambda _implementation: None}
    override = SessionOverrideConfig(**functions)
    said = refused(build, recipes=[session.init(override=override)])
    assert said == f"session.init: override.{which} gave None; it has to return the implementation"


class ForeignRecipe:
    """A recipe of something else."""


RECIPE_LISTS: list[tuple[Any, str]] = [
    ([], "Please provide at least one recipe"),
    ((), "Please provide at least one recipe"),
    ([session.init], "supertokens_lite.recipe.session.recipe.init is not a recipe of this package"),
    ([session.init(), ForeignRecipe], "tests.test_config.ForeignRecipe is not a recipe of this package"),
    ([None], "None is not a recipe of this package; it has recipe.session.init(…)"),
    ([session.init(), session.init()], "session.init(…) is in it more than once"),
    (session.init(), "recipe_list is of type RecipeInit and must be a list: [session.init(…)]"),
    ({"session": session.init()}, "recipe_list is of type dict and must be a list"),
]


@pytest.mark.parametrize(("recipes", "said"), RECIPE_LISTS, ids=[said for _, said in RECIPE_LISTS])
def test_recipe_lists_that_cannot_work(recipes: Any, said: str) -> None:
    """A list without the session recipe, with it twice or with another one says what is wrong and names it."""
    assert said in refused(build, recipes=recipes)


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"app_info": {"app_name": "Shop"}}, "app_info must be an instance of InputAppInfo"),
    (
        {"framework": "bottle"},
        "framework is 'bottle' and must be one of fastapi, flask, django, quart, litestar, aiohttp, sanic",
    ),
    ({"mode": "cgi"}, "mode is 'cgi' and must be 'asgi' or 'wsgi'"),
    ({"experimental": {"plugins": []}}, "experimental must be an instance of SupertokensExperimentalConfig"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_ARGUMENTS)
def test_other_arguments_that_cannot_work(arguments: dict[str, Any], said: str) -> None:
    """The other arguments of `init` are checked too."""
    assert refused(build, **arguments) == said


def test_a_configuration_of_another_type() -> None:
    """A dict in the place of a `SupertokensConfig` is refused."""
    config: Any = {"connection_uri": HTTP}
    assert refused(build, config) == "supertokens_config must be an instance of SupertokensConfig"


def test_plugins_are_refused() -> None:
    """Plug-ins are refused with what to use instead; none is fine."""
    assert "use overrides instead" in refused(SupertokensExperimentalConfig, plugins=[object()])
    assert SupertokensExperimentalConfig(plugins=[]) == SupertokensExperimentalConfig()
    assert SupertokensPublicConfig(APP_INFO, "flask").app_info == APP_INFO


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=8),
    st.lists(st.integers() | st.text(), max_size=3),
    st.tuples(st.text(), st.text()),
    st.dictionaries(st.integers() | st.text() | st.binary(max_size=4), st.integers(), max_size=3),
    st.sampled_from([print, object(), Path("x"), HTTP, MEMORY, "sqlite:///x.db", SECRET, 1j, ValueError("a\nb")]),
)


def some_of(function: Callable[..., Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Make arguments of any kind for some of a function's parameters."""
    names = list(inspect.signature(function).parameters)
    return st.dictionaries(st.sampled_from(names), ANYTHING, min_size=1, max_size=4)


def only_our_error(call: Callable[[], Any]) -> None:
    """Call something that may refuse, in one line and with nobody else's error behind it; other errors go through."""
    error = attempt(call)
    assert error is None or (len(str(error).splitlines()) == 1 and error.__cause__ is None)
    assert error is None or error.__suppress_context__ or error.__context__ is None


def attempt(call: Callable[[], Any]) -> ConfigurationError | None:
    try:
        call()
    except ConfigurationError as error:
        return error
    return None


@given(some_of(SupertokensConfig))
def test_any_options_at_all(options: dict[str, Any]) -> None:
    """Whatever `SupertokensConfig` is given, it works or it is a `ConfigurationError` in one line."""
    only_our_error(lambda: repr(SupertokensConfig(**{"connection_uri": HTTP, **options})))


@given(some_of(InputAppInfo))
def test_any_application_at_all(options: dict[str, Any]) -> None:
    """Whatever `InputAppInfo` is given, it works or it is a `ConfigurationError` in one line."""
    good = {"app_name": "Shop", "api_domain": "api.example.com", "website_domain": "example.com"}
    only_our_error(lambda: AppInfo(InputAppInfo(**{**good, **options}), "fastapi", None).toJSON())


@given(some_of(session.init))
def test_any_recipe_at_all(arguments: dict[str, Any]) -> None:
    """Whatever `session.init` is given, it works or it is a `ConfigurationError` in one line."""
    only_our_error(lambda: session.init(**arguments))


@given(st.text())
def test_any_uri_at_all(uri: str) -> None:
    """Whatever text a URI is, it names hosts or a database, or is refused."""
    only_our_error(lambda: SupertokensConfig(uri).hosts[0])


UNSAFE = ["http://core.example.com", "http://10.0.0.5:3567", "core:3567;http://10.0.0.5"]
SAFE = [
    "https://core.example.com",
    "http://localhost:3567",
    "http://127.0.0.1:3567;http://[::1]:3567",
    "http://core.localhost",
    MEMORY,
]


@pytest.mark.parametrize("uri", UNSAFE)
def test_a_key_that_others_could_read(uri: str) -> None:
    """A key on its way through plain HTTP beyond this machine is warned of, once for each host, without showing it."""
    with pytest.warns(SuperTokensWarning, match=r"unencrypted; use https://") as caught:
        build(SupertokensConfig(uri, SECRET)).close()
    assert len(caught) == 1
    assert SECRET not in str(caught[0].message)


@pytest.mark.parametrize("uri", SAFE)
def test_a_key_that_nobody_can_read(uri: str) -> None:
    """A key that stays on this machine or travels encrypted is no reason to warn, nor is plain HTTP without a key."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build(SupertokensConfig(uri, SECRET)).close()
        build(SupertokensConfig(UNSAFE[0])).close()
    assert [str(each.message) for each in caught] == []


def test_no_repr_shows_the_key() -> None:
    """Neither the configuration nor anything that it holds shows the key."""
    config = SupertokensConfig(HTTP, SECRET)
    assert repr(config) == f"SupertokensConfig({HTTP!r}, api_key=Secret(****))"
    assert SECRET not in f"{config} {vars(config)}"
    with build(config) as app:
        assert SECRET not in f"{app} {vars(app)}"
    assert config.api_key is not None
    assert config.api_key.reveal() == SECRET


def test_errors_of_options_show_no_value() -> None:
    """A refusal of a type doesn't show the value, which may be a secret."""
    value: Any = {SECRET: SECRET}
    assert SECRET not in refused(SupertokensConfig, HTTP, value)


def test_equal_by_value() -> None:
    """Configurations are equal by their values, and unequal to anything else."""
    assert SupertokensConfig(HTTP, SECRET, timeout_s=5) == SupertokensConfig(HTTP, SECRET, timeout_s=5.0)
    assert SupertokensConfig(HTTP, SECRET) != SupertokensConfig(HTTP, SECRET + "x")
    assert SupertokensConfig(HTTP) != HTTP
    with pytest.raises(TypeError, match="unhashable"):
        hash(SupertokensConfig(HTTP))


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_certificates_as_paths(tmp_path: Path) -> None:
    """A path object is taken for the file of certificates."""
    file = tmp_path / "ca.pem"
    file.touch()
    assert SupertokensConfig(HTTP, ca_file=file).ca_file == str(file)
