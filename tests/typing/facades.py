"""What type checkers see of both facades, of SDK objects and of the session object. Checked, and run by a test."""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session import asyncio as awaited
from supertokens_lite.recipe.session import syncio as blocking
from supertokens_lite.recipe.session.interfaces import (
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GetJWKSResult,
    JsonWebKey,
    SessionInformationResult,
)

Data = dict[str, Any]


def change(data: Data) -> Data:
    """Change in blocking code."""
    return {**data, "changed": 1}


async def change_awaited(data: Data) -> Data | None:
    """Change in async code."""
    return {**data, "changed": 2}


async def check_awaited(user: RecipeUserId) -> None:
    """Use every function of the asynchronous facade."""
    session = await awaited.create_new_session_without_request_response("public", user, {"a": 1}, {"b": 2})
    assert_type(session, SessionContainer)
    handle = session.get_handle()
    assert_type(await awaited.get_session_information(handle), SessionInformationResult | None)
    assert_type(await awaited.update_session_data_in_database(handle, {"b": 3}), bool)
    assert_type(await awaited.modify_session_data_in_database(handle, change), Data | None)
    assert_type(await awaited.modify_session_data_in_database(handle, change_awaited), Data | None)
    assert_type(await awaited.modify_session_data_in_database(handle, lambda _: None), Data | None)
    assert_type(await awaited.merge_into_access_token_payload(handle, {"a": None}), bool)
    assert_type(await awaited.get_all_session_handles_for_user("u"), list[str])
    assert_type(await awaited.list_sessions_for_user("u"), list[SessionInformationResult])
    assert_type(await awaited.create_jwt({}), CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm)
    assert_type(await awaited.get_jwks(), GetJWKSResult)
    await check_session_awaited(session)
    assert_type(await awaited.revoke_session(handle), bool)
    assert_type(await awaited.revoke_multiple_sessions([handle]), list[str])
    assert_type(await awaited.revoke_all_sessions_for_user("u", tenant_id="public"), list[str])


async def check_session_awaited(session: SessionContainer) -> None:
    """Use every method of the session object that waits."""
    assert_type(await session.get_session_data_from_database(), Data)
    assert_type(await session.update_session_data_in_database({}), None)
    assert_type(await session.merge_into_access_token_payload({}), None)
    assert_type(await session.get_time_created(), int)
    assert_type(await session.get_expiry(), int)
    assert_type(await session.revoke_session(), None)


def check_blocking(user: RecipeUserId) -> None:
    """Use every function of the blocking facade."""
    session = blocking.create_new_session_without_request_response("public", user, {"a": 1}, {"b": 2})
    assert_type(session, SessionContainer)
    handle = session.get_handle()
    information = blocking.get_session_information(handle)
    assert_type(information, SessionInformationResult | None)
    if information is not None:
        check_information(information)
    assert_type(blocking.update_session_data_in_database(handle, {"b": 3}), bool)
    assert_type(blocking.modify_session_data_in_database(handle, change), Data | None)
    assert_type(blocking.modify_session_data_in_database(handle, change_awaited), Data | None)
    assert_type(blocking.merge_into_access_token_payload(handle, {"a": None}), bool)
    assert_type(blocking.get_all_session_handles_for_user("u"), list[str])
    assert_type(blocking.list_sessions_for_user("u"), list[SessionInformationResult])
    jwt = blocking.create_jwt({})
    assert_type(jwt, CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm)
    if isinstance(jwt, CreateJwtOkResult):
        assert_type(jwt.jwt, str)
    keys = blocking.get_jwks()
    assert_type(keys, GetJWKSResult)
    assert_type(keys.keys, list[JsonWebKey])
    assert_type(keys.validity_in_secs, int)
    check_session_blocking(session)
    assert_type(blocking.revoke_session(handle), bool)
    assert_type(blocking.revoke_multiple_sessions([handle]), list[str])
    assert_type(blocking.revoke_all_sessions_for_user("u", tenant_id="public"), list[str])


def check_session_blocking(session: SessionContainer) -> None:
    """Use the getters of the session object and its blocking twins."""
    assert_type(session.get_handle(), str)
    assert_type(session.get_user_id(), str)
    assert_type(session.get_recipe_user_id(), RecipeUserId)
    assert_type(session.get_tenant_id(), str)
    assert_type(session.get_access_token(), str)
    assert_type(session.get_access_token_payload(), Data)
    assert_type(session.get_all_session_tokens_dangerously(), Data)
    assert_type(session.sync_get_session_data_from_database(), Data)
    assert_type(session.sync_update_session_data_in_database({}), None)
    assert_type(session.sync_merge_into_access_token_payload({}), None)
    assert_type(session.sync_get_time_created(), int)
    assert_type(session.sync_get_expiry(), int)
    assert_type(session.sync_revoke_session(), None)


def check_information(information: SessionInformationResult) -> None:
    """Use what is known of a session."""
    assert_type(information.session_handle, str)
    assert_type(information.user_id, str)
    assert_type(information.recipe_user_id, RecipeUserId)
    assert_type(information.session_data_in_database, Data)
    assert_type(information.expiry, int)
    assert_type(information.custom_claims_in_access_token_payload, Data)
    assert_type(information.time_created, int)
    assert_type(information.tenant_id, str)
    assert_type(information.to_json(), Data)


async def check_object(app: Supertokens) -> None:
    """Use an SDK object by itself, in both colours."""
    async with app as opened:
        assert_type(opened, Supertokens)
        assert_type(await opened.session.get_session_information("h"), SessionInformationResult | None)
        assert_type(opened.session.blocking.get_session_information("h"), SessionInformationResult | None)
        assert_type(opened.session.blocking.list_sessions_for_user("u"), list[SessionInformationResult])


def check_object_blocking(app: Supertokens) -> None:
    """Use an SDK object as a plain context manager."""
    with app as opened:
        assert_type(opened, Supertokens)
        assert_type(opened.session.blocking.revoke_session("h"), bool)
