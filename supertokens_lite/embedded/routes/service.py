"""What the core says about itself: that it is up, what it speaks, its keys; and JWTs for other purposes."""

from __future__ import annotations

from supertokens_lite._protocol.jsontext import build_json
from supertokens_lite._protocol.paths import EXTENSIONS_HEADER, EXTENSIONS_V1
from supertokens_lite.embedded.calls import Call
from supertokens_lite.embedded.fields import optional_flag, optional_integer, query_text, text, whole_object
from supertokens_lite.embedded.replies import Refused, json_reply
from supertokens_lite.embedded.settings import VERSIONS
from supertokens_lite.embedded.tokens import sign_jwt
from supertokens_lite.types import HttpReply

__all__ = ("api_version", "config", "create_jwt", "jwks", "old_jwks")


def api_version(call: Call) -> HttpReply:
    """List the protocol versions: GET /apiversion. A header names the extensions."""
    newest = VERSIONS[call.settings.supertokens_max_cdi_version]
    versions = [version for version, number in VERSIONS.items() if number <= newest]
    reply = json_reply(f'{{"versions":{build_json(versions)}}}')
    return reply._replace(headers={**reply.headers, EXTENSIONS_HEADER: EXTENSIONS_V1})


def config(call: Call) -> HttpReply:
    """Tell where the configuration is: GET /config. There is no file to tell of."""
    query_text(call.parse_query(), "pid")
    return json_reply('{"status":"NOT_ALLOWED"}')


def _keys(call: Call) -> str:
    return ",".join(key.jwk for key in call.app.keyring.published(call.now))


def jwks(call: Call) -> HttpReply:
    """Publish the keys that verify: GET /.well-known/jwks.json."""
    reply = json_reply(f'{{"keys":[{_keys(call)}]}}')
    cache = f"max-age={call.app.keyring.max_age(call.now)}, must-revalidate"
    return reply._replace(headers={**reply.headers, "cache-control": cache})


def old_jwks(call: Call) -> HttpReply:
    """Publish the keys that verify, as it was done formerly: GET /recipe/jwt/jwks."""
    return json_reply(f'{{"status":"OK","keys":[{_keys(call)}]}}')


def create_jwt(call: Call) -> HttpReply:
    """Sign a JWT of the caller's: POST /recipe/jwt."""
    body = call.parse_body()
    algorithm = text(body, "algorithm")
    issuer = text(body, "jwksDomain")
    payload = whole_object(body, "payload")
    if "validity" not in body:
        raise Refused(400, "Field name 'validity' is invalid in JSON input")
    validity_s = optional_integer(body, "validity") or 0
    static_key = optional_flag(body, "useStaticSigningKey", default=True)
    if validity_s <= 0:
        raise Refused(400, "validity must be greater than or equal to 0")
    if algorithm.upper() != "RS256":
        return json_reply('{"status":"UNSUPPORTED_ALGORITHM_ERROR"}')
    issued_s = call.now // 1000
    key = call.app.keyring.signing(call.now, static=static_key)
    claims = {"iss": issuer, "exp": issued_s + validity_s, "iat": issued_s} | payload
    try:
        token = sign_jwt(key.private, key.header(None), claims)
    except ValueError:  # a number too large for a double
        raise Refused(400, "Field name 'payload' is invalid in JSON input") from None
    return json_reply(f'{{"status":"OK","jwt":"{token}"}}')
