"""Sessions in Litestar: sign in, look at the session's data, change it, sign out.

pip install '.[litestar,server]'
python docs/examples/litestar_shop.py
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.litestar import SupertokensPlugin, lifespan
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.litestar import verify_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="litestar",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)


@dataclass
class Login:
    user: str


@get("/", media_type=MediaType.HTML)
async def page() -> str:
    return PAGE


@post("/login")
async def login(request: Request[Any, Any, Any], data: JSONBody[Login]) -> dict[str, str]:
    await create_new_session(
        request,
        "public",
        RecipeUserId(data.user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return {"user": data.user}


@get("/data", dependencies={"session": Provide(verify_session())})
async def read(session: NamedDependency[SessionContainer]) -> dict[str, Any]:
    return {
        "user": session.get_user_id(),
        "payload": session.get_access_token_payload(),
        "data": await session.get_session_data_from_database(),
    }


@put("/data", dependencies={"session": Provide(verify_session())})
async def replace(session: NamedDependency[SessionContainer], data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    await session.update_session_data_in_database(data)
    return {"data": data}


app = Litestar([page, login, read, replace], plugins=[SupertokensPlugin()], lifespan=[lifespan])

if __name__ == "__main__":
    uvicorn.run(app, port=PORT)
