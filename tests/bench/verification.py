"""Verifying an access token, against the RSA check that it can't do without; and what remembering tokens takes.

`python -m tests.bench.verification [--quick]` measures this alone.
"""

from __future__ import annotations

import base64
import gc
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from supertokens_lite._protocol.jwks import KeySet
from supertokens_lite._protocol.tokens import TokenRules
from tests.bench.measure import ROUNDS, Figure, Timing
from tests.bench.measure import side_by_side as wall_clock
from tests.protocol.signing import NOW_S, Signer

RULES = TokenRules()
CACHE_SIZE = 10_000
DISTINCT = 100_000
BOUND_MB = 30
FORGET_S = 1e-5

WITHOUT_FAST = """
import json, sys
sys.modules["pybase64"] = None
from {module} import measure_plainly
print(json.dumps(list(measure_plainly(int(sys.argv[1])))))
"""


def figures(calls: int) -> Iterator[Figure]:
    """Measure; where `pybase64` is installed, verification at first sight also without it, in a process of its own."""
    signer = Signer()
    yield from first_sight_figures(signer, calls)
    if is_fast():
        yield from figures_without_fast("tests.bench.verification", calls)
    yield recall_figure(signer, calls)
    yield from cache_figures(signer, DISTINCT if calls >= 500 else 2 * CACHE_SIZE)


def key_set(signer: Signer, cache_size: int = CACHE_SIZE) -> KeySet:
    """Give a new key set that knows the key."""
    return KeySet([signer.jwk], cache_size=cache_size)


class Raw:
    """The RSA check alone, of tokens taken apart beforehand."""

    def __init__(self, signer: Signer, tokens: list[str]) -> None:
        self._key = signer.private.public_key()
        self._padding, self._hash = padding.PKCS1v15(), SHA256()
        split = [token.rpartition(".") for token in tokens]
        self._checks = [(base64.urlsafe_b64decode(signature + "=="), signed.encode()) for signed, _, signature in split]

    def run(self) -> None:
        """Check them all."""
        for signature, signed in self._checks:
            self._key.verify(signature, signed, self._padding, self._hash)


def is_fast() -> bool:
    """Tell whether `pybase64` is used."""
    return sys.modules.get("pybase64") is not None


def figures_without_fast(module: str, calls: int) -> Iterator[Figure]:
    """Give what a module's `measure_plainly` measures where `pybase64` can't be imported."""
    program = WITHOUT_FAST.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", program, str(calls)], capture_output=True, text=True, timeout=600, check=True
    )
    yield from (Figure(*each) for each in json.loads(done.stdout))


def measure_plainly(calls: int) -> Iterator[Figure]:
    """Measure what a plain install does otherwise."""
    yield from first_sight_figures(Signer(), calls)


def first_sight_figures(signer: Signer, calls: int) -> Iterator[Figure]:
    """Verify tokens that were not seen before, or have long been dropped from a cache that is full, and without one."""
    tokens = [signer.sign() for _ in range(calls)]
    raw = Raw(signer, tokens)
    fast = is_fast()
    name = "verification at first sight, " + ("with pybase64, " if fast else "") + "against the RSA check alone"
    for cache_size, what in ((calls // 2, name), (0, f"{name}, remembering nothing")):

        def ours(keys: KeySet = key_set(signer, cache_size)) -> None:  # noqa: B008  # one for each size
            for token in tokens:
                if keys.recall(token, NOW_S) is not None:
                    raise AssertionError("seen before")
                keys.verify(token, NOW_S, RULES)

        timing = side_by_side(ours, raw.run)
        yield Figure(what, timing.ratio, 1.45 if fast else 1.75, detail=show(timing, calls))


def recall_figure(signer: Signer, calls: int) -> Figure:
    """Meet tokens again; each as a text of its own, as a request brings it."""
    tokens = [signer.sign() for _ in range(calls)]
    raw, keys = Raw(signer, tokens), key_set(signer)
    for token in tokens:
        keys.verify(token, NOW_S, RULES)

    def ours(copies: list[str]) -> None:
        for token in copies:
            if keys.recall(token, NOW_S) is None:
                raise AssertionError("forgotten")

    brought = iter([[token.encode().decode() for token in tokens] for _ in range(ROUNDS + 1)])
    timing = side_by_side(lambda: ours(next(brought)), raw.run)
    what = "verification of a token seen before, against the RSA check alone"
    return Figure(what, timing.ratio, 0.1, detail=show(timing, calls))


def cache_figures(signer: Signer, count: int) -> Iterator[Figure]:
    """Verify many distinct tokens with one cache, and forget the sessions of the last of them."""
    keys, handles = key_set(signer), list[str]()
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(count):
        claims = signer.claims()
        keys.verify(signer.sign(claims), NOW_S, RULES)
        handles.append(claims["sessionHandle"])
    handles = handles[-CACHE_SIZE // 2 :]
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    remembered, megabytes = keys.remembered, (after - before) / 1e6
    detail = f"{remembered:,} remembered after {count:,} distinct ones, in {megabytes:.1f} MB"
    yield Figure("verified tokens remembered, against the bound", remembered / CACHE_SIZE, 1.0, detail=detail)
    yield Figure(f"memory of as many, against {BOUND_MB} MB", megabytes / BOUND_MB, 1.0, detail=detail)
    begun = time.process_time()
    for handle in handles:
        keys.forget((handle,))
    took_s = (time.process_time() - begun) / len(handles)
    detail = f"{took_s * 1e6:.2f} µs"
    yield Figure("forgetting a session, against 10 µs", took_s / FORGET_S, 1.0, detail=detail)


def side_by_side(ours: Callable[[], None], other: Callable[[], None]) -> Timing:
    """Time by the processor's time of this process: neither side waits for anything."""
    return wall_clock(ours, other, clock=time.process_time)


def show(timing: Timing, calls: int) -> str:
    """Show both sides' time of one call."""
    return f"{timing.ours_s / calls * 1e6:.2f} µs against {timing.other_s / calls * 1e6:.2f} µs"


def main() -> int:
    """Measure and print."""
    calls = 200 if "--quick" in sys.argv else 2000
    for figure in figures(calls):
        print(f"{figure.what}: {figure.ratio:.3f} (wanted {figure.wanted:g}) {figure.detail}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
