"""Replays recorded scenarios against a core, and says where its replies differ.

A recording has steps of a request and the reply that a real core gave. What differs from run to run stands in it as a
placeholder: `<uuid>`, `<opaque>`, `<ms now+60m>`, `{"$jwt": ...}` and so on; `${name}` stands for a value of an earlier
reply.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

__all__ = ("Answer", "Send", "replay")

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATTERNS = (
    ("<uuid>", re.compile(UUID)),
    ("<sha256 hex>", re.compile(r"[0-9a-f]{64}")),
    ("<opaque>", re.compile(r"[A-Za-z0-9+/=_.-]{60,}|MII[A-Za-z0-9+/=]+")),
)
KID = re.compile(rf"([ds]-)(?:{UUID}|\d+)")
JWT = re.compile(r"[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
TWENTY_YEARS_S = 20 * 365 * 86400
UNKNOWN = "AppId or tenantId not found"


class Answer(NamedTuple):
    """What a core answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Sends method, target, headers and body."""


def replay(
    steps: list[dict[str, Any]], send: Send, *, now: Callable[[], float], sleep: Callable[[float], None]
) -> list[str]:
    """Replay a scenario; give the differences, in words."""
    saved: dict[str, Any] = {"run": secrets.token_hex(6)}
    problems: list[str] = []
    for step in steps:
        if "sleep" in step:
            sleep(step["sleep"])
            continue
        answer = _send(step["request"], saved, send)
        parsed = _parse(answer.body)
        known = dict(saved)
        for name, path in step.get("save", {}).items():
            saved[name] = _dig(parsed, path)
            known.pop(name, None)
        got = _as_recorded(answer, parsed, known, now(), step.get("sort", []))
        problems += [f"[{step['name']}] {line}" for line in _differences(step["response"], got, "")]
    return problems


def _send(request: dict[str, Any], saved: dict[str, Any], send: Send) -> Answer:
    target = _fill(request["path"], saved)
    if request.get("query"):
        target += "?" + urlencode(_fill(request["query"], saved))
    body = b""
    if "json" in request:
        body = json.dumps(_fill(request["json"], saved)).encode()
    elif "text" in request:
        body = request["text"].encode()
    return send(request["method"], target, _fill(request.get("headers", {}), saved), body)


def _parse(body: bytes) -> Any:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, (dict, list)) else None


def _fill(value: Any, saved: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _fill(item, saved) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, saved) for item in value]
    if isinstance(value, str):
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        return saved[whole[1]] if whole else re.sub(r"\$\{(\w+)\}", lambda found: str(saved[found[1]]), value)
    return value


def _dig(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _as_recorded(answer: Answer, parsed: Any, saved: dict[str, Any], now: float, sort: list[str]) -> dict[str, Any]:
    """Write an answer the way recordings have it."""
    kind = answer.headers.get("content-type")
    got: dict[str, Any] = {"status": answer.status, "content_type": kind.split(";")[0].strip() if kind else None}
    cache = answer.headers.get("cache-control")
    if cache:
        got["cache_control"] = re.sub(r"\d+", "<seconds>", cache)
    if parsed is None:
        got["text"] = _normal(answer.body.decode("utf-8", "replace").strip(), saved, now)
        return got
    got["json"] = _normal(parsed, saved, now)
    for name in sort:
        if isinstance(got["json"], dict) and name in got["json"]:
            got["json"][name].sort(key=json.dumps)
    return got


def _normal(value: Any, saved: dict[str, Any], now: float) -> Any:
    if isinstance(value, dict):
        return {name: _normal(item, saved, now) for name, item in value.items()}
    if isinstance(value, list):
        return [_normal(item, saved, now) for item in value]
    if isinstance(value, (bool, type(None))):
        return value
    if isinstance(value, (int, float)):
        for unit, seconds in (("ms", value / 1000), ("s", value)):
            if abs(seconds - now) < TWENTY_YEARS_S:
                return f"<{unit} now{round((seconds - now) / 60):+d}m>"
        return value
    return _normal_text(value, saved, now)


def _normal_text(value: str, saved: dict[str, Any], now: float) -> Any:
    if value.startswith(UNKNOWN):
        return f"<text that starts: {UNKNOWN}>"
    for name, known in saved.items():
        if value == known and len(value) > 3:
            return f"${{{name}}}"
    if JWT.fullmatch(value):
        header, payload, _ = value.split(".")
        return {
            "$jwt": {"header": _normal(_decode(header), saved, now), "payload": _normal(_decode(payload), saved, now)}
        }
    for placeholder, pattern in PATTERNS:
        if pattern.fullmatch(value):
            return placeholder
    kid = KID.fullmatch(value)
    if kid:
        return f"{kid[1]}<key id>"
    for name, known in saved.items():
        if isinstance(known, str) and len(known) > 8:
            value = value.replace(known, f"${{{name}}}")
    return re.sub(UUID, "<uuid>", value)


def _decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _differences(want: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        for name in sorted(want.keys() | got.keys()):
            if name not in want or name not in got:
                yield f"{path}.{name}: {'extra' if name in got else 'missing'}"
            else:
                yield from _differences(want[name], got[name], f"{path}.{name}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif want != got and not (want == "<any text>" and isinstance(got, str) and got):
        yield f"{path}: want {want!r}, got {got!r}"
