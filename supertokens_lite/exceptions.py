"""The whole error tree.

    SuperTokensError                        anything this package raises on purpose
    ├── GeneralError                        the application or its surroundings are at fault
    │   ├── ConfigurationError              (also a ValueError) a setting can't work; says how to mend it
    │   ├── CoreError                       a session core did not do what was asked
    │   │   ├── CoreUnavailableError        no core could be reached, or none answered in time
    │   │   ├── CoreResponseError           a core answered with an error status, or not in its protocol
    │   │   └── CoreVersionError            no protocol version that both sides speak
    │   ├── EventLoopRequiredError          an override awaited something real in blocking code
    │   ├── JournalError                    the journal of a bulk update can't be used or written
    │   ├── ReentrantCallError              the SDK was called for a handle inside that handle's own change
    │   └── ClosedError                     the SDK object was used after it was closed
    ├── BadInputError                       (also a ValueError) an argument can't be sent; nothing was sent
    ├── PluginError                         kept for compatibility
    └── recipe.session.exceptions.SuperTokensSessionError    and those below it

Every error knows the HTTP status that a web application would answer it with (`status_hint`) and whether trying again
later may help (`retryable`). Facts are attributes; the class builds the message. No message holds a token or a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

__all__ = (
    "BadInputError",
    "ClosedError",
    "ConfigurationError",
    "CoreError",
    "CoreResponseError",
    "CoreUnavailableError",
    "CoreVersionError",
    "EventLoopRequiredError",
    "GeneralError",
    "JournalError",
    "PluginError",
    "ReentrantCallError",
    "SuperTokensError",
    "SuperTokensWarning",
    "raise_bad_input_exception",
    "raise_general_exception",
)

EXCERPT_CHARACTERS = 200


class SuperTokensError(Exception):
    """Anything that this package raises on purpose."""

    status_hint: ClassVar[int] = 500
    retryable: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes with its message and its facts."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[SuperTokensError], args: tuple[Any, ...], facts: dict[str, Any]) -> SuperTokensError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class GeneralError(SuperTokensError):
    """The application or its surroundings are at fault, not the request at hand."""


class ConfigurationError(GeneralError, ValueError):
    """A setting can't work. The message says which and how to mend it, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class CoreError(GeneralError):
    """A session core did not do what was asked of it."""

    status_hint = 503


class CoreUnavailableError(CoreError):
    """No session core could be reached, or none answered in time. Nothing is known about any session.

    Attributes:
        failures: `(host, reason)` for each attempt, in order.
    """

    retryable = True

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        self.failures = tuple(failures)
        tried = "; ".join(
            f"{host}: {reason}" + (f", {count} times" if count > 1 else "")
            for (host, reason), count in Counter(self.failures).items()
        )
        super().__init__(f"no session core answered ({tried}). Is one running at connection_uri?")


class CoreResponseError(CoreError):
    """A session core answered with an error status, or with something outside its protocol.

    Attributes:
        status: the HTTP status of the answer.
        path: the path that was called, without its query.
        host: the host that answered.
        excerpt: the first 200 characters of the answer's body.
    """

    def __init__(self, *, status: int, path: str, host: str, body: str, method: str = "") -> None:
        self.status = status
        self.path = path
        self.host = host
        self.excerpt = body.strip()[:EXCERPT_CHARACTERS]
        self.retryable = status == 429 or status >= 500
        call = f"{method} {path}".strip()
        super().__init__(f"the session core at {host} answered {call} with status {status}: {self.excerpt}")


class CoreVersionError(CoreError):
    """There is no protocol version that this package and the core both speak.

    Attributes:
        ours: the versions asked for, best first.
        theirs: the versions that the core speaks.
        host: the core's host.
    """

    def __init__(self, *, ours: Sequence[str], theirs: Sequence[str], host: str) -> None:
        self.ours = tuple(ours)
        self.theirs = tuple(theirs)
        self.host = host
        super().__init__(
            f"the session core at {host} speaks CDI {', '.join(self.theirs) or 'of no version'}, "
            f"and CDI {', '.join(self.ours)} is needed. Use a core that speaks one of them."
        )


class JournalError(GeneralError):
    """The journal of a bulk update can't be used or written. What it says so far stays true.

    Attributes:
        path: the file.
        reason: what is wrong with it.
        retryable: whether another run has it, which will end.
    """

    def __init__(self, path: str, reason: str, *, retryable: bool = False) -> None:
        self.path = path
        self.retryable = retryable
        self.reason = " ".join(reason.splitlines())
        super().__init__(f"the journal {path} {self.reason}")


class EventLoopRequiredError(GeneralError):
    """An override or callback awaited something real while it was called from blocking code.

    Attributes:
        where: file and line of the code that awaited, `path.py:12 in name`.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(
            f"{where} needs an event loop, but was called from blocking code, which has none. "
            "Make it a plain `def`, or give init `portal=True` to run such code on a loop in a thread."
        )


class ReentrantCallError(GeneralError):
    """The SDK was called for a session handle inside the change that is being made to that handle.

    Attributes:
        session_handle: the handle in question.
    """

    def __init__(self, session_handle: str) -> None:
        self.session_handle = session_handle
        super().__init__(
            f"the session {session_handle!r} is being changed by modify_session_data_in_database; "
            "its change function must not call the SDK for the same handle. Return the new data instead."
        )


class ClosedError(GeneralError):
    """The SDK object was used after `close()` or `aclose()`."""

    def __init__(self) -> None:
        super().__init__("this Supertokens object is closed; build a new one")


class BadInputError(SuperTokensError, ValueError):
    """An argument can't be sent to the core. Nothing was sent.

    Attributes:
        path: where in the argument the fault is, like `data["a"][3]`; empty if it is the argument as a whole.
    """

    status_hint = 400

    def __init__(self, msg: str, path: str = "") -> None:
        self.path = path
        super().__init__(f"{path}: {msg}" if path else msg)


class PluginError(SuperTokensError):
    """Kept for compatibility; a plug-in was at fault."""

    status_hint = 400


class SuperTokensWarning(UserWarning):
    """Something works, but should not be done this way."""


def raise_general_exception(msg: str, previous: Exception | None = None) -> NoReturn:
    """Raise `GeneralError` with `msg`, from `previous` where given."""
    raise GeneralError(msg) from previous


def raise_bad_input_exception(msg: str) -> NoReturn:
    """Raise `BadInputError` with `msg`."""
    raise BadInputError(msg)
