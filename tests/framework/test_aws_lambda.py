"""AWS Lambda's door: both formats of events, forms of results, stages, and what one handler must not tell the next."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI, Request
from hypothesis import example, given
from hypothesis import strategies as st
from mangum import Mangum

from supertokens_lite import RecipeUserId, Supertokens
from supertokens_lite._io.blocking import run
from supertokens_lite._protocol.messages import PlainRequest
from supertokens_lite.exceptions import BadInputError, ConfigurationError, SuperTokensError
from supertokens_lite.framework.aws_lambda import LambdaEvent, LambdaRequest, Middleware, request_of
from supertokens_lite.framework.fastapi import get_middleware
from supertokens_lite.recipe.session import InputErrorHandlers, syncio
from supertokens_lite.recipe.session import asyncio as sessions
from supertokens_lite.recipe.session.framework.aws_lambda import verify_session
from tests.doors import API, AWAY, COOKIES, REFRESH, Client, build, cleared, content, cookies, jwks, mint
from tests.framework.lambda_events import CONTEXT, balancer_event, http_api_event, invoke, rest_event, take_result
from tests.framework.lambda_site import build_handler
from tests.framework.views import noting_bodies
from tests.servers import INFORMATION, Reply, session_core
from tests.servers import serve as serve_http

Begin = Callable[..., Supertokens]
MakeEvent = Callable[..., dict[str, Any]]

FORMATS = pytest.mark.parametrize("make", [http_api_event, rest_event])
LOGIN = PlainRequest("POST", API + "/login", {"st-auth-mode": "cookie"})


def answer_with(result: Any) -> Middleware:
    """Build a handler that creates a session and gives this result."""

    @Middleware
    def log_in(event: LambdaEvent, context: Any) -> Any:
        syncio.create_new_session(event, "public", RecipeUserId("ada"))
        return result

    return log_in


@verify_session()
def show_user(event: LambdaEvent, context: Any) -> Any:
    """Say whose session it is."""
    assert event.supertokens is not None
    return {"statusCode": 200, "body": json.dumps(event.supertokens.get_user_id())}


SHORT: list[tuple[Any, bytes]] = [
    ({"user": "ü"}, '{"user": "ü"}'.encode()),
    ("as it is", b"as it is"),
    ([1, Decimal("1.5")], b"[1, 1.5]"),
    (None, b"null"),
    (7, b"7"),
]


@pytest.mark.parametrize(("result", "body"), SHORT)
def test_short_results(begin: Begin, result: Any, body: bytes) -> None:
    """A result that is a body and no more keeps its meaning when a session puts cookies beside it."""
    begin()
    given = answer_with(result)(http_api_event(LOGIN), CONTEXT)
    response = take_result(given, "2.0")
    assert (response.status, response.content) == (200, body)
    assert ("content-type", "application/json") in response.headers
    assert set(cookies(response)) == COOKIES


def test_results_pass_as_they_are(begin: Begin) -> None:
    """Where no session wants anything the result is the handler's own, whatever it is."""
    begin()
    for result in ("text", None, {"statusCode": 204}, {"statusCode": 200, "headers": {"A": "1"}}, object()):
        handler = Middleware(lambda *_: result)  # noqa: B023  # called here and now
        for make in (http_api_event, rest_event):
            assert handler(make(LOGIN), CONTEXT) is result


def test_a_result_that_is_none(begin: Begin) -> None:
    """What a REST API refuses as a result is left for it to refuse."""
    begin()
    assert answer_with("text")(rest_event(LOGIN), CONTEXT) == "text"


@FORMATS
def test_a_result_that_is_given_again(begin: Begin, make: MakeEvent) -> None:
    """A handler may give one object to everybody: cookies are put on a copy of it."""
    begin()
    result: dict[str, Any] = {"statusCode": 200, "headers": {"A": "1"}, "body": "ok"}
    result |= {"cookies": ["a=1"]} if make is http_api_event else {"multiValueHeaders": {"Set-Cookie": ["a=1"]}}
    before = copy.deepcopy(result)
    handler = answer_with(result)
    first, second = (invoke(handler, make(LOGIN)) for _ in range(2))
    assert result == before
    assert set(cookies(first)) == set(cookies(second)) == {"a", *COOKIES}
    assert cookies(first)["sAccessToken"] != cookies(second)["sAccessToken"]
    assert ("A", "1") in first.headers


def test_headers_of_results(begin: Begin) -> None:
    """Headers come as texts, numbers and booleans, alone or in lists, here and there, and go on as the gateway does."""
    begin()
    one = {"X-Number": 5, "Access-Control-Allow-Credentials": True, "Vary": "Origin", "X-None": None}
    result = {"statusCode": 200, "headers": one, "multiValueHeaders": {"vary": ["Accept"], "Vary": ["Origin"]}}
    given = answer_with(result)(rest_event(LOGIN), CONTEXT)
    assert given["headers"] == {}
    assert given["multiValueHeaders"]["Vary"] == ["Origin", "Accept"]
    assert given["multiValueHeaders"]["X-Number"] == ["5"]
    assert given["multiValueHeaders"]["Access-Control-Allow-Credentials"] == ["true"]
    assert "X-None" not in given["multiValueHeaders"]
    result = {"statusCode": 200, "headers": {"Set-Cookie": "a=1", **one}, "cookies": ["b=2"]}
    given = answer_with(result)(http_api_event(LOGIN), CONTEXT)
    assert [cookie[:2] for cookie in given["cookies"][:2]] == ["a=", "b="]
    assert given["headers"]["Access-Control-Allow-Credentials"] == "true"
    assert {name.lower() for name in given["headers"]}.isdisjoint({"set-cookie", "x-none"})


@FORMATS
@pytest.mark.parametrize("gateway_path", ["", "/dev"])
def test_stages(core_uri: str, make: MakeEvent, gateway_path: str) -> None:
    """Endpoints and routes are found behind a stage, and cookies are for where `api_gateway_path` says."""
    with build(core_uri, info={"api_gateway_path": gateway_path}) as supertokens:

        def log_in(event: LambdaEvent, context: Any) -> str:
            supertokens.session.blocking.create_new_session(event, "public", RecipeUserId("ada"))
            return request_of(event).get_path()

        handler = Middleware(log_in, supertokens)
        for path in ("/login", "/developers", "/"):
            given = http_api_event(PlainRequest("POST", API + path, {"st-auth-mode": "cookie"}), "dev")
            response = take_result(handler(given, CONTEXT), "2.0")
            assert response.content == path.encode()
            assert f"Path={gateway_path}{REFRESH};" in cookies(response)["sRefreshToken"]
        keys = invoke(handler, make(PlainRequest("GET", API + "/auth/jwt/jwks.json"), "dev"))
        assert content(keys)["keys"]
        refused = invoke(handler, make(PlainRequest("POST", API + REFRESH), "dev"))
        assert (refused.status, content(refused)) == (401, {"message": "unauthorised"})


def test_a_route_of_the_name_of_the_stage(begin: Begin) -> None:
    """A REST API's path has no stage in it: what looks like one is the route."""
    supertokens = begin()
    event = rest_event(PlainRequest("GET", API + "/dev/me"), "dev")
    assert LambdaRequest(event, supertokens).get_path() == "/dev/me"
    event["requestContext"]["path"] = event["path"]  # as an HTTP API has it in this format: with the stage in both
    assert LambdaRequest(event, supertokens).get_path() == "/me"


@FORMATS
@pytest.mark.parametrize("encoded", [False, True])
def test_bodies(begin: Begin, make: MakeEvent, encoded: bool) -> None:
    """A body is read whether it comes as text or as base64."""
    read: list[Any] = []
    begin(override=noting_bodies(read))
    request = PlainRequest("POST", API + REFRESH, {"content-type": "application/json"}, '{"a":"ü"}'.encode())
    assert invoke(Middleware(show_user), make(request, encoded=encoded)).status == 401
    assert read == [{"a": "ü"}]


def test_a_body_that_is_not_what_it_says(begin: Begin) -> None:
    """A body that is said to be base64 and is not is bad input."""
    request = LambdaRequest(http_api_event(LOGIN) | {"body": "a", "isBase64Encoded": True}, begin())
    with pytest.raises(BadInputError, match="base64"):
        run(request.body())


def test_headers_of_events(begin: Begin) -> None:
    """Headers that came more than once are joined, cookies are taken from where all of them are, once."""
    supertokens = begin()
    event = rest_event(PlainRequest("GET", API + "/me"))
    event["multiValueHeaders"] |= {"X-Two": ["1", "2"], "Cookie": ["a=1; b=2", "a=3"]}
    event["headers"] |= {"X-Two": "2", "Cookie": "a=3"}
    request = LambdaRequest(event, supertokens)
    assert (request.get_header("x-two"), request.get_cookies("a")) == ("1, 2", ["1", "3"])
    event = http_api_event(PlainRequest("GET", API + "/me", {"cookie": "a=1; b=2; a=3"}))
    event["headers"]["cookie"] = "a=1; b=2; a=3"  # as function URLs may have it
    assert LambdaRequest(event, supertokens).get_cookies("a") == ["1", "3"]
    del event["cookies"]
    assert LambdaRequest(event, supertokens).get_cookies("a") == ["1", "3"]
    event = rest_event(PlainRequest("GET", API + "/me?a=1", {"x-one": "1"}))
    event["multiValueHeaders"] = event["multiValueQueryStringParameters"] = None  # as test tools send them
    request = LambdaRequest(event, supertokens)
    assert (request.get_header("X-One"), request.get_query_param("a")) == ("1", "1")


def test_load_balancers(begin: Begin) -> None:
    """A load balancer is served if it takes several cookies; one that does not is told what to turn on."""
    supertokens = begin()
    client = Client()
    handler = build_handler()
    client.take(invoke(handler, balancer_event(client.request("POST", "/login"), several=True)))
    request = client.request("GET", "/me")
    assert content(invoke(handler, balancer_event(request, several=True)))["user"] == "ada"
    spaced = PlainRequest("GET", API + "/me?a=b%20c+d%2B")
    assert LambdaRequest(balancer_event(spaced, several=True), supertokens).get_query_params() == {"a": "b c d+"}
    with pytest.raises(ConfigurationError, match=r"lambda\.multi_value_headers\.enabled"):
        handler(balancer_event(request, several=False), CONTEXT)


@FORMATS
def test_a_decorator_is_enough(begin: Begin, make: MakeEvent) -> None:
    """A function of one route needs no middleware beside `verify_session`; with it, nothing is done twice."""
    begin(static_jwks=jwks(), uri=AWAY)
    client = Client("header")
    for handler in (show_user, Middleware(show_user), Middleware(Middleware(show_user))):
        refused = invoke(handler, make(Client().request("GET", "/me")))
        assert (refused.status, content(refused)) == (401, {"message": "unauthorised"})
        client.headers["st-access-token"] = mint()
        assert content(invoke(handler, make(client.request("GET", "/me")))) == "ada"
    assert getattr(show_user, "__name__", "") == "show_user"


def test_decorators_on_decorators(begin: Begin) -> None:
    """Two `verify_session` on one handler both have their say."""
    begin()
    client = Client()
    client.take(invoke(answer_with("in"), http_api_event(client.request("POST", "/login"))))
    handler = verify_session(check_database=True)(show_user)
    assert content(invoke(handler, http_api_event(client.request("GET", "/me")))) == "ada"
    syncio.revoke_all_sessions_for_user("ada")
    refused = invoke(handler, http_api_event(client.request("GET", "/me")))
    assert (refused.status, cleared(refused)) == (401, COOKIES)


def test_sdks_of_their_own(core_uri: str) -> None:
    """A middleware and a decorator may have SDK objects of their own."""
    with build(core_uri) as supertokens, build(AWAY, static_jwks=jwks()) as other:
        client = Client("header")
        client.headers["st-access-token"] = mint()
        event = http_api_event(client.request("GET", "/me"))

        @verify_session(app=other)
        def handler(event: LambdaEvent, context: Any) -> Any:
            return request_of(event).supertokens is supertokens

        assert handler(event, CONTEXT) is False
        assert Middleware(handler, supertokens)(event, CONTEXT) is True


def test_a_missing_middleware(begin: Begin) -> None:
    """Without the middleware the error says which line to add, and no session is made."""
    begin()
    with pytest.raises(ConfigurationError, match="@Middleware"):
        request_of(http_api_event(LOGIN))
    with pytest.raises(BadInputError, match="once its middleware is set up"):
        syncio.create_new_session(http_api_event(LOGIN), "public", RecipeUserId("ada"))


OTHERS: list[Any] = [
    {"source": "aws.events", "detail-type": "Scheduled Event"},
    {"Records": [{"eventSource": "aws:sqs"}]},
    {"version": "2.0", "requestContext": {"http": {"method": "GET"}}},
    {"requestContext": {"eventType": "CONNECT", "connectionId": "c"}},
    "warm up",
    None,
]


@pytest.mark.parametrize("event", OTHERS)
def test_events_of_other_kinds(begin: Begin, event: Any) -> None:
    """What is no HTTP request reaches the handler as it is, but not one that wants a session."""
    begin()
    assert Middleware(lambda event, context: event)(event, CONTEXT) is event
    with pytest.raises(ConfigurationError, match="no HTTP request"):
        show_user(event, CONTEXT)


def test_an_event_stays_json(begin: Begin) -> None:
    """A handler's event is the event still: it can be logged, compared, copied, and a copy is a plain dict."""
    begin()
    given = http_api_event(LOGIN)

    @Middleware
    def handler(event: LambdaEvent, context: Any) -> Any:
        syncio.create_new_session(event, "public", RecipeUserId("ada"))
        assert event == given
        assert json.loads(json.dumps(event)) == given
        for copied in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event)), event.copy()):
            assert type(copied) is dict
            assert copied == given
        return "fine"

    assert invoke(handler, given).content == b"fine"
    assert given == http_api_event(LOGIN)


def test_an_answer_without_a_body(begin: Begin) -> None:
    """A handler of errors may answer without a body."""

    def redirect(request: Any, message: str, response: Any) -> Any:
        return response.redirect("/welcome")

    begin(error_handlers=InputErrorHandlers(on_unauthorised=redirect))
    result = show_user(http_api_event(Client().request("GET", "/me")), CONTEXT)
    expected = {"location": "/welcome", "content-length": "0"}
    assert result == {"statusCode": 302, "headers": expected, "cookies": [], "body": ""}


def test_a_warm_function(begin: Begin) -> None:
    """Invocations of one instance share a connection to the core, and what was learned of it."""
    with serve_http(session_core(lambda seen: Reply(body=json.dumps(INFORMATION).encode()))) as server:
        begin(server.url)
        handler = Middleware(lambda event, context: syncio.get_session_information("h").user_id)  # type: ignore[union-attr]
        for _ in range(3):
            assert handler(http_api_event(LOGIN), CONTEXT) == "u"
        assert server.connections == 1
        assert [seen.target.partition("?")[0] for seen in server.seen] == ["/apiversion", *["/recipe/session"] * 3]


def test_asgi_applications(begin: Begin) -> None:
    """An ASGI application on Lambda, by way of Mangum, keeps the door of its framework."""
    begin()
    app = FastAPI()
    app.add_middleware(get_middleware())

    @app.post("/login")
    async def log_in(request: Request) -> None:
        await sessions.create_new_session(request, "public", RecipeUserId("ada"))

    @app.get("/me")
    async def me(request: Request) -> str:
        return (await sessions.get_session(request)).get_user_id()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        handler = Mangum(app, lifespan="off")
        for make in (http_api_event, rest_event):
            client = Client()
            context: Any = {"function_name": "shop"}
            for method, path, expected in (("POST", "/login", None), ("GET", "/me", "ada"), ("POST", REFRESH, {})):
                event = make(client.request(method, path))
                response = client.take(take_result(handler(event, context), event.get("version", "1.0")))
                assert (response.status, content(response)) == (200, expected)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
NAMES = st.sampled_from(["accept", "cookie", "x-one", "authorization"])
PATHS = st.lists(st.sampled_from(["auth", "me", "ü", "a b", "session", "%", "refresh"]), max_size=3)


@given(
    st.sampled_from(["GET", "POST"]),
    PATHS,
    st.dictionaries(NAMES, TEXT),
    st.lists(st.sampled_from("abc")).map(sorted),
    st.binary(),
)
def test_both_formats_read_alike(
    method: str, path: list[str], headers: dict[str, str], query: list[str], body: bytes
) -> None:
    """One request reads alike as either event."""
    target = "/".join(["", *path]) + "?" + "&".join(f"{name}={number}" for number, name in enumerate(query))
    request = PlainRequest(method, API + target, headers, body)
    with build(AWAY) as supertokens:
        read = [LambdaRequest(make(request, encoded=True), supertokens) for make in (http_api_event, rest_event)]
        seen = [
            (
                each.method(),
                each.get_path(),
                each.get_original_url(),
                each.get_query_params(),
                {name: each.get_header(name.upper()) for name in headers if name != "cookie"},
                {name: each.get_cookies(name) for name in ("a", "b")},
                run(each.body()),
            )
            for each in read
        ]
    assert seen[0] == seen[1]
    assert seen[0][0] == method
    assert seen[0][4] == {name: value for name, value in headers.items() if name != "cookie"}
    assert seen[0][6] == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ODD = st.sampled_from(["GET", "/auth/signout", "2.0", "\ud800", "a=%ud800&b", "=", ""]) | JSON
CONTEXTS = st.fixed_dictionaries(
    {"http": st.fixed_dictionaries({"method": ODD}) | ODD},
    optional=dict.fromkeys(("stage", "path", "domainName", "elb"), ODD),
)
KEYS = ("rawPath", "path", "httpMethod", "headers", "multiValueHeaders", "cookies", "rawQueryString")
MORE = ("multiValueQueryStringParameters", "queryStringParameters", "body", "isBase64Encoded")
EVENTS = st.fixed_dictionaries(
    {"version": st.sampled_from(["2.0", "1.0"]) | ODD, "requestContext": CONTEXTS | ODD},
    optional={name: ODD | st.dictionaries(st.sampled_from(["cookie", "Host"]), ODD) for name in KEYS + MORE},
)


@given(EVENTS, JSON)
@example({"httpMethod": "post", "path": "\ud800", "headers": {"Host": "\ud800"}, "body": "\ud800"}, {"statusCode": 200})
@example({"httpMethod": "GET", "path": "/", "isBase64Encoded": True, "body": "a"}, {"statusCode": 1, "headers": 7})
def test_no_event_breaks_anything(event: dict[str, Any], result: Any) -> None:
    """Whatever stands in an event, it is read, or refused with an error of this package; whatever the result is."""
    with build(AWAY, static_jwks=jwks()) as supertokens:

        def handler(event: Any, context: Any) -> Any:
            if isinstance(event, LambdaEvent):
                request = request_of(event)
                request.get_query_params(), request.get_original_url(), request.get_cookies("a")
                run(request.form_data()), run(request.json())
                supertokens.session.blocking.get_session(event, session_required=False)
            return result

        try:
            given = Middleware(handler, supertokens)(event, CONTEXT)
        except SuperTokensError as error:
            assert isinstance(error, ConfigurationError)  # noqa: PT017
        else:
            assert given is result or given["statusCode"] in (200, 400, 401, 404, 503)
