"""A FastAPI application with the routes of the conformance kit: async ones, and plain functions below `/plain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from supertokens_lite import Supertokens
from supertokens_lite.framework.fastapi import get_middleware
from supertokens_lite.recipe.session import SessionContainer
from supertokens_lite.recipe.session.framework.fastapi import verify_session
from supertokens_lite.testing.application import (
    ANSWER_HEADERS,
    AWAITED,
    BLOCKING,
    OPTIONS,
    find_late,
    find_late_awaited,
    find_quiet,
    find_quiet_awaited,
    iter_parts,
    iter_parts_awaited,
    log_in,
    log_in_awaited,
)

__all__ = ("build_app",)

View = Callable[..., Any]
Session = Annotated[SessionContainer, Depends(verify_session())]


def _answer(given: Any) -> Response:
    return JSONResponse(given, headers=dict(ANSWER_HEADERS))


async def _login_awaited(request: Request) -> Response:
    return _answer(await log_in_awaited(request, request.headers.get("x-user", "ada")))


def _login(request: Request) -> Response:
    return _answer(log_in(request, request.headers.get("x-user", "ada")))


async def _late_awaited(request: Request) -> Response:
    return _answer(await find_late_awaited(request))


def _late(request: Request) -> Response:
    return _answer(find_late(request))


async def _quiet_awaited(request: Request) -> Response:
    return _answer(await find_quiet_awaited(request))


def _quiet(request: Request) -> Response:
    return _answer(find_quiet(request))


async def _stream_awaited(request: Request, session: Session) -> Response:
    await AWAITED["merge"](session)
    return StreamingResponse(iter_parts_awaited(request.headers["x-gate"]))


def _stream(request: Request, session: Session) -> Response:
    BLOCKING["merge"](session)
    return StreamingResponse(iter_parts(request.headers["x-gate"]))


def _awaited(name: str) -> View:
    async def view(session: SessionContainer | None = Depends(verify_session(**OPTIONS[name]))) -> Response:  # noqa: B008
        return _answer(await AWAITED[name](session))

    return view


def _blocking(name: str) -> View:
    def view(session: SessionContainer | None = Depends(verify_session(**OPTIONS[name]))) -> Response:  # noqa: B008
        return _answer(BLOCKING[name](session))

    return view


def _add_routes(place: APIRouter, kind: Callable[[str], View], views: tuple[View, ...]) -> None:
    for name in OPTIONS:
        place.add_api_route(f"/{name}", kind(name), methods=["GET", "POST", "OPTIONS"])
    for path, view in zip(("/login", "/late", "/quiet", "/stream"), views, strict=True):
        place.add_api_route(path, view, methods=["POST" if path == "/login" else "GET"])


def build_app(supertokens: Supertokens | None = None) -> FastAPI:
    """Build the application."""
    app = FastAPI()
    plain = APIRouter(prefix="/plain")
    _add_routes(app.router, _awaited, (_login_awaited, _late_awaited, _quiet_awaited, _stream_awaited))
    _add_routes(plain, _blocking, (_login, _late, _quiet, _stream))
    app.include_router(plain)
    app.add_middleware(get_middleware(), supertokens=supertokens)
    return app
