"""The settings that an application is tried with: they reach its process in one environment variable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from supertokens_lite._protocol.messages import BaseRequest, BaseResponse
from supertokens_lite.config import InputAppInfo, SupertokensConfig
from supertokens_lite.exceptions import ConfigurationError
from supertokens_lite.recipe.session.options import InputErrorHandlers
from supertokens_lite.recipe.session.recipe import init
from supertokens_lite.supertokens import Framework
from supertokens_lite.supertokens import init as init_supertokens
from supertokens_lite.testing.client import API

__all__ = ("AWAY", "PROFILES", "TENANT", "VARIABLE", "Profile", "Settings")

VARIABLE: Final = "SUPERTOKENS_LITE_CONFORMANCE"
TENANT: Final = "t1"
"""A tenant that the core has besides `public`."""
AWAY: Final = "http://127.0.0.1:9"
"""Where no core is."""

Profile = Literal["plain", "two sites", "own answers", "core away"]


def _choose_transfer(request: BaseRequest, for_create_new_session: bool, user_context: dict[str, Any]) -> Any:
    return request.get_header("x-transfer") or "any"


def _redirect(request: BaseRequest, message: str, response: BaseResponse) -> BaseResponse:
    return response.redirect("/welcome")


PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {"get_token_transfer_method": _choose_transfer},
    "two sites": {"older_cookie_domain": ""},
    "own answers": {
        "anti_csrf": "VIA_TOKEN",
        "cookie_domain": "example.com",
        "session_expired_status_code": 440,
        "invalid_claim_status_code": 422,
        "error_handlers": InputErrorHandlers(on_unauthorised=_redirect),
    },
    "core away": {},
}
"""The arguments of the recipe's `init`: as few ways as show all that a door has to do, for each is a server of its own.

- `plain`: the header `x-transfer` says how tokens may travel.
- `two sites`: the website is of another site than the API, so that requests have to have a `rid` header.
- `own answers`: an anti-CSRF token, statuses and an error handler of the application's own.
- `core away`: nobody answers where the core should be; the public key of `Settings.jwks` is there from the beginning.
"""


class Settings(NamedTuple):
    """What `init` is called with.

    Attributes:
        core_uri: where the session core is.
        jwks: a public key that is good where no core can be asked.
        profile: which of `PROFILES`.
    """

    core_uri: str
    jwks: Mapping[str, Any]
    profile: Profile = "plain"

    def start(self, framework: Framework = "fastapi") -> None:
        """Call `init` with them."""
        website = "https://shop.example.org" if self.profile == "two sites" else "https://example.com"
        if self.profile == "core away":
            config, keys = SupertokensConfig(AWAY, max_retries=0), self.jwks
        else:
            config, keys = SupertokensConfig(self.core_uri, core_durability="normal"), None
        info = InputAppInfo("Shop", API, website_domain=website)
        init_supertokens(info, framework, config, [init(static_jwks=keys, **PROFILES[self.profile])])

    def write(self) -> dict[str, str]:
        """Give the environment of a process that is to read them."""
        return {VARIABLE: json.dumps(self._asdict())}

    @classmethod
    def read(cls) -> Settings:
        """Read them from the environment.

        Raises:
            ConfigurationError: they are not there.
        """
        text = os.environ.get(VARIABLE)
        if text is None:
            raise ConfigurationError(f"{VARIABLE} is not set: the application is to be started by the conformance kit")
        return cls(**json.loads(text))
