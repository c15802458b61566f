"""What a core has only where it is served: addresses that may call."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.embedded.server import CoreServer


async def _status(server: Any, address: str) -> int:
    transport = httpx.ASGITransport(server, client=(address, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://core") as client:
        return (await client.get("/hello")).status_code


@pytest.mark.parametrize("setting", ["ip_allow_regex", "ip_deny_regex"])
@pytest.mark.parametrize(("address", "matches"), [("10.0.0.1", True), ("10.0.0.12", False), ("110.0.0.1", False)])
def test_a_whole_address_matches(setting: str, address: str, matches: bool) -> None:
    """A regular expression is one of whole addresses: one that only begins or ends like an address is another."""
    core = EmbeddedCore(":memory:", config={setting: r"10\.0\.0\.1"})
    status = asyncio.run(_status(CoreServer(core), address))
    core.close()
    assert status == (200 if matches == (setting == "ip_allow_regex") else 403)
