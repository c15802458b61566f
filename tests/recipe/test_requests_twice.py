"""Requests whose session is looked for more than once: what any of them wants on the answer arrives, in order."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._protocol.messages import BaseRequest
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from tests.conftest import Drive
from tests.doors import COOKIES, HEADERS, Client, build, cleared, content, cookies, log_in, serve

BOTH_WAYS = pytest.mark.parametrize("mode", ["cookie", "header"])


def names(mode: str) -> Set[str]:
    """Give what the tokens are called that travel this way."""
    return COOKIES if mode == "cookie" else HEADERS


def access(mode: str) -> str:
    """Give what the access token is called."""
    return "sAccessToken" if mode == "cookie" else "st-access-token"


@BOTH_WAYS
@pytest.mark.parametrize("ends_first", [True, False])
def test_an_end_is_not_forgotten(drive: Drive, core_uri: str, user: RecipeUserId, mode: str, ends_first: bool) -> None:
    """Whoever looks at the request again, before or after its session was ended, the client forgets its tokens."""

    async def test(app: Supertokens) -> None:
        client = Client(mode)
        await log_in(app, client, user)

        async def handler(request: BaseRequest) -> Any:
            session = await app.session.get_session(request)
            if ends_first:
                await session.revoke_session()
            again = await app.session.get_session(request)
            assert again is not session
            assert request.get_session() is again
            if not ends_first:
                await session.revoke_session()

        answer = client.take(await serve(app, client.request("POST"), handler))
        assert answer.status == 200
        assert cleared(answer) == names(mode)
        assert answer.get_header("front-token") == "remove"

    with build(core_uri) as app:
        drive(test, app)


@BOTH_WAYS
def test_a_change_is_not_forgotten(drive: Drive, core_uri: str, user: RecipeUserId, mode: str) -> None:
    """A new access token reaches the client although the request is looked at again, and again by the way."""

    async def test(app: Supertokens) -> None:
        client = Client(mode)
        await log_in(app, client, user)
        before = client.token(access(mode))

        async def handler(request: BaseRequest) -> None:
            session = await app.session.get_session(request)
            await session.merge_into_access_token_payload({"a": 1})
            for _ in range(3):
                await app.session.get_session(request, session_required=False)

        answer = client.take(await serve(app, client.request("POST"), handler))
        assert client.token(access(mode)) != before
        session = await app.session.get_session(client.request())
        assert session.get_access_token_payload()["a"] == 1
        assert answer.get_header("front-token") == session.front_token

    with build(core_uri) as app:
        drive(test, app)


@BOTH_WAYS
def test_a_login_is_not_forgotten(drive: Drive, core_uri: str, user: RecipeUserId, mode: str) -> None:
    """A session that was made is the request's, and is handed out, although the request itself came with none."""

    async def test(app: Supertokens) -> None:
        client = Client(mode)

        async def handler(request: BaseRequest) -> str:
            made = await app.session.create_new_session(request, "public", user)
            assert await app.session.get_session(request, session_required=False) is None
            assert request.get_session() is made
            return made.get_handle()

        answer = client.take(await serve(app, client.request("POST"), handler))
        assert cleared(answer) == set()
        assert client.token(access(mode)) is not None
        session = await app.session.get_session(client.request())
        assert session.get_handle() == content(answer)

    with build(core_uri) as app:
        drive(test, app)


@BOTH_WAYS
def test_the_last_word_counts(drive: Drive, core_uri: str, user: RecipeUserId, mode: str) -> None:
    """Who logs in anew after an end has the new tokens; who then ends that session too has none."""

    async def test(app: Supertokens) -> None:
        for ends_again in (False, True):
            client = Client(mode)
            await log_in(app, client, user)

            async def handler(request: BaseRequest, ends_again: bool = ends_again) -> str:
                session = await app.session.get_session(request)
                await session.revoke_session()
                made = await app.session.create_new_session(request, "public", user)
                if ends_again:
                    await made.revoke_session()
                return made.get_handle()

            answer = client.take(await serve(app, client.request("POST"), handler))
            if ends_again:
                assert cleared(answer) == names(mode)
                assert client.token(access(mode)) is None
            else:
                assert cleared(answer) == set()
                found = await app.session.get_session(client.request())
                assert found.get_handle() == content(answer)

    with build(core_uri) as app:
        drive(test, app)


@BOTH_WAYS
def test_an_error_that_ends_a_session_ends_all(drive: Drive, core_uri: str, user: RecipeUserId, mode: str) -> None:
    """New tokens of whatever session of the request are not handed out with an answer that clears."""

    async def test(app: Supertokens) -> None:
        client = Client(mode)
        await log_in(app, client, user)
        request = client.request("POST")

        async def handler(request: BaseRequest) -> None:
            session = await app.session.get_session(request)
            await session.merge_into_access_token_payload({"a": 1})
            await app.session.create_new_session(request, "public", user)
            await app.session.get_session(request)
            raise UnauthorisedError("it is over")

        answer = await serve(app, request, handler)
        assert answer.status == 401
        assert cleared(answer) == names(mode)
        assert set(cookies(answer)) == (COOKIES if mode == "cookie" else set())
        assert request.get_session() is None

    with build(core_uri) as app:
        drive(test, app)


def test_a_session_without_a_wish_is_forgotten(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """A request that turns out to have no session has none, if the earlier one changed nothing on the answer."""

    async def test(app: Supertokens) -> None:
        client = Client()
        request, other = client.request("POST"), client.request("POST")
        session = await app.session.create_new_session_without_request_response("public", user)
        found = await app.session.get_session_without_request_response(
            session.get_access_token(), anti_csrf_check=False
        )
        await found.attach_to_request_response(request, "cookie")
        assert request.get_session() is found
        assert await app.session.get_session(request, session_required=False) is None
        assert request.get_session() is None
        await session.attach_to_request_response(other, "cookie")
        wishes = len(session.response_mutators)
        await session.attach_to_request_response(other, "cookie")
        assert len(session.response_mutators) == wishes + 1

    with build(core_uri) as app:
        drive(test, app)
