"""The peer updates sessions: `python bulk_peer.py URL AT_ONCE`, in an environment that has it.

For each line of its input, `{"handles": […], "data": {…}}`, it prints the seconds that took and the CPU seconds among
them.
"""

import asyncio
import json
import sys
import time

from supertokens_python import InputAppInfo, SupertokensConfig, init  # type: ignore[import-not-found]
from supertokens_python.recipe import session  # type: ignore[import-not-found]
from supertokens_python.recipe.session import asyncio as sessions  # type: ignore[import-not-found]


async def update_all(handles: list[str], data: dict[str, object], at_once: int) -> None:
    """Update each session."""
    gate = asyncio.Semaphore(at_once)

    async def update(handle: str) -> None:
        async with gate:
            if not await sessions.update_session_data_in_database(handle, data):
                raise RuntimeError("no such session")

    await asyncio.gather(*map(update, handles))


init(
    app_info=InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
    framework="fastapi",
    supertokens_config=SupertokensConfig(connection_uri=sys.argv[1]),
    recipe_list=[session.init()],
    mode="asgi",
)
loop = asyncio.new_event_loop()
for line in sys.stdin:
    share = json.loads(line)
    cpu_s, begun = time.process_time(), time.perf_counter()
    loop.run_until_complete(update_all(share["handles"], share["data"], int(sys.argv[2])))
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu_s}), flush=True)
