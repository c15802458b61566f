"""What the embedded core parses: bodies, queries, paths, patches, refresh tokens. Nothing is too odd for it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens_lite._protocol.jsondata import merge_patch
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.fields import parse_body, parse_query
from supertokens_lite.embedded.paths import resolve
from supertokens_lite.embedded.replies import Refused
from supertokens_lite.embedded.routes.table import ROUTES
from supertokens_lite.embedded.tokens import (
    RefreshToken,
    TokenError,
    make_refresh_key,
    mint_refresh_token,
    open_refresh_token,
)
from tests.embedded.client import Client
from tests.protocol.values import JSON, OBJECTS

# --- bodies and queries ---------------------------------------------------------------------------------------------

BODIES = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "replace")),
    JSON.map(lambda value: json.dumps(value).encode()),
)


@given(OBJECTS)
def test_a_body_is_read(value: dict[str, Any]) -> None:
    """A JSON object is read as it was written."""
    assert parse_body(json.dumps(value).encode()) == value


@given(BODIES)
@example(b"")
@example(b"null")
@example(b'{"a":NaN}')
@example(b"\xff{}")
@example(b'{"a":' * 100_000)
@example(b'{"a":' + b"9" * 5000 + b"}")
@example(b'{"a":"' + b"[" * 300 + b'"}')
def test_any_body(body: bytes) -> None:
    """A body is a JSON object, or refused with status 400."""
    try:
        value = parse_body(body)
    except Refused as refused:
        assert refused.reply.status == 400  # noqa: PT017
    else:
        assert value == json.loads(body)


def test_the_depth_of_a_body() -> None:
    """A body may nest 255 levels deep; brackets in a string don't count."""

    def nested(levels: int) -> bytes:
        return b'{"a":' * (levels - 1) + b"[]" + b"}" * (levels - 1)

    assert parse_body(nested(255))
    with pytest.raises(Refused, match="Invalid Json Input"):
        parse_body(nested(256))
    assert parse_body(b'{"a":"' + b"[" * 1000 + b'"}')


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.dictionaries(NAMES, NAMES, max_size=5))
def test_a_query_is_read(query: dict[str, str]) -> None:
    """A query is read as it was written; where a name comes twice the first counts."""
    assert parse_query(urlencode(query)) == query
    assert parse_query(urlencode([*query.items(), *((name, "later") for name in query)])) == query


@given(st.text(max_size=40))
@example("%")
@example("a=%ff&%zz;=&&=")
@example("\ud800=\ud800")
def test_any_query(query: str) -> None:
    """Any query is read, and gives no more names than it has parts."""
    assert len(parse_query(query)) <= query.count("&") + 1


# --- paths ----------------------------------------------------------------------------------------------------------

PLACES = st.sampled_from(sorted(path for path in ROUTES if path != "/"))
IDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda name: not name.startswith("appid-") and f"/{name}" not in ROUTES
)
SEGMENTS = st.sampled_from(["", "appid-", "appid-a", "T1", "recipe", "session", "hello", "%2F", "%", "é", "..", "\x00"])


@given(PLACES, IDS, IDS, st.randoms(use_true_random=False))
def test_prefixes(route: str, app: str, tenant: str, random: Any) -> None:
    """App and tenant are taken from the front; case, doubled slashes and a slash at the end make no difference."""
    for prefix, place in (
        ("", ("public", "public")),
        (f"/appid-{app}", (app, "public")),
        (f"/{tenant}", ("public", tenant)),
        (f"/appid-{app}/{tenant}", (app, tenant)),
    ):
        if prefix and route == "/hello":
            continue
        path = prefix + route
        assert resolve(path) == (*place, ROUTES[route])
        odd = "".join(
            random.choice((sign, sign.upper())) if sign != "/" else "/" * random.randint(1, 3) for sign in path
        )
        assert resolve(odd + random.choice(("", "/", "//"))) == resolve(path)
        assert resolve(quote(path)) == resolve(path)


@given(st.one_of(st.lists(SEGMENTS, max_size=5).map("/".join), st.text(max_size=30)))
def test_any_path(path: str) -> None:
    """Any path leads somewhere, or nowhere."""
    place = resolve(path)
    assert place.route is None or place.route in ROUTES.values()
    assert place.app_id
    assert place.tenant_id


# --- merge patches --------------------------------------------------------------------------------------------------


def has_null(value: Any) -> bool:
    """Tell whether there is a null in an object, at any depth of objects."""
    if not isinstance(value, dict):
        return value is None
    return any(map(has_null, value.values()))


def difference(one: Any, other: Any) -> Any:
    """Give the patch that makes `other` of `one`; neither has a null."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    patch: dict[str, Any] = dict.fromkeys(one.keys() - other.keys())
    for name, value in other.items():
        if name not in one or one[name] != value or type(one[name]) is not type(value):
            patch[name] = difference(one.get(name), value)
    return patch


@given(JSON, JSON)
def test_patching_twice_is_patching_once(target: Any, patch: Any) -> None:
    """A patch applied again changes nothing; neither argument is changed; an empty one leaves an object as it is."""
    before = copy.deepcopy((target, patch))
    merged = merge_patch(target, patch)
    assert (target, patch) == before
    assert merge_patch(merged, patch) == merged
    if isinstance(target, dict):
        assert merge_patch(target, {}) == target


@given(OBJECTS.filter(lambda value: not has_null(value)), OBJECTS.filter(lambda value: not has_null(value)))
def test_a_patch_for_every_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Between any two objects without nulls there is a patch, and it makes the one of the other."""
    assert merge_patch(one, difference(one, other)) == other


# --- refresh tokens -------------------------------------------------------------------------------------------------

KEY = make_refresh_key()
FIELDS = st.builds(
    RefreshToken,
    handle=st.text(max_size=20),
    user_id=st.text(max_size=20),
    parent_hash=st.none() | st.text(max_size=20),
    anti_csrf=st.none() | st.text(max_size=20),
    tenant_id=st.just("public") | st.from_regex(r"[a-z0-9-]+", fullmatch=True),
)


@given(FIELDS)
def test_a_refresh_token_is_opened(content: RefreshToken) -> None:
    """What was sealed is found inside, and only under the same key; no two tokens are alike."""
    token = mint_refresh_token(KEY, content)
    assert open_refresh_token(KEY, token) == content
    assert mint_refresh_token(KEY, content) != token
    with pytest.raises(TokenError, match="Invalid refresh token"):
        open_refresh_token(KEY + "0", token)


@given(st.one_of(st.text(max_size=60), st.lists(st.text(max_size=20), min_size=3, max_size=3).map(".".join)))
@example("..V2")
@example("A" * 64 + ".x.V2")
def test_text_that_is_no_refresh_token(text: str) -> None:
    """Any other text is refused, and in one way."""
    with pytest.raises(TokenError, match="Invalid refresh token"):
        open_refresh_token(KEY, text)


@pytest.fixture(scope="module")
def core() -> Iterator[EmbeddedCore]:
    """Give a core in memory."""
    core = EmbeddedCore(":memory:")
    yield core
    core.close()


@pytest.mark.parametrize("cdi", ["5.4", "5.6"])
def test_every_change_of_one_character(core: EmbeddedCore, cdi: str) -> None:
    """A refresh token with one character changed, added or left out is unauthorised or theft, and never refreshed."""
    client = Client(core, cdi)
    token = client.create(csrf=True).refresh
    kind = len(token) - len("V2")
    assert token[kind:] == "V2"
    seen: set[str] = set()
    for index in range(len(token)):
        signs = {"A", "-", ".", "=", "é", token[index].swapcase()} - {token[index]}
        changed = [token[:index] + sign + token[index + 1 :] for sign in signs if (index, sign) != (kind, "v")]
        for other in (*changed, token[:index] + token[index + 1 :], token[:index] + "A" + token[index:]):
            reply = client.refresh_raw(other)
            assert reply["status"] in ("UNAUTHORISED", "TOKEN_THEFT_DETECTED"), (index, reply)
            seen.add(reply["status"])
    assert "UNAUTHORISED" in seen
    assert client.refresh_raw(client.create().refresh)["status"] == "OK"
