"""Flask's door: factories, blueprints, mounts, streams, and the page that this package began with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, g, request

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite.exceptions import ConfigurationError, GeneralError
from supertokens_lite.framework.flask import Middleware
from supertokens_lite.recipe.session import InputErrorHandlers, syncio
from supertokens_lite.recipe.session.exceptions import UnauthorisedError
from supertokens_lite.recipe.session.framework.flask import verify_session
from tests.doors import COOKIES, REFRESH, Client, allowing, build, content, cookies
from tests.framework.flask_site import build_app, send_to
from tests.framework.loaded import frameworks_of, load_snippet
from tests.framework.views import noting_bodies

Begin = Callable[..., Supertokens]

BASE = "https://api.example.com"


def me() -> str:
    return "me"


def add_login(app: Flask) -> None:
    @app.post("/login")
    def login() -> str:
        return syncio.create_new_session(request, "public", RecipeUserId("ada"), {}, {"visits": 1}).get_handle()


def test_the_page_word_for_word(begin: Begin) -> None:
    """The first method of the page replaces session data from a verified request."""
    begin()
    app = load_snippet("method1_flask").app
    Middleware(app)
    add_login(app)
    client = app.test_client()
    assert client.post("/update-jwt", base_url=BASE).status_code == 401
    handle = client.post("/login", headers={"st-auth-mode": "cookie"}, base_url=BASE).text
    answer = client.post("/update-jwt", base_url=BASE)
    assert (answer.status_code, answer.text) == (200, "success")
    found = syncio.get_session_information(handle)
    assert found is not None
    assert found.session_data_in_database == {"visits": 1, "newKey": "newValue"}


def test_a_browser_keeps_what_it_is_told_to(begin: Begin) -> None:
    """A client that reads cookies as browsers do keeps those of a session, and forgets them at the end."""
    begin()
    client = build_app().test_client()
    client.post("/login", headers={"st-auth-mode": "cookie"}, base_url=BASE)
    kept = client.get_cookie("sRefreshToken", "api.example.com", REFRESH)
    assert kept is not None
    assert (kept.http_only, kept.secure, kept.same_site) == (True, True, "Lax")
    assert client.post(REFRESH, base_url=BASE).status_code == 200
    assert client.post("/auth/signout", base_url=BASE).status_code == 200
    assert client.get_cookie("sAccessToken", "api.example.com") is None
    assert client.get_cookie("sRefreshToken", "api.example.com", REFRESH) is None


def test_nothing_stays_in_an_application_context_that_outlives_requests(begin: Begin) -> None:
    """Where requests share an application context, none sees the session of another."""
    begin()
    app = build_app()
    client = Client()
    with app.app_context():
        client.take(send_to(app, client.request("POST", "/login")))
        assert "supertokens" not in g
        assert content(send_to(app, Client().request("GET", "/optional"))) is None
        assert content(send_to(app, client.request("GET", "/me")))["user"] == "ada"
        assert "supertokens" not in g


def test_functions_before_and_after_requests(begin: Begin) -> None:
    """Functions that were registered before the middleware see the request too, and change what is sent."""
    begin()
    app = Flask(__name__)
    add_login(app)
    seen: list[str] = []

    @app.before_request
    def look() -> None:
        found = syncio.get_session(request, session_required=False)
        if found is not None:
            seen.append(found.get_user_id())

    @app.after_request
    def add(response: Response) -> Response:
        if g.get("supertokens") is not None and request.path == "/page":
            g.supertokens.sync_merge_into_access_token_payload({"seen": True})
        return response

    app.add_url_rule("/page", "page", lambda: "page")
    Middleware(app)
    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))
    before = client.token("sAccessToken")
    client.take(send_to(app, client.request("GET", "/page")))
    assert seen == ["ada"]
    assert client.token("sAccessToken") != before


def test_two_applications_with_an_sdk_each(core_uri: str) -> None:
    """Applications may have SDK objects of their own, with settings of their own, and no default one."""
    with build(core_uri, **allowing("header")) as one, build(core_uri, **allowing("cookie")) as other:
        for supertokens, name in ((one, "st-access-token"), (other, "sAccessToken")):
            app = Flask(__name__)
            Middleware(app, supertokens)

            @app.post("/login")
            def login(supertokens: Supertokens = supertokens) -> str:
                sessions = supertokens.session.blocking
                return sessions.create_new_session(request, "public", RecipeUserId("ada")).get_handle()

            @app.get("/me")
            @verify_session()
            def me() -> str:
                handle: str = g.supertokens.get_handle()
                return handle

            @app.get("/other")
            @verify_session(app=other)
            def elsewhere() -> str:
                handle: str = g.supertokens.get_handle()
                return handle

            client = Client(None)
            made = client.take(send_to(app, client.request("POST", "/login")))
            assert client.token(name)
            assert send_to(app, client.request("GET", "/me")).content == made.content
            assert send_to(app, client.request("GET", "/other")).status == (401 if supertokens is one else 200)


def test_a_missing_middleware(begin: Begin) -> None:
    """Without the middleware the error says which line to add."""
    begin()
    app = Flask(__name__)
    app.testing = True
    app.add_url_rule("/me", "me", verify_session()(me))
    with pytest.raises(ConfigurationError, match=r"Middleware\(app\), from supertokens_lite\.framework\.flask"):
        app.test_client().get("/me")


def test_an_error_handler_has_the_last_word(begin: Begin) -> None:
    """What an error handler puts on an answer stays there, whatever the session of the request wanted before."""

    def refuse(request: Any, message: str, response: Any) -> Any:
        response.set_header("front-token", "handled")
        response.set_status_code(401)
        return response

    begin(error_handlers=InputErrorHandlers(on_unauthorised=refuse))
    app = Flask(__name__)

    @app.post("/<kind>")
    def both(kind: str) -> Any:
        syncio.create_new_session(request, "public", RecipeUserId("ada"))
        if kind == "decorated":
            return verify_session()(me)()
        raise UnauthorisedError("no", clear_tokens=False)

    Middleware(app)
    for kind in ("decorated", "raised"):
        response = send_to(app, Client("cookie").request("POST", f"/{kind}"))
        assert response.status == 401
        assert [value for name, value in response.headers if name == "front-token"] == ["handled"]
        assert set(cookies(response)) == COOKIES


@pytest.mark.usefixtures("begin")
def test_before_init() -> None:
    """A request that comes before `init` says that it is missing, whatever it is for."""
    app = build_app()
    app.testing = True
    for target in ("/me", "/late", REFRESH):
        with pytest.raises(GeneralError, match="Initialisation not done"):
            app.test_client().get(target)


@pytest.mark.parametrize("base", ["/auth", "/shop/auth"])
def test_an_application_below_a_path(core_uri: str, base: str) -> None:
    """Mounted below a path, endpoints are found whether the settings name the path or not."""
    with build(core_uri, info={"api_base_path": base}) as supertokens:
        app = build_app(supertokens)
        request = Client().request("GET", "/auth/jwt/jwks.json")
        assert send_to(app, request, SCRIPT_NAME="/shop").status == 200
        assert send_to(app, request, SCRIPT_NAME="").status == (200 if base == "/auth" else 404)


def test_the_environment_of_the_process_is_no_header(begin: Begin) -> None:
    """A variable that the server's process happens to have does not count as a header."""
    begin(anti_csrf="VIA_CUSTOM_HEADER")
    app = build_app()
    client = Client()
    client.take(send_to(app, client.request("POST", "/login")))
    assert send_to(app, client.request("POST", "/me", rid=""), RID="anti-csrf").status == 401
    assert send_to(app, client.request("POST", "/me", rid=""), HTTP_RID="anti-csrf").status == 200


def test_streams(begin: Begin) -> None:
    """Parts of a stream go out as they are made, under the head that the session wants."""
    begin()
    app = Flask(__name__)
    add_login(app)
    made: list[int] = []

    @app.get("/stream")
    @verify_session()
    def stream() -> Response:
        g.supertokens.sync_merge_into_access_token_payload({"n": 1})

        def parts() -> Iterator[bytes]:
            for number in range(3):
                made.append(number)
                yield b"%d" % number

        return Response(parts())

    Middleware(app)
    client = app.test_client()
    client.post("/login", headers={"st-auth-mode": "cookie"}, base_url=BASE)
    answer = client.get("/stream", base_url=BASE)
    assert "sAccessToken" in answer.headers["set-cookie"]
    body = answer.iter_encoded()
    first = next(body)
    assert (first, made[:1]) == (b"0", [0])
    assert b"".join(body) == b"12"


def test_blueprints_with_handlers_of_their_own(begin: Begin) -> None:
    """A request that is not let in is answered as always, whatever a blueprint does with errors of its views."""
    begin()
    app = Flask(__name__)
    part = Blueprint("part", __name__)

    @part.errorhandler(Exception)
    def hide(error: Exception) -> tuple[str, int]:
        return "hidden", 418

    part.add_url_rule("/me", "me", verify_session()(me))
    app.register_blueprint(part)
    Middleware(app)
    assert send_to(app, Client().request("GET", "/me")).status == 401


def test_overrides_read_bodies(begin: Begin) -> None:
    """An override of an endpoint reads JSON and forms."""
    read: list[Any] = []
    begin(override=noting_bodies(read))
    client = build_app().test_client()
    for body in ({"json": {"a": 1}}, {"data": {"a": "1"}}, {"data": b"{", "content_type": "application/json"}):
        assert client.post(REFRESH, **body).status_code == 401
    assert read == [{"a": 1}, {"a": "1"}, {}]


def test_no_other_framework_is_imported() -> None:
    """Flask's door imports Flask, and that of WSGI no framework at all."""
    door = frameworks_of("supertokens_lite.framework.flask", "supertokens_lite.recipe.session.framework.flask")
    assert door == {"flask", "werkzeug"}
    assert frameworks_of("supertokens_lite.framework.wsgi", "supertokens_lite.framework") == set()
