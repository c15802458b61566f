"""Litestar's door: `Litestar(…, plugins=[SupertokensPlugin()])`.

It is the middleware of ASGI. Litestar has middlewares around routes only, and answers errors before they reach any;
hence a plugin, which adds routes for the endpoints and has our errors passed on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, Final, NoReturn, cast

from litestar import Litestar, route
from litestar.config.app import AppConfig
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.recipe.session.doors import ABOUT_REQUESTS
from supertokens_lite.supertokens import Supertokens

__all__ = ("LINE", "SupertokensPlugin", "WantsSession", "lifespan")

LINE: Final = "Litestar(…, plugins=[SupertokensPlugin()]), from supertokens_lite.framework.litestar"
SCHEME: Final = "Session"
COMPONENTS: Final = Components(
    security_schemes={
        SCHEME: SecurityScheme("http", "The access token of a session.", scheme="bearer", bearer_format="JWT")
    }
)


class WantsSession:
    """Dependencies and guards of this kind show in OpenAPI at the operations that have them."""


class SupertokensPlugin(InitPlugin, ReceiveRoutePlugin):
    """Serves the session endpoints, and lets sessions of requests have their say on responses.

    `init` comes before the application: the settings say where the endpoints are.

    Args:
        supertokens: the SDK to use; None: the one that `init` made.
    """

    def __init__(self, supertokens: Supertokens | None = None) -> None:
        self._supertokens = supertokens

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Set an application up.

        Raises:
            GeneralError: `init` was not called.
        """
        supertokens = self._supertokens or Supertokens.get_instance()
        for method, path in supertokens.doors.list_endpoints("/{tenant:str}"):
            place = route(path, http_method=HttpMethod(method), include_in_schema=False)
            app_config.route_handlers.append(place(_find_nothing))
        handlers: Any = dict.fromkeys(ABOUT_REQUESTS, _pass_on)
        app_config.exception_handlers = handlers | cast("Any", app_config).exception_handlers
        middleware: Any = Middleware  # it has ASGI's types, not Litestar's
        app_config.middleware.insert(0, DefineMiddleware(middleware, supertokens=self._supertokens))
        if app_config.openapi_config is not None:
            openapi = app_config.openapi_config = copy(app_config.openapi_config)  # it may be the default of all
            given = openapi.components
            openapi.components = [*(given if isinstance(given, list) else [given]), COMPONENTS]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Have operations that want a session say so in OpenAPI, and endpoints be nothing but endpoints."""
        if not isinstance(route, HTTPRoute):
            return
        if _is_ours(route):  # no other method is there: Litestar would name those that are
            place = next(iter(route.route_handler_map.values()))
            route.route_handler_map = {method.value: place for method in HttpMethod}
        for handler in route.route_handlers:
            if _wants_session(handler):
                handler.security = [*(handler.security or ()), {SCHEME: []}]


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None, None]:
    """Close the connections to the core when the application ends: `Litestar(lifespan=[lifespan])`."""
    try:
        yield
    finally:
        await Supertokens.get_instance().aclose()


async def _find_nothing() -> None:
    """Answer what our middleware, which is around it, has left: another method, or a tenant that can't be one."""
    raise NotFoundException


def _is_ours(route: HTTPRoute) -> bool:
    """Tell whether the application has nothing at the path of an endpoint, and Litestar no more than it adds itself."""
    handled = [handler.fn for handler in route.route_handlers]
    return handled[0] is _find_nothing and all(each.__module__ in (__name__, HTTPRoute.__module__) for each in handled)


def _pass_on(request: Any, error: Exception) -> NoReturn:
    """Have an error answered by our middleware, which is around this handler."""
    raise error


def _wants_session(handler: Any) -> bool:
    found: list[Any] = [getattr(guard, "__self__", None) for guard in handler.resolve_guards()]
    arguments = handler.parsed_fn_signature.parameters
    found += [given.dependency for name, given in handler.resolve_dependencies().items() if name in arguments]
    return any(isinstance(each, WantsSession) for each in found)
