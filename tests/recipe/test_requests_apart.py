"""Requests share nothing, however many there are at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel

from supertokens_lite import RecipeUserId, Supertokens, get_request_from_user_context
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.messages import BaseRequest, PlainRequest
from tests.apps import override
from tests.conftest import Drive
from tests.doors import (
    API,
    AWAY,
    REFRESH,
    Client,
    build,
    content,
    cookies,
    jwks,
    log_in,
    mint,
    serve,
)


def test_the_user_context_of_a_request(drive: Drive, core_uri: str, user: RecipeUserId) -> None:
    """It has the request in it, is new for each, and one that is given is never another request's."""
    seen: list[dict[str, Any]] = []

    async def get_session(default: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(args[-1])
        return await default(*args, **kwargs)

    async def test(app: Supertokens) -> None:
        one, two = (PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"}) for _ in range(2))
        await app.session.get_session(one)
        await app.session.get_session(two)
        assert seen[0] is not seen[1]
        assert [get_request_from_user_context(context) for context in seen] == [one, two]
        assert seen[0]["_default"]["keep_cache_alive"] is True
        given: dict[str, Any] = {"mine": 1}
        for request in (one, one, two):
            await app.session.get_session(request, user_context=given)
        assert [get_request_from_user_context(context) for context in seen[2:]] == [one, one, two]
        assert seen[2] is seen[3] is given
        assert seen[4] is not given
        assert seen[4]["mine"] == 1
        wrapped = [PlainRequest("GET", API, {"authorization": f"Bearer {mint()}"}) for _ in range(3)]
        natives = [object(), object()]
        for request, native in zip(wrapped, [natives[0], *natives], strict=True):
            request.request = native
        given = {}
        for request in wrapped:
            await app.session.get_session(request, user_context=given)
        assert seen[5] is seen[6] is given
        assert seen[7] is not given

    with build(AWAY, static_jwks=jwks(), **override(get_session=get_session)) as app:
        drive(test, app)


AT_ONCE = 1000


def watching(later: bool) -> dict[str, Any]:
    """Note in the user context whose request it is, let others run, and look whether it still says so."""

    def note(user_context: dict[str, Any]) -> None:
        request = get_request_from_user_context(user_context)
        assert request is not None
        assert "who" not in user_context
        user_context["who"] = request.get_header("x-who")

    def look(user_context: dict[str, Any], session: Any) -> None:
        assert user_context["who"] == session.get_user_id()

    async def get_session(default: Any, *args: Any, **kwargs: Any) -> Any:
        note(args[-1])
        if later:
            await anyio.lowlevel.checkpoint()
        session = await default(*args, **kwargs)
        if later:
            await anyio.lowlevel.checkpoint()
        look(args[-1], session)
        return session

    return override(get_session=get_session)


def origin(request: BaseRequest | None, user_context: dict[str, Any]) -> str:
    """Give the website that a request says."""
    return (request and request.get_header("origin")) or "https://example.com"


def check(answer: Any, client: Client, who: str, website: str) -> None:
    """Look whether an answer is for the client that it is given to."""
    assert answer.status == 200
    assert content(answer) == who
    assert f"SameSite={'Lax' if website.endswith('example.com') else 'None'}" in cookies(answer)["sAccessToken"]
    client.take(answer)


def clients(count: int) -> list[tuple[Client, str, str]]:
    """Give clients, the name of the user of each, and the website that it uses."""
    return [
        (Client(), f"user-{number}", "https://example.com" if number % 2 else "https://elsewhere.org")
        for number in range(count)
    ]


def test_a_thousand_requests_in_tasks(drive_on_loop: Drive, core_uri: str) -> None:
    """Each gets its own user's session, context and answer while all the others are under way."""

    async def handler(app: Supertokens, request: BaseRequest) -> str:
        session = await app.session.get_session(request)
        await anyio.lowlevel.checkpoint()
        await session.merge_into_access_token_payload({"who": session.get_user_id()})
        found = request.get_session()
        assert found is session
        return str(session.get_access_token_payload()["who"])

    async def visit(app: Supertokens, client: Client, who: str, website: str) -> None:
        await log_in(app, client, RecipeUserId(who))
        request = client.request("POST", "/", origin=website, x_who=who)
        check(await serve(app, request, partial(handler, app)), client, who, website)
        if who.endswith("0"):
            answer = await serve(app, client.request("POST", REFRESH, origin=website))
            assert client.take(answer).status == 200

    async def test(app: Supertokens) -> None:
        everyone = clients(AT_ONCE)
        async with anyio.create_task_group() as group:
            for client, who, website in everyone:
                group.start_soon(visit, app, client, who, website)
        assert len({client.token("sRefreshToken") for client, _, _ in everyone}) == AT_ONCE
        for client, who, website in everyone[::100]:
            session = await app.session.get_session(client.request(origin=website, x_who=who))
            assert session.get_user_id() == session.get_access_token_payload()["who"] == who

    with build(core_uri, info={"origin": origin}, **watching(later=True)) as app:
        drive_on_loop(test, app)


def test_a_thousand_requests_in_threads(core_uri: str) -> None:
    """The same in blocking code."""

    def visit(app: Supertokens, client: Client, who: str, website: str) -> None:
        async def log_in_and_work() -> Any:
            await log_in(app, client, RecipeUserId(who))

            async def handler(request: BaseRequest) -> str:
                session = await app.session.get_session(request)
                await session.merge_into_access_token_payload({"who": session.get_user_id()})
                return str(session.get_access_token_payload()["who"])

            return await serve(app, client.request("POST", "/", origin=website, x_who=who), handler)

        check(run(log_in_and_work()), client, who, website)

    with build(core_uri, info={"origin": origin}, **watching(later=False)) as app:
        with ThreadPoolExecutor(16) as pool:
            visits = [pool.submit(visit, app, *each) for each in clients(AT_ONCE)]
        for each in visits:
            each.result()
