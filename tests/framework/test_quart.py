"""Quart's door: factories, blueprints, mounts, streams and websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from quart import Blueprint, Quart, Response, g, got_request_exception, got_websocket_exception, request, websocket

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import BadInputError, ConfigurationError, CoreUnavailableError, GeneralError
from supertokens_lite.framework.quart import Middleware
from supertokens_lite.recipe.session import InputErrorHandlers
from supertokens_lite.recipe.session.asyncio import create_new_session, get_session
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.quart import verify_session
from tests.doors import AWAY, COOKIES, REFRESH, Client, allowing, build, cookies, jwks, mint
from tests.framework.asgi_calls import connect_to, send_to
from tests.framework.loaded import frameworks_of
from tests.framework.quart_site import build_app
from tests.framework.views import noting_bodies

Begin = Callable[..., Supertokens]


def me() -> str:
    return "me"


def build_small(supertokens: Supertokens | None = None) -> Quart:
    """Build an application with a login and nothing else."""
    app = Quart(__name__)

    @app.post("/login")
    async def login() -> str:
        user = RecipeUserId("ada")
        if supertokens is None:
            return (await create_new_session(request, "public", user)).get_handle()
        return (await supertokens.session.create_new_session(request, "public", user)).get_handle()

    Middleware(app, supertokens)
    return app


def note_errors(app: Quart) -> list[Exception]:
    """Have the errors noted that are left to the application, which answers with 500."""
    errors: list[Exception] = []

    async def note(sender: Quart, exception: Exception, **_: Any) -> None:
        errors.append(exception)

    got_request_exception.connect(note, app, weak=False)
    got_websocket_exception.connect(note, app, weak=False)
    return errors


def test_functions_before_and_after_requests(begin: Begin) -> None:
    """Functions that the application has for all requests see the session, change it, and see the endpoints too."""
    begin()
    app = Quart(__name__)
    seen: list[Any] = []

    @app.before_request
    async def look() -> None:
        found = await get_session(request, session_required=False)
        seen.append(None if found is None else found.get_user_id())

    @app.after_request
    async def add(response: Response) -> Response:
        response.headers["X-Everywhere"] = "1"
        if g.get("supertokens") is not None and request.path == "/page":
            await g.supertokens.merge_into_access_token_payload({"seen": True})
        return response

    @app.post("/login")
    async def login() -> str:
        return (await create_new_session(request, "public", RecipeUserId("ada"))).get_handle()

    app.add_url_rule("/page", "page", me)
    Middleware(app)
    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))
    before = client.token("sAccessToken")
    client.take(send_to(app, client.request("GET", "/page")))
    assert seen == [None, "ada"]
    assert client.token("sAccessToken") != before
    refreshed = client.take(send_to(app, client.request("POST", REFRESH)))
    assert ("x-everywhere", "1") in refreshed.headers
    assert len(cookies(refreshed)) == 2


def test_two_applications_with_an_sdk_each(core_uri: str) -> None:
    """Applications may have SDK objects of their own, and a view that of another."""
    with build(core_uri, **allowing("header")) as one, build(core_uri, **allowing("cookie")) as other:
        for supertokens, name in ((one, "st-access-token"), (other, "sAccessToken")):
            app = build_small(supertokens)
            app.add_url_rule("/me", "me", verify_session()(me))
            app.add_url_rule("/other", "other", verify_session(app=other)(me))
            client = Client(None)
            client.take(send_to(app, client.request("POST", "/login")))
            assert client.token(name)
            assert send_to(app, client.request("GET", "/me")).status == 200
            assert send_to(app, client.request("GET", "/other")).status == (401 if supertokens is one else 200)


def test_a_missing_middleware(begin: Begin) -> None:
    """Without the middleware the error says which line to add."""
    begin()
    app = Quart(__name__)
    errors = note_errors(app)
    app.add_url_rule("/me", "me", verify_session()(me))
    assert send_to(app, Client().request("GET", "/me")).status == 500
    with pytest.raises(ConfigurationError, match=r"Middleware\(app\), from supertokens_lite\.framework\.quart"):
        raise errors[0]


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """A request that comes before `init` says that it is missing, whatever it is for."""
    app = build_app()
    errors = note_errors(app)
    for target in ("/me", "/late", REFRESH):
        assert send_to(app, Client().request("GET", target)).status == 500
    assert [type(error) for error in errors] == [GeneralError] * 3
    assert "Initialisation not done" in str(errors[0])


@pytest.mark.parametrize("base", ["/auth", "/shop/auth"])
def test_an_application_below_a_path(core_uri: str, base: str) -> None:
    """Mounted below a path, endpoints are found whether the settings name the path or not."""
    with build(core_uri, info={"api_base_path": base}) as supertokens:
        app = build_app(supertokens)
        assert send_to(app, Client().request("GET", "/shop/auth/jwt/jwks.json"), root_path="/shop").status == 200
        there = send_to(app, Client().request("GET", "/auth/jwt/jwks.json"))
        assert there.status == (200 if base == "/auth" else 404)


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))
    app = Quart(__name__)

    @app.post("/<kind>")
    async def both(kind: str) -> Any:
        await create_new_session(request, "public", RecipeUserId("ada"))
        if kind == "decorated":
            return await verify_session()(me)()
        raise UnauthorisedError("no", clear_tokens=False)

    Middleware(app)
    for kind in ("decorated", "raised"):
        response = send_to(app, Client("cookie").request("POST", f"/{kind}"))
        assert response.status == 401
        assert [value for name, value in response.headers if name == "front-token"] == ["handled"]
        assert set(cookies(response)) == COOKIES


def test_blueprints_with_handlers_of_their_own(begin: Begin) -> None:
    """A request that is not let in is answered as always, whatever a blueprint does with errors of its views."""
    begin()
    app = Quart(__name__)
    part = Blueprint("part", __name__)

    @part.errorhandler(Exception)
    async def hide(error: Exception) -> tuple[str, int]:
        return "hidden", 418

    part.add_url_rule("/me", "me", verify_session()(me))
    app.register_blueprint(part)
    Middleware(app)
    assert send_to(app, Client().request("GET", "/me")).status == 401


def test_nothing_stays_in_an_application_context_that_outlives_requests(begin: Begin) -> None:
    """Where requests share an application context, none sees the session of another."""
    begin()
    app = build_app()

    async def scenario() -> None:
        async with app.app_context():
            browser = app.test_client()
            made = await browser.post("/login", headers={"st-auth-mode": "cookie"}, scheme="https")
            assert made.status_code == 200
            assert "supertokens" not in g
            assert await (await browser.get("/optional", scheme="https")).get_json() == await made.get_json()
            stranger = app.test_client(use_cookies=False)
            assert await (await stranger.get("/optional")).get_json() is None
            assert "supertokens" not in g

    asyncio.run(scenario())


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    app = build_small()
    events: list[Any] = []

    @app.get("/stream")
    @verify_session()
    async def stream() -> Response:
        await g.supertokens.merge_into_access_token_payload({"n": 1})

        async def parts() -> AsyncGenerator[bytes, None]:
            for number in range(3):
                events.append(number)
                yield b"%d" % number

        return Response(parts())

    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            events.append(message.get("body", "head"))
            await send(message)

        await app(scope, receive, note)

    response = send_to(noting, client.request("GET", "/stream"))
    assert "sAccessToken" in cookies(response)
    assert events == ["head", 0, b"0", 1, b"1", 2, b"2", b""]


def test_overrides_read_bodies(begin: Begin) -> None:
    """An override of an endpoint reads JSON and forms."""
    read: list[Any] = []
    begin(override=noting_bodies(read))
    client = build_app().test_client()

    async def scenario() -> None:
        form = {"content-type": "application/x-www-form-urlencoded"}
        for body in ({"json": {"a": 1}}, {"data": b"a=1", "headers": form}, {"data": b"{"}):
            assert (await client.post(REFRESH, **body)).status_code == 401

    asyncio.run(scenario())
    assert read == [{"a": 1}, {"a": "1"}, {}]


def test_websockets(begin: Begin) -> None:
    """A websocket is verified by the same decorator; one without a session, or of another's page, is closed."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    app = build_small()

    @app.websocket("/ws")
    @verify_session()
    async def talk() -> None:
        await websocket.accept()
        await websocket.send(g.supertokens.get_user_id())

    @app.websocket("/maybe")
    @verify_session(session_required=False)
    async def maybe() -> None:
        await websocket.accept()
        await websocket.send(str(g.supertokens))

    @app.websocket("/bad")
    async def bad() -> None:
        await websocket.accept()
        raise BadInputError("is bad", "this")

    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))
    cookie = f"sAccessToken={client.token('sAccessToken')}"
    [closed] = connect_to(app, "/ws")
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    heard = connect_to(app, "/ws", cookie=cookie, origin="https://example.com")
    assert [each["type"] for each in heard] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert heard[1]["text"] == "ada"
    [refused] = connect_to(app, "/ws", cookie=cookie, origin="https://evil.com")
    assert (refused["type"], refused["code"]) == ("websocket.close", 1008)
    assert connect_to(app, "/maybe")[1]["text"] == "None"
    errors = note_errors(app)
    connect_to(app, "/bad")
    assert [type(error) for error in errors] == [BadInputError]


def test_a_websocket_while_the_core_is_away() -> None:
    """An error that is not about the session is the application's to deal with, not a reason to close politely."""
    with build(AWAY, core={"max_retries": 0}, static_jwks=jwks()) as supertokens:
        app = build_small(supertokens)
        errors = note_errors(app)
        app.add_websocket("/ws", "ws", verify_session(check_database=True)(me))
        connect_to(app, "/ws", authorization=f"Bearer {mint()}")
        assert [type(error) for error in errors] == [CoreUnavailableError]


def test_no_other_framework_is_imported() -> None:
    """Quart's door imports Quart, which stands on Flask."""
    door = frameworks_of("supertokens_lite.framework.quart", "supertokens_lite.recipe.session.framework.quart")
    assert door == frameworks_of("quart")
    assert "django" not in door
