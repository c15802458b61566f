"""Effects with a transport that carries nothing, for tests of waiting."""

from __future__ import annotations

from typing import Any

from supertokens_lite._io.asynchronous import AsyncIO
from supertokens_lite._io.base import Effects
from supertokens_lite._io.blocking import BlockingIO
from supertokens_lite.types import HttpRequest

__all__ = ("EFFECTS", "Nothing")


class Nothing:
    """Carries nothing, in either colour."""

    def send(self, request: HttpRequest) -> Any:
        """Fail."""
        raise AssertionError(request)

    def close(self) -> None:
        """Do nothing."""

    def refuse(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


EFFECTS = Effects(AsyncIO(Nothing()), BlockingIO(Nothing()))
