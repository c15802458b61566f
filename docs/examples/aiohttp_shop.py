"""Sessions in aiohttp: sign in, look at the session's data, change it, sign out.

pip install '.[aiohttp]'
python docs/examples/aiohttp_shop.py
"""

import os
from pathlib import Path

from aiohttp import web

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.aiohttp import SESSION, lifespan, setup
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.aiohttp import verify_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="aiohttp",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)

routes = web.RouteTableDef()


@routes.get("/")
async def page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    user = str((await request.json())["user"])
    await create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return web.json_response({"user": user})


@routes.get("/data")
@verify_session()
async def read(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "user": request[SESSION].get_user_id(),
            "payload": request[SESSION].get_access_token_payload(),
            "data": await request[SESSION].get_session_data_from_database(),
        }
    )


@routes.put("/data")
@verify_session()
async def replace(request: web.Request) -> web.Response:
    try:
        data = await request.json()
        await request[SESSION].update_session_data_in_database(data)
    except ValueError:  # no JSON, or no object
        return web.json_response({"message": "the data has to be a JSON object"}, status=400)
    return web.json_response({"data": data})


app = web.Application()
app.add_routes(routes)
setup(app)
app.cleanup_ctx.append(lifespan)

if __name__ == "__main__":
    web.run_app(app, host="localhost", port=PORT)
