"""The cases that every door has to pass, with the bytes that are expected of all of them."""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("answers", "anti_csrf", "life", "refresh", "refusals", "transfer"))
)
