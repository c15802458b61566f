"""Harnesses on what a core says: replies about sessions and tokens, and documents of public keys."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from supertokens_lite._core.keys import Keys
from supertokens_lite._core.wire import parse_object
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol import cdi, cdi_many, cdi_tokens
from supertokens_lite._protocol.cdi import max_age_s
from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.exceptions import ConfigurationError, CoreError
from supertokens_lite.types import HttpReply
from tests.core.scripted import Cores, jwk
from tests.fuzz.shown import shows_none

__all__ = ("READERS", "WHOLE", "fits", "fuzz_core_replies", "fuzz_key_sets")

Reader = Callable[[dict[str, Any]], Any]
Place = tuple[Any, ...]

SECRET: Final = "none-may-see-this-token"
SESSION: Final = {
    "handle": "h",
    "userId": "u",
    "recipeUserId": "u",
    "tenantId": "public",
    "userDataInJWT": {"role": "editor"},
}
TOKEN: Final = {"token": SECRET, "expiry": 1, "createdTime": 1}
INFORMATION: Final = {
    "sessionHandle": "h",
    "userId": "u",
    "recipeUserId": "u",
    "tenantId": "public",
    "userDataInDatabase": {},
    "userDataInJWT": {},
    "expiry": 1,
    "timeCreated": 1,
}
CREATED: Final = {"status": "OK", "session": SESSION, "accessToken": TOKEN, "refreshToken": TOKEN}
VERSIONED: Final = {"status": "OK", "userDataInDatabase": {}, "version": 1}

WHOLE: Final[tuple[tuple[Reader, dict[str, Any]], ...]] = (
    (cdi.has_gone, {"status": "UNAUTHORISED"}),
    (cdi.read_created, {**CREATED, "antiCsrfToken": SECRET}),
    (cdi.read_done, {"status": "OK"}),
    (cdi.read_found, {"status": "OK", **INFORMATION}),
    (cdi.read_info, INFORMATION),
    (cdi.read_handles, {"status": "OK", "sessionHandles": ["h"]}),
    (cdi.read_jwks, {"keys": [jwk("d-1")]}),
    (cdi.read_jwt, {"status": "OK", "jwt": SECRET}),
    (cdi.read_many_found, {"status": "OK", "sessions": [INFORMATION, None]}),
    (cdi.read_regenerated, {"status": "OK", "session": SESSION, "accessToken": TOKEN}),
    (cdi.read_replaced, {**VERSIONED, "status": "CONFLICT"}),
    (cdi.read_revoked, {"status": "OK", "sessionHandlesRevoked": ["h"]}),
    (cdi.read_versioned, VERSIONED),
    (cdi.read_versioned_members, VERSIONED),
    (cdi_many.read_listed_sessions, {"status": "OK", "sessions": [INFORMATION], "nextCursor": "c"}),
    (cdi_many.read_listed_users, {"status": "OK", "users": [{"id": "u"}], "nextPaginationToken": "t"}),
    (cdi_many.read_many_versioned, {"status": "OK", "sessions": [{**INFORMATION, "version": 1}, None]}),
    (cdi_many.read_updated, {"status": "OK", "results": [{"status": "OK"}, {**VERSIONED, "status": "CONFLICT"}]}),
    (cdi_tokens.read_verified, {"status": "OK", "session": SESSION, "accessToken": TOKEN}),
    (cdi_tokens.read_verified, {"status": "OK", "session": SESSION, "payloadUpdateAvailable": True}),
    (cdi_tokens.read_verified, {"status": "TRY_REFRESH_TOKEN", "message": "no"}),
    (cdi_tokens.read_refreshed, {**CREATED, "antiCsrfToken": SECRET}),
    (cdi_tokens.read_refreshed, {"status": "TOKEN_THEFT_DETECTED", "session": SESSION, "recentTokenReuseSubtype": "X"}),
    (cdi_tokens.read_refreshed, {"status": "UNAUTHORISED", "message": "no"}),
)
"""Every reader, with a reply that it reads."""

READERS: Final = tuple(dict.fromkeys(read for read, _ in WHOLE))


def fuzz_core_replies(data: bytes) -> None:
    """Read a reply that is anything, and one that is whole but for one place."""
    kind = data[0] if data else 0
    if kind % 2 == 0:
        body = parse_object(data[1:])
        for read in READERS if body is not None else ():
            _read(read, body or {})
        return
    read, whole = WHOLE[(data[1] if len(data) > 1 else 0) % len(WHOLE)]
    places = list(_places(whole))
    place = places[(data[2] if len(data) > 2 else 0) % len(places)]
    _read(read, _put(whole, place, parse_object(b'{"new":' + data[3:] + b"}")))


def fuzz_key_sets(data: bytes) -> None:
    """Take public keys from a document that is anything: given at the start, and fetched, with any Cache-Control."""
    cache, _, body = data.partition(b"\n")
    control = cache.decode("latin-1")
    age_s = max_age_s(control)
    assert age_s is None or age_s >= 0
    cores = Cores("d-1")
    fetching = cores.keys()
    cores.say(HttpReply(200, {"cache-control": control}, body))
    document = parse_object(body)
    given = None
    if document is not None:
        try:
            given = cores.keys(static=document).fresh()
        except ConfigurationError as error:
            shows_none(error, *body.decode("latin-1").split('"'))
    try:
        fetched = run(fetching.get({}))
    except CoreError:
        assert given is None
        return
    assert given is not None
    assert given.members == fetched.members
    assert fetched.kids
    _is_for_others(fetching)


def fits(value: object, hint: Any) -> bool:
    """Tell whether a value is of the type that an annotation says; True is no whole number."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in get_args(hint))
    if origin is tuple:
        inner = get_args(hint)
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(fits, value, inner))
    if origin is list:
        return isinstance(value, list) and all(fits(each, get_args(hint)[0]) for each in value)
    if origin is not None:
        return isinstance(value, origin)
    if isinstance(value, tuple):
        return type(value) is hint and all(fits(getattr(value, name), each) for name, each in _members(hint))
    return type(value) is hint


def _members(hint: Any) -> Iterator[tuple[str, Any]]:
    yield from get_type_hints(hint).items()


def _read(read: Reader, reply: dict[str, Any]) -> None:
    before = copy.deepcopy(reply)
    try:
        value = read(reply)
    except (KeyError, TypeError, ValueError) as error:
        shows_none(error, SECRET)
        return
    assert reply == before
    assert fits(value, get_type_hints(read)["return"]), f"{read.__name__} gives what it does not say"
    assert isinstance(value, (str, list)) or SECRET not in repr(value)


def _places(value: Any, before: Place = ()) -> Iterator[Place]:
    """Give where a reply can be changed: each member, at any depth."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*before, name)
        yield from _places(each, (*before, name))


def _put(whole: dict[str, Any], place: Place, given: dict[str, Any] | None) -> dict[str, Any]:
    """Give a reply with another value in one place, or none."""
    reply: dict[str, Any] = copy.deepcopy(whole)
    inside: Any = reply
    for name in place[:-1]:
        inside = inside[name]
    if given is None:
        del inside[place[-1]]
    else:
        inside[place[-1]] = given["new"]
    return reply


def _is_for_others(keys: Keys) -> None:
    """See whether what is told of the keys can be sent."""
    document, left_s = run(keys.document({}))
    assert type(left_s) is int
    assert left_s >= 0
    assert {each["kid"] for each in document} >= run(keys.get({})).kids
    json.loads(build_json(document))
