"""What an application under test does, whatever framework it is of: the framework's own part is about a hundred lines.

It calls `begin` before anything else, puts its door's middleware on, and serves

- each route of `OPTIONS`, for GET, POST and OPTIONS: verify the session with these options, and answer with what
  `BLOCKING[name](session)` gives, or `await AWAITED[name](session)`;
- `POST /login`: what `log_in` or `await log_in_awaited` gives;
- `/late`: what `find_late` gives; `/quiet`: what `find_quiet` gives; or their awaited twins: the view itself asks for
  the session;
- `/stream`: verify the session, call `BLOCKING["merge"]`, and answer with the parts that `iter_parts` gives, as they
  come;
- nothing else: 404.

Each answer but the stream is the JSON value with the headers of `ANSWER_HEADERS`.
"""

from __future__ import annotations

import asyncio as aio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session import asyncio, syncio
from supertokens_lite.recipe.session.claims import PrimitiveClaim
from supertokens_lite.recipe.session.container import SessionContainer
from supertokens_lite.supertokens import Framework
from supertokens_lite.testing.settings import Settings
from supertokens_lite.types import RecipeUserId

__all__ = (
    "ANSWER_HEADERS",
    "AWAITED",
    "BLOCKING",
    "FIXED_COOKIES",
    "OPTIONS",
    "PARTS",
    "ROLE",
    "SHARED",
    "begin",
    "find_late",
    "find_late_awaited",
    "find_quiet",
    "find_quiet_awaited",
    "iter_parts",
    "iter_parts_awaited",
    "log_in",
    "log_in_awaited",
)

ANSWER_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Set-Cookie", "theme=dark; Path=/"),
    ("X-Kept", "app"),
    ("X-Removed", "app"),
    ("Access-Control-Expose-Headers", "x-total"),
)
"""The headers that the application itself sets."""

AT_MS: Final = 1_827_129_204_000
FIXED_COOKIES: Final[Sequence[str]] = [
    "plain=a%20b%3B%C3%BC; Path=/; Expires=Thu, 25 Nov 2027 07:53:24 GMT; HttpOnly; SameSite=Lax",
    "twice=; Domain=old.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
    "twice=1; Domain=.example.com; Path=/; Expires=Thu, 25 Nov 2027 07:53:24 GMT; HttpOnly; Secure; SameSite=None",
    "twice=2; Path=/deep%20path; Expires=Thu, 25 Nov 2027 07:53:24 GMT; SameSite=Strict",
]
"""The bytes of the cookies that `/fixed` sets."""

PARTS: Final = (b"first,", b"second")
"""The parts of a stream."""

GATE_TIMEOUT_S: Final = 20


def begin(framework: Framework = "fastapi") -> None:
    """Call `init` with the settings that the environment names.

    Raises:
        ConfigurationError: the process was not started by the conformance kit.
    """
    Settings.read().start(framework)


def _fetch_role(*_: Any) -> str:
    return "guest"


ROLE: Final = PrimitiveClaim("role", _fetch_role)


def _set_fixed(response: Any, user_context: Any) -> None:
    response.set_cookie("plain", "a b;ü", AT_MS)
    response.set_cookie("twice", "", 0, domain="old.example.com", secure=True, samesite="none")
    response.set_cookie("twice", "1", AT_MS, domain=".example.com", secure=True, samesite="none")
    response.set_cookie("twice", "2", AT_MS, path="/deep path", httponly=False, samesite="strict")
    response.set_header("x-kept", "session")
    response.remove_header("x-removed")


def _want_admin(validators: list[Any], session: SessionContainer, user_context: dict[str, Any]) -> list[Any]:
    return [*validators, ROLE.validators.has_value("admin")]


SHARED: Final[Mapping[str, Any]] = {"shop": "books"}
"""The user context that all requests of a route begin with."""

OPTIONS: Final[Mapping[str, dict[str, Any]]] = {
    "me": {"user_context": SHARED},
    "optional": {"session_required": False},
    "checked": {"check_database": True},
    "unguarded": {"anti_csrf_check": False},
    "guarded": {"anti_csrf_check": True},
    "admin": {"override_global_claim_validators": _want_admin},
    "merge": {},
    "data": {},
    "revoke": {},
    "fixed": {},
    "bad": {},
    "broken": {},
}
"""The routes, and the options of their `verify_session`."""


def _describe(session: SessionContainer | None) -> dict[str, Any] | None:
    return None if session is None else {"handle": session.get_handle(), "user": session.get_user_id()}


def _act(name: str, session: SessionContainer | None) -> Any:
    """Do what needs no core."""
    if name == "bad":
        raise BadInputError("is bad", "this")
    if name == "broken":
        raise ConfigurationError("nothing works")
    if name == "fixed" and session is not None:
        session.response_mutators.append(_set_fixed)
    return _describe(session)


def _blocking(name: str) -> Callable[[Any], Any]:
    def view(session: SessionContainer) -> Any:
        if name == "merge":
            session.sync_merge_into_access_token_payload({"more": "ü"})
        if name == "revoke":
            session.sync_revoke_session()
        if name == "data":
            data = session.sync_get_session_data_from_database()
            session.sync_update_session_data_in_database({"visits": data.get("visits", 0) + 1})
            return session.sync_get_session_data_from_database()
        return _act(name, session)

    return view


def _awaited(name: str) -> Callable[[Any], Awaitable[Any]]:
    async def view(session: SessionContainer) -> Any:
        if name == "merge":
            await session.merge_into_access_token_payload({"more": "ü"})
        if name == "revoke":
            await session.revoke_session()
        if name == "data":
            data = await session.get_session_data_from_database()
            await session.update_session_data_in_database({"visits": data.get("visits", 0) + 1})
            return await session.get_session_data_from_database()
        return _act(name, session)

    return view


BLOCKING: Final[Mapping[str, Callable[[Any], Any]]] = {name: _blocking(name) for name in OPTIONS}
"""What each route answers with a session; None where it needs none, and there is none."""

AWAITED: Final[Mapping[str, Callable[[Any], Awaitable[Any]]]] = {name: _awaited(name) for name in OPTIONS}
"""The same, awaited."""


def log_in(request: Any, user: str) -> Any:
    """Create a session.

    Args:
        request: as the framework's users give it to `create_new_session`.
        user: what the header `x-user` says.
    """
    made = syncio.create_new_session(request, "public", RecipeUserId(user), {"role": "guest"}, {"visits": 1})
    return _describe(made)


async def log_in_awaited(request: Any, user: str) -> Any:
    """Do what `log_in` does, awaited."""
    made = await asyncio.create_new_session(request, "public", RecipeUserId(user), {"role": "guest"}, {"visits": 1})
    return _describe(made)


def find_late(request: Any) -> str:
    """Ask for the session that there has to be; give its handle."""
    return syncio.get_session(request).get_handle()


async def find_late_awaited(request: Any) -> str:
    """Do what `find_late` does, awaited."""
    return (await asyncio.get_session(request)).get_handle()


def find_quiet(request: Any) -> str | None:
    """Ask for the session that there may be; give its handle."""
    found = syncio.get_session(request, session_required=False)
    return None if found is None else found.get_handle()


async def find_quiet_awaited(request: Any) -> str | None:
    """Do what `find_quiet` does, awaited."""
    found = await asyncio.get_session(request, session_required=False)
    return None if found is None else found.get_handle()


def iter_parts(gate: str) -> Iterator[bytes]:
    """Give the parts of a stream, the second once the client has the first.

    Args:
        gate: what the header `x-gate` says: the port where the client opens the gate.
    """
    yield PARTS[0]
    with socket.create_connection(("127.0.0.1", int(gate)), GATE_TIMEOUT_S) as connection:
        connection.recv(1)
    yield PARTS[1]


async def iter_parts_awaited(gate: str) -> AsyncIterator[bytes]:
    """Do what `iter_parts` does, awaited; needs asyncio."""
    yield PARTS[0]
    reader, writer = await aio.open_connection("127.0.0.1", int(gate))
    await aio.wait_for(reader.read(1), GATE_TIMEOUT_S)
    writer.close()
    yield PARTS[1]
