"""What can be done with sessions, under each driver; the same against a real core."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import BadInputError, CoreResponseError, GeneralError
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.results import CreateJwtOkResult, SessionInformationResult
from tests.apps import build_app, create
from tests.conftest import Drive

UNKNOWN_HANDLES = ["00000000-0000-4000-8000-000000000000", "", "_", "a_nosuch", "x y\u2028\x00", "ä" * 300]


def test_create_gives_a_session_with_all_its_tokens(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """A created session tells whose it is and holds its tokens; protected claims of the caller are left out."""

    async def scenario() -> None:
        session = await app.session.create_new_session_without_request_response(
            "public", user, {"role": "admin", "sub": "someone else"}, {"cart": ["apple"]}
        )
        assert session.get_user_id() == user.get_as_string()
        assert session.get_recipe_user_id() == user
        assert session.get_tenant_id() == "public"
        payload = session.get_access_token_payload()
        assert payload["role"] == "admin"
        assert payload["sub"] == user.get_as_string()
        assert payload["iss"] == "https://api.example.com/auth"
        tokens = session.get_all_session_tokens_dangerously()
        assert tokens["accessToken"] == session.get_access_token()
        assert tokens["accessAndFrontTokenUpdated"]
        assert tokens["refreshToken"]
        assert tokens["frontToken"]
        assert tokens["antiCsrfToken"] is None
        assert session["session_handle"] == session.get_handle()
        assert session.get_access_token() not in repr(session)
        assert await session.get_session_data_from_database() == {"cart": ["apple"]}

    drive(scenario)


def test_information_and_update(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """An update replaces the whole object and is seen by the next read."""

    async def scenario() -> None:
        session = await create(app, user, old=1)
        handle = session.get_handle()
        assert await app.session.update_session_data_in_database(handle, {"new": {"ä": [1, 2.5, None, True]}})
        information = await app.session.get_session_information(handle)
        assert isinstance(information, SessionInformationResult)
        assert information.session_data_in_database == {"new": {"ä": [1, 2.5, None, True]}}
        assert information.user_id == user.get_as_string()
        assert information.recipe_user_id == user
        assert information.tenant_id == "public"
        assert information.expiry > information.time_created
        assert information.to_json()["sessionHandle"] == handle
        assert await session.get_time_created() == information.time_created
        assert await session.get_expiry() == information.expiry

    drive(scenario)


def test_list_and_revoke(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """Handles and sessions of a user are listed in the order of their creation, and revoking says what it ended."""

    async def scenario() -> None:
        handles = [(await create(app, user, n=number)).get_handle() for number in range(4)]
        assert set(await app.session.get_all_session_handles_for_user(user.get_as_string())) == set(handles)
        listed = await app.session.list_sessions_for_user(user.get_as_string())
        assert [each.session_data_in_database["n"] for each in listed] == [0, 1, 2, 3]
        assert await app.session.revoke_session(handles[0])
        assert not await app.session.revoke_session(handles[0])
        assert await app.session.revoke_multiple_sessions([handles[0], handles[1]]) == [handles[1]]
        revoked = await app.session.revoke_all_sessions_for_user(user.get_as_string(), tenant_id="public")
        assert set(revoked) == set(handles[2:])
        assert await app.session.revoke_all_sessions_for_user(user.get_as_string()) == []
        assert await app.session.list_sessions_for_user(user.get_as_string()) == []
        assert await app.session.get_all_session_handles_for_user(user.get_as_string(), True, "public") == []

    drive(scenario)


@pytest.mark.parametrize("handle", UNKNOWN_HANDLES)
def test_unknown_and_malformed_handles(app: Supertokens, drive: Drive, handle: str) -> None:
    """A handle of no session reads as None and writes as False, whatever it looks like."""

    async def scenario() -> None:
        sessions = app.session
        assert await sessions.get_session_information(handle) is None
        assert not await sessions.update_session_data_in_database(handle, {})
        assert not await sessions.merge_into_access_token_payload(handle, {"a": 1})
        assert not await sessions.revoke_session(handle)
        assert await sessions.modify_session_data_in_database(handle, lambda data: data) is None

    drive(scenario)


def test_merge_into_the_payload(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """None deletes a claim; the session object takes over a new token at once."""

    async def scenario() -> None:
        session = await app.session.create_new_session_without_request_response("public", user, {"a": 1, "b": 2})
        before = session.get_access_token()
        await session.merge_into_access_token_payload({"a": None, "c": 3})
        payload = session.get_access_token_payload()
        assert "a" not in payload
        assert (payload["b"], payload["c"]) == (2, 3)
        assert session.get_access_token() != before
        assert await app.session.merge_into_access_token_payload(session.get_handle(), {"b": None})
        information = await app.session.get_session_information(session.get_handle())
        assert information is not None
        assert information.custom_claims_in_access_token_payload.keys() == {"c", "iss"}
        with pytest.raises(CoreResponseError, match="protected") as caught:
            await app.session.merge_into_access_token_payload(session.get_handle(), {"sub": "x"})
        assert caught.value.status == 400

    drive(scenario)


def test_methods_of_a_session_that_ended(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """Every method that needs the session says that it has ended."""

    async def scenario() -> None:
        session = await create(app, user)
        await session.revoke_session()
        for call in (
            session.get_session_data_from_database,
            session.get_time_created,
            session.get_expiry,
        ):
            with pytest.raises(UnauthorisedError):
                await call()
        with pytest.raises(UnauthorisedError):
            await session.update_session_data_in_database({})
        with pytest.raises(UnauthorisedError):
            await session.merge_into_access_token_payload({"a": 1})

    drive(scenario)


def test_jwt_and_jwks(app: Supertokens, drive: Drive) -> None:
    """A JWT is signed by a key that the key set has."""

    async def scenario() -> None:
        result = await app.session.create_jwt({"hello": "world"}, 60, False)
        assert isinstance(result, CreateJwtOkResult)
        assert result.jwt.count(".") == 2
        assert result.jwt not in repr(result)
        keys = await app.session.get_jwks()
        assert {key.kty for key in keys.keys} == {"RSA"}
        assert keys.validity_in_secs > 60

    drive(scenario)


BAD_DATA: list[tuple[Any, str]] = [
    ([], "data"),
    ({"a": [1, 2, 3, float("nan")]}, 'data["a"][3]'),
    ({"a": {"b": float("inf")}}, 'data["a"]["b"]'),
    ({"a": {1, 2}}, 'data["a"]'),
    ({"a": {1: 2}}, 'data["a"]'),
    ({None: 1}, "data"),
    ({"a": object()}, 'data["a"]'),
    ({"a": (1, b"x")}, 'data["a"][1]'),
]


@pytest.mark.parametrize(("data", "path"), BAD_DATA, ids=map(str, range(len(BAD_DATA))))
def test_data_that_is_no_json_object(app: Supertokens, user: RecipeUserId, drive: Drive, data: Any, path: str) -> None:
    """Data that has no form in JSON is refused before anything is sent, naming the place."""

    async def scenario() -> None:
        session = await create(app, user, kept=1)
        with pytest.raises(BadInputError) as caught:
            await app.session.update_session_data_in_database(session.get_handle(), data)
        assert caught.value.path.replace("new_session_data", "data") == path
        with pytest.raises(BadInputError) as caught:
            await app.session.modify_session_data_in_database(session.get_handle(), lambda _: data)
        assert caught.value.path == path
        assert await session.get_session_data_from_database() == {"kept": 1}

    drive(scenario)


def test_nesting(app: Supertokens, user: RecipeUserId) -> None:
    """Data may nest 200 levels deep and no deeper."""

    def nested(levels: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for _ in range(levels - 1):
            data = {"a": data}
        return data

    sessions = app.session.blocking
    handle = sessions.create_new_session_without_request_response("public", user).get_handle()
    assert sessions.update_session_data_in_database(handle, nested(200))
    with pytest.raises(BadInputError, match="200 levels"):
        sessions.update_session_data_in_database(handle, nested(201))
    with pytest.raises(BadInputError, match="200 levels"):
        sessions.update_session_data_in_database(handle, nested(100_000))


def test_wrong_arguments(app: Supertokens, user: RecipeUserId) -> None:
    """Arguments of the wrong kind are refused before anything is sent, saying what is wanted."""
    sessions: Any = app.session.blocking
    with pytest.raises(BadInputError, match="RecipeUserId"):
        sessions.create_new_session_without_request_response("public", "ada")
    with pytest.raises(BadInputError, match="tenant_id"):
        sessions.create_new_session_without_request_response("no/such", user)
    with pytest.raises(BadInputError, match="session_handle"):
        sessions.get_session_information(7)


def test_anti_csrf(core_uri: str, user: RecipeUserId) -> None:
    """VIA_TOKEN makes an anti-CSRF token unless it is turned off; VIA_CUSTOM_HEADER can't do without a request."""
    with build_app(core_uri, recipe={"anti_csrf": "VIA_TOKEN"}) as app:
        create_session = app.session.blocking.create_new_session_without_request_response
        assert create_session("public", user).anti_csrf_token
        assert create_session("public", user, disable_anti_csrf=True).anti_csrf_token is None
    with build_app(core_uri, recipe={"anti_csrf": "VIA_CUSTOM_HEADER"}) as app:
        create_session = app.session.blocking.create_new_session_without_request_response
        assert create_session("public", user, disable_anti_csrf=True).anti_csrf_token is None
        with pytest.raises(GeneralError, match="disable_anti_csrf"):
            create_session("public", user)


def test_sync_methods_of_the_session_object(app: Supertokens, user: RecipeUserId) -> None:
    """The session object's blocking twins do what the methods do."""
    session = app.session.blocking.create_new_session_without_request_response("public", user)
    data = session.sync_get_session_data_from_database()
    data["newKey"] = "newValue"
    session.sync_update_session_data_in_database(data)
    assert session.sync_get_session_data_from_database() == {"newKey": "newValue"}
    session.sync_merge_into_access_token_payload({"x": 1})
    assert session.get_access_token_payload()["x"] == 1
    assert session.sync_get_expiry() > session.sync_get_time_created()
    session.sync_revoke_session()
    with pytest.raises(UnauthorisedError):
        session.sync_get_expiry()
