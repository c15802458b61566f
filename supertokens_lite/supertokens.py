"""`Supertokens`: one configured SDK. It puts the parts together, opens them late and closes them; no logic of its own.

Several may live in one process, each with its own connections, keys and overrides. `init` makes one of them the
process's default, which the functions of `recipe.session.asyncio` and `.syncio` use.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar, cast, get_args

from supertokens_lite._core.querier import Querier
from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import AsyncTransport, BlockingTransport, Drive, Effects, in_blocking_code
from supertokens_lite._io.blocking import BlockingIO, run
from supertokens_lite._protocol.cors import REQUEST_HEADERS
from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.config import (
    AppInfo,
    InputAppInfo,
    SupertokensConfig,
    SupertokensExperimentalConfig,
    same_settings,
)
from supertokens_lite.exceptions import ConfigurationError, GeneralError
from supertokens_lite.recipe.session._doors_blocking import BlockingDoors
from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.recipe.session.apis import handle_error
from supertokens_lite.recipe.session.doors import Doors
from supertokens_lite.recipe.session.recipe import RecipeInit, SessionRecipe
from supertokens_lite.recipe.session.sessions import Sessions

if TYPE_CHECKING:
    from supertokens_lite._io.options import TransportOptions
    from supertokens_lite._io.portal import Portal

__all__ = (
    "AppSessions",
    "Supertokens",
    "default_blocking_sessions",
    "default_sessions",
    "get_all_cors_headers",
    "init",
    "is_recipe_initialized",
)

T = TypeVar("T")

Framework = Literal["fastapi", "flask", "django", "quart", "litestar", "aiohttp", "sanic"]
FRAMEWORKS: Final = get_args(Framework)


class AppSessions(Sessions):
    """The functions on sessions of one `Supertokens`.

    Attributes:
        blocking: their blocking twins.
    """

    def __init__(self, recipe: SessionRecipe, drive: Drive) -> None:
        super().__init__(recipe.recipe_implementation, recipe.config, recipe.requests, recipe.bulk_tools)
        self.blocking = BlockingSessions(self, drive)


class Supertokens:
    """One configured SDK; nothing is opened before it is first used.

    Args:
        app_info: the application's names and places.
        framework: which one the application is written in.
        supertokens_config: where the session core is.
        recipe_list: what `recipe.session.init` gave.
        mode: `asgi` or `wsgi`; kept for compatibility.
        telemetry: kept for compatibility; nothing is ever sent.
        debug: have the logger `supertokens_lite` write all it has to standard error.
        experimental: kept for compatibility.
        portal: run blocking calls on an event loop in a thread, for overrides that need a loop.

    Raises:
        ConfigurationError: something of it can't work; in one line.

    Attributes:
        session: the functions on sessions; `session.blocking` has their blocking twins.
        doors: what adapters of frameworks do with requests; `blocking_doors` is for those that do not await.
        app_info: the application's names and places, in one form.
        supertokens_config: where the session core is.
    """

    _instance: ClassVar[Supertokens | None] = None

    def __init__(
        self,
        app_info: InputAppInfo,
        framework: Framework,
        supertokens_config: SupertokensConfig,
        recipe_list: Sequence[Any],
        mode: Literal["asgi", "wsgi"] | None = None,
        telemetry: bool | None = None,
        debug: bool | None = None,
        experimental: SupertokensExperimentalConfig | None = None,
        *,
        portal: bool = False,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name != "self"}
        _check(app_info, framework, supertokens_config, mode, experimental)
        self.supertokens_config = supertokens_config
        self.app_info = AppInfo(app_info, framework, mode)
        self.telemetry = bool(telemetry)
        session_init = _session_of(recipe_list)
        supertokens_config.warn()
        if debug or os.environ.get("SUPERTOKENS_DEBUG") == "1":
            _log_to_standard_error()
        self._portal = _build_portal() if portal else None
        self._transports = _build_transports(supertokens_config)
        self._effects = Effects(AsyncIO(self._transports[0]), BlockingIO(self._transports[1]))
        self._querier = _build_querier(supertokens_config, self._effects, self._domains)
        self._drive: Drive = run if self._portal is None else self._portal.run
        recipe = session_init.build(self.app_info, self._querier, self._effects, self._drive)
        self._recipe = recipe
        self.recipe_modules: list[SessionRecipe] = [recipe]
        self.session = AppSessions(recipe, self._drive)
        self.doors = Doors(recipe)
        self.blocking_doors = BlockingDoors(self.doors, self._drive)
        # a core in this process finishes its writes when nobody closed it, at the latest at the interpreter's end
        self._finalizer = weakref.finalize(self, self._transports[1].close)

    def _domains(self) -> tuple[str, str]:
        """Give the domains that the core is told."""
        website = self.app_info.get_origin(None, {}).get_as_string_dangerous()
        return self.app_info.api_domain.get_as_string_dangerous(), website

    @staticmethod
    def get_instance() -> Supertokens:
        """Give the process's default instance.

        Raises:
            GeneralError: `init` was not called.
        """
        if Supertokens._instance is None:
            raise GeneralError("Initialisation not done. Did you forget to call the SuperTokens.init function?")
        return Supertokens._instance

    @staticmethod
    def reset() -> None:
        """Close and forget the default instance, so that `init` can be called anew; for tests.

        Raises:
            GeneralError: the environment does not say `SUPERTOKENS_ENV=testing`.
        """
        if os.environ.get("SUPERTOKENS_ENV") != "testing":
            raise GeneralError("reset is for tests: set SUPERTOKENS_ENV=testing to allow it")
        instance, Supertokens._instance = Supertokens._instance, None
        if instance is not None:
            instance.close()

    def was_given(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether it was built from the same: values by value, callables by where they were defined."""
        return same_settings(self._given, dict(arguments))

    async def middleware(
        self, request: BaseRequest, response: BaseResponse, user_context: dict[str, Any]
    ) -> BaseResponse | None:
        """Answer a request if it is to one of the session endpoints: refresh, sign-out, public keys.

        Blocking code drives this coroutine as it does any other of this package.

        Returns:
            The response, all of it recorded; None if the request is the application's.

        Raises:
            SuperTokensSessionError: there is no good session; give it to `handle_supertokens_error`.
            CoreError: the core could not be asked, or refused; likewise.

        Effects: one call to the core to refresh or to sign out, seldom one for the keys, else none.
        """
        return await self._recipe.apis.handle(request, response, user_context)

    async def handle_supertokens_error(
        self, request: BaseRequest, err: Exception, response: BaseResponse, user_context: dict[str, Any]
    ) -> BaseResponse:
        """Answer a request that ended with an error of this package.

        Returns:
            The response, all of it recorded, or what an error handler gave instead.

        Raises:
            Exception: the error itself, if it is not about the request but about the application or its settings.

        Effects: one call to the core if a refresh token was stolen, else none.
        """
        return await handle_error(self._recipe, request, err, response, user_context)

    async def aclose(self) -> None:
        """Give back connections, threads and the database of a core in this process; idempotent.

        Writes under way in a core of this process are finished. Every later call, awaited or blocking, raises
        `ClosedError`.
        """
        if not in_blocking_code():
            await self._transports[0].aclose()
        self._close_blocking()

    def close(self) -> None:
        """Give back what blocking code used, and a core in this process; idempotent. Nothing can be called afterwards.

        Connections that an event loop opened are closed when that loop ends; in a coroutine use `aclose`.
        """
        self._close_blocking()

    def _close_blocking(self) -> None:
        self._finalizer.detach()
        self._transports[0].refuse()
        self._transports[1].close()
        if self._portal is not None:
            self._portal.close()

    async def __aenter__(self) -> Supertokens:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __enter__(self) -> Supertokens:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _check(app_info: object, framework: object, config: object, mode: object, experimental: object) -> None:
    if not isinstance(app_info, InputAppInfo):
        raise ConfigurationError("app_info must be an instance of InputAppInfo")
    if not isinstance(config, SupertokensConfig):
        raise ConfigurationError("supertokens_config must be an instance of SupertokensConfig")
    if framework not in FRAMEWORKS:
        raise ConfigurationError(f"framework is {framework!r} and must be one of {', '.join(FRAMEWORKS)}")
    if mode not in (None, "asgi", "wsgi"):
        raise ConfigurationError(f"mode is {mode!r} and must be 'asgi' or 'wsgi'")
    if experimental is not None and not isinstance(experimental, SupertokensExperimentalConfig):
        raise ConfigurationError("experimental must be an instance of SupertokensExperimentalConfig")


def _session_of(recipe_list: object) -> RecipeInit:
    if recipe_list is not None and not isinstance(recipe_list, (list, tuple)):
        raise ConfigurationError(
            f"recipe_list is of type {type(recipe_list).__name__} and must be a list: [session.init(…)]"
        )
    if not recipe_list:
        raise ConfigurationError("Please provide at least one recipe to the supertokens.init function call")
    found: list[RecipeInit] = []
    for recipe in cast("Sequence[object]", recipe_list):
        if not isinstance(recipe, RecipeInit):
            name = f"{getattr(recipe, '__module__', '')}.{getattr(recipe, '__qualname__', '')}".strip(".")
            raise ConfigurationError(
                f"recipe_list: {name or repr(recipe)} is not a recipe of this package; it has recipe.session.init(…)"
            )
        found.append(recipe)
    if len(found) > 1:
        raise ConfigurationError("recipe_list: session.init(…) is in it more than once")
    return found[0]


def _build_portal() -> Portal:
    # late: who has no portal does not need to load asyncio
    from supertokens_lite._io.portal import Portal  # noqa: PLC0415

    return Portal()


def _build_transports(config: SupertokensConfig) -> tuple[AsyncTransport, BlockingTransport]:
    if config.database is not None:
        # late: who speaks to a core over HTTP does not need to load one
        from supertokens_lite.embedded import EmbeddedCore  # noqa: PLC0415
        from supertokens_lite.embedded.transport import EmbeddedAsyncTransport, EmbeddedBlockingTransport  # noqa: PLC0415

        core = EmbeddedCore(
            config.database,
            config=config.core_config,
            durability=config.core_durability,
            api_keys=() if config.api_key is None else (config.api_key,),
            app_id=config.core_app_id,
        )
        return EmbeddedAsyncTransport(core), EmbeddedBlockingTransport(core)
    from supertokens_lite._io.options import TransportOptions  # noqa: PLC0415

    options = TransportOptions(
        timeout_s=config.timeout_s,
        connect_timeout_s=config.connect_timeout_s,
        max_connections=config.max_connections,
        ca_file=config.ca_file,
        client_cert=config.client_cert,
        trust_env=config.trust_env,
    )
    if config.transport == "fast":
        return _build_fast_transports(options)
    from supertokens_lite._io.lanes_async import AsyncLanes  # noqa: PLC0415
    from supertokens_lite._io.lanes_blocking import BlockingLanes  # noqa: PLC0415

    secure = any(host.origin.startswith("https:") for host in config.hosts)
    return AsyncLanes(options, secure=secure), BlockingLanes(options, secure=secure)


def _build_fast_transports(options: TransportOptions) -> tuple[AsyncTransport, BlockingTransport]:
    try:
        # late: it needs an extra
        from supertokens_lite._io.fast import (  # noqa: PLC0415
            FastAsyncTransport,
            FastBlockingTransport,
            check_surroundings,
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyreqwest":
            raise
        raise ConfigurationError(
            "transport='fast' needs pyreqwest, on Python 3.11 and up: pip install 'supertokens-lite[fast]'"
        ) from error
    check_surroundings()
    return FastAsyncTransport(options), FastBlockingTransport(options)


def _build_querier(config: SupertokensConfig, effects: Effects, domains: Callable[[], tuple[str, str]]) -> Querier:
    return Querier(
        config.hosts,
        effects,
        api_key=config.api_key,
        interceptor=config.network_interceptor,
        cdi_version=config.cdi_version,
        max_retries=config.max_retries,
        timeout_s=config.timeout_s,
        cache_calls=not config.disable_core_call_cache,
        domains=domains,
    )


def _log_to_standard_error() -> None:
    logger = logging.getLogger("supertokens_lite")
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)


def init(
    app_info: InputAppInfo,
    framework: Framework,
    supertokens_config: SupertokensConfig,
    recipe_list: Sequence[Any],
    mode: Literal["asgi", "wsgi"] | None = None,
    telemetry: bool | None = None,
    debug: bool | None = None,
    experimental: SupertokensExperimentalConfig | None = None,
    *,
    portal: bool = False,
) -> None:
    """Configure the SDK for this process; nothing is opened or sent yet.

    Calling it again with the same settings changes nothing.

    Args:
        app_info: the application's names and places.
        framework: which one the application is written in.
        supertokens_config: where the session core is.
        recipe_list: what `recipe.session.init` gave.
        mode: `asgi` or `wsgi`; kept for compatibility.
        telemetry: kept for compatibility; nothing is ever sent.
        debug: have the logger `supertokens_lite` write all it has to standard error.
        experimental: kept for compatibility.
        portal: run blocking calls on an event loop in a thread, for overrides that need a loop.

    Raises:
        ConfigurationError: a setting can't work, or `init` was called before with other settings; in one line.
    """
    arguments = dict(locals())
    current = Supertokens._instance
    if current is None:
        Supertokens._instance = Supertokens(**arguments)
    elif not current.was_given(arguments):
        raise ConfigurationError(
            "init was called before with other settings; call it once, or build further Supertokens(…) objects"
        )


def default_sessions() -> AppSessions:
    """Give the functions on sessions of the default instance."""
    return Supertokens.get_instance().session


def default_blocking_sessions() -> BlockingSessions:
    """Give the blocking functions on sessions of the default instance."""
    return Supertokens.get_instance().session.blocking


def is_recipe_initialized(recipe_id: str) -> bool:
    """Tell whether `init` was called with a recipe."""
    instance = Supertokens._instance
    return instance is not None and any(recipe.recipe_id == recipe_id for recipe in instance.recipe_modules)


def get_all_cors_headers() -> list[str]:
    """Give the request headers that the API must allow across origins."""
    return list(REQUEST_HEADERS)
