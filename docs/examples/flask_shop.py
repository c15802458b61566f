"""Sessions in Flask: sign in, look at the session's data, change it, sign out.

pip install '.[flask]'
python docs/examples/flask_shop.py
"""

import os
from pathlib import Path
from typing import Any

from flask import Flask, g, request

from supertokens_lite import InputAppInfo, RecipeUserId, SupertokensConfig, init
from supertokens_lite.framework.flask import Middleware
from supertokens_lite.recipe import session
from supertokens_lite.recipe.session.framework.flask import verify_session
from supertokens_lite.recipe.session.syncio import create_new_session

PORT = int(os.environ.get("PORT", "8000"))
ADDRESS = f"http://localhost:{PORT}"
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

init(
    InputAppInfo("Shop", api_domain=ADDRESS, website_domain=ADDRESS),
    framework="flask",
    # the sessions end with the program; "sqlite:///shop.db" keeps them in a file
    supertokens_config=SupertokensConfig("sqlite:///:memory:"),
    recipe_list=[session.init()],
)

app = Flask(__name__)
Middleware(app)


@app.get("/")
def page() -> str:
    return PAGE


@app.post("/login")
def login() -> dict[str, str]:
    user = str(request.json["user"])
    create_new_session(
        request,
        "public",
        RecipeUserId(user),  # ask for a password before this
        access_token_payload={"role": "customer"},
        session_data_in_database={"cart": ["apple"]},
    )
    return {"user": user}


@app.get("/data")
@verify_session()
def read() -> dict[str, Any]:
    return {
        "user": g.supertokens.get_user_id(),
        "payload": g.supertokens.get_access_token_payload(),
        "data": g.supertokens.sync_get_session_data_from_database(),
    }


@app.put("/data")
@verify_session()
def replace() -> tuple[dict[str, Any], int]:
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        return {"message": "the data has to be a JSON object"}, 400
    g.supertokens.sync_update_session_data_in_database(data)
    return {"data": data}, 200


if __name__ == "__main__":
    app.run(port=PORT)
