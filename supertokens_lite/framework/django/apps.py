"""Django's view of this package as an application: `"supertokens_lite.framework.django"` in `INSTALLED_APPS`.

Nothing needs it. With it `manage.py check`, and so `runserver`, finds wrong settings before the first request does.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from supertokens_lite.framework.django.checks import check_cors, check_middleware

__all__ = ("SupertokensLiteConfig",)


class SupertokensLiteConfig(AppConfig):
    """Registers the checks."""

    name = "supertokens_lite.framework.django"
    label = "supertokens_lite"

    def ready(self) -> None:
        """Register the checks; twice is once."""
        register(check_middleware)
        register(check_cors)
