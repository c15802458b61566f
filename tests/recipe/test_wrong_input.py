"""Wrong arguments and odd situations: what is refused before anything is sent, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import BadInputError, ReentrantCallError
from supertokens_lite.recipe.session.results import SessionInformationResult
from tests.apps import build_app, create, override
from tests.conftest import Drive


@pytest.mark.parametrize("wrong", [[], "", 0, False, (), [1], "x", 7, {"a": float("nan")}, {1: 2}, {"n": 10**5000}])
def test_what_is_no_object(app: Supertokens, user: RecipeUserId, drive: Drive, wrong: Any) -> None:
    """Nothing but a JSON object is taken for one, however empty it is."""

    async def scenario() -> None:
        create_session = app.session.create_new_session_without_request_response
        with pytest.raises(BadInputError, match="access_token_payload"):
            await create_session("public", user, wrong)
        with pytest.raises(BadInputError, match="session_data_in_database"):
            await create_session("public", user, {}, wrong)
        session = await create(app, user)
        with pytest.raises(BadInputError, match="access_token_payload_update"):
            await session.merge_into_access_token_payload(wrong)
        with pytest.raises(BadInputError, match="access_token_payload_update"):
            await app.session.merge_into_access_token_payload(session.get_handle(), wrong)
        with pytest.raises(BadInputError, match="new_session_data"):
            await session.update_session_data_in_database(wrong)
        with pytest.raises(BadInputError, match="payload"):
            await app.session.create_jwt(wrong)
        assert await session.get_session_data_from_database() == {}
        assert await app.session.get_all_session_handles_for_user(user.get_as_string()) == [session.get_handle()]

    drive(scenario)


def test_what_is_no_text(app: Supertokens, user: RecipeUserId) -> None:
    """A user id or a handle is a string; a string is no list of handles; a change can be called."""
    sessions: Any = app.session.blocking
    for call in (
        sessions.get_all_session_handles_for_user,
        sessions.revoke_all_sessions_for_user,
        sessions.list_sessions_for_user,
    ):
        with pytest.raises(BadInputError, match="user_id"):
            call(user)
    with pytest.raises(BadInputError, match="recipe_user_id"):
        sessions.create_new_session_without_request_response("public", RecipeUserId(7))  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="session_handles"):
        sessions.revoke_multiple_sessions("handle")
    with pytest.raises(BadInputError, match="session_handle"):
        sessions.revoke_multiple_sessions(["handle", None])
    with pytest.raises(BadInputError, match="change"):
        sessions.modify_session_data_in_database("handle", {"new": "data"})


def test_revoking_with_a_handle_of_no_tenant(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """A handle that names a tenant which does not exist keeps nobody from ending the other sessions."""

    async def scenario() -> None:
        handles = [(await create(app, user)).get_handle() for _ in range(3)]
        given = [handles[0], "a_nosuch", handles[1], "unknown"]
        assert await app.session.revoke_multiple_sessions(given) == handles[:2]
        assert await app.session.revoke_multiple_sessions(["a_nosuch", "b_nosuch"]) == []
        assert await app.session.revoke_multiple_sessions([]) == []
        assert await app.session.get_all_session_handles_for_user(user.get_as_string()) == handles[2:]

    drive(scenario)


def test_an_override_of_reading_shows_in_lists(core_uri: str, user: RecipeUserId, drive: Drive) -> None:
    """Where reading a session is overridden, the sessions of a list come through the override too."""

    async def marked(default: Any, *args: Any) -> SessionInformationResult | None:
        information: SessionInformationResult | None = await default(*args)
        if information is not None:
            information.session_data_in_database["seen"] = True
        return information

    async def scenario() -> None:
        with build_app(core_uri, recipe=override(get_session_information=marked)) as app:
            for number in range(3):
                await create(app, user, n=number)
            found = await app.session.list_sessions_for_user(user.get_as_string())
            assert [each.session_data_in_database for each in found] == [{"n": n, "seen": True} for n in range(3)]
            await app.aclose()

    drive(scenario)


def test_more_calls_for_the_same_handle_inside_a_change(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """Listing the user's sessions and renewing the access token are calls for the same handle too."""

    async def scenario() -> None:
        session = await create(app, user)
        calls: list[Any] = [
            lambda: app.session.list_sessions_for_user(user.get_as_string()),
            lambda: session.merge_into_access_token_payload({"a": 1}),
            lambda: app.session.merge_into_access_token_payload(session.get_handle(), {"a": 1}),
        ]
        for call in calls:

            async def change(_data: dict[str, Any], call: Any = call) -> None:
                await call()

            with pytest.raises(ReentrantCallError):
                await app.session.modify_session_data_in_database(session.get_handle(), change)
        assert "a" not in session.get_access_token_payload()

    drive(scenario)
