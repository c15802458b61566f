"""Sessions for the commands that list, show and change them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supertokens_lite import RecipeUserId, Supertokens
from tests.apps import build_app

__all__ = ("Sessions", "opened", "write_lines")


class Sessions:
    """Makes and reads sessions.

    Args:
        app: an SDK on the core.
        uri: the core.
    """

    def __init__(self, app: Supertokens, uri: str) -> None:
        self.app = app
        self.uri = uri

    def make(self, count: int, user: str = "ada", *, tenant: str = "public", **data: Any) -> list[str]:
        """Create sessions of a user; give their handles."""
        create = self.app.session.blocking.create_new_session_without_request_response
        return [
            create(tenant, RecipeUserId(user), {"role": "none"}, session_data_in_database={"n": n, **data}).get_handle()
            for n in range(count)
        ]

    def data(self, handle: str) -> dict[str, Any]:
        """Give the data of a session."""
        information = self.app.session.blocking.get_session_information(handle)
        assert information is not None
        return information.session_data_in_database

    def all_data(self, handles: Sequence[str]) -> list[dict[str, Any]]:
        """Give the data of some sessions."""
        return [self.data(handle) for handle in handles]


@contextmanager
def opened(uri: str) -> Iterator[Sessions]:
    """Give the sessions of a core."""
    with build_app(uri) as app:
        yield Sessions(app, uri)


def write_lines(path: Path, lines: Sequence[object]) -> str:
    """Write a file of text, or of JSON where a line is no string; give its path."""
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return str(path)
