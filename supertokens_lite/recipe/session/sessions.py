"""The public functions on sessions, as methods of one object: the source that all other forms are generated from.

`recipe.session.asyncio` has the same as coroutines of the process's default instance, `recipe.session.syncio` and
`app.session.blocking` the same without `await`.
"""

from __future__ import annotations

from supertokens_lite.recipe.session.bulk import BulkTools
from supertokens_lite.recipe.session.interfaces import RecipeInterface
from supertokens_lite.recipe.session.options import SessionConfig
from supertokens_lite.recipe.session.requests import Requests
from supertokens_lite.recipe.session.sessions_bulk import BulkSessions
from supertokens_lite.recipe.session.sessions_claims import ClaimSessions
from supertokens_lite.recipe.session.sessions_requests import RequestSessions
from supertokens_lite.recipe.session.sessions_stored import StoredSessions

__all__ = ("Sessions",)


class Sessions(RequestSessions, ClaimSessions, BulkSessions, StoredSessions):
    """All that can be done with sessions, awaited.

    Args:
        implementation: what does it, overrides and all.
        config: the settings of the recipe.
        requests: sessions as they come and go with requests.
        bulk_tools: what bulk updates work with.
    """

    def __init__(
        self, implementation: RecipeInterface, config: SessionConfig, requests: Requests, bulk_tools: BulkTools
    ) -> None:
        self._implementation = implementation
        self._config = config
        self._requests = requests
        self._bulk_tools = bulk_tools
