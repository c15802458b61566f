"""Sessions in FastAPI: sign in, look at the session's data, change it, sign out.

pip install '.[fastapi,server]'
python docs/examples/fastapi_shop.py
"""

import os
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Body, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.fastapi import get_middleware, lifespan
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.asyncio import create_new_session
from supertokens_lite.recipe.session.framework.fastapi import verify_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="fastapi",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)

app = FastAPI(lifespan=lifespan)
app.add_middleware(get_middleware())

Session = Annotated[SessionContainer, Depends(verify_session())]


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return PAGE


@app.post("/login")
async def login(request: Request, user: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    await create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return {"user": user}


@app.get("/data")
async def read(session: Session) -> dict[str, Any]:
    return {
        "user": session.get_user_id(),
        "payload": session.get_access_token_payload(),
        "data": await session.get_session_data_from_database(),
    }


@app.put("/data")
async def replace(session: Session, data: dict[str, Any]) -> dict[str, Any]:
    await session.update_session_data_in_database(data)
    return {"data": data}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT)
