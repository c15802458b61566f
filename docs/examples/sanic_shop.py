"""Sessions in Sanic: sign in, look at the session's data, change it, sign out.

pip install '.[sanic]'
python docs/examples/sanic_shop.py
"""

import os
from pathlib import Path

from sanic import HTTPResponse, Request, Sanic
from sanic.response import html, json

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.sanic import Middleware, close
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.sanic import verify_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="sanic",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)

app = Sanic("shop")
Middleware(app)
app.after_server_stop(close)


@app.get("/")
async def page(request: Request) -> HTTPResponse:
    return html(PAGE)


@app.post("/login")
async def login(request: Request) -> HTTPResponse:
    user = str(request.json["user"])
    await create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return json({"user": user})


@app.get("/data")
@verify_session()
async def read(request: Request) -> HTTPResponse:
    return json(
        {
            "user": request.ctx.supertokens.get_user_id(),
            "payload": request.ctx.supertokens.get_access_token_payload(),
            "data": await request.ctx.supertokens.get_session_data_from_database(),
        }
    )


@app.put("/data")
@verify_session()
async def replace(request: Request) -> HTTPResponse:
    try:
        data = request.json
        await request.ctx.supertokens.update_session_data_in_database(data)
    except ValueError:  # no object; Sanic itself refuses what is no JSON
        return json({"message": "the data has to be a JSON object"}, status=400)
    return json({"data": data})


if __name__ == "__main__":
    app.run(host="localhost", port=PORT, single_process=True)  # pyright: ignore[reportUnknownMemberType]  # it has half a type
