"""How `doctor` judges facts that no server on this machine can make: real names, and whatever may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens_lite._protocol.cookies import build_set_cookie
from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.cli.doctor.checks import judge
from supertokens_lite.cli.doctor.facts import Answer, CoreFacts, Facts, Finding, Unanswered, read_cookie
from tests.doors import jwks

API = "https://api.example.com"
WEBSITE = "https://example.com"
NOW_S = 1_767_225_600.0
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
ALLOWED = "anti-csrf, authorization, fdi-version, rid, st-auth-mode"


def answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """Give an answer in JSON."""
    body = content if isinstance(content, bytes) else build_json(content).encode()
    return Answer(status, [("content-type", "application/json"), ("date", DATE), *headers], body, NOW_S, NOW_S)


def refused(*cookies: str, **headers: str) -> Answer:
    """Give the answer to a refresh without a token."""
    given = {
        "front_token": "remove",
        "access_control_allow_origin": WEBSITE,
        "access_control_allow_credentials": "true",
        "access_control_expose_headers": "front-token",
    } | headers
    listed = [("set-cookie", cookie) for cookie in cookies]
    listed += [(name.replace("_", "-"), value) for name, value in given.items() if value]
    return answer(401, {"message": "unauthorised"}, *listed)


def cookies(attributes: str = "Secure; SameSite=Lax", path: str = "/auth/session/refresh") -> tuple[str, str]:
    """Give the cookies that are cleared."""
    return (
        f"sAccessToken=; Path=/; HttpOnly; {attributes}",
        f"sRefreshToken=; Path={path}; HttpOnly; {attributes}",
    )


KEYS = answer(200, jwks(), ("cache-control", "max-age=60, must-revalidate"))
PREFLIGHT = answer(
    204,
    b"",
    ("access-control-allow-origin", WEBSITE),
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-headers", ALLOWED),
)
REFRESH = refused(*cookies())
GOOD = Facts(
    API,
    "/auth",
    WEBSITE,
    REFRESH,
    made_up=refused(*cookies()),
    preflight=PREFLIGHT,
    stranger=answer(400, b""),
    keys=KEYS,
    discovery=answer(200, {"issuer": f"{API}/auth"}),
    cores=[CoreFacts("https://core.example.com", answer(200, {"versions": ["5.4"]}), KEYS)],
)


def bad(facts: Facts) -> dict[str, tuple[str, str]]:
    """Give what is not fine, by check: verdict and what was found."""
    return {each.check: (each.verdict, each.found) for each in judge(facts) if each.verdict != "ok"}


def test_all_is_well() -> None:
    """Good facts have no finding that is not fine."""
    assert bad(GOOD) == {}
    assert len(judge(GOOD)) == 14


DOMAINS = [
    ("https://api.example.com", "https://shop.example.com", "ok"),
    ("http://localhost:8000", "http://localhost:3000", "ok"),
    ("http://localhost:8000", "http://127.0.0.1:3000", "broken"),
    ("http://api.example.com", "https://example.com", "broken"),
    ("http://api.example.com", "http://other.example", "broken"),
    ("https://api.example.com", "http://example.com", "warning"),
    ("https://api.example.com", "https://other.example", "warning"),
    ("https://ada.github.io", "https://eve.github.io", "warning"),
]


@pytest.mark.parametrize(("api", "website", "verdict"), DOMAINS)
def test_domains(api: str, website: str, verdict: str) -> None:
    """Whether cookies can travel follows from schemes and sites."""
    found = next(each for each in judge(replace(GOOD, api=api, website=website)) if each.check == "domains")
    assert found.verdict == verdict
    assert bool(found.mend) is (verdict != "ok")


COOKIES = [
    (API, WEBSITE, cookies(path="/api/auth/session/refresh"), "broken", "Path=/api/auth/session/refresh"),
    (API, WEBSITE, cookies("Secure; SameSite=Lax; Domain=.other.example"), "broken", "Domain=other.example"),
    (API, WEBSITE, cookies("Secure; SameSite=Lax; Domain=com"), "broken", "Domain=com"),
    (API, WEBSITE, cookies("SameSite=Lax"), "warning", "no Secure"),
    (API, WEBSITE, cookies("Secure; SameSite=None"), "warning", "SameSite=None, which one site does not need"),
    (API, "https://other.example", cookies(), "broken", "don't travel from https://other.example"),
    (API, "https://other.example", cookies("Secure; SameSite=Strict"), "broken", "SameSite=Strict: they don't"),
    (API, "https://other.example", cookies("SameSite=None"), "broken", "SameSite=None without Secure"),
    ("http://api.example.com", "http://example.com", cookies(), "broken", "Secure over http"),
    (API, WEBSITE, ("sAccessToken=; Path=/; Secure; SameSite=Lax",), "warning", "no HttpOnly"),
    (API, WEBSITE, (), "broken", "no Set-Cookie arrives"),
]


@pytest.mark.parametrize(("api", "website", "cleared", "verdict", "found"), COOKIES)
def test_cookies(api: str, website: str, cleared: tuple[str, ...], verdict: str, found: str) -> None:
    """What browsers drop, or do not send, is broken; what is less safe than it could be is warned about."""
    seen = bad(replace(GOOD, api=api, website=website, refresh=refused(*cleared)))["cookies"]
    assert seen[0] == verdict
    assert found in seen[1]


@pytest.mark.parametrize(
    "attributes", ["Secure; SameSite=Lax; Domain=.example.com", "secure;samesite=lax;domain=API.Example.com"]
)
def test_good_cookies(attributes: str) -> None:
    """A domain that covers the API is fine, and attributes count in any case."""
    assert bad(replace(GOOD, refresh=refused(*cookies(attributes)))) == {}


def test_an_error_handler_of_the_application() -> None:
    """An answer that is the application's own, but keeps our headers, is ours; without cookies none are judged."""
    own = answer(440, {"error": "login"}, *refused().headers)
    assert bad(replace(GOOD, refresh=own)) == {"cookies": ("broken", "no Set-Cookie arrives")}
    bare = replace(GOOD, website=API, preflight=None, refresh=answer(401, {"message": "unauthorised"}))
    assert bad(bare)["cookies"][0] == "not checked"


ANSWERS: list[tuple[dict[str, str], str]] = [
    ({"access_control_allow_origin": f"{WEBSITE}, {WEBSITE}"}, "comes twice"),
    ({"access_control_allow_origin": f"{WEBSITE}/"}, f"is {WEBSITE}/ and not {WEBSITE}"),
    ({"access_control_allow_origin": "*"}, "is *"),
    ({"access_control_allow_credentials": ""}, "no Access-Control-Allow-Credentials"),
    ({"access_control_expose_headers": "*"}, "scripts can't read front-token"),
    ({"st_access_token": "", "anti_csrf": "x"}, "scripts can't read anti-csrf"),
]


@pytest.mark.parametrize(("headers", "found"), ANSWERS)
def test_cors_of_answers(headers: Mapping[str, str], found: str) -> None:
    """What keeps scripts from reading an answer is broken."""
    seen = bad(replace(GOOD, refresh=refused(*cookies(), **headers)))
    assert seen.keys() == {"CORS answers"}
    assert seen["CORS answers"][0] == "broken"
    assert found in seen["CORS answers"][1]


OTHERS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"preflight": Unanswered("no answer within 10 s")}, {"CORS preflight": "broken"}),
    ({"preflight": replace(PREFLIGHT, status=500)}, {"CORS preflight": "broken"}),
    ({"website": API, "preflight": None, "keys": None}, {"public keys": "not checked", "core's keys": ""}),
    ({"keys": answer(404, b"")}, {"public keys": "warning", "core's keys": "not checked"}),
    ({"keys": answer(200, {"keys": []})}, {"public keys": "broken", "core's keys": "broken"}),
    ({"keys": answer(200, {"keys": 7})}, {"public keys": "broken", "core's keys": "broken"}),
    ({"keys": answer(200, jwks())}, {"public keys": "warning"}),
    ({"discovery": Unanswered("can't connect")}, {"API's own name": "not checked"}),
    ({"discovery": answer(200, [])}, {"API's own name": "broken"}),
    ({"made_up": answer(503, {})}, {"API's core": "broken"}),
    ({"made_up": answer(500, {})}, {"API's core": "broken"}),
    ({"made_up": Unanswered("no answer within 10 s")}, {"API's core": "not checked"}),
    ({"cores": [CoreFacts("c", answer(200, {"versions": ["2.7"]}), KEYS)]}, {"core": "broken"}),
    ({"cores": [CoreFacts("c", answer(200, b"hello"), KEYS)]}, {"core": "broken"}),
    (
        {"refresh": replace(REFRESH, headers=[("front-token", "remove")])},
        {"clock": "not checked", "refresh endpoint": "warning"},
    ),
]


@pytest.mark.parametrize(("facts", "expected"), OTHERS)
def test_other_facts(facts: dict[str, Any], expected: dict[str, str]) -> None:
    """Each fact that is amiss is found where it belongs."""
    seen = {check: verdict for check, (verdict, _) in bad(replace(GOOD, **facts)).items()}
    for check, verdict in expected.items():
        assert seen.get(check, "") == verdict


def test_keys_after_a_rotation() -> None:
    """An API that serves some of its core's keys may only be late."""
    [key] = jwks()["keys"]
    both = answer(200, {"keys": [key, key | {"kid": "d-2"}]})
    facts = replace(GOOD, cores=[replace(GOOD.cores[0], keys=both)])
    assert bad(facts)["core's keys"][0] == "warning"


@given(
    name=st.from_regex(r"[A-Za-z]{1,10}", fullmatch=True),
    value=st.text(),
    domain=st.sampled_from([None, ".example.com", "localhost"]),
    secure=st.booleans(),
    http_only=st.booleans(),
)
def test_cookies_are_read_as_they_are_built(
    name: str, value: str, domain: str | None, secure: bool, http_only: bool
) -> None:
    """Each attribute that is written is read back."""
    built = build_set_cookie(
        name,
        value.encode(errors="replace").decode(),
        domain=domain,
        path="/auth/session/refresh",
        secure=secure,
        same_site="lax",
        expires_ms=0,
        http_only=http_only,
    )
    seen = read_cookie(built)
    assert seen.name == name
    assert seen.attributes.get("domain") == domain
    assert (seen.attributes["path"], seen.attributes["samesite"]) == ("/auth/session/refresh", "Lax")
    assert ("secure" in seen.attributes, "httponly" in seen.attributes) == (secure, http_only)


texts = st.text(st.characters(max_codepoint=255), max_size=40)
names = st.sampled_from([name for name, _ in (*REFRESH.headers, *PREFLIGHT.headers)] + ["location", "cache-control"])
bodies = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["keys", "versions", "issuer", "message", "kty", "n"]), inner, max_size=3),
        ),
        max_leaves=8,
    ).map(lambda value: build_json(value).encode(errors="replace")),
)
answers = st.builds(
    Answer, st.integers(100, 599), st.lists(st.tuples(names, texts), max_size=8), bodies, st.just(NOW_S), st.just(NOW_S)
)
outcomes = st.one_of(answers, st.builds(Unanswered, texts.filter(bool), st.booleans()))


@given(
    st.builds(
        Facts,
        st.sampled_from([API, "http://localhost:8000", "http://[::1]:8000"]),
        st.sampled_from(["", "/auth"]),
        st.sampled_from([None, API, WEBSITE, "http://127.0.0.1"]),
        outcomes,
        made_up=outcomes,
        preflight=outcomes,
        stranger=outcomes,
        keys=outcomes,
        discovery=outcomes,
        cores=st.lists(st.builds(CoreFacts, st.just("https://core.example.com"), outcomes, outcomes), max_size=2),
    )
)
def test_whatever_is_sent_is_judged(facts: Facts) -> None:
    """No answer makes the judgement fail, and what is broken or warned about says what to do."""
    findings = judge(facts)
    assert findings
    for each in findings:
        assert isinstance(each, Finding)
        assert each.found
        assert each.mend or each.verdict in ("ok", "not checked")
