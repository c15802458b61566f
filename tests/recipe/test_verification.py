"""Who vouches for an access token: its signature, the memory of it, or the core; and what that costs."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from supertokens_lite import RecipeUserId
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import CoreError, CoreUnavailableError
from supertokens_lite.framework import PlainRequest
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.exceptions import TryRefreshTokenError, UnauthorisedError
from supertokens_lite.recipe.session.results import RegenerateAccessTokenOkResult
from supertokens_lite.types import Refusal
from tests.apps import USER, build_app, override
from tests.clocked import Clocked
from tests.conftest import Drive
from tests.doors import mint
from tests.embedded.client import Clock, claims_of, header_of

VERIFY = ("POST", "/recipe/session/verify")
REGENERATE = ("POST", "/recipe/session/regenerate")


async def create(sdk: Clocked, payload: dict[str, Any] | None = None) -> SessionContainer:
    """Create a session; what that cost is forgotten."""
    session = await sdk.session.create_new_session_without_request_response("public", USER, payload)
    sdk.take()
    return session


async def refresh(sdk: Clocked, session: SessionContainer) -> SessionContainer:
    """Refresh a session; what that cost is forgotten."""
    assert session.refresh_token is not None
    refreshed = await sdk.session.refresh_session_without_request_response(session.refresh_token.token)
    sdk.take()
    return refreshed


async def verify(sdk: Clocked, token: str, **options: Any) -> SessionContainer:
    """Verify an access token."""
    session = await sdk.session.get_session_without_request_response(token, **options)
    assert isinstance(session, SessionContainer)
    return session


def test_the_first_look_and_the_next(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """A token is verified here, remembered, and never taken to the core; what it says is the same each time."""

    async def scenario(sdk: Clocked) -> None:
        made = await create(sdk, {"role": "editor"})
        assert made.verified_by == "core"
        token = made.get_access_token()
        first = await verify(sdk, token)
        second = await verify(sdk, token)
        assert (first.verified_by, second.verified_by) == ("local", "cache")
        assert sdk.take() == []
        for session in (first, second):
            assert session.get_handle() == made.get_handle()
            assert session.get_user_id() == USER.get_as_string()
            assert session.get_recipe_user_id() == USER
            assert session.get_tenant_id() == "public"
            assert session.get_access_token() == token
            assert session.get_access_token_payload() == made.get_access_token_payload() == claims_of(token)
            tokens = session.get_all_session_tokens_dangerously()
            assert tokens == made.get_all_session_tokens_dangerously() | {
                "accessAndFrontTokenUpdated": False,
                "refreshToken": None,
            }

    drive(scenario, Clocked(core, clock))


def test_nobody_else_sees_what_one_does_with_a_payload(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Each session object has a payload of its own, also that of a token that is remembered."""

    async def scenario(sdk: Clocked) -> None:
        token = (await create(sdk, {"roles": ["editor"]})).get_access_token()
        expected = claims_of(token)
        for _ in range(3):
            payload = (await verify(sdk, token)).get_access_token_payload()
            assert payload == expected
            payload["roles"].append("admin")
            payload.clear()

    drive(scenario, Clocked(core, clock))


def test_a_process_that_remembers_nothing(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """With a cache of no size each look is a signature check."""

    async def scenario(sdk: Clocked) -> None:
        token = (await create(sdk)).get_access_token()
        assert [(await verify(sdk, token)).verified_by for _ in range(3)] == ["local"] * 3
        assert sdk.take() == []

    drive(scenario, Clocked(core, clock, verified_token_cache_size=0))


def test_the_keys_are_fetched_once_for_all(drive_on_loop: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """However many tasks verify their first token at the same time, the core is asked for its keys once."""

    async def scenario(sdk: Clocked) -> None:
        token = (await create(sdk)).get_access_token()
        seen: list[str] = []

        async def look() -> None:
            seen.append((await verify(sdk, token)).verified_by)

        sdk.hold = anyio.wait_all_tasks_blocked
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(look)
        assert len(seen) == 50
        assert (sdk.fetched, sdk.take()) == (1, [])

    drive_on_loop(scenario, Clocked(core, clock))


def test_a_key_that_is_new(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """The first token that a new key signed has the keys fetched once; old tokens stay good."""

    async def scenario(sdk: Clocked) -> None:
        old = (await create(sdk)).get_access_token()
        await verify(sdk, old)
        core.rotate_keys()
        clock.move(61_000)
        new = [(await create(sdk)).get_access_token() for _ in range(2)]
        assert header_of(new[0])["kid"] != header_of(old)["kid"]
        assert [(await verify(sdk, token)).verified_by for token in (*new, old)] == ["local"] * 3
        assert [(await verify(sdk, token)).verified_by for token in (*new, old)] == ["cache"] * 3
        assert (sdk.fetched, sdk.take()) == (2, [])

    drive(scenario, Clocked(core, clock))


WHEN = {
    # version of the protocol, what came before, whether the database is checked, whether the payload was changed since
    ("5.4", "created", False, False): [],
    ("5.4", "created", False, True): [],
    ("5.4", "created", True, False): [VERIFY],
    ("5.4", "created", True, True): [VERIFY],
    ("5.4", "refreshed", False, False): [VERIFY],
    ("5.4", "refreshed", False, True): [VERIFY],
    ("5.4", "refreshed", True, False): [VERIFY],
    ("5.4", "refreshed", True, True): [VERIFY],
    ("5.4", "promoted", False, False): [],
    ("5.4", "promoted", True, False): [VERIFY],
    ("5.4", "promoted", True, True): [VERIFY],
    ("5.6", "created", False, False): [],
    ("5.6", "created", False, True): [],
    ("5.6", "created", True, False): [VERIFY],
    ("5.6", "created", True, True): [VERIFY, REGENERATE],
    ("5.6", "refreshed", False, False): [],
    ("5.6", "refreshed", False, True): [],
    ("5.6", "refreshed", True, False): [VERIFY],
    ("5.6", "refreshed", True, True): [VERIFY, REGENERATE],
}
"""What is asked of the core to verify an access token."""


@pytest.mark.parametrize(("version", "before", "check_database", "changed"), WHEN)
def test_when_the_core_is_called(
    drive: Drive,
    core: EmbeddedCore,
    clock: Clock,
    version: str,
    before: str,
    check_database: bool,
    changed: bool,
) -> None:
    """The core is asked exactly when the protocol and the caller want it, and what it knows better is taken over."""

    async def scenario(sdk: Clocked) -> None:
        session = await create(sdk, {"role": "editor"})
        if before != "created":
            session = await refresh(sdk, session)
        if before == "promoted":
            session = await verify(sdk, session.get_access_token())
        if changed:
            assert await sdk.session.merge_into_access_token_payload(session.get_handle(), {"role": "admin"})
        sdk.take()
        token = session.get_access_token()
        verified = await verify(sdk, token, check_database=check_database)
        expected = WHEN[version, before, check_database, changed]
        assert sdk.take() == expected
        assert verified.verified_by == ("core" if expected else "local")
        # below 5.6 the core hands out a new token with its answer, from 5.6 on the new payload has to be fetched
        is_new = bool(expected) and (changed or (version == "5.4" and before == "refreshed"))
        assert verified.access_token_updated is is_new
        assert (verified.get_access_token() != token) is is_new
        role = "admin" if changed and is_new else "editor"
        assert verified.get_access_token_payload()["role"] == role
        again = await verify(sdk, verified.get_access_token(), check_database=check_database)
        assert sdk.take() == ([VERIFY] if check_database else [])
        assert not again.access_token_updated
        assert again.get_access_token_payload() == verified.get_access_token_payload()

    drive(scenario, Clocked(core, clock, version))


def test_a_promotion_gives_a_token_that_is_verified_here(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Below CDI 5.6 the core is shown the first access token after a refresh, and gives one for all later looks."""

    async def scenario(sdk: Clocked) -> None:
        made = await create(sdk, {"role": "editor"})
        refreshed = await refresh(sdk, made)
        assert claims_of(refreshed.get_access_token())["parentRefreshTokenHash1"] is not None
        promoted = await verify(sdk, refreshed.get_access_token())
        assert promoted.verified_by == "core"
        assert promoted.access_token_updated
        assert promoted.refresh_token is None
        assert promoted.get_handle() == made.get_handle()
        assert claims_of(promoted.get_access_token())["parentRefreshTokenHash1"] is None
        assert promoted.get_access_token_payload() == claims_of(promoted.get_access_token())
        assert sdk.take() == [VERIFY]
        looks = [await verify(sdk, promoted.get_access_token()) for _ in range(3)]
        assert [look.verified_by for look in looks] == ["local", "cache", "cache"]
        assert not any(look.access_token_updated for look in looks)
        assert sdk.take() == []
        late = await verify(sdk, refreshed.get_access_token())  # a request that was under way with the old one
        assert late.access_token_updated
        assert sdk.take() == [VERIFY]

    drive(scenario, Clocked(core, clock))


def test_from_5_6_on_a_token_with_a_parent_is_nothing_special(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """A token that a core made when it spoke an older version is verified here once it speaks 5.6."""

    async def scenario(older: Clocked, newer: Clocked) -> None:
        refreshed = await refresh(older, await create(older))
        token = refreshed.get_access_token()
        assert claims_of(token)["parentRefreshTokenHash1"] is not None
        looks = [await verify(newer, token) for _ in range(2)]
        assert [look.verified_by for look in looks] == ["local", "cache"]
        assert newer.take() == []
        assert (await verify(newer, token, check_database=True)).verified_by == "core"
        assert newer.take() == [VERIFY]

    drive(scenario, Clocked(core, clock), Clocked(core, clock, "5.6"))


def test_a_new_payload_is_fetched_through_the_overrides(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """From CDI 5.6 on the function that makes access tokens anew is called once, with the token and no payload."""
    seen: list[tuple[str, Any]] = []

    def regenerate(default: Any, access_token: str, payload: Any, user_context: Any) -> Any:
        seen.append((access_token, payload))
        return default(access_token, payload, user_context)

    async def scenario(sdk: Clocked) -> None:
        token = (await create(sdk, {"role": "editor"})).get_access_token()
        handle = claims_of(token)["sessionHandle"]
        await sdk.session.merge_into_access_token_payload(handle, {"role": None, "plan": "paid"})
        clock.move(60_000)
        verified = await verify(sdk, token, check_database=True)
        assert seen == [(token, None)]
        payload = verified.get_access_token_payload()
        assert "role" not in payload
        assert payload["plan"] == "paid"
        own = claims_of(token)
        assert payload["exp"] == own["exp"]
        assert payload["iat"] == own["iat"] + 60
        assert payload["sessionHandle"] == handle

    drive(scenario, Clocked(core, clock, "5.6", **override(regenerate_access_token=regenerate)))


def test_a_session_that_ends_while_its_payload_is_fetched(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Where there is nothing left to make a token of, the session is over."""

    async def regenerate(default: Any, access_token: str, payload: Any, user_context: Any) -> Any:
        await sdk.session.revoke_session(claims_of(access_token)["sessionHandle"])
        return await default(access_token, payload, user_context)

    async def scenario() -> None:
        session = await create(sdk, {"role": "editor"})
        await sdk.session.merge_into_access_token_payload(session.get_handle(), {"role": "admin"})
        with pytest.raises(UnauthorisedError) as caught:
            await verify(sdk, session.get_access_token(), check_database=True)
        assert caught.value.reason is Refusal.SESSION_ENDED
        assert caught.value.clear_tokens

    sdk = Clocked(core, clock, "5.6", **override(regenerate_access_token=regenerate))
    drive(scenario)


def test_a_token_that_expires_while_its_payload_is_fetched(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Where the core makes no token any more, the session goes on with what it has."""

    async def regenerate(default: Any, access_token: str, payload: Any, user_context: Any) -> Any:
        return RegenerateAccessTokenOkResult((await default(access_token, payload, user_context)).session, None)

    async def scenario(sdk: Clocked) -> None:
        session = await create(sdk, {"role": "editor"})
        await sdk.session.merge_into_access_token_payload(session.get_handle(), {"role": "admin"})
        verified = await verify(sdk, session.get_access_token(), check_database=True)
        assert not verified.access_token_updated
        assert verified.get_access_token() == session.get_access_token()
        assert verified.get_access_token_payload()["role"] == "editor"

    drive(scenario, Clocked(core, clock, "5.6", **override(regenerate_access_token=regenerate)))


@pytest.mark.parametrize("version", ["5.4", "5.6"])
def test_a_session_that_was_ended_elsewhere(drive: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Its access tokens are good for who looks at them only, and not for who has the database checked."""

    async def scenario(sdk: Clocked, elsewhere: Clocked) -> None:
        session = await create(sdk)
        token, handle = session.get_access_token(), session.get_handle()
        assert (await verify(sdk, token, check_database=True)).get_handle() == handle
        assert await elsewhere.session.revoke_session(handle)
        assert (await verify(sdk, token)).verified_by == "cache"
        for _ in range(2):
            for required in (True, False):
                with pytest.raises(UnauthorisedError) as caught:
                    await verify(sdk, token, check_database=True, session_required=required)
                assert caught.value.reason is Refusal.SESSION_ENDED
                assert caught.value.clear_tokens
                assert token not in str(caught.value)
        assert (await verify(sdk, token)).verified_by == "local"  # what the core said made us forget

    drive(scenario, Clocked(core, clock, version), Clocked(core, clock, version))


@pytest.mark.parametrize("way", ["handle", "handles", "user", "object", "others"])
def test_what_is_ended_here_is_forgotten(drive: Drive, core: EmbeddedCore, clock: Clock, way: str) -> None:
    """A token of a session that this process ends is verified anew, and those of others are not."""

    async def scenario(sdk: Clocked) -> None:
        ended, kept = await create(sdk), await create(sdk)
        other = await sdk.session.create_new_session_without_request_response("public", RecipeUserId("eve"))
        for session in (ended, kept, other):
            assert (await verify(sdk, session.get_access_token())).verified_by == "local"
            assert (await verify(sdk, session.get_access_token())).verified_by == "cache"
        if way == "handle":
            assert await sdk.session.revoke_session(ended.get_handle())
        elif way == "handles":
            assert await sdk.session.revoke_multiple_sessions([ended.get_handle()]) == [ended.get_handle()]
        elif way == "user":
            assert len(await sdk.session.revoke_all_sessions_for_user(USER.get_as_string())) == 2
        elif way == "object":
            await ended.revoke_session()
        else:
            assert await sdk.session.revoke_other_sessions(kept) == [ended.get_handle()]
        assert (await verify(sdk, ended.get_access_token())).verified_by == "local"
        assert (await verify(sdk, kept.get_access_token())).verified_by == ("local" if way == "user" else "cache")
        assert (await verify(sdk, other.get_access_token())).verified_by == "cache"

    drive(scenario, Clocked(core, clock))


@pytest.mark.parametrize("version", ["5.4", "5.6"])
def test_the_database_is_checked_for_old_tokens(drive: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """With a greatest age the core is asked about a token that is older, and not about one of just that age."""

    async def scenario(sdk: Clocked) -> None:
        session = await create(sdk)
        token = session.get_access_token()
        request = PlainRequest("GET", "https://api.example.com/", {"authorization": f"Bearer {token}"})

        async def look(max_token_age_s: float) -> tuple[SessionContainer, SessionContainer]:
            by_request = await sdk.session.get_session(request, max_token_age_s=max_token_age_s)
            return await verify(sdk, token, max_token_age_s=max_token_age_s), by_request

        clock.move(60_000)
        for found in await look(60):
            assert found.verified_by in ("local", "cache")
        assert sdk.take() == []
        for age_s in (59.9, 59, 0, -1):
            for found in await look(age_s):
                assert found.verified_by == "core"
            assert sdk.take() == [VERIFY] * 2
        clock.move(1)
        for found in await look(60):
            assert found.verified_by == "core"
        assert sdk.take() == [VERIFY] * 2
        assert (await verify(sdk, token, check_database=True, max_token_age_s=3600)).verified_by == "core"
        assert await sdk.session.revoke_session(session.get_handle())
        await look(3600)
        with pytest.raises(UnauthorisedError):
            await verify(sdk, token, max_token_age_s=1)
        with pytest.raises(UnauthorisedError):
            await sdk.session.get_session(request, max_token_age_s=1)

    drive(scenario, Clocked(core, clock, version))


def test_what_is_asked_for_with_a_greatest_age(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Old or not, a text that is no token costs nothing, and a token that nobody signed no more than its key does."""

    async def scenario(sdk: Clocked) -> None:
        token = (await create(sdk)).get_access_token()
        forged = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
        clock.move(10_000)
        for text, kind in (("x.y.z", UnauthorisedError), (forged, TryRefreshTokenError)):
            with pytest.raises(kind):
                await verify(sdk, text, max_token_age_s=1)
        assert await sdk.session.get_session_without_request_response("x", session_required=False) is None
        assert sdk.take() == []

    drive(scenario, Clocked(core, clock))


@pytest.mark.parametrize("way", ["handle", "handles", "user"])
def test_what_is_verified_while_it_is_being_ended(
    drive_on_loop: Drive, core: EmbeddedCore, clock: Clock, way: str
) -> None:
    """What is looked at before the core has ended the session is forgotten as well."""

    async def scenario(sdk: Clocked) -> None:
        session = await create(sdk)
        token, handle = session.get_access_token(), session.get_handle()

        async def look() -> None:
            sdk.hold = None
            assert (await verify(sdk, token)).get_handle() == handle
            assert (await verify(sdk, token)).verified_by == "cache"

        await verify(sdk, token)
        sdk.hold = look
        if way == "handle":
            await sdk.session.revoke_session(handle)
        elif way == "handles":
            await sdk.session.revoke_multiple_sessions([handle])
        else:
            await sdk.session.revoke_all_sessions_for_user(USER.get_as_string())
        assert (await verify(sdk, token)).verified_by == "local"

    drive_on_loop(scenario, Clocked(core, clock))


@pytest.mark.parametrize(
    ("version", "refreshed", "options"),
    [("5.4", False, {"check_database": True}), ("5.6", False, {"check_database": True}), ("5.4", True, {})],
)
def test_a_core_that_is_away(
    drive: Drive, core: EmbeddedCore, clock: Clock, version: str, refreshed: bool, options: dict[str, Any]
) -> None:
    """Where the core has to be asked and can't be, that is said and nothing is known; afterwards all is as before."""

    async def scenario(sdk: Clocked) -> None:
        session = await create(sdk)
        if refreshed:
            session = await refresh(sdk, session)
        token = session.get_access_token()
        sdk.lost.add(VERIFY[1])
        with pytest.raises(CoreUnavailableError) as caught:
            await verify(sdk, token, session_required=False, **options)
        assert token not in str(caught.value) + repr(caught.value)
        assert (await verify(sdk, token, **options)).verified_by == "core"

    drive(scenario, Clocked(core, clock, version))


def test_no_keys_and_no_core(drive: Drive) -> None:
    """A token that nobody can say anything about is neither good nor bad."""

    async def scenario() -> None:
        async with build_app("http://127.0.0.1:9", max_retries=0) as app:
            with pytest.raises(UnauthorisedError):  # it is no session's, whoever signed it
                await app.session.get_session_without_request_response(mint(sessionHandle=None))
            for required in (True, False):
                with pytest.raises(CoreError):
                    await app.session.get_session_without_request_response(mint(), session_required=required)

    drive(scenario)
