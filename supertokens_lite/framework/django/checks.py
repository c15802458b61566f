"""Checks of Django's settings. Each can be silenced by `SILENCED_SYSTEM_CHECKS`, as all of Django's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # the name is Django's

from supertokens_lite._protocol.cors import find_faults
from supertokens_lite.supertokens import Supertokens, is_recipe_initialized

__all__ = ("check_cors", "check_middleware")

OURS: Final = "supertokens_lite.framework.django.django_middleware.middleware"
CORS: Final = "corsheaders.middleware.CorsMiddleware"
DEFAULT_ALLOWED: Final = ("accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with")
"""What django-cors-headers allows where `CORS_ALLOW_HEADERS` is not set."""


def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find that the middleware is missing, or that `init` was not called."""
    found: list[CheckMessage] = []
    if OURS not in settings.MIDDLEWARE:
        found.append(
            Error(
                "The middleware of supertokens_lite is missing.",
                hint=f'Add "{OURS}" to MIDDLEWARE; below an own one that wraps it, silence this.',
                id="supertokens_lite.E001",
            )
        )
    if not is_recipe_initialized("session"):
        found.append(
            Error(
                "supertokens_lite.init was not called.",
                hint="Call it in AppConfig.ready of an application of yours.",
                id="supertokens_lite.E002",
            )
        )
    return found


def check_cors(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find settings of django-cors-headers that a website of another origin would stumble over."""
    places = {name: place for place, name in enumerate(settings.MIDDLEWARE)}
    if CORS not in places or not is_recipe_initialized("session"):
        return []
    if not Supertokens.get_instance().app_info.crosses_origins:
        return []
    return list(_find_cors_faults(places))


def _find_cors_faults(places: dict[str, int]) -> Iterator[CheckMessage]:
    faults = find_faults(
        credentials=bool(getattr(settings, "CORS_ALLOW_CREDENTIALS", False)),
        allowed=getattr(settings, "CORS_ALLOW_HEADERS", DEFAULT_ALLOWED),
        exposed=getattr(settings, "CORS_EXPOSE_HEADERS", ()),
    )
    if places.get(OURS, len(places)) < places[CORS]:
        faults.append("it comes after the middleware of supertokens_lite, whose answers it does not see")
    hint = (
        "See the names CORS_ALLOW_CREDENTIALS, CORS_ALLOW_HEADERS and CORS_EXPOSE_HEADERS, and the order of MIDDLEWARE."
    )
    for fault in faults:
        yield Warning(f"CorsMiddleware: {fault}.", hint=hint, id="supertokens_lite.W001")
