"""What the facts say about CORS: whether the website's scripts may call the API and read its answers. Pure.

Source: the Fetch standard, "CORS protocol"; with credentials a `*` stands for itself and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens_lite._protocol.cors import REQUEST_HEADERS, RESPONSE_HEADERS
from supertokens_lite.cli.doctor.facts import STRANGER, Answer, Facts, Finding, Outcome, Unanswered

__all__ = ("judge_cors",)

PREFLIGHT: Final = "CORS preflight"
ANSWERS: Final = "CORS answers"
STRANGERS: Final = "CORS strangers"
ORIGIN: Final = "access-control-allow-origin"
ALLOWED_HEADERS: Final = "access-control-allow-headers"
EXPOSED_HEADERS: Final = "access-control-expose-headers"


def judge_cors(facts: Facts, answer: Answer) -> Iterator[Finding]:
    """Judge preflight and answers, and what a website gets that has no business here."""
    if facts.website is None:
        yield Finding("CORS", "not checked", "the website is not known", "name it with --website")
    elif facts.preflight is None:
        yield Finding("CORS", "ok", "website and API are of one origin, which needs none")
    else:
        yield from _judge_preflight(facts.preflight, facts.website)
        yield from _judge_answer(answer, facts.website)
    stranger = facts.stranger
    if isinstance(stranger, Answer) and STRANGER in stranger.all(ORIGIN) and _allows_credentials(stranger):
        found = "any website may call with a user's cookies, and read the answers"
        yield Finding(STRANGERS, "warning", found, "allow the website's origin only")


def _judge_preflight(outcome: Outcome, website: str) -> list[Finding]:
    if isinstance(outcome, Unanswered):
        return [Finding(PREFLIGHT, "broken", outcome.reason, "have the API answer the method OPTIONS")]
    problems = list(_judge_permission(PREFLIGHT, outcome, website))
    if outcome.all(ORIGIN):
        if not 200 <= outcome.status < 300:
            mend = "put the CORS middleware outside all others"
            problems.append(Finding(PREFLIGHT, "broken", f"OPTIONS answers {outcome.status}", mend))
        missing = [name for name in REQUEST_HEADERS if name not in outcome.listed(ALLOWED_HEADERS)]
        if missing:
            found = f"these headers may not be sent: {', '.join(missing)}"
            mend = "allow what get_all_cors_headers() gives; * does not count with credentials"
            problems.append(Finding(PREFLIGHT, "broken", found, mend))
    return problems or [Finding(PREFLIGHT, "ok", f"{website} may call with credentials")]


def _judge_answer(answer: Answer, website: str) -> list[Finding]:
    problems = list(_judge_permission(ANSWERS, answer, website))
    exposed = answer.listed(EXPOSED_HEADERS)
    hidden = [name for name in RESPONSE_HEADERS if answer.header(name) is not None and name not in exposed]
    if hidden and answer.all(ORIGIN):
        mend = f"have nothing replace Access-Control-Expose-Headers, or have it list {', '.join(RESPONSE_HEADERS)}"
        problems.append(Finding(ANSWERS, "broken", f"scripts can't read {', '.join(hidden)}", mend))
    return problems or [Finding(ANSWERS, "ok", "the website's scripts can read them")]


def _judge_permission(check: str, answer: Answer, website: str) -> Iterator[Finding]:
    """Judge what has to be on every answer."""
    given = answer.all(ORIGIN)
    if not given:
        mend = "put CORS middleware outside this package's, and allow the website's origin there"
        yield Finding(check, "broken", f"no Access-Control-Allow-Origin for {website}", mend)
        return
    if len(given) > 1 or "," in given[0]:
        found = "Access-Control-Allow-Origin comes twice, which browsers refuse"
        yield Finding(check, "broken", found, "have the application or the proxy set it, not both")
    elif given[0] == "*":
        found = "Access-Control-Allow-Origin is *, which browsers refuse with credentials"
        yield Finding(check, "broken", found, "allow the website's origin by name")
    elif given[0] != website:
        found = f"Access-Control-Allow-Origin is {given[0][:100]} and not {website}"
        yield Finding(check, "broken", found, "allow the website's origin, without a slash at its end")
    if not _allows_credentials(answer):
        found = "no Access-Control-Allow-Credentials: true, so that cookies don't travel"
        yield Finding(check, "broken", found, "allow credentials")


def _allows_credentials(answer: Answer) -> bool:
    return answer.header("access-control-allow-credentials") == "true"
