"""What the applications of these tests answer with a session, whatever framework they are of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from supertokens_lite.exceptions import BadInputError, ConfigurationError
from supertokens_lite.recipe.session import SessionContainer, SessionOverrideConfig
from supertokens_lite.recipe.session.claims import PrimitiveClaim

__all__ = ("AWAITED", "BLOCKING", "FIXED_COOKIES", "OPTIONS", "ROLE", "SHARED", "noting_bodies")


def _fetch_role(*_: Any) -> str:
    return "guest"


ROLE = PrimitiveClaim("role", _fetch_role)

AT_MS = 1_827_129_204_000
FIXED_COOKIES: Final = [
    "plain=a%20b%3B%C3%BC; Path=/; Expires=Thu, 25 Nov 2027 07:53:24 GMT; HttpOnly; SameSite=Lax",
    "twice=; Domain=old.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
    "twice=1; Domain=.example.com; Path=/; Expires=Thu, 25 Nov 2027 07:53:24 GMT; HttpOnly; Secure; SameSite=None",
    "twice=2; Path=/deep%20path; Expires=Thu, 25 Nov 2027 07:53:24 GMT; SameSite=Strict",
]
"""The bytes of the cookies that `fixed` sets."""


def _set_fixed(response: Any, user_context: Any) -> None:
    response.set_cookie("plain", "a b;ü", AT_MS)
    response.set_cookie("twice", "", 0, domain="old.example.com", secure=True, samesite="none")
    response.set_cookie("twice", "1", AT_MS, domain=".example.com", secure=True, samesite="none")
    response.set_cookie("twice", "2", AT_MS, path="/deep path", httponly=False, samesite="strict")
    response.set_header("x-kept", "session")
    response.remove_header("x-removed")


def _want_admin(validators: list[Any], session: SessionContainer, user_context: dict[str, Any]) -> list[Any]:
    return [*validators, ROLE.validators.has_value("admin")]


SHARED: dict[str, Any] = {"shop": "books"}
"""The user context that all requests of a route begin with."""

OPTIONS: dict[str, dict[str, Any]] = {
    "me": {"user_context": SHARED},
    "optional": {"session_required": False},
    "checked": {"check_database": True},
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


def _blocking(name: str) -> Callable[[SessionContainer], Any]:
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


def _awaited(name: str) -> Callable[[SessionContainer], Awaitable[Any]]:
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


BLOCKING = {name: _blocking(name) for name in OPTIONS}
AWAITED = {name: _awaited(name) for name in OPTIONS}


def noting_bodies(read: list[Any]) -> SessionOverrideConfig:
    """Give an override of the refresh endpoint that notes what is in the bodies of requests."""

    def apis(original: Any) -> Any:
        default = original.refresh_post

        async def refresh_post(api_options: Any, user_context: Any) -> Any:
            read.append(await api_options.request.get_json_or_form_data())
            return await default(api_options, user_context)

        original.refresh_post = refresh_post
        return original

    return SessionOverrideConfig(apis=apis)
