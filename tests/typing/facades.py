"""What type checkers see of both facades, of SDK objects and of the session object. Checked, and run by a test."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import assert_type

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.framework import BaseRequest, PlainRequest
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session import asyncio as awaited
from supertokens_lite.recipe.session import syncio as blocking
from supertokens_lite.recipe.session.bulk import (
    BlockingBulkUpdates,
    BulkReport,
    BulkResult,
    BulkUpdates,
    Handles,
    MergePatch,
    Users,
)
from supertokens_lite.recipe.session.claims import (
    BooleanClaim,
    PrimitiveArrayClaim,
    PrimitiveClaim,
    SessionClaimValidator,
)
from supertokens_lite.recipe.session.interfaces import (
    ClaimsValidationResult,
    CreateJwtOkResult,
    CreateJwtResultUnsupportedAlgorithm,
    GetClaimValueOkResult,
    GetJWKSResult,
    JsonWebKey,
    SessionDoesNotExistError,
    SessionInformationResult,
)
from supertokens_lite.recipe.session.results import (
    GetOpenIdDiscoveryConfigurationResult,
    GetSessionTokensDangerouslyDict,
)

Data = dict[str, Any]
Validators = list[SessionClaimValidator]


def change_session(session: SessionInformationResult) -> Data | None:
    """Change a session in bulk."""
    return session.session_data_in_database


def fetch_plan(user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, payload: Data, context: Data) -> str:
    """Fetch a claim in blocking code."""
    return "paid"


async def fetch_trusted(
    user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, payload: Data, context: Data
) -> bool | None:
    """Fetch a claim in async code."""
    return True


def fetch_roles(
    user_id: str, recipe_user_id: RecipeUserId, tenant_id: str, payload: Data, context: Data
) -> list[str] | None:
    """Fetch a claim that has several values."""
    return ["editor"]


PLAN = PrimitiveClaim("plan", fetch_plan)
TRUSTED = BooleanClaim("trusted", fetch_trusted)
ROLES = PrimitiveArrayClaim("roles", fetch_roles)


def choose(validators: Validators, session: SessionContainer, context: Data) -> Validators:
    """Choose validators for a session in blocking code."""
    return validators


async def choose_awaited(validators: Validators, session: SessionContainer, context: Data) -> Validators:
    """Choose validators for a session in async code."""
    return validators


def choose_by_handle(validators: Validators, information: SessionInformationResult, context: Data) -> Validators:
    """Choose validators for what is stored of a session."""
    return [*validators, PLAN.validators.has_value("paid")]


def request(token: str = "") -> BaseRequest:
    """Make a request."""
    return PlainRequest("GET", "http://localhost:8000/", {"authorization": f"Bearer {token}"} if token else {})


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
    await check_requests_awaited(user)
    await check_claims_awaited(handle)
    assert_type(await awaited.revoke_other_sessions(session), list[str])
    assert_type(await awaited.get_all_session_handles_for_user("u"), list[str])
    assert_type(await awaited.list_sessions_for_user("u"), list[SessionInformationResult])
    assert_type(await awaited.bulk_update(Handles([handle]), MergePatch({})), BulkReport)
    async with awaited.iter_bulk_update(Users(["u"]), change_session, dry_run=True) as updates:
        assert_type(updates, BulkUpdates)
        assert_type([result async for result in updates], list[BulkResult])
    assert_type(await awaited.create_jwt({}), CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm)
    assert_type(await awaited.get_jwks(), GetJWKSResult)
    discovery = await awaited.get_open_id_discovery_configuration()
    assert_type(discovery, GetOpenIdDiscoveryConfigurationResult)
    assert_type(discovery.issuer, str)
    await check_session_awaited(session)
    assert_type(await awaited.revoke_session(handle), bool)
    assert_type(await awaited.revoke_multiple_sessions([handle]), list[str])
    assert_type(await awaited.revoke_all_sessions_for_user("u", tenant_id="public"), list[str])


async def check_requests_awaited(user: RecipeUserId) -> None:
    """Create, verify and refresh, with and without requests; who needs a session gets no `None` to look at."""
    session = await awaited.create_new_session(request(), "public", user)
    assert_type(session, SessionContainer)
    token = session.get_access_token()
    assert_type(await awaited.get_session(request(token)), SessionContainer)
    assert_type(await awaited.get_session(request(token), None), SessionContainer)
    assert_type(await awaited.get_session(request(token), True, max_token_age_s=60), SessionContainer)
    assert_type(await awaited.get_session(request(token), session_required=True), SessionContainer)
    assert_type(await awaited.get_session(request(), False), SessionContainer | None)
    assert_type(await awaited.get_session(request(), session_required=False), SessionContainer | None)
    required = bool(token)
    assert_type(await awaited.get_session(request(token), session_required=required), SessionContainer | None)
    assert_type(
        await awaited.get_session(request(token), override_global_claim_validators=choose_awaited), SessionContainer
    )
    by_token = awaited.get_session_without_request_response
    assert_type(await by_token(token), SessionContainer)
    assert_type(await by_token(token, session_required=True), SessionContainer)
    assert_type(await by_token("", session_required=False), SessionContainer | None)
    assert_type(await by_token(token, session_required=required, max_token_age_s=0.5), SessionContainer | None)
    verified = await by_token(token, None, False, None, True, choose)
    assert_type(verified, SessionContainer)
    assert_type(verified.verified_by, Literal["local", "cache", "core"])
    refreshed = await awaited.refresh_session(request(refresh_token_of(session)))
    assert_type(refreshed, SessionContainer)
    again = await awaited.refresh_session_without_request_response(refresh_token_of(refreshed))
    assert_type(again, SessionContainer)


async def check_claims_awaited(handle: str) -> None:
    """Use claims of a session by its handle."""
    assert_type(await awaited.fetch_and_set_claim(handle, PLAN), bool)
    assert_type(await awaited.set_claim_value(handle, ROLES, ["editor"]), bool)
    found = await awaited.get_claim_value(handle, PLAN)
    assert_type(found, SessionDoesNotExistError | GetClaimValueOkResult[str])
    assert_type(await awaited.remove_claim(handle, PLAN), bool)
    result = await awaited.validate_claims_for_session_handle(handle, choose_by_handle)
    assert_type(result, SessionDoesNotExistError | ClaimsValidationResult)


async def check_session_awaited(session: SessionContainer) -> None:
    """Use every method of the session object that waits."""
    assert_type(await session.attach_to_request_response(request(), "header"), None)
    assert_type(await session.fetch_and_set_claim(TRUSTED), None)
    assert_type(await session.set_claim_value(PLAN, "free"), None)
    assert_type(await session.get_claim_value(PLAN), str | None)
    assert_type(await session.get_claim_value(TRUSTED), bool | None)
    assert_type(await session.get_claim_value(ROLES), list[str] | None)
    assert_type(await session.assert_claims([TRUSTED.validators.is_true(60)]), None)
    assert_type(await session.remove_claim(PLAN), None)
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
    check_requests_blocking(user)
    check_claims_blocking(handle)
    assert_type(blocking.revoke_other_sessions(session), list[str])
    assert_type(blocking.get_all_session_handles_for_user("u"), list[str])
    assert_type(blocking.list_sessions_for_user("u"), list[SessionInformationResult])
    assert_type(blocking.bulk_update(Handles([handle]), MergePatch({})), BulkReport)
    with blocking.iter_bulk_update(Users(["u"]), change_session, dry_run=True) as updates:
        assert_type(updates, BlockingBulkUpdates)
        assert_type(list(updates), list[BulkResult])
    jwt = blocking.create_jwt({})
    assert_type(jwt, CreateJwtOkResult | CreateJwtResultUnsupportedAlgorithm)
    if isinstance(jwt, CreateJwtOkResult):
        assert_type(jwt.jwt, str)
    keys = blocking.get_jwks()
    assert_type(keys, GetJWKSResult)
    assert_type(keys.keys, list[JsonWebKey])
    assert_type(keys.validity_in_secs, int)
    assert_type(blocking.get_open_id_discovery_configuration(), GetOpenIdDiscoveryConfigurationResult)
    check_session_blocking(session)
    assert_type(blocking.revoke_session(handle), bool)
    assert_type(blocking.revoke_multiple_sessions([handle]), list[str])
    assert_type(blocking.revoke_all_sessions_for_user("u", tenant_id="public"), list[str])


def check_requests_blocking(user: RecipeUserId) -> None:
    """Create, verify and refresh, with and without requests; who needs a session gets no `None` to look at."""
    session = blocking.create_new_session(request(), "public", user)
    assert_type(session, SessionContainer)
    token = session.get_access_token()
    assert_type(blocking.get_session(request(token)), SessionContainer)
    assert_type(blocking.get_session(request(token), None), SessionContainer)
    assert_type(blocking.get_session(request(token), True, max_token_age_s=60), SessionContainer)
    assert_type(blocking.get_session(request(token), session_required=True), SessionContainer)
    assert_type(blocking.get_session(request(), False), SessionContainer | None)
    assert_type(blocking.get_session(request(), session_required=False), SessionContainer | None)
    required = bool(token)
    assert_type(blocking.get_session(request(token), session_required=required), SessionContainer | None)
    assert_type(blocking.get_session(request(token), override_global_claim_validators=choose_awaited), SessionContainer)
    by_token = blocking.get_session_without_request_response
    assert_type(by_token(token), SessionContainer)
    assert_type(by_token(token, session_required=True), SessionContainer)
    assert_type(by_token("", session_required=False), SessionContainer | None)
    assert_type(by_token(token, session_required=required, max_token_age_s=0.5), SessionContainer | None)
    assert_type(by_token(token, None, False, None, True, choose), SessionContainer)
    refreshed = blocking.refresh_session(request(refresh_token_of(session)))
    assert_type(refreshed, SessionContainer)
    again = blocking.refresh_session_without_request_response(refresh_token_of(refreshed))
    assert_type(again, SessionContainer)


def refresh_token_of(session: SessionContainer) -> str:
    """Give the refresh token of a session that has just been made or refreshed."""
    assert session.refresh_token is not None
    return assert_type(session.refresh_token.token, str)


def check_claims_blocking(handle: str) -> None:
    """Use claims of a session by its handle."""
    assert_type(blocking.fetch_and_set_claim(handle, PLAN), bool)
    assert_type(blocking.set_claim_value(handle, TRUSTED, False), bool)
    found = blocking.get_claim_value(handle, TRUSTED)
    assert_type(found, SessionDoesNotExistError | GetClaimValueOkResult[bool])
    if isinstance(found, GetClaimValueOkResult):
        assert_type(found.value, bool | None)
    assert_type(blocking.remove_claim(handle, TRUSTED), bool)
    result = blocking.validate_claims_for_session_handle(handle, choose_by_handle)
    assert_type(result, SessionDoesNotExistError | ClaimsValidationResult)


def check_session_blocking(session: SessionContainer) -> None:
    """Use the attributes and getters of the session object and its blocking twins."""
    assert_type(session.user_data_in_access_token, Data)
    assert_type(session.front_token, str)
    assert_type(session.get_handle(), str)
    assert_type(session.get_user_id(), str)
    assert_type(session.get_recipe_user_id(), RecipeUserId)
    assert_type(session.get_tenant_id(), str)
    assert_type(session.get_access_token(), str)
    assert_type(session.get_access_token_payload(), Data)
    assert_type(session.get_all_session_tokens_dangerously(), GetSessionTokensDangerouslyDict)
    assert_type(session.sync_get_session_data_from_database(), Data)
    assert_type(session.sync_update_session_data_in_database({}), None)
    assert_type(session.sync_merge_into_access_token_payload({}), None)
    assert_type(session.sync_get_time_created(), int)
    assert_type(session.sync_get_expiry(), int)
    assert_type(session.sync_attach_to_request_response(request(), "cookie"), None)
    assert_type(session.sync_fetch_and_set_claim(TRUSTED), None)
    assert_type(session.sync_set_claim_value(PLAN, "free"), None)
    assert_type(session.sync_get_claim_value(PLAN), str | None)
    assert_type(session.sync_get_claim_value(ROLES), list[str] | None)
    assert_type(session.sync_assert_claims([TRUSTED.validators.is_true(60)]), None)
    assert_type(session.sync_remove_claim(PLAN), None)
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
        assert_type(await opened.session.get_session(request(), False), SessionContainer | None)
        assert_type(opened.session.blocking.get_session(request(), False), SessionContainer | None)
        assert_type(opened.session.blocking.get_session_information("h"), SessionInformationResult | None)
        assert_type(opened.session.blocking.list_sessions_for_user("u"), list[SessionInformationResult])


def check_object_blocking(app: Supertokens) -> None:
    """Use an SDK object as a plain context manager."""
    with app as opened:
        assert_type(opened, Supertokens)
        assert_type(opened.session.blocking.revoke_session("h"), bool)
