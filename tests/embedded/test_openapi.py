"""What the protocol's description allows, and what it forbids, sent to a served core: it describes every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from tests.served import ServedCore

pytestmark = pytest.mark.slow

SCHEMA = schemathesis.openapi.from_path(Path(__file__).with_name("openapi.yaml"))
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)}
VERSIONS = ("3.1", "4.0", "5.4", "5.6")
API_KEY = "Qm7-vT2xLr9=Zc4-Wn8k"
APP = "shop"
TENANT = "berlin"
EXAMPLES = 14
MOSTLY = (True,) * 9 + (False,)

load_all_checks()
STATUS: Any = CHECKS.get_by_names(["not_a_server_error", "status_code_conformance", "content_type_conformance"])
SHAPE: Any = CHECKS.get_by_names(["response_schema_conformance", "response_headers_conformance"])
"""Replies are described from CDI 4.0 on."""

bounded = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


class Known(NamedTuple):
    """A served core, and what exists in it: values by the name of the field that takes them."""

    url: str
    values: Mapping[str, Sequence[Any]]
    session: requests.Session


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Serve a core that has an app with a tenant, and sessions in each place."""
    file = tmp_path_factory.mktemp("openapi") / "sessions.db"
    options = ("--database", str(file), "--durability", "normal")
    with (
        ServedCore(*options, environment={"SUPERTOKENS_LITE_API_KEYS": API_KEY}) as core,
        requests.Session() as session,
    ):
        session.trust_env = False
        yield Known(core.url, populate(core.url), session)
        _, said = core.stop()
        assert said == ""


def populate(url: str) -> dict[str, Sequence[Any]]:
    """Make what exists; give it by the name of the field that takes it."""
    headers = {"cdi-version": "5.6", "api-key": API_KEY}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        client.put("/recipe/multitenancy/app/v2", json={"appId": APP}).raise_for_status()
        client.put(f"/appid-{APP}/recipe/multitenancy/tenant/v2", json={"tenantId": TENANT}).raise_for_status()
        body = {"userId": "ada", "enableAntiCsrf": False, "userDataInJWT": {}, "userDataInDatabase": {}}
        places = ("", "", f"/appid-{APP}", f"/appid-{APP}/{TENANT}")
        replies = [client.post(f"{place}/recipe/session", json=body).json() for place in places]
    handles = [reply["session"]["handle"] for reply in replies]
    return {
        "appId": ["public", APP],
        "tenantId": ["public", TENANT],
        "userId": ["ada"],
        "sessionHandle": handles,
        "sessionHandles": [handles[1:2], [handles[1], "unknown"]],
        "accessToken": [reply["accessToken"]["token"] for reply in replies],
        "refreshToken": [reply["refreshToken"]["token"] for reply in replies],
        "algorithm": ["RS256", "rs256"],
        "fetchAcrossAllTenants": ["true", "false"],
    }


@st.composite
def cases(draw: st.DrawFn, label: str, mode: GenerationMode, version: str, known: Known) -> Case[Any]:
    """Draw a request; most of its fields that name something name what exists."""
    case: Case[Any] = draw(OPERATIONS[label].as_strategy(generation_mode=mode))
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            for name in part.keys() & known.values.keys():
                if draw(st.sampled_from(MOSTLY)):
                    part[name] = draw(st.sampled_from(known.values[name]))
    if (
        isinstance(case.body, dict)
        and {"userId", "sessionHandles"} <= case.body.keys()
        and draw(st.sampled_from(MOSTLY))
    ):
        del case.body["sessionHandles"]  # exactly one of them, says the summary
    case.headers["cdi-version"] = version
    if draw(st.sampled_from(MOSTLY)):
        case.headers["api-key"] = API_KEY
    return case


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_a_described_one(label: str, version: str, mode: GenerationMode, known: Known) -> None:
    """No failure of the server, no status, type or shape that the description lacks."""
    checks = STATUS if version == "3.1" else STATUS + SHAPE
    statuses: list[int] = []

    @bounded
    @given(cases(label, mode, version, known))
    def check(case: Case[Any]) -> None:
        response = case.call(base_url=known.url, session=known.session)
        statuses.append(response.status_code)
        case.validate_response(response, checks=checks)

    check()
    if mode is GenerationMode.POSITIVE:
        assert 200 in statuses
