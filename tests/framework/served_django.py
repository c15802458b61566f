"""The Django project of these tests, for servers: `wsgi`, `asgi`, and Django's own commands."""

from __future__ import annotations

import sys

from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application

from supertokens_lite.testing.application import begin
from tests.framework import django_site

__all__ = ("asgi", "wsgi")

begin("django")
assert django_site.urlpatterns
wsgi = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
