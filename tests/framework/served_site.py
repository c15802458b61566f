"""The application of one of the sites of these tests, for a server to serve: `SITE` in the environment says which."""

from __future__ import annotations

import os
from importlib import import_module

from supertokens_lite.testing.application import begin

__all__ = ("app",)

begin()
app = import_module(f"tests.framework.{os.environ['SITE']}_site").build_app()
