"""What a user sets once: checked here, once, and plain afterwards.

Pydantic checks types and bounds; what it refuses leaves this file as `ConfigurationError`, in one line. Nothing here
opens, reads or calls anything.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from supertokens_lite._protocol.paths import APP_PREFIX, PUBLIC_APP
from supertokens_lite._protocol.urls import CoreHost, NormalisedURLDomain, NormalisedURLPath, is_local, parse_core_host
from supertokens_lite._protocol.versions import SUPPORTED
from supertokens_lite.exceptions import ConfigurationError, SuperTokensWarning
from supertokens_lite.types import NetworkInterceptor, Secret, is_object

__all__ = (
    "AppInfo",
    "InputAppInfo",
    "SupertokensConfig",
    "SupertokensExperimentalConfig",
    "SupertokensPublicConfig",
    "one_line",
    "parse_domain",
    "same_settings",
)

LONGEST_ORIGIN: Final = 2048
SQLITE: Final = "sqlite:///"
MEMORY: Final = ":memory:"
URI_FORMS: Final = "http://HOST:PORT, https://HOST, sqlite:///FILE, sqlite:////ABSOLUTE/FILE or sqlite:///:memory:"


def one_line(error: ValidationError, what: str) -> ConfigurationError:
    """Say what pydantic refused, without the values: they may be secrets."""
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or what}: {fault['msg']}" for fault in error.errors()
    )
    return ConfigurationError(f"{what}: {faults}")


class _CoreOptions(BaseModel):
    """Types and bounds of `SupertokensConfig`."""

    model_config = ConfigDict(
        strict=True, arbitrary_types_allowed=True, hide_input_in_errors=True, frozen=True, defer_build=True
    )

    connection_uri: str
    api_key: Annotated[str | None, Field(repr=False)]
    network_interceptor: Callable[..., Any] | None
    disable_core_call_cache: bool
    timeout_s: Annotated[float, Field(gt=0, le=3600)]
    connect_timeout_s: Annotated[float, Field(gt=0, le=3600)]
    max_connections: Annotated[int, Field(ge=1, le=10_000)]
    max_retries: Annotated[int, Field(ge=0, le=100)]
    cdi_version: str | None
    ca_file: str | None
    client_cert: str | tuple[str, str] | None
    trust_env: bool
    transport: Literal["default", "fast"]
    core_config: Mapping[str, Any] | None
    core_durability: Literal["full", "normal"]
    core_app_id: Annotated[str, Field(pattern="^[a-z0-9-]+$", max_length=64)]


class SupertokensConfig:
    """Where the session core is, and how to speak to it.

    Args:
        connection_uri: `http://host:3567`, several separated by `;`, each with a path if need be
            (`http://host:3567/appid-shop`). `sqlite:///sessions.db` (relative), `sqlite:////srv/sessions.db` (absolute)
            or `sqlite:///:memory:` for a core in this process.
        api_key: the key that the core asks for; no error, log or `repr` shows it.
        network_interceptor: sees and may change every request to the core:
            `(url, method, headers, params, body, user_context) -> (url, method, headers, params, body)`.
        disable_core_call_cache: don't reuse the core's answers within one `user_context`.
        timeout_s: for one request, the wait for a free connection included, in seconds; above 0 and up to 3600.
        connect_timeout_s: for a new connection, in seconds; above 0 and up to 3600.
        max_connections: how many at once, for each event loop and for all blocking code together; 1 to 10,000.
        max_retries: how often a request is sent again where that is safe, 0 to 100; every host is tried in any case.
        cdi_version: the protocol version to speak, instead of asking the core: one of 5.3 to 5.6.
        ca_file: a PEM file with the certificates to trust instead of the usual ones.
        client_cert: a PEM file to show to the core, or `(certificate, key)`.
        trust_env: use proxies and certificates that environment variables name.
        transport: `"fast"` sends requests through pyreqwest, a client written in Rust (extra `fast`), for asyncio and
            threads; not on trio or gevent, nor in a process forked after its parent had used it, nor with `ca_file`.
        core_config: settings of a core in this process, as in its `config.yaml`.
        core_durability: of a core in this process. `"full"`: an answered write survives a power cut; `"normal"`: the
            end of the process, and a power cut may take the last moments.
        core_app_id: the app in a core in this process; made if it is not there.

    Raises:
        ConfigurationError: an option can't work; in one line.
    """

    def __init__(
        self,
        connection_uri: str,
        api_key: str | None = None,
        network_interceptor: NetworkInterceptor | None = None,
        disable_core_call_cache: bool = False,
        *,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 3.0,
        max_connections: int = 16,
        max_retries: int = 2,
        cdi_version: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: str | tuple[str, str] | None = None,
        trust_env: bool = False,
        transport: Literal["default", "fast"] = "default",
        core_config: Mapping[str, Any] | None = None,
        core_durability: Literal["full", "normal"] = "full",
        core_app_id: str = PUBLIC_APP,
    ) -> None:
        given = {name: value for name, value in locals().items() if name != "self"}
        if isinstance(ca_file, os.PathLike):
            given["ca_file"] = os.fspath(ca_file)
        try:
            options = _CoreOptions(**given)
        except ValidationError as error:
            raise one_line(error, "SupertokensConfig") from None
        self._options = options
        self.connection_uri = connection_uri
        self.api_key = None if api_key is None else Secret(api_key)
        self.network_interceptor = network_interceptor
        self.disable_core_call_cache = disable_core_call_cache
        self.timeout_s = options.timeout_s
        self.connect_timeout_s = options.connect_timeout_s
        self.max_connections = max_connections
        self.max_retries = max_retries
        self.cdi_version = cdi_version
        self.ca_file = options.ca_file
        self.client_cert = client_cert
        self.trust_env = trust_env
        self.transport: Literal["default", "fast"] = transport
        self.core_config = core_config
        self.core_durability: Literal["full", "normal"] = core_durability
        self.core_app_id = core_app_id
        self.database: str | None = _database_of(connection_uri)
        self.hosts: tuple[CoreHost, ...] = _hosts_of(connection_uri, core_app_id)
        self._check()

    def _check(self) -> None:
        if self.cdi_version is not None and self.cdi_version not in SUPPORTED:
            raise ConfigurationError(f"cdi_version is {self.cdi_version!r} and must be one of {', '.join(SUPPORTED)}")
        if self.api_key is not None and (not self.api_key.reveal().strip() or not _is_header(self.api_key.reveal())):
            raise ConfigurationError("api_key is empty or has characters that a header can't hold")
        for name, path in _files(self.ca_file, self.client_cert):
            if not os.path.isfile(path):
                raise ConfigurationError(f"{name}: there is no file {path!r}")
        if self.transport == "fast":
            self._check_fast()
        if self.database is not None:
            return
        for name, is_default in (
            ("core_config", self.core_config is None),
            ("core_durability", self.core_durability == "full"),
            ("core_app_id", self.core_app_id == PUBLIC_APP),
        ):
            if not is_default:
                raise ConfigurationError(
                    f"{name} is for a core in this process (connection_uri sqlite:///…); set it at the core itself, "
                    "and put an app into the URI: http://host:3567/appid-NAME"
                )

    def _check_fast(self) -> None:
        if self.database is not None:
            raise ConfigurationError("transport is for cores over HTTP; a core in this process is called directly")
        if self.ca_file is not None:
            raise ConfigurationError(
                "transport='fast' trusts the certificates of the system too, whatever ca_file says; "
                "use transport='default', or have the system trust that file"
            )

    def warn(self) -> None:
        """Warn of an API key that others could read on its way."""
        if self.api_key is None:
            return
        for host in self.hosts:
            parts = urlsplit(host.origin)
            if parts.scheme == "http" and not is_local(parts.hostname or ""):
                warnings.warn(
                    f"the API key is sent to {host.origin} unencrypted; use https://", SuperTokensWarning, stacklevel=3
                )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SupertokensConfig) and same_settings(
            self._options.model_dump(), other._options.model_dump()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SupertokensConfig({self.connection_uri!r}, api_key={self.api_key!r})"


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _files(ca_file: str | None, client_cert: str | tuple[str, str] | None) -> list[tuple[str, str]]:
    files = [("ca_file", ca_file)] if ca_file is not None else []
    certificates = (client_cert,) if isinstance(client_cert, str) else client_cert or ()
    return files + [("client_cert", path) for path in certificates]


def _database_of(connection_uri: str) -> str | None:
    """Give the path of the database that a URI names, None if it names hosts."""
    uri = connection_uri.strip()
    if not uri.lower().startswith("sqlite:"):
        return None
    path = uri[len(SQLITE) :]
    if not uri.lower().startswith(SQLITE) or not path or not _is_file_name(path):
        raise ConfigurationError(f"connection_uri is {connection_uri!r} and must be {URI_FORMS}")
    return path


def _is_file_name(path: str) -> bool:
    """Tell whether the operating system can be asked for a file of this name."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _hosts_of(connection_uri: str, app_id: str) -> tuple[CoreHost, ...]:
    if _database_of(connection_uri) is not None:
        base_path = "" if app_id == PUBLIC_APP else f"/{APP_PREFIX}{app_id}"
        return (CoreHost(connection_uri.strip(), base_path),)
    hosts: list[CoreHost] = []
    for piece in (piece.strip() for piece in connection_uri.split(";")):
        if not piece:
            continue
        scheme, separator, _ = piece.partition("://")
        host = _find_host(piece)
        if host is None:
            raise ConfigurationError(
                f"connection_uri: {_without_password(piece)!r} is not the address of a core; it must be {URI_FORMS}"
            )
        if separator and scheme.lower() not in ("http", "https"):
            raise ConfigurationError(f"connection_uri: the scheme {scheme!r} is unknown; it must be {URI_FORMS}")
        if "@" in host.origin:
            raise ConfigurationError("connection_uri: take the user and password out of it, and use api_key")
        hosts.append(host)
    if not hosts:
        raise ConfigurationError(f"connection_uri is empty and must be {URI_FORMS}")
    return tuple(hosts)


def _find_host(piece: str) -> CoreHost | None:
    try:
        host = parse_core_host(piece)
        urlsplit(host.origin).port  # noqa: B018  # raises for a port that is none
    except ValueError:
        return None
    return host if _is_visible(piece) and "," not in piece else None


def _is_visible(text: str) -> bool:
    """Tell whether a text has neither blanks nor characters that don't print; `urlsplit` drops some of those."""
    return text.isprintable() and " " not in text


def _without_password(piece: str) -> str:
    head, at, tail = piece.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else piece


def same_settings(one: Any, other: Any) -> bool:
    """Compare settings by value; callables by the module and the qualified name they were defined under."""
    if callable(one) and callable(other) and hasattr(one, "__qualname__") and hasattr(other, "__qualname__"):
        return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
    if is_object(one) and is_object(other):
        return one.keys() == other.keys() and all(same_settings(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        left, right = cast("list[Any]", one), cast("list[Any]", other)
        return len(left) == len(right) and all(map(same_settings, left, right))
    return bool(one == other)


class _AppOptions(BaseModel):
    """Types of `InputAppInfo`."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True, defer_build=True)

    app_name: str
    api_domain: str
    api_gateway_path: str
    api_base_path: str
    website_base_path: str
    website_domain: str | None
    origin: str | Callable[..., Any] | None


class InputAppInfo:
    """What the application is called and where it lives.

    Args:
        app_name: for people.
        api_domain: scheme and host of the API.
        api_gateway_path: what a gateway puts before the API's paths.
        api_base_path: below which the session endpoints are.
        website_base_path: below which the website's login is.
        website_domain: scheme and host of the website.
        origin: the same, or a function of request and user context that gives it; it wins over `website_domain`.

    Raises:
        ConfigurationError: an argument can't work, or neither `website_domain` nor `origin` is given; in one line.
    """

    def __init__(
        self,
        app_name: str,
        api_domain: str,
        api_gateway_path: str = "",
        api_base_path: str = "/auth",
        website_base_path: str = "/auth",
        website_domain: str | None = None,
        origin: str | Callable[[Any, dict[str, Any]], str] | None = None,
    ) -> None:
        try:
            _AppOptions(**{name: value for name, value in locals().items() if name != "self"})
        except ValidationError as error:
            raise one_line(error, "InputAppInfo") from None
        if website_domain is None and origin is None:
            raise ConfigurationError("Please provide at least one of website_domain or origin")
        self.app_name = app_name
        self.api_domain = api_domain
        self.api_gateway_path = api_gateway_path
        self.api_base_path = api_base_path
        self.website_base_path = website_base_path
        self.website_domain = website_domain
        self.origin = origin

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InputAppInfo) and same_settings(vars(self), vars(other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"InputAppInfo({self.app_name!r}, {self.api_domain!r})"


class AppInfo:
    """The application's names and places in one form.

    Args:
        given: what the user wrote.
        framework: which one the application is written in.
        mode: `asgi` or `wsgi`; None: as the framework has it.

    Raises:
        ConfigurationError: a domain or a path can't be read.
    """

    def __init__(self, given: InputAppInfo, framework: str, mode: str | None) -> None:
        self.app_name = given.app_name
        self.framework = framework
        self.mode = mode or ("wsgi" if framework in ("flask", "django") else "asgi")
        self.api_gateway_path = _path("api_gateway_path", given.api_gateway_path)
        self.api_domain = _domain("api_domain", given.api_domain)
        self.api_base_path = self.api_gateway_path.append(_path("api_base_path", given.api_base_path))
        self.website_base_path = _path("website_base_path", given.website_base_path)
        self._origin = given.website_domain if given.origin is None else given.origin
        if not callable(self._origin):
            _domain("website_domain" if given.origin is None else "origin", str(self._origin))

    @property
    def origin_varies(self) -> bool:
        """Whether a function gives the website's domain, so that there may be several."""
        return callable(self._origin)

    @property
    def crosses_origins(self) -> bool:
        """Whether the website is, or may be, of another origin than the API, so that CORS has a say."""
        return self.origin_varies or self.get_origin(None, {}) != self.api_domain

    def get_origin(self, request: Any, user_context: dict[str, Any]) -> NormalisedURLDomain:
        """Give the website's domain for a request; a function that was given is asked each time.

        Raises:
            ConfigurationError: what the function gives can't be read.
        """
        return _domain("origin", self._ask_for_origin(request, user_context))

    def find_origin(self, request: Any, user_context: dict[str, Any]) -> NormalisedURLDomain | None:
        """Give the website's domain for a request; None if what a function gives, maybe a client's words, is none."""
        return parse_domain(self._ask_for_origin(request, user_context))

    def _ask_for_origin(self, request: Any, user_context: dict[str, Any]) -> str:
        return str(self._origin(request, user_context) if callable(self._origin) else self._origin)

    def toJSON(self) -> dict[str, Any]:  # noqa: N802  # the compatible name
        """Give what is known without a request, as JSON values."""
        return {
            "appName": self.app_name,
            "apiDomain": self.api_domain.get_as_string_dangerous(),
            "apiBasePath": self.api_base_path.get_as_string_dangerous(),
            "websiteBasePath": self.website_base_path.get_as_string_dangerous(),
            "framework": self.framework,
            "mode": self.mode,
        }


def _domain(name: str, text: str) -> NormalisedURLDomain:
    domain = parse_domain(text)
    if domain is None:
        raise ConfigurationError(f"{name} is {text!r} and must be a domain like https://api.example.com")
    return domain


def parse_domain(text: str) -> NormalisedURLDomain | None:
    """Read a domain that may come from a client; None if it is none, or longer than any that is meant."""
    try:
        return NormalisedURLDomain(text) if len(text) <= LONGEST_ORIGIN and _is_visible(text.strip()) else None
    except ValueError:
        return None


def _path(name: str, text: str) -> NormalisedURLPath:
    try:
        if _is_visible(text.strip()):
            return NormalisedURLPath(text)
    except ValueError:
        pass
    raise ConfigurationError(f"{name} is {text!r} and must be a path like /auth")


class SupertokensPublicConfig:
    """The settings that plug-ins may see: those of `init` but for the core's address and key."""

    def __init__(
        self,
        app_info: InputAppInfo,
        framework: str,
        mode: str | None = None,
        telemetry: bool | None = None,
        debug: bool | None = None,
    ) -> None:
        self.app_info = app_info
        self.framework = framework
        self.mode = mode
        self.telemetry = telemetry
        self.debug = debug


class SupertokensExperimentalConfig:
    """Accepted for compatibility; plug-ins are not supported.

    Raises:
        ConfigurationError: a plug-in is given.
    """

    def __init__(self, plugins: list[Any] | None = None) -> None:
        if plugins:
            raise ConfigurationError("experimental.plugins: plug-ins are not supported; use overrides instead")
        self.plugins: list[Any] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SupertokensExperimentalConfig)

    __hash__ = None  # type: ignore[assignment]
