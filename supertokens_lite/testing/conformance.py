"""All cases in one class, to derive from: one class for each server of each application."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

from supertokens_lite.testing.cases.answers import Answers
from supertokens_lite.testing.cases.anti_csrf import AntiCsrf
from supertokens_lite.testing.cases.life import Life
from supertokens_lite.testing.cases.refresh import Refresh
from supertokens_lite.testing.cases.refusals import Refusals
from supertokens_lite.testing.cases.transfer import Transfer

__all__ = ("NO_ENVIRONMENT", "Conformance")

NO_ENVIRONMENT: Final[Mapping[str, str]] = {}


class Conformance(Life, Transfer, AntiCsrf, Refresh, Refusals, Answers):
    """All cases; a class derived from it, with a name that begins with `Test`, says what to try.

    Attributes:
        command: starts the server of an application, for one; `{port}` in it becomes the port to listen on, of
            127.0.0.1. The application calls `supertokens_lite.testing.application.begin`.
        environment: is added to the environment of that command.
        below: stands before the paths of the application's routes, but not of the session endpoints.
        left_out: the names of cases that can't be: of streams, where a framework or its server has none.
    """

    command: ClassVar[Sequence[str]] = ()
    environment: ClassVar[Mapping[str, str]] = NO_ENVIRONMENT
    below: ClassVar[str] = ""
    left_out: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls) -> None:
        for name in cls.left_out:
            getattr(cls, name)  # one that is not there is a mistake
            setattr(cls, name, None)
