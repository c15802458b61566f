"""The cold start of an AWS Lambda function: what the first request that a fresh process verifies costs.

`python -m tests.bench.cold_start` prints these rows alone. The core is on the same machine, so that its replies take no
time to travel; on Lambda each call takes as long as the way there and back, and TLS.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from supertokens_lite import RecipeUserId
from tests.bench.cores import build_app, served_core
from tests.bench.imports import against_foreign, installed, running
from tests.bench.measure import Figure, side_by_side

FUNCTION = """\
import json
import sys

from supertokens_lite import InputAppInfo, SupertokensConfig, init
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.framework.aws_lambda import verify_session

given = json.loads(sys.argv[1])
init(
    InputAppInfo("Bench", "http://localhost:8000", website_domain="http://localhost:3000"),
    "flask",
    SupertokensConfig(given["uri"], cdi_version=given["cdi_version"]),
    [session.init(static_jwks=given["jwks"])],
)


@verify_session()
def handler(event, context):
    return {"statusCode": 200, "body": event.supertokens.get_user_id()}


result = handler(given["event"], None)
assert result == {"statusCode": 200, "body": "bench"}, result
"""
"""A function of one route, and its first request."""

FROM_SOURCE = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[2])\n"


def figures(folder: Path) -> Iterator[Figure]:
    """Measure in an environment of its own, as a user installs it."""
    python = installed(folder / "plain")
    place = folder / "cold"
    place.mkdir()
    what = "cold start of a Lambda function and its first request"
    with served_core(place) as url:
        pinned = first_request(url)
        yield against_foreign(python, what, 2.0, FUNCTION, json.dumps(pinned | {"cdi_version": None, "jwks": None}))
    # no core is there any more, and none is missed
    yield against_foreign(python, f"{what}, with cdi_version and static_jwks", 1.75, FUNCTION, json.dumps(pinned))
    source = next((folder / "plain").rglob("site-packages"))
    shutil.copytree(source, place / "source", ignore=shutil.ignore_patterns("__pycache__", "pip"))
    arguments = (json.dumps(pinned), str(place / "source"))
    timing = side_by_side(
        running(python, FUNCTION, *arguments), running(python, FROM_SOURCE + FUNCTION, *arguments), rounds=3
    )
    detail = f"{timing.ours_s * 1000:.0f} ms against {timing.other_s * 1000:.0f} ms, Python's own start in both"
    yield Figure("cold start from compiled bytecode, against from source", timing.ratio, 0.5, detail=detail)


def first_request(url: str) -> dict[str, Any]:
    """Create a session; give what a function needs to verify it without a call."""
    with build_app(url) as app:
        create = app.session.blocking.create_new_session_without_request_response
        token = create("public", RecipeUserId("bench")).get_access_token()
        jwks = {"keys": [vars(key) for key in app.session.blocking.get_jwks().keys]}
    event = {
        "version": "2.0",
        "rawPath": "/me",
        "rawQueryString": "",
        "headers": {"host": "localhost:8000", "authorization": f"Bearer {token}"},
        "requestContext": {"http": {"method": "GET", "path": "/me"}, "stage": "$default"},
        "isBase64Encoded": False,
    }
    return {"uri": url, "cdi_version": "5.4", "jwks": jwks, "event": event}


if __name__ == "__main__":
    from tests.bench.__main__ import build_row

    with tempfile.TemporaryDirectory() as home:
        for figure in figures(Path(home)):
            print(build_row(figure), flush=True)
