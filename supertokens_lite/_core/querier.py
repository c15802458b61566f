"""The way to a session core: which host, which protocol version, what to send again.

A request goes to the hosts in turn. A host that failed is set aside for a while, and tried again sooner if no other is
left. What may be sent again:

    nothing of it reached a host                    always
    it may have reached one, and repeating is safe  reads and replacing writes
    it may have reached one, and repeating is not   never: `CoreUnavailableError`, and the caller decides
    the host answered 429                           always: the host says that it did nothing
    the host answered 502, 503 or 504               where repeating is safe

Waits are jittered, follow `Retry-After`, end within the timeout, and are paid from a budget, so that a sick core is not
met with a multiple of its load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, TypeVar

from supertokens_lite._core.call_cache import CallCache
from supertokens_lite._core.health import Host, Hosts
from supertokens_lite._core.watching import watching
from supertokens_lite._core.wire import Wire, parse_object
from supertokens_lite._io.base import IO, Effects, TransportError
from supertokens_lite._io.turns import Once
from supertokens_lite._protocol.paths import API_VERSION, EXTENSIONS_HEADER, EXTENSIONS_V1
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite._protocol.versions import SUPPORTED, choose
from supertokens_lite.exceptions import CoreError, CoreResponseError, CoreUnavailableError, CoreVersionError
from supertokens_lite.types import CoreCall, HttpReply, NetworkInterceptor, Secret, UserContext

__all__ = ("Querier",)

T = TypeVar("T")

OK: Final = 200
TOO_MANY: Final = 429
BUSY: Final = (502, 503, 504)
FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0

BUDGET: Final = 10.0
"""Retries that may be spent at once; each call earns a tenth of one."""
EARNED: Final = 0.1

UNREADABLE: Final = (KeyError, TypeError, ValueError)
"""What reading a reply raises that lacks what the protocol says."""

SECRETS: Final = re.compile(r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*|[A-Za-z0-9+/=_-]{40,}")
"""What looks like a token or a key."""


class _Core(NamedTuple):
    """What a core said of itself."""

    version: str
    extensions: bool


class Querier:
    """Speaks to a session core.

    Args:
        hosts: where it is.
        effects: how to get there.
        api_key: the key that it asks for.
        interceptor: sees and may change every request.
        cdi_version: the protocol version to speak; None: the best that both sides know.
        max_retries: how often a request is sent again.
        timeout_s: after which no further retry is begun, in seconds.
        cache_calls: whether answers are reused within one user context.
        domains: gives the API's and the website's domain, which the core is told once.
    """

    def __init__(
        self,
        hosts: Sequence[CoreHost],
        effects: Effects,
        *,
        api_key: Secret | None = None,
        interceptor: NetworkInterceptor | None = None,
        cdi_version: str | None = None,
        max_retries: int = 2,
        timeout_s: float = 10.0,
        cache_calls: bool = True,
        domains: Callable[[], tuple[str, str]] = lambda: ("", ""),
    ) -> None:
        self._effects = effects
        self._hosts = Hosts(hosts)
        self._wire = Wire(api_key, interceptor)
        self._version = cdi_version
        self._pinned = cdi_version is not None
        self._core: Once[_Core] = Once()
        self._tries = max(max_retries + 1, len(self._hosts))
        self._timeout_s = timeout_s
        self._cache = CallCache() if cache_calls else None
        self._domains = domains
        self._budget = BUDGET

    async def send(
        self,
        call: CoreCall,
        read: Callable[[dict[str, Any]], T],
        user_context: UserContext | None = None,
        *,
        fresh: bool = False,
    ) -> T:
        """Make a call; give what `read` makes of the JSON object of the reply.

        Args:
            call: the call.
            read: reads the reply; where the reply lacks something it raises `KeyError`, `TypeError` or `ValueError`.
            user_context: travels to the network interceptor, and may hold the answer already.
            fresh: ask the core even if the user context holds the answer.

        Raises:
            CoreUnavailableError: no host answered.
            CoreResponseError: a host answered with an error, or not in its protocol.
            CoreVersionError: there is no protocol version that both sides speak.
        """
        reply, host = await self._send(call, user_context, fresh=fresh)
        parsed = self._parse(reply, call, host)
        try:
            return read(parsed)
        except UNREADABLE as error:
            raise _response_error(reply, call, host) from error

    async def send_raw(
        self, call: CoreCall, read: Callable[[HttpReply], T], user_context: UserContext | None = None
    ) -> T:
        """Make a call; give what `read` makes of the reply, which has status 200, and its headers. Raises as `send`."""
        reply, host = await self._send(call, user_context)
        try:
            return read(reply)
        except UNREADABLE as error:
            raise _response_error(reply, call, host) from error

    async def send_to_each(
        self, call: CoreCall, read: Callable[[HttpReply], T], user_context: UserContext | None = None
    ) -> list[T | None]:
        """Ask every host at once; give what `read` makes of each reply, in the order of the hosts.

        For reads that need no protocol version: the version goes along if it is known, and is not asked for. The only
        host is asked as often as usual; of several each is asked once, for another's answer will do meanwhile.

        Returns:
            A value for each host, None for a host that did not answer, or not in its protocol; one at least is a value.

        Raises:
            CoreUnavailableError: no host answered.
            CoreResponseError: none answered as it should, and this is what the last one said.
        """
        io = self._effects.io
        failures: list[CoreError] = []

        async def ask(host: Host) -> list[T]:
            try:
                reply, address = await self._exchange(call, self._version, user_context, host)
                try:
                    return [read(reply)]
                except UNREADABLE as error:
                    raise _response_error(reply, call, address) from error
            except CoreError as error:
                failures.append(error)
                return []

        answers = await io.each(ask, self._hosts, limit=len(self._hosts))
        if not any(answers):
            raise _together(failures)
        return [answer[0] if answer else None for answer in answers]

    async def cdi_version(self, user_context: UserContext | None = None) -> str:
        """Give the protocol version that is spoken, asking the core once."""
        if self._version is None:
            core = await self._core.get(self._effects.io, lambda: self._ask(user_context))
            self._version = core.version
        return self._version

    async def has_extensions(self, user_context: UserContext | None = None) -> bool:
        """Tell whether the core has our extensions, asking it once."""
        known = self._core.peek()
        if known is None:
            known = await self._core.get(self._effects.io, lambda: self._ask(user_context))
        return known.extensions

    async def _ask(self, user_context: UserContext | None) -> _Core:
        api_domain, website_domain = self._domains()
        query = {"apiDomain": api_domain, "websiteDomain": website_domain}
        call = CoreCall("GET", API_VERSION, {name: value for name, value in query.items() if value})
        try:
            reply, host = await self._exchange(call, self._version, user_context)
        except CoreResponseError:
            if not self._pinned:
                raise
            return _Core(self._version or "", extensions=False)
        body = self._parse(reply, call, host)
        versions = body.get("versions")
        if not isinstance(versions, list):
            raise _response_error(reply, call, host)
        theirs = [str(version) for version in versions]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        version = self._version or choose(theirs)
        if version is None:
            raise CoreVersionError(ours=SUPPORTED, theirs=theirs, host=host.origin)
        extensions = {entry.strip() for entry in reply.headers.get(EXTENSIONS_HEADER, "").split(",")}
        return _Core(version, EXTENSIONS_V1 in extensions)

    def _parse(self, reply: HttpReply, call: CoreCall, host: CoreHost) -> dict[str, Any]:
        parsed = parse_object(reply.body)
        if parsed is None:
            raise _response_error(reply, call, host)
        return parsed

    async def _send(
        self, call: CoreCall, user_context: UserContext | None, *, fresh: bool = False
    ) -> tuple[HttpReply, CoreHost]:
        version = self._version or await self.cdi_version(user_context)
        cache = self._cache
        if cache is None:
            return await self._exchange(call, version, user_context)
        if call.method != "GET":
            try:
                return await self._exchange(call, version, user_context)
            finally:
                cache.clear(user_context)
        if user_context is None:
            return await self._exchange(call, version, user_context)
        shelf = cache.shelf(user_context)
        found = None if fresh else cache.find(shelf, call)
        if found is None:
            found = await self._exchange(call, version, user_context)
            cache.keep(shelf, call, found)
        return found

    async def _exchange(
        self, call: CoreCall, version: str | None, user_context: UserContext | None, only: Host | None = None
    ) -> tuple[HttpReply, CoreHost]:
        """Send a call to one host after the other, or to one of several only, until one answers 200."""
        io = self._effects.io
        self._budget = min(BUDGET, self._budget + EARNED)
        failures: list[tuple[str, str]] = []
        deadline = io.monotonic() + self._timeout_s
        tries = self._tries if only is None or len(self._hosts) == 1 else 1
        for attempt in range(tries):
            host = only or self._hosts.next(io)
            wait_s: float | None = None
            try:
                request = await self._wire.request(host.address, call, version, user_context)
                reply = await io.send(request)
            except TransportError as error:
                if not error.ours:
                    host.failed(io)
                _tell(None, None)
                failures.append((host.address.origin, error.reason))
                if not (error.unsent or call.repeatable):
                    break
                answer = None
            else:
                host.works()
                if reply.status == OK:
                    return reply, host.address
                answer = _response_error(reply, call, host.address)
                wait_s = _retry_after(reply, io)
                _tell(reply.status, wait_s)
                if not (reply.status == TOO_MANY or (reply.status in BUSY and call.repeatable)):
                    raise answer
            if not await self._may_retry(
                io, attempt, tries, wait_s, deadline, another=answer is None and self._hosts.has_healthy(io)
            ):
                if answer is not None:
                    raise answer
                break
        raise CoreUnavailableError(failures)

    async def _may_retry(
        self, io: IO, attempt: int, tries: int, wait_s: float | None, deadline: float, *, another: bool
    ) -> bool:
        """Wait before the next try; False if there is to be none."""
        if attempt + 1 >= tries:
            return False
        if wait_s is None and another:  # a host that is thought well of is tried at once
            return io.monotonic() < deadline
        if self._budget < 1:
            return False
        if wait_s is None:
            wait_s = io.random() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
        if io.monotonic() + wait_s > deadline:
            return False
        self._budget -= 1
        await io.sleep(wait_s)
        return True


def _tell(status: int | None, wait_s: float | None) -> None:
    """Tell whoever watches of a try that did not succeed."""
    watch = watching.get()
    if watch is not None:
        watch(status, wait_s)


def _retry_after(reply: HttpReply, io: IO) -> float | None:
    """Give the seconds that a reply asks to wait, with a little jitter; None if it does not say."""
    given = reply.headers.get("retry-after", "").strip()
    if not given:
        return None
    try:
        seconds = float(given) if given.isdigit() else parsedate_to_datetime(given).timestamp() - io.now()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) + io.random() * FIRST_WAIT_S


def _together(failures: Sequence[CoreError]) -> CoreError:
    """Make one error of what went wrong at each host."""
    unavailable = [error for error in failures if isinstance(error, CoreUnavailableError)]
    if len(unavailable) < len(failures):
        return next(error for error in reversed(failures) if error not in unavailable)
    return CoreUnavailableError([failure for error in unavailable for failure in error.failures])


def _response_error(reply: HttpReply, call: CoreCall, host: CoreHost) -> CoreResponseError:
    """Say what a host answered; what looks like a token is left out."""
    # a reply of 200 that can't be read may hold anything, tokens included
    body = "" if reply.status == OK else SECRETS.sub("…", reply.body[:2000].decode("utf-8", "replace"))
    return CoreResponseError(
        status=reply.status,
        path=host.base_path + call.path,
        host=host.origin,
        body=body or f"(a body of {len(reply.body)} bytes that is not what the protocol says)",
        method=call.method,
    )
