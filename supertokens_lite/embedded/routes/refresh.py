"""Exchange a refresh token for new tokens: POST /recipe/session/refresh. The rules are in `rotation`."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.embedded.calls import Call, WriteJob
from supertokens_lite.embedded.fields import flag, optional_flag, optional_text, text
from supertokens_lite.embedded.replies import json_reply, unauthorised
from supertokens_lite.embedded.rotation import Verdict, judge_refresh, judge_rotation
from supertokens_lite.embedded.routes.minting import (
    PROTECTED_FIELD,
    Subject,
    has_protected,
    lifetime_ms,
    mint_access_token,
    parse_payload,
    session_json,
    token_json,
    token_version,
)
from supertokens_lite.embedded.routes.verify import is_matching, lineage_of
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.embedded.tokens import (
    RefreshToken,
    TokenError,
    hash_text,
    mint_refresh_token,
    open_refresh_token,
)
from supertokens_lite.types import HttpReply

__all__ = ("refresh",)


class Wish(NamedTuple):
    """What a refresh asks for.

    Attributes:
        shown: the token that was shown, opened.
        shown_hash: its hash, once.
        lifetime_ms: the life of the new access token.
        anti_csrf: whether an anti-CSRF token is wanted.
        static_key: which kind of key is to sign; None: the session's own.
    """

    shown: RefreshToken
    shown_hash: str
    lifetime_ms: int
    anti_csrf: bool
    static_key: bool | None


class Minted(NamedTuple):
    """A new pair of tokens: the hash of the new refresh token, and a reply that holds both."""

    hash_2: str
    reply: HttpReply


def refresh(call: Call) -> HttpReply | WriteJob:
    """Exchange a refresh token."""
    body = call.parse_body()
    token = text(body, "refreshToken")
    static_key = _static_key(call, body)
    anti_csrf = flag(body, "enableAntiCsrf")
    given = optional_text(body, "antiCsrfToken")
    lifetime = lifetime_ms(call, body)
    try:
        shown = open_refresh_token(call.app.refresh_key, token)
    except TokenError as error:
        return unauthorised(str(error))
    if anti_csrf and shown.anti_csrf is not None and not is_matching(given, shown.anti_csrf):
        return unauthorised("Anti CSRF token missing, or not matching")
    wish = Wish(shown, hash_text(token), lifetime, anti_csrf, static_key)
    return lambda connection: _refresh(call, connection, wish)


def _static_key(call: Call, body: dict[str, Any]) -> bool | None:
    if call.version >= 50:
        return not flag(body, "useDynamicSigningKey")
    if "useDynamicSigningKey" in body:
        return not optional_flag(body, "useDynamicSigningKey", default=True)
    return None


def _refresh(call: Call, connection: Connection, wish: Wish) -> HttpReply:
    shown = wish.shown
    row = sessions.find(connection, call.app_id, shown.tenant_id, shown.handle, expires_from=call.now)
    if row is None:
        return unauthorised("Session missing in db or has expired")
    shown_2 = hash_text(wish.shown_hash)
    if call.version >= 56:
        verdict = judge_rotation(
            lineage_of(row), shown_2, shown.parent_hash, now=call.now, grace_ms=call.settings.grace_ms
        )
    else:
        verdict = judge_refresh(lineage_of(row), shown_2, shown.parent_hash)
    if verdict not in (Verdict.CURRENT, Verdict.CHILD, Verdict.GRACE):
        return _theft(call, connection, row, verdict)
    payload = parse_payload(row.payload)
    if has_protected(payload, token_version(call)):
        return unauthorised(PROTECTED_FIELD)
    static_key = bool(row.static_key) if wish.static_key is None else wish.static_key
    minted = _mint(call, row, wish, payload, static_key=static_key)
    if call.version < 56:
        _save_refresh(call, connection, row, verdict, shown_2, static_key=static_key)
    else:
        _save_rotation(call, connection, row, verdict, shown_2, minted.hash_2, static_key=static_key)
    return minted.reply


def _save_refresh(
    call: Call, connection: Connection, row: sessions.SessionRow, verdict: Verdict, shown_2: str, *, static_key: bool
) -> None:
    """Promote a child that was shown (CDI 5.5 and below)."""
    if verdict is Verdict.CHILD:
        sessions.save_rotation(
            connection,
            row,
            current=shown_2,
            previous=row.hash,
            rotated_at=call.now,
            expires_at=call.now + call.settings.session_ms,
            static_key=static_key,
        )
    elif static_key != bool(row.static_key):
        sessions.set_key_kind(connection, row, static_key=static_key)


def _save_rotation(
    call: Call,
    connection: Connection,
    row: sessions.SessionRow,
    verdict: Verdict,
    shown_2: str,
    minted_2: str,
    *,
    static_key: bool,
) -> None:
    """Make the new token the current one (CDI 5.6 and up)."""
    again = verdict is Verdict.GRACE
    sessions.save_rotation(
        connection,
        row,
        current=minted_2,
        previous=row.previous_hash if again else shown_2,
        rotated_at=row.rotated_at if again else call.now,
        expires_at=row.expires_at if again else call.now + call.settings.session_ms,
        static_key=static_key,
    )


def _mint(call: Call, row: sessions.SessionRow, wish: Wish, payload: dict[str, Any], *, static_key: bool) -> Minted:
    anti_csrf = str(uuid.uuid4()) if wish.anti_csrf else None
    content = RefreshToken(row.handle, row.user_id, wish.shown_hash, anti_csrf, row.tenant_id)
    token = mint_refresh_token(call.app.refresh_key, content)
    token_hash = hash_text(token)
    parent = None if call.version >= 56 else wish.shown_hash
    subject = Subject(row.handle, row.user_id, row.tenant_id, token_hash, parent, anti_csrf)
    access_token = mint_access_token(
        call,
        subject,
        payload,
        version=token_version(call),
        static_key=static_key,
        expires_at=call.now + wish.lifetime_ms,
    )
    session = session_json(call, row.handle, row.user_id, row.payload, row.tenant_id)
    csrf = f'"antiCsrfToken":{build_json(anti_csrf)},' if anti_csrf else ""
    refresh_token = token_json(token, call.now + call.settings.session_ms, call.now)
    reply = json_reply(
        f'{{"session":{session},"accessToken":{access_token},"refreshToken":{refresh_token},{csrf}"status":"OK"}}'
    )
    return Minted(hash_text(token_hash), reply)


def _theft(call: Call, connection: Connection, row: sessions.SessionRow, verdict: Verdict) -> HttpReply:
    subtype = ""
    if verdict is not Verdict.THEFT:  # CDI 5.6 and up: the core itself ends the session
        sessions.remove(connection, row)
        subtype = f',"recentTokenReuseSubtype":"{verdict.value}"'
        lenient = call.settings.recent_token_reuse_behaviour == "UNAUTHORISED"  # noqa: S105
        if lenient and verdict is not Verdict.STALE_LINEAGE:
            return json_reply(f'{{"status":"UNAUTHORISED","message":"refresh token reuse detected"{subtype}}}')
    user = build_json(row.user_id)
    session = f'{{"handle":{build_json(row.handle)},"userId":{user},"recipeUserId":{user}}}'
    return json_reply(f'{{"status":"TOKEN_THEFT_DETECTED","session":{session}{subtype}}}')
