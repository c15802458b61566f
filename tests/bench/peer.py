"""Times the peer's calls: `python peer.py URL HANDLE ACCESS_TOKEN CALLS`, in an environment that has it."""

import asyncio
import json
import sys
import time

from supertokens_python import InputAppInfo, SupertokensConfig, init  # type: ignore[import-not-found]
from supertokens_python.recipe import session  # type: ignore[import-not-found]
from supertokens_python.recipe.session import asyncio as sessions  # type: ignore[import-not-found]

DATA = {"cart": ["apple", "pear"], "visits": 12, "locale": "de-DE"}


async def main(url: str, handle: str, access_token: str, calls: int) -> None:
    """Print the seconds of one call of each kind."""
    init(
        app_info=InputAppInfo("Bench", api_domain="http://localhost:8000", website_domain="http://localhost:3000"),
        framework="fastapi",
        supertokens_config=SupertokensConfig(connection_uri=url),
        recipe_list=[session.init()],
        mode="asgi",
    )
    took = {}
    for name, call in (
        ("get", lambda: sessions.get_session_information(handle)),
        ("update", lambda: sessions.update_session_data_in_database(handle, DATA)),
        ("verify", lambda: sessions.get_session_without_request_response(access_token)),
    ):
        await call()  # type: ignore[no-untyped-call]
        begun = time.perf_counter()
        for _ in range(calls):
            await call()  # type: ignore[no-untyped-call]
        took[name] = (time.perf_counter() - begun) / calls
    print(json.dumps(took))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
