"""The application in Flask."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Flask, abort, g, request
from flask_cors import CORS

from supertokens_lite.framework.flask import Middleware
from supertokens_lite.recipe.session.framework.flask import verify_session
from supertokens_lite.recipe.session.syncio import create_new_session
from tests.browser.shop import CORS_HEADERS, SESSION_DATA, TOKEN_PAYLOAD, USER, Shop, open_shop
from tests.browser.wsgi_server import serve


def build(shop: Shop) -> Flask:
    """Build the application."""
    app = Flask(__name__)
    Middleware(app)
    CORS(app, origins=[shop.website], supports_credentials=True, allow_headers=CORS_HEADERS)

    @app.get("/")
    def index() -> str:
        return shop.page

    @app.get("/<path:path>")
    def missing(path: str) -> NoReturn:
        """Have Flask answer OPTIONS, with which browsers ask about CORS, also where only the middleware serves."""
        abort(404)

    @app.post("/login")
    def login() -> dict[str, str]:
        made = create_new_session(request, "public", USER, TOKEN_PAYLOAD, SESSION_DATA)
        return {"user": made.get_user_id()}

    @app.get("/me")
    @verify_session()
    def me() -> dict[str, str]:
        return {"user": g.supertokens.get_user_id()}

    @app.post("/count")
    @verify_session()
    def count() -> dict[str, Any]:
        data = g.supertokens.sync_get_session_data_from_database()
        g.supertokens.sync_update_session_data_in_database({"count": data["count"] + 1})
        return {"count": data["count"] + 1}

    @app.post("/promote")
    @verify_session()
    def promote() -> dict[str, str]:
        g.supertokens.sync_merge_into_access_token_payload({"role": "admin"})
        return {}

    return app


if __name__ == "__main__":
    opened = open_shop("flask")
    serve(opened, build(opened))
