"""What the facts say about the API itself: its endpoints, its cookies, its clock, its keys and its core. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from supertokens_lite._protocol import versions
from supertokens_lite._protocol.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from supertokens_lite._protocol.jwks import KeySet
from supertokens_lite._protocol.sites import same_site, top_level_domain
from supertokens_lite._protocol.transfer import ACCESS_HEADER, FRONT_HEADER
from supertokens_lite._protocol.urls import is_local
from supertokens_lite.cli.doctor.cors import judge_cors
from supertokens_lite.cli.doctor.facts import Answer, CoreFacts, Facts, Finding, Outcome, SeenCookie, Unanswered
from supertokens_lite.types import is_array, is_object

__all__ = ("judge",)

SKEW_S: Final = 5.0
"""How far clocks may be apart: the default of `leeway_s`."""
FAR_S: Final = 60.0
MAX_AGE: Final = re.compile(r"max-age=\d+")
SHOWN: Final[Mapping[str, str]] = {"Domain": "domain", "Path": "path", "SameSite": "samesite"}

ENDPOINT: Final = "refresh endpoint"
DOMAINS: Final = "domains"
COOKIES: Final = "cookies"
KEYS: Final = "public keys"
NAME: Final = "API's own name"
REACHING: Final = "API's core"
CORE: Final = "core"
CORE_KEYS: Final = "core's keys"


def judge(facts: Facts) -> list[Finding]:
    """Give the findings of all checks, in the order of the table."""
    answer = facts.refresh
    if isinstance(answer, Unanswered):
        return [
            *judge_unanswered(facts.api, answer),
            Finding("all else", "not checked", "the API does not answer"),
            *(finding for core in facts.cores for finding in judge_core(core, None)),
        ]
    is_ours = is_from_us(answer)
    return [
        *judge_reach(facts.api),
        judge_endpoint(facts, answer),
        judge_domains(facts.api, facts.website),
        *(judge_cookies(facts, answer) if is_ours else ()),
        *judge_cors(facts, answer),
        judge_clock("clock", answer),
        *(judge_rest(facts) if is_ours else ()),
        *(finding for core in facts.cores for finding in judge_core(core, facts.keys)),
        *([] if is_ours else [Finding("all else", "not checked", "the refresh endpoint is not this package's")]),
        *([] if facts.cores else [Finding("core", "not checked", "its address is not known", "name it with --core")]),
    ]


def is_from_us(answer: Answer) -> bool:
    """Tell whether this package answered a refresh: by the body, or by the header that an own error handler keeps."""
    return answer.json().get("message") == "unauthorised" or answer.header(FRONT_HEADER) is not None


def judge_unanswered(api: str, outcome: Unanswered) -> list[Finding]:
    """Judge why there was no answer."""
    if outcome.about_tls:
        mend = "serve TLS there, with a whole chain of certificates that browsers trust"
        return [Finding("reachable", "ok", api), Finding("TLS", "broken", outcome.reason, mend)]
    return [Finding("reachable", "broken", outcome.reason, f"see that the API listens at {api}")]


def judge_reach(api: str) -> list[Finding]:
    """Judge whether what is sent can be read on its way."""
    reachable = Finding("reachable", "ok", api)
    if api.startswith("https:"):
        return [reachable, Finding("TLS", "ok", "the certificate is good")]
    if is_local(_host(api)):
        return [reachable, Finding("TLS", "ok", "none, and none is needed on this machine")]
    return [reachable, Finding("TLS", "warning", "none: tokens can be read on their way", "serve the API over https")]


def judge_endpoint(facts: Facts, answer: Answer) -> Finding:
    """Judge whether the refresh endpoint is there, and is this package's."""
    said = f"POST {facts.refresh_path} answers {answer.status}"
    if is_from_us(answer):
        content = (answer.header("content-type") or "").partition(";")[0].strip().lower()
        if content == "application/json":
            return Finding(ENDPOINT, "ok", said)
        found = f"{said} as {content[:60] or 'no type'}"
        return Finding(ENDPOINT, "warning", found, "have nothing change the application's answers")
    if 300 <= answer.status < 400:
        target = (answer.header("location") or "somewhere else")[:100]
        return Finding(ENDPOINT, "broken", f"{said}, a redirect to {target}", "make api_domain what is served")
    if answer.status == 403:
        mend = "something refuses it first: put this package's middleware before that, or exempt the path"
    elif answer.status >= 500:
        mend = "look into the application's log"
    else:
        mend = "add this package's middleware to the application, or name its api_base_path with --base-path"
    return Finding(ENDPOINT, "broken", said if answer.status in (403, 404, 405) else f"{said}, not as it should", mend)


def judge_domains(api: str, website: str | None) -> Finding:
    """Judge whether cookies can travel from the website to the API."""
    if website is None:
        return Finding(DOMAINS, "not checked", "the website is not known", "name it with --website")
    if same_site(api, website) == "lax":
        return Finding(DOMAINS, "ok", "website and API are of one site")
    api_host, host = _host(api), _host(website)
    api_secure, secure = api.startswith("https:"), website.startswith("https:")
    if is_local(api_host) and is_local(host) and api_host != host:
        return Finding(DOMAINS, "broken", f"{host} and {api_host} are different sites", "use one name for both")
    if secure and not api_secure and not is_local(api_host):
        return Finding(DOMAINS, "broken", "an https website can't call an http API", "serve the API over https")
    if api_secure and not secure and top_level_domain(api_host) == top_level_domain(host):
        found = "a website over http is another site than an API over https"
        return Finding(DOMAINS, "warning", found, "serve the website over https")
    found = "website and API are of different sites"
    if not api_secure:
        mend = "serve both over https: cookies of SameSite=None need it"
        return Finding(DOMAINS, "broken", f"{found}, and the API is on http", mend)
    mend = "serve the API below the website's domain, or let tokens travel in headers"
    return Finding(DOMAINS, "warning", f"{found}: Safari and others refuse such cookies", mend)


def judge_cookies(facts: Facts, answer: Answer) -> list[Finding]:
    """Judge the cookies that the API has browsers forget; those that it sets are like them."""
    seen = {each.name: each for each in answer.cookies() if each.name in (ACCESS_COOKIE, REFRESH_COOKIE)}
    if not seen:
        if answer.header(ACCESS_HEADER) is not None:
            return [Finding(COOKIES, "ok", "none: tokens travel in headers")]
        if answer.header(FRONT_HEADER) is not None:
            mend = "see what takes it away between API and browser"
            return [Finding(COOKIES, "broken", "no Set-Cookie arrives", mend)]
        return [Finding(COOKIES, "not checked", "none are cleared: the application has an error handler of its own")]
    problems = [problem for each in seen.values() for problem in _judge_cookie(facts, each)]
    cookie = seen.get(REFRESH_COOKIE) or seen[ACCESS_COOKIE]
    return list(dict.fromkeys(problems)) or [Finding(COOKIES, "ok", f"{cookie.name}: {_show(cookie)}")]


def _show(cookie: SeenCookie) -> str:
    """Give the attributes that matter."""
    seen = cookie.attributes
    named = [f"{name}={seen[key]}" for name, key in SHOWN.items() if key in seen]
    return "; ".join(named + [name for name in ("Secure", "HttpOnly") if name.lower() in seen])


def _judge_cookie(facts: Facts, cookie: SeenCookie) -> Iterator[Finding]:
    attributes, host = cookie.attributes, _host(facts.api)
    path = facts.refresh_path if cookie.name == REFRESH_COOKIE else "/"
    if attributes.get("path") != path:
        found = f"{cookie.name} has Path={attributes.get('path', '')}, and {path} is called"
        mend = "make api_base_path, after api_gateway_path, what browsers call"
        yield Finding(COOKIES, "broken", found, mend)
    domain = attributes.get("domain", "").lower().removeprefix(".")
    if domain and not (host == domain or (host.endswith("." + domain) and "." in domain)):
        found = f"browsers drop cookies with Domain={domain} from {host}"
        yield Finding(COOKIES, "broken", found, "leave cookie_domain out, or set it to a domain of the API's")
    if "httponly" not in attributes:
        yield Finding(COOKIES, "warning", "scripts can read them: no HttpOnly", "see what takes it away")
    yield from _judge_security(facts.api, attributes)
    if facts.website is not None:
        yield from _judge_sites(facts.api, facts.website, attributes.get("samesite", "").lower())


def _judge_security(api: str, attributes: Mapping[str, str]) -> Iterator[Finding]:
    is_https = api.startswith("https:")
    if "secure" in attributes:
        if not is_https and not is_local(_host(api)):
            yield Finding(COOKIES, "broken", "Secure over http: browsers drop them", "serve the API over https")
    elif attributes.get("samesite", "").lower() == "none":
        mend = "serve the API over https, and make api_domain say so"
        yield Finding(COOKIES, "broken", "SameSite=None without Secure: browsers drop them", mend)
    elif is_https:
        mend = "make api_domain https://…, and leave cookie_secure out"
        yield Finding(COOKIES, "warning", "no Secure, so that they travel over http too", mend)


def _judge_sites(api: str, website: str, kind: str) -> Iterator[Finding]:
    mend = "make website_domain or origin what users see, and leave cookie_same_site out"
    if same_site(api, website) == "lax":
        if kind == "none":
            yield Finding(COOKIES, "warning", "SameSite=None, which one site does not need", mend)
    elif kind != "none" and not (is_local(_host(api)) and is_local(_host(website))):
        found = f"SameSite={kind.capitalize() or 'Lax'}: they don't travel from {website}"
        yield Finding(COOKIES, "broken", found, mend)


def judge_clock(check: str, answer: Answer) -> Finding:
    """Judge a server's clock by the Date of its answer, which has no fractions, against this machine's."""
    try:
        at_s = parsedate_to_datetime(answer.header("date") or "").timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return Finding(check, "not checked", "the answer has no Date")
    skew_s = max(0.0, at_s - answer.came_s) or min(0.0, at_s + 1 - answer.sent_s)
    if abs(skew_s) <= SKEW_S:
        return Finding(check, "ok", "as this machine's")
    found = f"{abs(skew_s):,.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    return Finding(check, "broken" if abs(skew_s) > FAR_S else "warning", found, "set both by NTP")


def judge_rest(facts: Facts) -> list[Finding]:
    """Judge the other endpoints, and whether the API reaches its core."""
    return [
        _judge_keys(facts.keys),
        _judge_discovery(facts.discovery, facts.issuer),
        _judge_reaching(facts.made_up),
    ]


def _judge_keys(outcome: Outcome | None) -> Finding:
    if not isinstance(outcome, Answer) or outcome.status != 200:
        return _unserved(KEYS, "jwt/jwks.json", outcome)
    given, keys = outcome.json().get("keys"), _keys_of(outcome)
    if not keys.kids:
        return Finding(KEYS, "broken", "no key for RS256 is served", "see that the API's core can be asked")
    others = (len(given) if is_array(given) else 0) - len(keys.kids)
    found = f"{len(keys.kids)} for RS256" + (f", {others} that can't be used" if others else "")
    if MAX_AGE.search((outcome.header("cache-control") or "").lower()) is None:
        return Finding(KEYS, "warning", f"{found}, without max-age", "let the API's Cache-Control through")
    return Finding(KEYS, "ok", found)


def _judge_discovery(outcome: Outcome | None, expected: str) -> Finding:
    """Judge what the API calls itself, which is what it was configured with."""
    if not isinstance(outcome, Answer) or outcome.status != 200:
        return _unserved(NAME, ".well-known/openid-configuration", outcome)
    issuer = str(outcome.json().get("issuer", ""))[:200]
    if issuer == expected:
        return Finding(NAME, "ok", issuer)
    found = f"it calls itself {issuer or 'nothing'} and is reached as {expected}"
    return Finding(NAME, "broken", found, "make api_domain, api_gateway_path and api_base_path what browsers call")


def _unserved(check: str, name: str, outcome: Outcome | None) -> Finding:
    if isinstance(outcome, Answer):
        return Finding(check, "warning", f"{name} answers {outcome.status}", "fine if an override turned it off")
    return Finding(check, "not checked", "no answer" if outcome is None else outcome.reason)


def _judge_reaching(outcome: Outcome | None) -> Finding:
    """Judge the answer to a refresh with a made-up token, about which the API has to ask its core."""
    if not isinstance(outcome, Answer):
        return Finding(REACHING, "not checked", "no answer" if outcome is None else outcome.reason)
    found = f"a refresh with a made-up token answers {outcome.status}"
    if outcome.status == 503:
        mend = "see that the core runs, and compare connection_uri and api_key"
        return Finding(REACHING, "broken", f"{found}: the core can't be asked", mend)
    if outcome.status >= 500:
        return Finding(REACHING, "broken", found, "look into the application's log")
    return Finding(REACHING, "ok", found)


def judge_core(core: CoreFacts, served: Outcome | None) -> list[Finding]:
    """Judge a host of the core, also by the keys that the API serves."""
    answer = core.versions
    if isinstance(answer, Unanswered):
        return [Finding(CORE, "broken", f"{core.url}: {answer.reason}", "see that the core runs there")]
    if answer.status == 401:
        return [Finding(CORE, "broken", f"{core.url} wants another API key", "give it with --api-key-file")]
    given = answer.json().get("versions")
    offered = [str(each) for each in given] if is_array(given) else []
    if answer.status != 200 or not offered:
        return [Finding(CORE, "broken", f"what answers at {core.url} is no session core", "compare connection_uri")]
    chosen = versions.choose(offered)
    if chosen is None:
        found = f"{core.url} speaks none of CDI {', '.join(versions.SUPPORTED)}"
        return [Finding(CORE, "broken", found, "update the core")]
    findings = [Finding(CORE, "ok", f"{core.url}, CDI {chosen}"), judge_clock("core's clock", answer)]
    return findings if served is None else [*findings, _compare_keys(served, core.keys)]


def _compare_keys(served: Outcome, own: Outcome) -> Finding:
    if not (isinstance(served, Answer) and isinstance(own, Answer) and served.status == own.status == 200):
        return Finding(CORE_KEYS, "not checked", "not both the API and the core serve keys")
    ours, theirs = _keys_of(served).members, _keys_of(own).members
    if ours == theirs:
        return Finding(CORE_KEYS, "ok", "the API serves the same")
    if ours & theirs:
        found = "the API serves some of them, as it does for a while after a rotation"
        return Finding(CORE_KEYS, "warning", found, "look again in an hour")
    found = "the API serves others: it asks another core, or another app of it"
    return Finding(CORE_KEYS, "broken", found, "compare connection_uri")


def _keys_of(answer: Answer) -> KeySet:
    given = answer.json().get("keys")
    return KeySet((each for each in given if is_object(each)) if is_array(given) else (), cache_size=0)


def _host(domain: str) -> str:
    return urlsplit(domain).hostname or ""
