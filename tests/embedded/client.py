"""A client of the embedded core for tests: requests in, parsed replies out, a clock that can be moved."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.types import HttpReply, HttpRequest

__all__ = ("Client", "Clock", "Tokens", "claims_of", "header_of")

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock:
    """Milliseconds since the epoch, which stand still until they are moved."""

    def __init__(self, ms: int = 1_790_000_000_000) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def move(self, ms: int) -> None:
        """Let time pass."""
        self.ms += ms


def _decode(token: str, part: int) -> dict[str, Any]:
    text = token.split(".")[part]
    parsed: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return parsed


def header_of(token: str) -> dict[str, Any]:
    """Give the header of a JWT."""
    return _decode(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    """Give the payload of a JWT."""
    return _decode(token, 1)


class Tokens:
    """What a creation or a refresh gave."""

    def __init__(self, reply: dict[str, Any]) -> None:
        assert reply["status"] == "OK", reply
        self.reply = reply
        self.handle: str = reply["session"]["handle"]
        self.access: str = reply["accessToken"]["token"]
        self.refresh: str = reply["refreshToken"]["token"]
        self.anti_csrf: str | None = reply.get("antiCsrfToken")

    @property
    def claims(self) -> dict[str, Any]:
        """The payload of the access token."""
        return claims_of(self.access)

    @property
    def kid(self) -> str:
        """The id of the key that signed the access token."""
        return str(header_of(self.access)["kid"])


class Client:
    """Speaks to a core at one protocol version.

    Args:
        core: the core.
        cdi: the version; None: none is sent.
        prefix: comes before every path.
        headers: sent with every request.
    """

    def __init__(
        self, core: EmbeddedCore, cdi: str | None = "5.4", prefix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.core = core
        self.prefix = prefix
        self.headers = {**({"cdi-version": cdi} if cdi else {}), **(headers or {})}

    def at(self, cdi: str | None = "5.4", prefix: str = "") -> Client:
        """Give a client of the same core with another version or prefix."""
        return Client(self.core, cdi, prefix or self.prefix)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        """Send a request; `body` is JSON unless it is bytes."""
        target = self.prefix + path + ("?" + urlencode(query) if query else "")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.core.handle(HttpRequest(method, "", target, {**self.headers, **(headers or {})}, data))

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """Send a request that is answered with 200; give the JSON."""
        reply = self.raw(method, path, body, query)
        assert reply.status == 200, reply
        parsed: dict[str, Any] = json.loads(reply.body)
        return parsed

    def error(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str]:
        """Send a request that is refused; give status and sentence."""
        reply = self.raw(method, path, body, query)
        assert reply.headers["content-type"] == "text/html;charset=UTF-8"
        return reply.status, reply.body.decode().strip()

    def create(self, user: str = "ada", *, csrf: bool = False, dynamic: bool = True, **more: Any) -> Tokens:
        """Create a session."""
        body = {
            "userId": user,
            "enableAntiCsrf": csrf,
            "userDataInJWT": more.pop("payload", {}),
            "userDataInDatabase": more.pop("data", {}),
            "useDynamicSigningKey": dynamic,
            **more,
        }
        return Tokens(self.call("POST", "/recipe/session", body))

    def verify(self, token: str, *, database: bool = False, **more: Any) -> dict[str, Any]:
        """Verify an access token."""
        body = {
            "accessToken": token,
            "doAntiCsrfCheck": False,
            "enableAntiCsrf": False,
            "checkDatabase": database,
            **more,
        }
        return self.call("POST", "/recipe/session/verify", body)

    def refresh_raw(self, token: str, *, csrf: bool = False, dynamic: bool = True, **more: Any) -> dict[str, Any]:
        """Refresh; give the reply whatever it is."""
        body = {"refreshToken": token, "enableAntiCsrf": csrf, "useDynamicSigningKey": dynamic, **more}
        return self.call("POST", "/recipe/session/refresh", body)

    def refresh(self, token: str, **more: Any) -> Tokens:
        """Refresh with success."""
        return Tokens(self.refresh_raw(token, **more))

    def regenerate(self, token: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """Mint an access token anew."""
        body = {"accessToken": token} | ({} if payload is None else {"userDataInJWT": payload})
        return self.call("POST", "/recipe/session/regenerate", body)

    def get(self, handle: str) -> dict[str, Any]:
        """Read a session."""
        return self.call("GET", "/recipe/session", sessionHandle=handle)

    def put(self, handle: str, data: dict[str, Any]) -> dict[str, Any]:
        """Replace session data."""
        return self.call("PUT", "/recipe/session/data", {"sessionHandle": handle, "userDataInDatabase": data})

    def put_payload(self, handle: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Replace a payload."""
        return self.call("PUT", "/recipe/jwt/data", {"sessionHandle": handle, "userDataInJWT": payload})

    def remove(self, *handles: str) -> list[str]:
        """End sessions; give the handles of those that there were."""
        reply = self.call("POST", "/recipe/session/remove", {"sessionHandles": list(handles)})
        return list(reply["sessionHandlesRevoked"])

    def handles(self, user: str = "ada", **query: Any) -> list[str]:
        """List the handles of a user."""
        return list(self.call("GET", "/recipe/session/user", userId=user, **query)["sessionHandles"])

    def kids(self) -> list[str]:
        """List the ids of the published keys."""
        reply = self.raw("GET", "/.well-known/jwks.json")
        return [key["kid"] for key in json.loads(reply.body)["keys"]]
