"""The short way of `verify_session`, for tokens that were verified before: it gives what the long way gives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.requests import Request

from supertokens_lite import InputAppInfo, RecipeUserId, Supertokens, SupertokensConfig
from supertokens_lite._protocol.messages import PlainRequest
from supertokens_lite.framework import BaseRequest
from supertokens_lite.framework.asgi import Middleware
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.claims import BooleanClaim
from supertokens_lite.recipe.session.exceptions import SuperTokensSessionError
from supertokens_lite.recipe.session.framework.fastapi import verify_session
from tests.apps import override
from tests.doors import allowing, jwks, mint

MODES = (None, "VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE")
GOOD, OTHER = mint("first", antiCsrfToken="t"), mint("second", antiCsrfToken="t")
OLD = mint("first", age_s=7200)
AUTHORIZATIONS = (None, f"Bearer {GOOD}", f"bearer  {GOOD}", "Bearer x.y.z", "Bearer", "Basic YTpi", f"Bearer {OLD}")
COOKIES = (
    "",
    f"sAccessToken={GOOD}",
    f"sAccessToken={GOOD}; sAccessToken={OTHER}",
    "sAccessToken=",
    "a=b; sAccessToken=x",
)
LEGACY = ("", "sIdRefreshToken=1")
METHODS = ("GET", "POST", "OPTIONS")
REFRESH = (401, {"message": "try refresh token"})


def build_sdk(**recipe: Any) -> Supertokens:
    """Build an SDK that knows the key, and has no core to ask."""
    info = InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000")
    settings = SupertokensConfig("http://127.0.0.1:9", max_retries=0, cdi_version="5.4")
    return Supertokens(info, "fastapi", settings, [session.init(static_jwks=jwks(), **recipe)])


def build_app(supertokens: Supertokens, **options: Any) -> FastAPI:
    """Build an application that says whose session a request has, and how it came."""
    app = FastAPI()
    app.add_middleware(Middleware, supertokens=supertokens)
    verified = Depends(verify_session(**options))

    @app.api_route("/", methods=list(METHODS))
    async def me(request: Request, made: Any = verified) -> Any:
        assert request.state.supertokens is made
        if made is None:
            return None
        assert made.req_res_info is not None
        return [made.get_handle(), made.req_res_info.transfer_method, made.get_access_token_payload()["sub"]]

    return app


async def long_way(default: Any, *args: Any) -> Any:
    """Do as the default does; that there is an override keeps every request off the short way."""
    return await default(*args)


def requests() -> Iterator[tuple[str, dict[str, str]]]:
    """Give requests with all that could matter, in all combinations."""
    for method, authorization, cookie, legacy in itertools.product(METHODS, AUTHORIZATIONS, COOKIES, LEGACY):
        headers = {"cookie": "; ".join(filter(None, (cookie, legacy)))} if cookie or legacy else {}
        yield method, headers if authorization is None else {**headers, "authorization": authorization}


async def answers(app: FastAPI) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Give what it answers to each request, three times: verified, recalled by the token, and by the same headers."""
    found: list[tuple[int, str, list[tuple[str, str]]]] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
        for method, headers in [*requests()] * 3:
            answer = await client.request(method, "/", headers=headers)
            found.append((answer.status_code, answer.text, sorted(answer.headers.multi_items())))
    return found


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    "recipe",
    [*({"anti_csrf": mode} for mode in MODES), *(allowing(method) for method in ("cookie", "header"))],
    ids=[*map(str, MODES), "cookie only", "header only"],
)
def test_both_ways_answer_alike(recipe: dict[str, Any], required: bool) -> None:
    """Whatever a request brings, the answer does not tell which way it went."""
    with build_sdk(**recipe) as short, build_sdk(**recipe, **override(get_session=long_way)) as long:
        known: list[SessionContainer | None] = []
        recall = short.doors.recall

        def note(request: BaseRequest) -> SessionContainer | None:
            known.append(recall(request))
            return known[-1]

        short.doors.recall = note
        shorter, longer = (asyncio.run(answers(build_app(each, session_required=required))) for each in (short, long))
    assert shorter == longer
    assert any(known) == ("anti_csrf" in recipe)  # where a function decides how tokens travel, it is asked each time


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("cookie", "a=b"), ("cookie", f"sAccessToken={GOOD}")], (200, ["first", "cookie", "ada"])),
        ([("cookie", f"sAccessToken={GOOD}"), ("cookie", f"sAccessToken={OTHER}")], REFRESH),
        ([("cookie", f"sAccessToken={GOOD}"), ("cookie", "sIdRefreshToken=1")], REFRESH),
        (
            [("authorization", f"Bearer {GOOD}"), ("cookie", "a=b"), ("cookie", "c=d")],
            (200, ["first", "header", "ada"]),
        ),
        ([("authorization", f"Bearer {GOOD}"), ("authorization", f"Bearer {OTHER}")], (200, None)),
    ],
    ids=["divided cookies", "two cookies of the name", "an old cookie", "a token beside cookies", "two tokens"],
)
def test_headers_that_come_twice(headers: list[tuple[str, str]], expected: tuple[int, Any]) -> None:
    """HTTP/2 divides the Cookie header; all of it counts, and what comes twice is not half read."""

    async def ask(app: FastAPI) -> list[tuple[int, Any]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
            for token in (GOOD, OTHER):
                await client.get("/", headers={"authorization": f"Bearer {token}"})
            answers = [await client.get("/", headers=headers) for _ in range(3)]
            return [(answer.status_code, answer.json()) for answer in answers]

    with build_sdk() as short, build_sdk(**override(get_session=long_way)) as long:
        shorter, longer = (asyncio.run(ask(build_app(each, session_required=False))) for each in (short, long))
    assert shorter == longer == [expected] * 3


@pytest.mark.parametrize("mode", MODES)
def test_both_ways_answer_alike_without_waiting(mode: Any) -> None:
    """Doors that block take the short way as well, and what they say does not tell which way it was."""
    with build_sdk(anti_csrf=mode) as short, build_sdk(anti_csrf=mode, **override(get_session=long_way)) as long:

        def answer(supertokens: Supertokens, method: str, headers: dict[str, str]) -> str:
            request = PlainRequest(method, "http://localhost:8000/", headers)
            try:
                made = supertokens.blocking_doors.verify_session(request, session_required=False)
            except SuperTokensSessionError as error:
                return repr(error)
            assert request.get_session() is made
            return "" if made is None else made.get_handle()

        for method, headers in [*requests()] * 3:
            assert answer(short, method, headers) == answer(long, method, headers)
        usual = PlainRequest("GET", "http://localhost:8000/", {"authorization": f"Bearer {GOOD}"})
        assert short.doors.recall(usual) is not None
        assert long.doors.recall(usual) is None


@pytest.mark.parametrize("way", ["header", "cookie"])
def test_headers_that_came_before(way: str) -> None:
    """Headers that came before are enough to know the session; those that differ by anything are looked at anew."""
    head, before = ("authorization", "Bearer ") if way == "header" else ("cookie", "a=b; sAccessToken=")

    def recall(supertokens: Supertokens, value: str, **more: str) -> SessionContainer | None:
        return supertokens.doors.recall(PlainRequest("GET", "http://localhost:8000/", {head: value, **more}))

    with build_sdk() as supertokens:
        for token, handle in ((GOOD, "first"), (OTHER, "second")):
            request = PlainRequest("GET", "http://localhost:8000/", {head: before + token})
            assert supertokens.doors.recall(request) is None
            assert supertokens.blocking_doors.verify_session(request) is not None
            for _ in range(3):
                found = recall(supertokens, before + token)
                assert found is not None
                assert found.req_res_info is not None
                assert (found.get_handle(), found.req_res_info.transfer_method) == (handle, way)
        for changed in (before + GOOD[:-1], f"{before}{GOOD}x", before + GOOD.swapcase(), GOOD, ""):
            assert recall(supertokens, changed) is None
        assert recall(supertokens, before + GOOD, authorization="x", cookie="sAccessToken=x") is None


def test_options_are_seen_to_when_the_token_is_known() -> None:
    """A token that was verified before spares nobody a check that was asked for."""
    has_paid = BooleanClaim("paid", lambda *_: None)

    def want_payment(validators: list[Any], made: SessionContainer, user_context: dict[str, Any]) -> list[Any]:
        return [has_paid.validators.is_true(None)]

    with build_sdk(anti_csrf="VIA_TOKEN") as supertokens:

        async def status(**options: Any) -> int:
            app = build_app(supertokens, **options)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://localhost:8000"
            ) as client:
                return (await client.get("/", headers={"cookie": f"sAccessToken={GOOD}"})).status_code

        async def scenario() -> None:
            assert await status() == await status() == 200
            assert await status(check_database=True) == 503
            assert await status(anti_csrf_check=True) == 401
            assert await status(override_global_claim_validators=want_payment) == 403
            supertokens._recipe.add_claim_validator_from_other_recipe(has_paid.validators.is_true(None))
            assert await status() == 403

        asyncio.run(scenario())


def test_the_session_of_a_request_that_was_answered() -> None:
    """What changes after the answer can't go on it any more, and the session is good for its other work."""
    with Supertokens(
        InputAppInfo("Shop", "http://localhost:8000", website_domain="http://localhost:3000"),
        "fastapi",
        SupertokensConfig("sqlite:///:memory:"),
        [session.init()],
    ) as supertokens:
        app = FastAPI()
        app.add_middleware(Middleware, supertokens=supertokens)
        kept: list[SessionContainer] = []

        @app.get("/")
        async def login(request: Request) -> None:
            made = await supertokens.session.create_new_session(request, "public", RecipeUserId("ada"))
            assert made.req_res_info is not None
            kept.append(made)

        async def scenario() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
                await client.get("/")
            (made,) = kept
            assert made.req_res_info is None
            before = made.get_access_token()
            await made.merge_into_access_token_payload({"role": "editor"})
            assert made.get_access_token() != before
            await made.update_session_data_in_database({"visits": 1})
            assert await made.get_session_data_from_database() == {"visits": 1}
            await made.revoke_session()

        asyncio.run(scenario())
