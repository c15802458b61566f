"""Sessions in Quart: sign in, look at the session's data, change it, sign out.

pip install '.[quart]'
python docs/examples/quart_shop.py
"""

import json
import os
from pathlib import Path
from typing import Any

from quart import Quart, g, request

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.quart import Middleware
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.quart import verify_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="quart",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)

app = Quart(__name__)
Middleware(app)


@app.get("/")
async def page() -> str:
    return PAGE


@app.post("/login")
async def login() -> dict[str, str]:
    user = str((await request.get_json())["user"])
    await create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return {"user": user}


@app.get("/data")
@verify_session()
async def read() -> dict[str, Any]:
    return {
        "user": g.supertokens.get_user_id(),
        "payload": g.supertokens.get_access_token_payload(),
        "data": await g.supertokens.get_session_data_from_database(),
    }


@app.put("/data")
@verify_session()
async def replace() -> tuple[dict[str, Any], int]:
    try:
        data = json.loads(await request.get_data())
        await g.supertokens.update_session_data_in_database(data)
    except ValueError:  # no JSON, or no object
        return {"message": "the data has to be a JSON object"}, 400
    return {"data": data}, 200


if __name__ == "__main__":
    app.run(port=PORT)
