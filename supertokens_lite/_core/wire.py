"""Turns a call into the request that goes to one host, and a reply's body into an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

from supertokens_lite._core.hooks import settle
from supertokens_lite._protocol.jsontext import build_json, parse_json
from supertokens_lite._protocol.paths import API_KEY_HEADER, CDI_VERSION_HEADER
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.types import CoreCall, HttpRequest, NetworkInterceptor, Secret, UserContext

__all__ = ("Wire", "parse_object")

CONTENT_TYPE: Final = "application/json; charset=utf-8"
HEADERS_REMEMBERED: Final = 64


def parse_object(body: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None if it is anything else."""
    try:
        value = parse_json(body.decode())
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


class Wire:
    """Builds requests.

    Args:
        api_key: the key that the core asks for.
        interceptor: sees and may change every request.
    """

    def __init__(self, api_key: Secret | None, interceptor: NetworkInterceptor | None) -> None:
        self._api_key = api_key
        self._interceptor = interceptor
        self._headers: dict[tuple[str | None, str, bool], dict[str, str]] = {}

    async def request(
        self, host: CoreHost, call: CoreCall, version: str | None, user_context: UserContext | None
    ) -> HttpRequest:
        """Build the request that makes a call to one host."""
        headers = self._headers_of(call, version)
        if self._interceptor is not None:
            return await self._intercept(host, call, headers, user_context)
        target = host.base_path + call.path
        if call.query:
            target += "?" + urlencode(call.query, errors="surrogatepass")
        body = b"" if call.body is None else build_json(call.body).encode()
        return HttpRequest(call.method, host.origin, target, headers, body)

    def _headers_of(self, call: CoreCall, version: str | None) -> dict[str, str]:
        """Give the headers of a call; few different ones come again and again."""
        key = (version, call.path, call.body is not None)
        headers = self._headers.get(key)
        if headers is None:
            _, recipe, rest = call.path.partition("/recipe/")
            rid = rest.partition("/")[0] if recipe else ""
            headers = {"accept": "application/json"}
            if version is not None:
                headers[CDI_VERSION_HEADER] = version
            if self._api_key is not None:
                headers[API_KEY_HEADER] = self._api_key.reveal()
            if rid:
                headers["rid"] = rid
            if call.body is not None:
                headers["content-type"] = CONTENT_TYPE
            if len(self._headers) < HEADERS_REMEMBERED:
                self._headers[key] = headers
        return headers

    async def _intercept(
        self, host: CoreHost, call: CoreCall, headers: Mapping[str, str], user_context: UserContext | None
    ) -> HttpRequest:
        assert self._interceptor is not None
        sends_body = call.body is not None
        outcome: Any = self._interceptor(
            host.origin + host.base_path + call.path,
            call.method,
            dict(headers),
            dict(call.query or {}),
            dict(call.body or {}),
            user_context,
        )
        given: Any = await settle(outcome)
        try:
            url, method, changed, params, body = given
        except (TypeError, ValueError):
            raise ConfigurationError("network_interceptor must give (url, method, headers, params, body)") from None
        if "://" not in url:
            raise ConfigurationError("network_interceptor gave a URL without scheme and host")
        origin, target = _split(url, host)
        if params:
            target += ("&" if "?" in target else "?") + urlencode(params, errors="surrogatepass")
        try:
            data = build_json(body or {}).encode() if sends_body or body else b""
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"network_interceptor gave a body that is no JSON: {error}") from None
        lowered = {str(name).lower(): str(value) for name, value in changed.items()}
        return HttpRequest(method, origin, target, lowered, data)


def _split(url: str, host: CoreHost) -> tuple[str, str]:
    """Split a URL into its origin and the rest; that of a core in process has no authority."""
    rest = url.removeprefix(host.origin)
    if rest != url and rest[:1] in ("", "/", "?"):
        return host.origin, rest or "/"
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin, url[len(origin) :] or "/"
