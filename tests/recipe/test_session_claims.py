"""Claims of sessions: by the session object and by handle, with what a refetch leaves alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.tokens import PROTECTED_CLAIMS
from supertokens_lite.exceptions import BadInputError, CoreUnavailableError
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.claims import PrimitiveArrayClaim, PrimitiveClaim
from supertokens_lite.recipe.session.exceptions import InvalidClaimsError, UnauthorisedError
from supertokens_lite.recipe.session.interfaces import (
    ClaimsValidationResult,
    ClaimValidationResult,
    GetClaimValueOkResult,
    SessionClaimValidator,
    SessionDoesNotExistError,
)
from supertokens_lite.recipe.session.results import RegenerateAccessTokenOkResult
from tests.apps import build_app, override
from tests.claims import Fetcher, Wild
from tests.conftest import Drive
from tests.doors import AWAY
from tests.protocol.signing import Signer

Changes = tuple[Callable[[], Awaitable[object]], ...]

LATER_S = 2**33


async def sign_in(app: Supertokens, user: RecipeUserId, **claims: Any) -> SessionContainer:
    """Create a session with claims of the application's own."""
    return await app.session.create_new_session_without_request_response("public", user, claims)


def own(session: SessionContainer) -> dict[str, Any]:
    """Give the core's own claims of a session, but for those that differ from token to token."""
    payload = session.get_access_token_payload()
    return {name: payload[name] for name in PROTECTED_CLAIMS - {"iat", "exp"} if name in payload}


def test_a_refetch_reaches_the_token(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """What is fetched for a check is in a new token and in the core, beside what was there before."""
    roles = PrimitiveArrayClaim("roles", Fetcher(["editor"]))

    async def scenario() -> None:
        session = await sign_in(app, user, theme="dark")
        token, before = session.get_access_token(), own(session)
        await session.assert_claims([roles.validators.includes("editor")])
        assert session.get_access_token() != token
        assert own(session) == before
        assert session.get_access_token_payload()["theme"] == "dark"
        assert await session.get_claim_value(roles) == ["editor"]
        stored = await app.session.get_claim_value(session.get_handle(), roles)
        assert isinstance(stored, GetClaimValueOkResult)
        assert stored.value == ["editor"]
        token = session.get_access_token()
        await session.assert_claims([roles.validators.includes("editor")])
        assert session.get_access_token() == token

    drive(scenario)


def test_a_failing_check_keeps_what_was_fetched(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """A check that fails after a refetch raises what each validator says, and the token has what was fetched."""
    roles = PrimitiveArrayClaim("roles", Fetcher(["guest"]))
    validators = [roles.validators.includes("admin"), roles.validators.excludes("guest", id_="no-guest")]

    async def scenario() -> None:
        session = await sign_in(app, user)
        with pytest.raises(InvalidClaimsError, match="INVALID_CLAIMS") as caught:
            await session.assert_claims(validators)
        reasons = [
            {"message": "wrong value", "expectedToInclude": "admin", "actualValue": ["guest"]},
            {"message": "wrong value", "expectedToNotInclude": "guest", "actualValue": ["guest"]},
        ]
        said = [error.to_json() for error in caught.value.payload]
        assert said == [{"id": "roles", "reason": reasons[0]}, {"id": "no-guest", "reason": reasons[1]}]
        assert await session.get_claim_value(roles) == ["guest"]

    drive(scenario)


async def give_no_token(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Mint nothing, as the core does when the token has expired meanwhile."""
    result = await default(*args, **kwargs)
    return RegenerateAccessTokenOkResult(result.session, None)


async def be_away(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Fail as if no core could be reached."""
    raise CoreUnavailableError([("core", "away")])


def test_a_refetch_without_a_new_token_keeps_the_cores_claims(core_uri: str, user: RecipeUserId, drive: Drive) -> None:
    """When the core mints no token for what was fetched, or is away, the session still has all of the core's claims."""
    for stand_in in (give_no_token, be_away):
        with build_app(core_uri, recipe=override(regenerate_access_token=stand_in)) as app:

            async def scenario(app: Supertokens = app, is_away: bool = stand_in is be_away) -> None:
                session = await sign_in(app, user, theme="dark")
                before = dict(session.get_access_token_payload())
                spoiling = Wild("level", Fetcher(3))
                validator = Present(spoiling)
                if is_away:
                    with pytest.raises(CoreUnavailableError):
                        await session.assert_claims([validator])
                    assert session.get_access_token_payload() == before
                else:
                    await session.assert_claims([validator])
                    assert session.get_access_token_payload() == before | {"level": 3}

            drive(scenario)


class Present(SessionClaimValidator):
    """Wants a claim to be there; asks for it with an `async def` that says no once it is."""

    def __init__(self, claim: Wild) -> None:
        super().__init__("present")
        self.claim = claim
        self.key = claim.key

    async def validate(self, payload: dict[str, Any], user_context: dict[str, Any]) -> ClaimValidationResult:
        return ClaimValidationResult(self.key in payload, {"message": "absent"})

    async def should_refetch(self, payload: dict[str, Any], user_context: dict[str, Any]) -> bool:
        return self.key not in payload


def test_claims_of_a_session_object(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """A session object fetches, sets, gives and removes a claim, each time with a new token."""
    level = PrimitiveClaim("level", Fetcher(3))

    async def scenario() -> None:
        session = await sign_in(app, user)
        before = own(session)
        seen: list[Any] = [await session.get_claim_value(level)]
        await session.fetch_and_set_claim(level)
        seen.append(await session.get_claim_value(level))
        await session.set_claim_value(level, 4)
        seen.append(await session.get_claim_value(level))
        await session.remove_claim(level)
        seen.append(await session.get_claim_value(level))
        assert seen == [None, 3, 4, None]
        assert own(session) == before
        assert "level" not in session.get_access_token_payload()
        assert (await check(app, session.get_handle(), level.validators.has_value(3))) == []

    drive(scenario)


def test_claims_by_handle(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """By handle a claim is fetched, set, given, checked and removed; other claims stay."""
    level = PrimitiveClaim("level", Fetcher(3))

    async def scenario() -> None:
        handle = (await sign_in(app, user, theme="dark")).get_handle()
        seen: list[Any] = []
        changes: Changes = (
            lambda: app.session.fetch_and_set_claim(handle, level),
            lambda: app.session.set_claim_value(handle, level, 4),
            lambda: app.session.remove_claim(handle, level),
        )
        for change in changes:
            assert await change()
            found = await app.session.get_claim_value(handle, level)
            assert isinstance(found, GetClaimValueOkResult)
            seen.append(found.value)
        assert seen == [3, 4, None]
        assert await check(app, handle, level.validators.has_value(4)) == ["level"]
        information = await app.session.get_session_information(handle)
        assert information is not None
        claims = information.custom_claims_in_access_token_payload
        assert (claims["theme"], claims["level"]["v"]) == ("dark", 3)
        assert not PROTECTED_CLAIMS & set(claims)

    drive(scenario)


@pytest.mark.parametrize("version", ["3", "4", "5"])
def test_the_tenant_that_claims_are_fetched_for(drive: Drive, version: str) -> None:
    """It is the session's: a version 3 token has no say in it, in which `tId` is any claim of the application's."""
    fetcher, signer = Fetcher(None), Signer("d-1")
    level = PrimitiveClaim("level", fetcher)
    claims = signer.claims(tId="t-9", exp=LATER_S)
    token = signer.sign(claims, signer.header(version=version))
    validator = level.validators.has_value(3)

    async def scenario(app: Supertokens) -> None:
        session = await app.session.get_session_without_request_response(token, anti_csrf_check=False)
        with pytest.raises(InvalidClaimsError):
            await session.assert_claims([validator])
        assert session.get_access_token_payload()["tId"] == "t-9"
        [call] = fetcher.calls
        tenant = "public" if version == "3" else "t-9"
        assert (session.get_tenant_id(), call[2], call[3]) == (tenant, tenant, claims | {"tId": tenant})

    with build_app(AWAY, recipe={"static_jwks": {"keys": [signer.jwk]}}) as app:
        drive(scenario, app)


async def check(app: Supertokens, handle: str, validator: SessionClaimValidator) -> list[str]:
    """Check a session by its handle; give the ids of what fails."""
    result = await app.session.validate_claims_for_session_handle(handle, lambda *_: [validator])
    assert isinstance(result, ClaimsValidationResult)
    return [error.id_ for error in result.invalid_claims]


def test_claims_of_no_session(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """Of a session that has ended, the session object raises and the functions by handle say so."""
    level = PrimitiveClaim("level", Fetcher(3))

    async def scenario() -> None:
        session = await sign_in(app, user)
        handle = session.get_handle()
        await app.session.revoke_session(handle)
        changes: Changes = (
            lambda: session.fetch_and_set_claim(level),
            lambda: session.set_claim_value(level, 4),
            lambda: session.remove_claim(level),
            lambda: session.assert_claims([level.validators.has_value(3)]),
        )
        for change in changes:
            with pytest.raises(UnauthorisedError, match="Session does not exist anymore"):
                await change()
        assert not await app.session.fetch_and_set_claim(handle, level)
        assert not await app.session.set_claim_value(handle, level, 4)
        assert not await app.session.remove_claim(handle, level)
        assert isinstance(await app.session.get_claim_value(handle, level), SessionDoesNotExistError)
        assert isinstance(await app.session.validate_claims_for_session_handle(handle), SessionDoesNotExistError)

    drive(scenario)


def test_a_value_that_is_not_json(app: Supertokens, user: RecipeUserId, drive: Drive) -> None:
    """A value that JSON has no form for is refused with its place before anything is sent."""
    when: PrimitiveClaim[Any] = PrimitiveClaim("when", Fetcher(object()))

    async def scenario() -> None:
        session = await sign_in(app, user)
        token = session.get_access_token()
        changes: Changes = (
            lambda: session.fetch_and_set_claim(when),
            lambda: session.assert_claims([when.validators.has_value(1)]),
            lambda: app.session.fetch_and_set_claim(session.get_handle(), when),
        )
        for change in changes:
            with pytest.raises(BadInputError, match=r'\["when"\]\["v"\]: object has no form in JSON'):
                await change()
        assert session.get_access_token() == token

    drive(scenario)
