"""Refresh tokens: exchanged, stolen, reused, presented many times at once, and answers that get lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens_lite import RecipeUserId
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.exceptions import BadInputError, CoreResponseError, CoreUnavailableError
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.exceptions import TokenTheftError, TryRefreshTokenError, UnauthorisedError
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.types import Refusal
from tests.apps import USER, build_app, create, override
from tests.clocked import Clocked
from tests.conftest import Drive
from tests.embedded.client import Client, Clock, claims_of
from tests.servers import Fault, Reply, serve, session_core

REFRESH = ("POST", "/recipe/session/refresh")
VERIFY = ("POST", "/recipe/session/verify")
REMOVE = ("POST", "/recipe/session/remove")
GRACE_MS = 30_000


def refresh_token(session: SessionContainer) -> str:
    """Give the refresh token of a session that was just made or refreshed."""
    assert session.refresh_token is not None
    return session.refresh_token.token


async def begin(sdk: Clocked, payload: dict[str, Any] | None = None) -> SessionContainer:
    """Create a session."""
    session = await sdk.session.create_new_session_without_request_response("public", USER, payload)
    sdk.take()
    return session


async def refresh(sdk: Clocked, token: str, **options: Any) -> SessionContainer:
    """Exchange a refresh token."""
    return await sdk.session.refresh_session_without_request_response(token, **options)


async def exists(sdk: Clocked, session: SessionContainer) -> bool:
    """Tell whether a session lives; what that cost is forgotten."""
    found = await sdk.session.get_session_information(session.get_handle())
    sdk.sent.remove(("GET", "/recipe/session"))
    return found is not None


@pytest.mark.parametrize("version", ["5.4", "5.6"])
def test_rotation(drive: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Each exchange gives new tokens of the same session, by one call; older access tokens are still good."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk, {"role": "editor"})
        seen = {session.get_access_token(), refresh_token(session)}
        for number in range(1, 4):
            clock.move(1000)
            older, session = session, await refresh(sdk, refresh_token(session))
            assert sdk.take() == [REFRESH]
            assert session.verified_by == "core"
            assert session.access_token_updated
            tokens = {session.get_access_token(), refresh_token(session)}
            assert not tokens & seen
            seen |= tokens
            assert session.get_handle() == older.get_handle()
            assert session.get_user_id() == USER.get_as_string()
            assert session.get_recipe_user_id() == USER
            assert session.get_tenant_id() == "public"
            payload = session.get_access_token_payload()
            assert payload == claims_of(session.get_access_token())
            assert payload["role"] == "editor"
            assert payload["iat"] == clock.ms // 1000
            assert session.refresh_token is not None
            assert session.refresh_token.created_time == clock.ms
            assert session.refresh_token.expiry > clock.ms
            found = await sdk.session.get_session_without_request_response(older.get_access_token(), None, False)
            assert found.get_handle() == session.get_handle()
            sdk.take()
            assert await session.get_session_data_from_database() == {}
            assert len(await sdk.session.get_all_session_handles_for_user(USER.get_as_string())) == 1, number
            sdk.take()

    drive(scenario, Clocked(core, clock, version))


def test_a_payload_that_was_changed_meanwhile(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """A refresh brings what was merged into the payload by the session's handle."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk, {"role": "editor", "old": 1})
        await sdk.session.merge_into_access_token_payload(session.get_handle(), {"role": "admin", "old": None})
        payload = (await refresh(sdk, refresh_token(session))).get_access_token_payload()
        assert payload["role"] == "admin"
        assert "old" not in payload

    drive(scenario, Clocked(core, clock))


def test_a_late_request_does_not_cost_the_session(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """An access token that was replaced twice is to be refreshed where the core is asked; nobody is signed out."""

    async def scenario(sdk: Clocked) -> None:
        first = await begin(sdk)
        second = await refresh(sdk, refresh_token(first))
        third = await refresh(sdk, refresh_token(second))
        verify = sdk.session.get_session_without_request_response
        with pytest.raises(TryRefreshTokenError) as caught:
            await verify(first.get_access_token(), anti_csrf_check=False, check_database=True)
        assert caught.value.reason is Refusal.REFUSED_BY_CORE
        found = await verify(third.get_access_token(), anti_csrf_check=False, check_database=True)
        assert found.get_handle() == first.get_handle()

    drive(scenario, Clocked(core, clock, "5.6"))


@pytest.mark.parametrize("used", ["verified", "refreshed"])
def test_theft_below_5_6(drive: Drive, core: EmbeddedCore, clock: Clock, used: str) -> None:
    """A token comes again after its successor was used: the core leaves the session as it is, so it is ended here."""
    revoked: list[str] = []

    async def revoke(default: Any, handle: str, user_context: Any) -> Any:
        revoked.append(handle)
        return await default(handle, user_context)

    async def scenario(sdk: Clocked) -> None:
        first = await begin(sdk)
        second = await refresh(sdk, refresh_token(first))
        if used == "verified":
            await sdk.session.get_session_without_request_response(second.get_access_token())
        else:
            await refresh(sdk, refresh_token(second))
        remembered = sdk.session.get_session_without_request_response
        assert (await remembered(first.get_access_token())).verified_by == "local"
        sdk.take()
        with pytest.raises(TokenTheftError) as caught:
            await refresh(sdk, refresh_token(first))
        error = caught.value
        assert (error.session_handle, error.user_id) == (first.get_handle(), USER.get_as_string())
        assert error.recipe_user_id == USER
        assert (error.subtype, error.reason) == (None, Refusal.TOKEN_THEFT)
        assert refresh_token(first) not in str(error) + repr(error)
        assert sdk.take() == [REFRESH, REMOVE]
        assert revoked == [first.get_handle()]
        assert not await exists(sdk, first)
        assert (await remembered(first.get_access_token())).verified_by == "local"  # it was forgotten
        for token in (refresh_token(first), refresh_token(second)):
            with pytest.raises(UnauthorisedError):
                await refresh(sdk, token)

    drive(scenario, Clocked(core, clock, **override(revoke_session=revoke)))


def test_theft_below_5_6_where_ending_the_session_fails(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """While it can't be ended nobody is told of a theft, so that it is found again when the token comes again."""

    async def scenario(sdk: Clocked) -> None:
        first = await begin(sdk)
        second = await refresh(sdk, refresh_token(first))
        await refresh(sdk, refresh_token(second))
        sdk.take()

        def revoke(handle: str, user_context: Any) -> Any:
            raise CoreUnavailableError([])

        implementation = sdk.recipe.recipe_implementation
        kept, implementation.revoke_session = implementation.revoke_session, revoke  # type: ignore[method-assign, assignment]
        with pytest.raises(CoreUnavailableError):
            await refresh(sdk, refresh_token(first))
        assert await exists(sdk, first)
        implementation.revoke_session = kept  # type: ignore[method-assign]
        with pytest.raises(TokenTheftError):
            await refresh(sdk, refresh_token(first))
        assert not await exists(sdk, first)

    drive(scenario, Clocked(core, clock))


def test_a_lost_successor_below_5_6(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """As long as no successor was used, a token can be exchanged again and again."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk)
        children = [await refresh(sdk, refresh_token(session)) for _ in range(3)]
        clock.move(10 * GRACE_MS)
        assert (await refresh(sdk, refresh_token(session))).get_handle() == session.get_handle()
        await refresh(sdk, refresh_token(children[1]))
        with pytest.raises(TokenTheftError):
            await refresh(sdk, refresh_token(children[0]))

    drive(scenario, Clocked(core, clock))


async def reuse(sdk: Clocked, subtype: str) -> tuple[SessionContainer, str]:
    """Give a session and a refresh token of it whose exchange is a reuse of this kind."""
    session = await begin(sdk)
    first = refresh_token(session)
    child = await refresh(sdk, first)
    if subtype == "RECENT_PREV":
        sdk.clock.move(GRACE_MS)
        await refresh(sdk, first)  # the last moment
        sdk.clock.move(1)
        return session, first
    if subtype == "ORPHANED_BRANCH":
        await refresh(sdk, first)
        return session, refresh_token(child)
    await refresh(sdk, refresh_token(child))
    return session, first


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("subtype", ["RECENT_PREV", "ORPHANED_BRANCH", "STALE_LINEAGE"])
def test_reuse_from_5_6_on(
    drive: Drive, core_file: Path, tmp_path: Path, clock: Clock, subtype: str, lenient: bool
) -> None:
    """The core ends the session and says how the token was reused; it may be set not to call it theft."""

    async def scenario(sdk: Clocked) -> None:
        session, token = await reuse(sdk, subtype)
        verify = sdk.session.get_session_without_request_response
        await verify(session.get_access_token())
        assert (await verify(session.get_access_token())).verified_by == "cache"
        sdk.take()
        is_theft = not lenient or subtype == "STALE_LINEAGE"
        with pytest.raises(TokenTheftError if is_theft else UnauthorisedError) as caught:
            await refresh(sdk, token)
        assert sdk.take() == [REFRESH]
        error = caught.value
        assert isinstance(error, (TokenTheftError, UnauthorisedError))
        assert error.subtype == subtype
        assert token not in str(error) + repr(error)
        assert not await exists(sdk, session)
        if isinstance(error, TokenTheftError):
            assert (error.session_handle, error.user_id) == (session.get_handle(), USER.get_as_string())
            assert error.recipe_user_id == USER
            assert error.reason is Refusal.TOKEN_THEFT
            assert (await verify(session.get_access_token())).verified_by == "local"
        else:
            assert error.clear_tokens
            assert error.reason is Refusal.SESSION_ENDED
        with pytest.raises(UnauthorisedError) as ended:
            await refresh(sdk, token)
        assert ended.value.subtype is None

    path = tmp_path / "reuse.db"
    shutil.copy2(core_file, path)
    behaviour = "UNAUTHORISED" if lenient else "TOKEN_THEFT"
    core = EmbeddedCore(str(path), durability="normal", clock=clock, config={"recent_token_reuse_behaviour": behaviour})
    drive(scenario, Clocked(core, clock, "5.6"))
    core.close()


@pytest.mark.parametrize("version", ["5.4", "5.6"])
def test_an_answer_that_gets_lost(drive: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Nothing is sent again, nothing is known, and the same token works when the client tries again."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk, {"role": "editor"})
        token = refresh_token(session)
        for _ in range(2):
            sdk.lost.add(REFRESH[1])
            with pytest.raises(CoreUnavailableError) as caught:
                await refresh(sdk, token)
            assert token not in str(caught.value) + repr(caught.value)
            assert sdk.take() == [REFRESH]
            clock.move(GRACE_MS // 4)
        refreshed = await refresh(sdk, token)
        assert refreshed.get_handle() == session.get_handle()
        again = await refresh(sdk, refresh_token(refreshed))
        assert again.get_access_token_payload()["role"] == "editor"
        assert await exists(sdk, session)

    drive(scenario, Clocked(core, clock, version))


def test_ended_sessions_and_texts_that_are_no_tokens(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """Both are unauthorised, and the client forgets what it has."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk)
        token = refresh_token(session)
        for text in (
            "",
            "x",
            token[:-3],
            token + "x",
            token[1:],
            session.get_access_token(),
            "\0",
            "ä" * 5000,
            "\ud800",
        ):
            with pytest.raises(UnauthorisedError) as caught:
                await refresh(sdk, text)
            assert caught.value.clear_tokens
            assert caught.value.reason is Refusal.SESSION_ENDED
        assert await exists(sdk, session)
        assert await sdk.session.revoke_session(session.get_handle())
        with pytest.raises(UnauthorisedError) as caught:
            await refresh(sdk, token)
        assert caught.value.clear_tokens
        clock.move(101 * 86_400_000)
        late = await begin(sdk)
        clock.move(101 * 86_400_000)
        with pytest.raises(UnauthorisedError):
            await refresh(sdk, refresh_token(late))

    drive(scenario, Clocked(core, clock))


@pytest.fixture(scope="module")
def shared() -> Iterator[Supertokens]:
    """Give an SDK on a core in memory."""
    with build_app("sqlite:///:memory:") as app:
        yield app


@settings(deadline=None)
@given(st.text() | st.text("AZaz09+/=._V2\0", max_size=60))
def test_any_text_is_unauthorised(shared: Supertokens, text: str) -> None:
    """Whatever comes instead of a refresh token is refused, and nothing else comes out."""
    with pytest.raises(UnauthorisedError):
        shared.session.blocking.refresh_session_without_request_response(text)


@pytest.mark.parametrize("token", [None, 7, b"x", ["x"]])
def test_something_else_than_text(drive: Drive, core: EmbeddedCore, clock: Clock, token: Any) -> None:
    """What is no text is a mistake of the application's; nothing is sent."""

    async def scenario(sdk: Clocked) -> None:
        with pytest.raises(BadInputError, match="refresh_token"):
            await refresh(sdk, token)
        assert sdk.take() == []

    drive(scenario, Clocked(core, clock))


SESSION: dict[str, Any] = {"handle": "h", "userId": "u", "recipeUserId": "u", "userDataInJWT": {}, "tenantId": "public"}


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "WHATEVER", "session": SESSION},
        {"status": "TOKEN_THEFT", "session": SESSION},
        {"status": "token_theft_detected", "session": SESSION},
        {"status": None, "session": SESSION},
        {"session": SESSION},
        {"status": "OK", "session": SESSION},
        {"status": "TOKEN_THEFT_DETECTED"},
        {"status": "TOKEN_THEFT_DETECTED", "session": {"handle": "h"}},
        {"status": "TRY_REFRESH_TOKEN", "message": "x"},
        [],
        "x",
    ],
    ids=json.dumps,
)
@pytest.mark.usefixtures("transport")
def test_an_answer_that_the_protocol_does_not_have(drive: Drive, answer: Any) -> None:
    """It is never taken for a theft or for the end of a session: the core is at fault, and nothing is ended."""

    async def scenario() -> None:
        async with build_app(server.url, max_retries=0) as app:
            with pytest.raises(CoreResponseError, match="session/refresh"):
                await app.session.refresh_session_without_request_response("token")
        assert [seen.target for seen in server.seen if "/recipe/" in seen.target] == [REFRESH[1]]

    with serve(session_core(lambda _: Reply(body=json.dumps(answer).encode()))) as server:
        drive(scenario)


@pytest.mark.parametrize("fault", [Fault("reset"), Fault("truncate"), Reply(500), Reply(503), Reply(400, b"no")])
@pytest.mark.usefixtures("transport")
def test_a_core_that_fails(drive: Drive, fault: Fault | Reply) -> None:
    """Whatever goes wrong, a refresh is sent once, and what comes out says that the core is to blame."""

    async def scenario() -> None:
        async with build_app(server.url, max_retries=3) as app:
            with pytest.raises((CoreUnavailableError, CoreResponseError)):
                await app.session.refresh_session_without_request_response("token")
        assert [seen.target for seen in server.seen if "/recipe/" in seen.target] == [REFRESH[1]]

    with serve(session_core(lambda _: fault)) as server:
        drive(scenario)


def test_anti_csrf_tokens(drive: Drive, core: EmbeddedCore, clock: Clock) -> None:
    """A refresh repeats the token of the session and gets a new one; who does not want that gets none."""

    async def scenario(sdk: Clocked) -> None:
        session = await begin(sdk)
        for wrong in (None, "", "wrong"):
            with pytest.raises(UnauthorisedError):
                await refresh(sdk, refresh_token(session), anti_csrf_token=wrong)
        refreshed = await refresh(sdk, refresh_token(session), anti_csrf_token=session.anti_csrf_token)
        assert refreshed.anti_csrf_token not in (None, session.anti_csrf_token)
        verify = sdk.session.get_session_without_request_response
        assert (await verify(refreshed.get_access_token(), refreshed.anti_csrf_token)).get_handle()
        bare = await refresh(sdk, refresh_token(refreshed), disable_anti_csrf=True)
        assert bare.anti_csrf_token is None
        again = await refresh(sdk, refresh_token(bare))  # it has none to repeat, and gets one
        assert again.anti_csrf_token is not None

    drive(scenario, Clocked(core, clock, anti_csrf="VIA_TOKEN"))


@pytest.mark.parametrize("version", ["5.4", "5.6"])
def test_all_other_sessions_are_ended(drive: Drive, core: EmbeddedCore, clock: Clock, version: str) -> None:
    """Those of the user in all tenants go, with two calls; the session itself and those of others stay."""
    Client(core).call("PUT", "/recipe/multitenancy/tenant/v2", {"tenantId": "t1"})

    async def scenario(sdk: Clocked) -> None:
        make = sdk.session.create_new_session_without_request_response
        kept, stranger = await make("public", USER), await make("public", RecipeUserId("eve"))
        others = [await make(tenant, USER) for tenant in ("public", "t1", "public")]
        verify = sdk.session.get_session_without_request_response
        for session in (kept, stranger, *others):
            await verify(session.get_access_token())
        sdk.take()
        ended = await sdk.session.revoke_other_sessions(kept)
        assert set(ended) == {session.get_handle() for session in others}
        assert sdk.take() == [("GET", "/recipe/session/user"), REMOVE]
        assert await exists(sdk, kept)
        assert await exists(sdk, stranger)
        for session in others:
            assert not await exists(sdk, session)
            assert (await verify(session.get_access_token())).verified_by == "local"
            with pytest.raises(UnauthorisedError):
                await verify(session.get_access_token(), check_database=True)
            with pytest.raises(UnauthorisedError):
                await refresh(sdk, refresh_token(session))
        sdk.take()
        assert await sdk.session.revoke_other_sessions(kept) == []
        assert sdk.take() == [("GET", "/recipe/session/user")]
        assert (await refresh(sdk, refresh_token(kept))).get_handle() == kept.get_handle()

    drive(scenario, Clocked(core, clock, version))


def test_ending_all_other_sessions_goes_through_the_overrides(drive: Drive, core_uri: str) -> None:
    """Who ends sessions in a way of their own sees these too."""
    seen: list[Any] = []

    def revoke(default: Any, handles: list[str], user_context: Any) -> Any:
        seen.append((handles, user_context["who"]))
        return default(handles, user_context)

    async def scenario() -> None:
        user = RecipeUserId("overridden")
        with build_app(core_uri, recipe=override(revoke_multiple_sessions=revoke)) as app:
            kept, other = await create(app, user), await create(app, user)
            assert await app.session.revoke_other_sessions(kept, {"who": "me"}) == [other.get_handle()]
            assert seen == [([other.get_handle()], "me")]
            await app.aclose()

    drive(scenario)
