"""The pytest plugin of the conformance kit: `pytest_plugins = ["supertokens_lite.testing.plugin"]`.

A test file that names it has one class for each server of each application, derived from
`supertokens_lite.testing.conformance.Conformance`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast

import pytest

from supertokens_lite.config import InputAppInfo, SupertokensConfig
from supertokens_lite.embedded import EmbeddedCore
from supertokens_lite.recipe.session._sessions_blocking import BlockingSessions
from supertokens_lite.recipe.session.recipe import init
from supertokens_lite.supertokens import Supertokens
from supertokens_lite.testing.client import API, Visitor
from supertokens_lite.testing.servers import Doors, Servers, Visit
from supertokens_lite.testing.settings import TENANT, Profile, Settings
from supertokens_lite.testing.signer import Signer
from supertokens_lite.types import HttpRequest

__all__ = ("conformance_settings", "doors", "stored_sessions", "token_signer", "visit")


class Tried(Protocol):
    """What is needed of a class of cases: of `Conformance`, which is imported after this plugin."""

    command: Sequence[str]
    environment: Mapping[str, str]
    below: str


@pytest.fixture(scope="session")
def token_signer() -> Signer:
    """Give what makes access tokens without a core."""
    return Signer()


@pytest.fixture(scope="session")
def conformance_settings(token_signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give the settings of all applications: they and the cases share a session core."""
    file = str(tmp_path_factory.mktemp("core") / "sessions.db")
    core = EmbeddedCore(file, durability="normal")
    core.open()
    body = json.dumps({"tenantId": TENANT}).encode()
    reply = core.handle(HttpRequest("PUT", "", "/recipe/multitenancy/tenant/v2", {"cdi-version": "5.4"}, body))
    core.close()
    assert reply.status == 200
    return Settings(f"sqlite:///{file}", token_signer.jwks)


@pytest.fixture(scope="session")
def stored_sessions(conformance_settings: Settings) -> Iterator[BlockingSessions]:
    """Give the sessions of all applications, to look at and to change from outside."""
    info = InputAppInfo("Shop", API, website_domain="https://example.com")
    config = SupertokensConfig(conformance_settings.core_uri, core_durability="normal")
    with Supertokens(info, "fastapi", config, [init()]) as supertokens:
        yield supertokens.session.blocking


@pytest.fixture(scope="class")
def doors(
    request: pytest.FixtureRequest, conformance_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    """Give the doors of the class's servers, which end with the class."""
    tried = _class_of(request)
    servers = Servers(tried.command, tried.environment, conformance_settings, tmp_path_factory.mktemp("servers"))
    yield servers
    servers.close()


@pytest.fixture
def visit(request: pytest.FixtureRequest, doors: Doors) -> Visit:
    """Give what makes clients of the class's application."""
    below = _class_of(request).below

    def visit(mode: str | None = "cookie", profile: Profile = "plain") -> Visitor:
        return Visitor(doors.find(profile), mode, below)

    return visit


def _class_of(request: pytest.FixtureRequest) -> Tried:
    return cast("Tried", request.cls)  # pyright: ignore[reportUnknownMemberType]  # pytest doesn't type it
