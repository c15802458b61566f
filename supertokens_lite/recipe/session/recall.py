"""The usual request: a GET with one token, which was verified before, and nobody else wants a say.

It is verified at once, and what does not change from one to the next is found once, when the SDK is set up: such
requests are most there are, and each step of theirs is felt. The headers that a token came in last are known with it:
of a request that brings them again they are not even taken apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from supertokens_lite._protocol.cookies import ACCESS_COOKIE, LEGACY_COOKIE, parse_cookies
from supertokens_lite._protocol.messages import BaseRequest
from supertokens_lite.recipe.session.claims import ClaimRegistry
from supertokens_lite.recipe.session.container import ReqResInfo, SessionContainer, verified_session
from supertokens_lite.recipe.session.functions import SessionFunctions
from supertokens_lite.recipe.session.options import SessionConfig

__all__ = ("Recall", "make_recall", "recall_nothing")

USUAL_SCHEME: Final = "Bearer "

Recall: TypeAlias = Callable[[BaseRequest], SessionContainer | None]
"""Verifies the session of a request and makes it the request's; None if it is not a usual one: nothing was done."""


def make_recall(implementation: SessionFunctions, config: SessionConfig, claims: ClaimRegistry) -> Recall:
    """Give what verifies usual requests, as `verify_session` with its defaults would.

    Args:
        implementation: what can be done with sessions.
        config: the settings of the recipe.
        claims: knows whether sessions have to be looked at, too.
    """
    recall_by, recall_as, front = implementation.recall_by, implementation.recall_as, implementation.front

    def recall(request: BaseRequest) -> SessionContainer | None:
        if claims.has_validators or request.method() != "GET":
            return None
        came = request.read_credentials()
        token = recall_by(came)
        if token is None:
            text = _find_text(*came)
            token = None if text is None else recall_as(text, came)
        if token is None or token.has_parent:  # the core may have to learn of it
            return None
        info = ReqResInfo(request, "cookie" if came[0] is None else "header")  # a token beside the header is not usual
        session = verified_session(front, config, token, "cache", info)
        request.set_session(session)
        return session

    return recall


def recall_nothing(request: BaseRequest) -> SessionContainer | None:
    """Take no request for a usual one."""
    return None


def _find_text(authorization: str | None, cookie: str | None) -> str | None:
    """Find the one text that may be an access token; None if there is none, or several, or a client of old."""
    cookies = parse_cookies(cookie)
    tokens = cookies.get(ACCESS_COOKIE, ())
    if LEGACY_COOKIE in cookies:
        return None
    if authorization is None:
        return tokens[0] if len(tokens) == 1 else None
    # whatever else may be in the header, no text with blanks was ever verified
    return authorization[len(USUAL_SCHEME) :] if not tokens and authorization.startswith(USUAL_SCHEME) else None
