"""The core's public keys: fetched as seldom as is safe, and once for all who wait.

    age of the keys                     who needs one
    below the soft limit                uses them
    between the limits                  one caller fetches, the others use them meanwhile
    above the hard limit                waits for the one fetch
    any, but the last fetch failed      uses them until they are stale; now and then one caller tries again
    stale                               waits for the one fetch, and gets its error

The soft limit is the interval that was configured, or less if the core says so (`Cache-Control`); the hard one twice as
much. Every host is asked, and their keys are put together, for cores that were started at the same moment may know
different ones. A key that a host does not name any more is gone; the keys of a host that does not answer are not.

A key that is not among them may be new, or an invention: the core is asked, but not again within the cool-down,
whatever the answer was, so that forged tokens cause no traffic.

What is held is one object, replaced as a whole when keys arrive. The flight that fetches its successor hangs on it, so
whoever finds it wanting joins that one flight, from any task or thread, and whoever comes later finds another object.
A caller who fetches pushes the soft limit out first: that is what sends the others on with the old keys, and if the
caller is cancelled, or was the parent of a fork, it is over by itself. Hence no locks, and nothing to give back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from supertokens_lite._core.querier import Querier
from supertokens_lite._core.wire import parse_object
from supertokens_lite._io.base import Effects
from supertokens_lite._io.turns import Once, own_error
from supertokens_lite._protocol.cdi import get_jwks, max_age_s
from supertokens_lite._protocol.jwks import KeySet
from supertokens_lite._protocol.tokens import AccessToken, Credentials
from supertokens_lite.exceptions import ConfigurationError, CoreError
from supertokens_lite.types import HttpReply, UserContext, is_array, is_object

__all__ = ("Keys",)

logger = logging.getLogger("supertokens_lite.keys")

LEAST_S: Final = 60.0
"""How long keys are used at least, whatever the core says; unless the configured interval is shorter."""
RETRY_S: Final = 30.0
"""How long nobody else tries once a caller does, and after a failure; jittered then."""
COOL_DOWN_S: Final = 10.0
"""How long no other unknown key makes us ask the core."""
UNSAID_S: Final = 60
"""How long others may keep the keys where the core does not say."""

ASKED: Final = "public_keys_asked_s"
"""Where a user context has the time at which its own request fetched the keys."""

Jwk = Mapping[str, Any]


class _Answer(NamedTuple):
    """What one host said, when it was asked, and for how long others may keep it."""

    keys: tuple[Jwk, ...]
    max_age_s: int | None
    asked_s: float


class _Held:
    """Keys, how long they may be used, and the flight that fetches the next ones.

    Attributes:
        keys: the keys; None if there never were any.
        answers: what each host said last.
        soft_s: until then anyone may use them.
        hard_s: until then those may who do not fetch.
        stale_s: until then all may if fetching failed.
        is_given: whether they were given at the start, and so are never stale.
        flight: fetches the next ones.
        is_flying: whether that is under way, as far as is known.
        error: why fetching failed last.
    """

    __slots__ = ("answers", "error", "flight", "hard_s", "is_flying", "is_given", "keys", "soft_s", "stale_s")

    def __init__(
        self,
        keys: KeySet | None,
        answers: Sequence[_Answer | None],
        soft_s: float = -math.inf,
        hard_s: float = -math.inf,
        stale_s: float = -math.inf,
    ) -> None:
        self.keys = keys
        self.answers = answers
        self.soft_s = soft_s
        self.hard_s = hard_s
        self.stale_s = stale_s
        self.is_given = stale_s == math.inf
        self.flight: Once[KeySet] = Once()
        self.is_flying = False
        self.error: CoreError | None = None

    def failed(self, error: Exception, now_s: float, pause_s: float) -> None:
        """Go on with what there is, for as long as may be."""
        self.error = own_error(error) if isinstance(error, CoreError) else None
        self.hard_s = self.stale_s
        self.soft_s = min(now_s + pause_s, self.stale_s)
        if now_s < self.stale_s:
            left = "" if self.is_given else f" for {self.stale_s - now_s:.0f} s more"
            logger.warning("the public keys could not be fetched; those at hand are used%s: %s", left, _reason(error))


class Keys:
    """Gives the public keys that access tokens are verified with.

    Args:
        querier: the way to the core.
        effects: waits, and tells the time.
        refresh_s: how long keys are used before they are fetched again, in seconds.
        max_stale_s: how much longer they are used if fetching fails, in seconds.
        cache_size: how many verified tokens a key set remembers.
        static: a JWKS document to begin with (`{"keys": [...]}`). It is used without a call, replaced when the core has
            been asked in due time, and for as long as the core can't be asked.

    Raises:
        ConfigurationError: there is no key in `static` that could be used.
    """

    def __init__(
        self,
        querier: Querier,
        effects: Effects,
        *,
        refresh_s: float,
        max_stale_s: float,
        cache_size: int,
        static: Mapping[str, Any] | None = None,
    ) -> None:
        self._querier = querier
        self._effects = effects
        self._clock = effects.asynchronous  # one clock for both colours: to ask which is in force is slow
        self._refresh_s = refresh_s
        self._max_stale_s = max_stale_s
        self._cache_size = cache_size
        self._rests_until_s = -math.inf
        self._held = _Held(None, ()) if static is None else self._given(static)

    def _given(self, static: Mapping[str, Any]) -> _Held:
        now_s = self._effects.io.monotonic()
        try:
            answer = _Answer(_read_keys(static), None, now_s)
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError("static_jwks has no RSA key that could be used") from None
        keys = KeySet(_merge([answer]), cache_size=self._cache_size)
        return _Held(keys, (answer,), now_s + self._refresh_s, math.inf, math.inf)

    def fresh(self) -> KeySet | None:
        """Give the keys if they may be used right now, else None. Effects: none."""
        held = self._held
        return held.keys if self._clock.monotonic() < held.soft_s else None

    def recall(self, access_token: str) -> AccessToken | None:
        """Give what an access token says that these keys have verified before, if it is still good. Effects: none."""
        keys = self.fresh()
        return None if keys is None else keys.recall(access_token, self._clock.now())

    def recall_by(self, came: Credentials) -> AccessToken | None:
        """Do the same by the headers that it came in, if `recall_as` was told of them. Effects: none."""
        clock, held = self._clock, self._held
        if held.keys is None or clock.monotonic() >= held.soft_s:
            return None
        return held.keys.recall_by(came, clock.now())

    def recall_as(self, access_token: str, came: Credentials) -> AccessToken | None:
        """Do as `recall`, and know the token by the headers that it came in from now on. Effects: none."""
        keys = self.fresh()
        return None if keys is None else keys.recall_as(access_token, came, self._clock.now())

    async def get(self, user_context: UserContext | None = None) -> KeySet:
        """Give the keys.

        Raises:
            CoreError: they had to be fetched, and the core could not be asked; nothing is known about any token.

        Effects: asks every host once if there are no keys, or they are due; then whoever comes meanwhile waits, or uses
        the old ones.
        """
        io, held = self._effects.io, self._held
        keys, now_s = held.keys, io.monotonic()
        if keys is not None:
            if now_s < held.soft_s:
                return keys
            if now_s < held.hard_s:
                held.soft_s = min(now_s + RETRY_S, held.hard_s)
        try:
            newer = await held.flight.get(io, self._fetching(held, user_context))
        except Exception:  # an interceptor of the application's may raise anything, and is no reason to refuse a token
            if keys is None or io.monotonic() >= held.stale_s:
                raise
            return keys
        if user_context is not None:
            user_context.setdefault("_default", {})[ASKED] = io.monotonic()
        return newer

    async def with_kid(self, kid: str, user_context: UserContext | None = None) -> KeySet | None:
        """Give the keys once the key with an id is among them; None if the core does not know it either.

        Raises:
            CoreError: the core could not be asked, now or a moment ago; nothing is known about the token.

        Effects: asks every host once, at most once in ten seconds whoever calls. Who calls while that is under way
        waits for it. Nothing is asked if the same user context has just had the keys fetched.
        """
        io, held = self._effects.io, self._held
        keys, now_s = held.keys, io.monotonic()
        if keys is not None:
            if kid in keys.kids:
                keys = await self.get(user_context)
                return keys if kid in keys.kids else None
            if now_s < _asked_s(user_context) + COOL_DOWN_S:
                self._rests_until_s = max(self._rests_until_s, now_s + COOL_DOWN_S)
                return None
            if now_s < self._rests_until_s and not held.is_flying:
                if held.error is not None:
                    raise own_error(held.error)
                return None
        held.is_flying = True  # first: whoever finds the rest begun has to find this too
        self._rests_until_s = now_s + COOL_DOWN_S
        try:
            newer = await held.flight.get(io, self._fetching(held, user_context))
        except Exception as error:
            # what is not the core's did not reach it
            self._rests_until_s = io.monotonic() + COOL_DOWN_S if isinstance(error, CoreError) else -math.inf
            raise
        self._rests_until_s = io.monotonic() + COOL_DOWN_S
        return newer if kid in newer.kids else None

    def forget(self, handles: Collection[str]) -> None:
        """Have the tokens of some sessions verified anew when they come again. Effects: none."""
        keys = self._held.keys
        if keys is not None:
            keys.forget(handles)

    async def document(self, user_context: UserContext | None = None) -> tuple[list[dict[str, Any]], int]:
        """Give the keys for others to verify with, and for how many seconds they may keep them. Raises as `get`."""
        await self.get(user_context)
        held, now_s = self._held, self._effects.io.monotonic()
        limits = [each.asked_s + each.max_age_s for each in held.answers if each and each.max_age_s is not None]
        left_s = max(0, math.ceil(min(limits) - now_s)) if limits else UNSAID_S
        return [dict(key) for key in _merge(held.answers)], left_s

    def _fetching(self, held: _Held, user_context: UserContext | None) -> Callable[[], Awaitable[KeySet]]:
        async def fetch() -> KeySet:
            io = self._effects.io
            held.is_flying = True
            asked_s = io.monotonic()
            try:
                replies = await self._querier.send_to_each(get_jwks(), _read_reply, user_context)
            except Exception as error:
                pause_s = self._refresh_s if held.is_given else RETRY_S * (0.5 + io.random())
                held.failed(error, io.monotonic(), pause_s)
                raise
            finally:
                held.is_flying = False
            answers = [reply and _Answer(*reply, asked_s) for reply in replies]
            self._held = newer = self._arrived(answers, asked_s)
            assert newer.keys is not None
            return newer.keys

        return fetch

    def _arrived(self, answers: Sequence[_Answer | None], asked_s: float) -> _Held:
        """Put the hosts' answers together; for a host that gave none the one before will do until it is stale."""
        before = self._held
        limits = [each.max_age_s for each in answers if each and each.max_age_s is not None]
        interval_s = min(self._refresh_s, max(LEAST_S, min(limits, default=math.inf)))
        if len(before.answers) == len(answers):
            horizon_s = asked_s - interval_s - self._max_stale_s
            answers = [
                now or (then if then and then.asked_s > horizon_s else None)
                for now, then in zip(answers, before.answers, strict=True)
            ]
        keys = KeySet(_merge(answers), cache_size=self._cache_size)
        if before.keys is not None and before.keys.members == keys.members:
            keys = before.keys
        soft_s = asked_s + interval_s
        return _Held(keys, answers, soft_s, soft_s + interval_s, soft_s + self._max_stale_s)


def _read_reply(reply: HttpReply) -> tuple[tuple[Jwk, ...], int | None]:
    """Read a host's keys, and how long they may be kept."""
    return _read_keys(parse_object(reply.body) or {}), max_age_s(reply.headers.get("cache-control"))


def _read_keys(document: Mapping[str, Any]) -> tuple[Jwk, ...]:
    """Read the keys of a JWKS document that can be used; one without any is none: every core has keys."""
    entries = document["keys"]
    if not is_array(entries):
        raise TypeError("not an array")
    keys = tuple(entry for entry in entries if is_object(entry) and KeySet((entry,), cache_size=0).kids)
    if not keys:
        raise ValueError("no key that could be used")
    return keys


def _merge(answers: Iterable[_Answer | None]) -> list[Jwk]:
    """Put keys together, each id once."""
    merged: dict[str, Jwk] = {}
    for answer in answers:
        for key in answer.keys if answer else ():
            merged.setdefault(key["kid"], key)
    return list(merged.values())


def _asked_s(user_context: UserContext | None) -> float:
    """Give when the request of a user context fetched the keys; long ago if it did not."""
    default = (user_context or {}).get("_default")
    asked_s = default.get(ASKED) if is_object(default) else None
    return asked_s if isinstance(asked_s, float) else -math.inf


def _reason(error: Exception) -> str:
    """Say what went wrong; of an error that is not ours only its name, for it may tell anything."""
    return str(error) if isinstance(error, CoreError) else type(error).__name__
