"""What a module brings along when it is imported, and the page's snippets as modules."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

__all__ = ("FRAMEWORKS", "frameworks_of", "load_snippet")

SEED = Path(__file__).parents[1] / "seed"
FRAMEWORKS = (
    "aiohttp",
    "django",
    "fastapi",
    "flask",
    "litestar",
    "quart",
    "rest_framework",
    "sanic",
    "starlette",
    "werkzeug",
)


def frameworks_of(*modules: str) -> set[str]:
    """Give the frameworks that importing some modules imports, in an interpreter of its own."""
    code = "import sys\n" + "".join(f"import {module}\n" for module in modules)
    code += f"print(*(name for name in {FRAMEWORKS!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def load_snippet(name: str) -> ModuleType:
    """Load a snippet as it stands; each time anew."""
    spec = importlib.util.spec_from_file_location(name, SEED / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
