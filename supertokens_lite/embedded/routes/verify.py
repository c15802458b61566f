"""What is done with an access token: verify it, mint it anew with another payload."""

from __future__ import annotations

import hmac
from typing import Any

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite.embedded.calls import Call, WriteJob
from supertokens_lite.embedded.fields import flag, optional_object, optional_text, stored_payload, text
from supertokens_lite.embedded.replies import NO_SESSION, json_reply, unauthorised
from supertokens_lite.embedded.rotation import Lineage, is_known_branch, judge_child
from supertokens_lite.embedded.routes.minting import (
    Subject,
    check_payload,
    is_same_json,
    mint_access_token,
    parse_payload,
    session_json,
)
from supertokens_lite.embedded.store import sessions
from supertokens_lite.embedded.store.apps import Connection
from supertokens_lite.embedded.tokens import (
    AccessToken,
    TokenError,
    hash_text,
    payload_for_token,
    read_claims,
    split_jwt,
    verify_jwt,
)
from supertokens_lite.types import HttpReply

__all__ = ("is_matching", "lineage_of", "regenerate", "verify")


def is_matching(given: str | None, wanted: str | None) -> bool:
    """Compare an anti-CSRF token with the one in a token, in constant time; False where either is missing."""
    if given is None or wanted is None:
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def lineage_of(row: sessions.SessionRow) -> Lineage:
    """Give the refresh token state of a row."""
    return Lineage(row.hash, row.previous_hash, row.rotated_at)


def _read_token(call: Call, token: str) -> AccessToken:
    """Check the signature and the structure of an access token, not its expiry.

    Raises:
        TokenError: it is not good.
    """
    signed = split_jwt(token)
    key = call.app.keyring.find(signed.kid, call.now)
    if key is None or not verify_jwt(key.public, signed):
        app = call.apps.reread(call.app_id, call.now, wait=call.wait)
        key = app.keyring.find(signed.kid, call.now) if app is not None else None
        if key is None:
            raise TokenError("Key not found")
        if not verify_jwt(key.public, signed):
            raise TokenError("JWT verification failed")
    return read_claims(signed)


def _try_refresh(message: str) -> HttpReply:
    return json_reply('{"status":"TRY_REFRESH_TOKEN","message":' + build_json(message) + "}")


def verify(call: Call) -> HttpReply | WriteJob:
    """Verify an access token: POST /recipe/session/verify."""
    body = call.parse_body()
    token_text = text(body, "accessToken")
    check_csrf = flag(body, "doAntiCsrfCheck")
    check_csrf = flag(body, "enableAntiCsrf") and check_csrf
    check_database = flag(body, "checkDatabase")
    anti_csrf = optional_text(body, "antiCsrfToken")
    try:
        token = _read_token(call, token_text)
    except TokenError as error:
        return _try_refresh(str(error))
    if token.expires_at < call.now:
        return _try_refresh("Access token expired")
    if check_csrf and not is_matching(anti_csrf, token.anti_csrf):
        return _try_refresh("anti-csrf check failed")
    if call.version >= 56:
        return _verify_stateless(call, token, check_database=check_database)
    return _verify_promoting(call, token, check_database=check_database)


def _find_row(call: Call, token: AccessToken) -> sessions.SessionRow | None:
    """Find a token's session. One that has expired counts as gone: verifying must not revive it."""
    return call.read(lambda c: sessions.find(c, call.app_id, token.tenant_id, token.handle, expires_from=call.now))


def _verified(
    call: Call, token: AccessToken, payload: str | dict[str, Any], *, access_token: str = "", update: bool | None = None
) -> HttpReply:
    session = session_json(call, token.handle, str(token.claims["sub"]), payload, token.tenant_id)
    minted = f'"accessToken":{access_token},' if access_token else ""
    available = "" if update is None else f'"payloadUpdateAvailable":{"true" if update else "false"},'
    return json_reply(f'{{"session":{session},{minted}{available}"status":"OK"}}')


def _is_stale(row: sessions.SessionRow, token: AccessToken) -> bool:
    return not is_same_json(payload_for_token(parse_payload(row.payload)), payload_for_token(token.custom))


def _verify_stateless(call: Call, token: AccessToken, *, check_database: bool) -> HttpReply:
    """CDI 5.6 and up: never writes, never mints."""
    if not check_database:
        return _verified(call, token, token.custom)
    row = _find_row(call, token)
    if row is None:
        return unauthorised("Either the session has ended or has been blacklisted")
    if not is_known_branch(lineage_of(row), token.token_hash, token.parent_hash):
        return unauthorised("rotated-out token branch; refresh required")
    return _verified(call, token, token.custom, update=_is_stale(row, token))


def _verify_promoting(call: Call, token: AccessToken, *, check_database: bool) -> HttpReply | WriteJob:
    """CDI 5.5 and below: the first use of a refreshed token makes its refresh token the session's current one."""
    if not check_database and token.parent_hash is None:
        return _verified(call, token, token.custom)
    row = _find_row(call, token)
    if row is None:
        gone = "Either the session has ended or has been blacklisted" if check_database else "Session missing in db"
        return unauthorised(gone)
    if judge_child(lineage_of(row), token.parent_hash):
        return lambda connection: _promote(call, connection, token)
    is_current = token.parent_hash is not None and hash_text(token.token_hash) == row.hash
    if is_current or (check_database and _is_stale(row, token)):
        return _verified_anew(call, token, row)
    return _verified(call, token, token.custom)


def _promote(call: Call, connection: Connection, token: AccessToken) -> HttpReply:
    row = sessions.find(connection, call.app_id, token.tenant_id, token.handle, expires_from=call.now)
    if row is None:
        return unauthorised("Session missing in db")
    if judge_child(lineage_of(row), token.parent_hash):
        sessions.save_rotation(
            connection,
            row,
            current=hash_text(token.token_hash),
            previous=row.hash,
            rotated_at=call.now,
            expires_at=call.now + call.settings.session_ms,
            static_key=bool(row.static_key),
        )
        return _verified_anew(call, token, row)
    if hash_text(token.token_hash) == row.hash:  # another request promoted it first
        return _verified_anew(call, token, row)
    return _verified(call, token, token.custom)


def _verified_anew(call: Call, token: AccessToken, row: sessions.SessionRow) -> HttpReply:
    """Answer with a new access token that carries the stored payload and no parent."""
    payload = parse_payload(row.payload)
    subject = Subject(row.handle, row.user_id, row.tenant_id, token.token_hash, None, token.anti_csrf)
    minted = mint_access_token(
        call,
        subject,
        payload,
        version=token.version,
        static_key=bool(row.static_key),
        expires_at=call.now + call.settings.access_token_ms,
    )
    return _verified(call, token, row.payload, access_token=minted)


def regenerate(call: Call) -> HttpReply | WriteJob:
    """Mint an access token anew with the same expiry: POST /recipe/session/regenerate.

    The signature is checked, though not the expiry: whoever can write a payload must hold a real token.
    """
    body = call.parse_body()
    token_text = text(body, "accessToken")
    payload = optional_object(body, "userDataInJWT")
    stored = None if payload is None else stored_payload(payload, "userDataInJWT")
    try:
        token = _read_token(call, token_text)
    except TokenError as error:
        return unauthorised(str(error))
    if payload is not None:
        check_payload(payload, token.version)
    return lambda connection: _regenerate(call, connection, token, stored)


def _regenerate(call: Call, connection: Connection, token: AccessToken, stored: str | None) -> HttpReply:
    row = sessions.find(connection, call.app_id, token.tenant_id, token.handle, expires_from=call.now + 1)
    if row is None:
        return NO_SESSION
    if stored is None:
        stored = row.payload
    else:
        sessions.replace_payload(connection, call.app_id, row.tenant_id, row.handle, call.now, stored)
    if token.expires_at < call.now:
        return _verified(call, token, stored)
    subject = Subject(row.handle, row.user_id, row.tenant_id, token.token_hash, token.parent_hash, token.anti_csrf)
    minted = mint_access_token(
        call,
        subject,
        parse_payload(stored),
        version=token.version,
        static_key=bool(row.static_key),
        expires_at=token.expires_at,
    )
    return _verified(call, token, stored, access_token=minted)
