"""What a module brings along when it is imported."""

from __future__ import annotations

import subprocess
import sys

__all__ = ("FRAMEWORKS", "frameworks_of")

FRAMEWORKS = ("django", "fastapi", "flask", "starlette", "werkzeug")


def frameworks_of(*modules: str) -> set[str]:
    """Give the frameworks that importing some modules imports, in an interpreter of its own."""
    code = "import sys\n" + "".join(f"import {module}\n" for module in modules)
    code += f"print(*(name for name in {FRAMEWORKS!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())
