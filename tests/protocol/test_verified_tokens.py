"""Remembering the access tokens that were verified."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from supertokens_lite._protocol.jwks import KeySet, VerifiedTokens
from supertokens_lite._protocol.tokens import AccessToken, Credentials, TokenRules
from supertokens_lite.types import Refusal
from tests.protocol.signing import KID, LIFETIME_S, NOW_S, Signer
from tests.protocol.test_jwks import RULES, refusal


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Give a dynamic key."""
    return Signer()


def remembering(signer: Signer, cache_size: int = 10) -> KeySet:
    """Give a new key set that remembers."""
    return KeySet([signer.jwk], cache_size=cache_size)


def test_a_token_is_recalled(signer: Signer) -> None:
    """What was verified is recalled by the same text, and only by that; what was not verified never is."""
    keys, token = remembering(signer), signer.sign()
    assert keys.recall(token, NOW_S) is None
    verified = keys.verify(token, NOW_S, RULES)
    assert keys.recall(token.encode().decode(), NOW_S) is verified
    for changed in (token[:-1], f"{token}=", f" {token}", token.swapcase(), ""):
        assert keys.recall(changed, NOW_S) is None
    assert refusal(keys, signer.sign(signer.claims(stt=1))) is Refusal.WRONG_TOKEN_TYPE
    assert keys.remembered == 1


def test_what_is_remembered_is_not_shown() -> None:
    """What a debugger or an error report writes of the memory has no token in it."""
    signer = Signer()
    memory, tokens = VerifiedTokens(4), [signer.sign() for _ in range(4)]
    keys = KeySet([signer.jwk], cache_size=0)
    for token in tokens:
        memory.remember(keys.verify(token, NOW_S, RULES))
    assert len(memory) == 4
    shown = repr(vars(memory))
    assert "2 tokens" in shown
    assert not [token for token in tokens if token in shown or token.rpartition(".")[2] in shown]


def test_a_refused_token_is_not_recalled(signer: Signer) -> None:
    """Nothing that was refused is remembered."""
    keys = remembering(signer)
    rules = TokenRules(issuers=frozenset(("x",)))
    for token in (signer.sign(), signer.sign(signer.claims(exp=NOW_S - 100)), "x"):
        assert refusal(keys, token, rules)
        assert keys.recall(token, NOW_S) is None
    assert keys.remembered == 0


def test_an_expired_token_is_not_recalled(signer: Signer) -> None:
    """A token is never recalled past its expiry, not even within the leeway."""
    keys, token, end_s = remembering(signer), signer.sign(), NOW_S + LIFETIME_S
    keys.verify(token, NOW_S, RULES)
    assert keys.recall(token, end_s - 0.001) is not None
    assert keys.recall(token, end_s) is None
    keys = remembering(signer)
    keys.verify(token, end_s + 1, RULES)
    assert keys.remembered == 0


def test_nobody_gets_the_cache_itself(signer: Signer) -> None:
    """What a caller does to a payload changes nothing for the next."""
    keys, claims = remembering(signer), signer.claims(roles=["a"])
    token = signer.sign(claims)
    for payload in (keys.verify(token, NOW_S, RULES).payload(), keys.verify(token, NOW_S, RULES).payload()):
        payload["roles"].append("b")
        payload["sub"] = "somebody else"
    recalled = keys.recall(token, NOW_S)
    assert recalled is not None
    assert recalled.payload() == claims
    assert recalled.user_id == claims["sub"]


def test_the_cache_can_be_turned_off(signer: Signer) -> None:
    """With size 0 nothing is remembered."""
    keys, token = remembering(signer, 0), signer.sign()
    keys.verify(token, NOW_S, RULES)
    assert keys.recall(token, NOW_S) is None


def test_tokens_of_a_session_are_forgotten(signer: Signer) -> None:
    """All tokens of a session go, in both generations; those of others stay."""
    keys = remembering(signer, 8)
    tokens = [signer.sign(signer.claims(sessionHandle=handle, n=n)) for n in range(3) for handle in "ab"]
    for token in tokens:
        keys.verify(token, NOW_S, RULES)
    assert keys.remembered == 6
    keys.forget([])
    keys.forget(["c"])
    assert keys.remembered == 6
    keys.forget(["a", "c"])
    assert [keys.recall(token, NOW_S) is None for token in tokens] == [True, False] * 3
    assert keys.verify(tokens[0], NOW_S, RULES) is keys.recall(tokens[0], NOW_S)
    keys.forget("ab")
    assert keys.remembered == 0


def came_with(token: str, cookie: str | None = None) -> Credentials:
    """Give the headers of a request with a token."""
    return f"Bearer {token}", cookie


def test_a_token_is_recalled_by_what_it_came_in(signer: Signer) -> None:
    """What it came in once gives it from then on, and nothing else does; as long as its text would."""
    keys, text = remembering(signer), signer.sign()
    came = came_with(text)
    assert keys.recall_as(text, came, NOW_S) is None
    assert keys.recall_by(came, NOW_S) is None
    token = keys.verify(text, NOW_S, RULES)
    assert keys.recall_as(text, came, NOW_S) is token
    assert keys.recall_by(came_with(text), NOW_S) is token
    for other in (came_with(text, "a=b"), came_with(text[:-1]), (None, came[0]), (text, None), (None, None)):
        assert keys.recall_by(other, NOW_S) is None
    assert keys.remembered == 1
    assert keys.recall_by(came, token.expires_s) is None
    keys.forget([token.session_handle])
    assert keys.recall_by(came, NOW_S) is None
    assert keys.remembered == 0


@pytest.mark.parametrize(
    "came", [(None, None), (None, "a=b"), ("Bearer x", "sAccessToken={}")], ids=["nothing", "another", "elsewhere"]
)
def test_what_does_not_tell_a_token_is_not_remembered(signer: Signer, came: tuple[str | None, str | None]) -> None:
    """Headers that do not hold the token where it counts are never taken for it."""
    keys, text = remembering(signer), signer.sign()
    keys.verify(text, NOW_S, RULES)
    came = came[0], came[1] and came[1].format(text)
    assert keys.recall_as(text, came, NOW_S) is not None
    assert keys.recall_by(came, NOW_S) is None


class Alike(NamedTuple):
    """Headers that all have one hash."""

    authorization: str | None
    cookie: str | None

    def __hash__(self) -> int:
        return 1


def test_who_meets_a_hash_by_chance_gets_nothing(signer: Signer) -> None:
    """A hash finds a token, and gives it to nobody who does not send it."""
    keys, text, other = remembering(signer), signer.sign(), signer.sign(signer.claims(sessionHandle="other"))
    for each in (text, other):
        keys.verify(each, NOW_S, RULES)
    assert keys.recall_as(text, Alike(*came_with(text)), NOW_S) is not None
    assert keys.recall_by(Alike(*came_with(text)), NOW_S) is not None
    for near in (other, text[:-1], text.swapcase(), f" {text}", ""):
        assert keys.recall_by(Alike(*came_with(near)), NOW_S) is None
    assert keys.recall_by(Alike(None, f"sAccessToken={text}"), NOW_S) is None
    assert keys.recall_by(Alike(None, None), NOW_S) is None


def test_headers_that_change_take_no_more_room(signer: Signer) -> None:
    """Of a token whose other cookies change with each request the last headers are known, for as long as it comes."""
    keys, mine, theirs = remembering(signer, 4), signer.sign(), signer.sign(signer.claims(sessionHandle="theirs"))
    for text in (mine, theirs):
        keys.verify(text, NOW_S, RULES)
    for number in range(100):
        assert keys.recall_as(mine, came_with(mine, f"n={number}"), NOW_S) is not None
    assert keys.recall_by(came_with(mine, "n=99"), NOW_S) is not None
    assert keys.recall_by(came_with(mine, "n=98"), NOW_S) is None
    assert keys.recall(theirs, NOW_S) is not None
    assert keys.remembered == 2
    assert len(keys._verified._generations[0].came) == 1


def test_headers_live_and_die_with_their_token() -> None:
    """A token that is met by its headers outlives those that are not met, with its text; then both go together."""
    cache, mine = VerifiedTokens(100), made(10**6)
    cache.remember(mine)
    assert cache.recall_as(mine.text, came_with(mine.text), 0) is mine
    for number in range(10_000):
        token = made(number)
        cache.remember(token)
        assert cache.recall_as(token.text, came_with(token.text), 0) is token
        assert len(cache) <= 100
        assert all(each.tokens.keys() >= {kept.text for kept, _ in each.came.values()} for each in cache._generations)
        if number % 40 == 0:
            assert cache.recall_by(came_with(mine.text), 0) is mine
    assert cache.recall(mine.text, 0) is mine
    assert cache.recall_by(came_with("token 10"), 0) is None
    cache.forget([mine.session_handle, *(f"s{number}" for number in range(5000))])
    assert len(cache) == 0
    assert [(each.came, each.ways) for each in cache._generations] == [({}, {})] * 2


def made(number: int) -> AccessToken:
    """Make a token as if it had been verified."""
    claims = {"sub": "u", "rsub": "u", "tId": "public", "iat": 0, "exp": 10, "sessionHandle": f"s{number // 2}"}
    return AccessToken(f"token {number}", 5, KID, claims, "{}")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10, 10_000])
def test_the_cache_is_bounded(size: int) -> None:
    """Of a hundred thousand tokens no more are kept than was said, and at least the last half of that many."""
    cache = VerifiedTokens(size)
    for number in range(100_000):
        cache.remember(made(number))
        assert len(cache) <= size
    kept = [number for number in range(100_000) if cache.recall(made(number).text, 0) is not None]
    assert kept[len(kept) - size // 2 :] == list(range(100_000 - size // 2, 100_000))
    assert sum(len(generation.texts) for generation in cache._generations) <= size + 2
    cache.forget([f"s{number}" for number in range(50_000)])
    assert len(cache) == 0


def test_what_is_met_again_is_kept() -> None:
    """A token that comes again and again outlives any number of those that don't."""
    cache, mine = VerifiedTokens(100), made(10**6)
    cache.remember(mine)
    for number in range(10_000):
        cache.remember(made(number))
        if number % 40 == 0:
            assert cache.recall(mine.text, 0) is mine


def test_a_token_that_is_verified_again_takes_no_more_room() -> None:
    """Remembering the same token twice keeps it once."""
    cache = VerifiedTokens(100)
    for _ in range(1000):
        cache.remember(made(1))
    assert len(cache) == 1
    assert cache._generations[0].texts == {"s0": ("token 1",)}


@pytest.fixture
def rapid() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], None], threads: int = 8) -> None:
    """Do work in many threads that begin at the same time."""
    barrier, failures = threading.Barrier(threads), list[BaseException]()

    def run(which: int) -> None:
        barrier.wait()
        try:
            work(which)
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=run, args=(which,)) for which in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert failures == []


@pytest.mark.usefixtures("rapid")
def test_many_threads_fill_one_cache() -> None:
    """Threads that remember, recall and forget at once get their own tokens only, and stay within the bound."""
    cache = VerifiedTokens(64)

    def work(which: int) -> None:
        dice = random.Random(which)
        for _ in range(5000):
            number = dice.randrange(400)
            found = cache.recall(f"token {number}", 0)
            assert found is None or found.session_handle == f"s{number // 2}"
            cache.remember(made(number))
            if number % 50 == 0:
                cache.forget((f"s{number // 2}",))

    at_once(work)
    assert len(cache) <= 64
    cache.forget([f"s{number}" for number in range(200)])
    cache.remember(made(1))
    assert cache.recall("token 1", 0) is not None


@pytest.mark.usefixtures("rapid")
def test_many_threads_verify_at_once(signer: Signer) -> None:
    """Each thread gets what its own token says, first seen or seen before, good or forged."""
    keys = remembering(signer, 16)
    tokens = {signer.sign(signer.claims(sub=f"user{number}")): f"user{number}" for number in range(40)}

    def work(which: int) -> None:
        mine = list(tokens)
        random.Random(which).shuffle(mine)
        for token in mine * 3:
            found = keys.recall(token, NOW_S) or keys.verify(token, NOW_S, RULES)
            assert found.user_id == tokens[token] == found.payload()["sub"]
            assert refusal(keys, f"{token[:-9]}{'A' * 9}")

    at_once(work)
    assert keys.remembered <= 16
    assert len(keys._signers) == 1
