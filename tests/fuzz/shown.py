"""What no error may show."""

from __future__ import annotations

__all__ = ("shows_none",)

SHORTEST = 20


def shows_none(error: BaseException, *secrets: str) -> None:
    """See that an error shows none of some texts; those that are too short to be secret may stand in it by chance."""
    shown = f"{error} {error!r} {error.__cause__!r}"
    for secret in secrets:
        assert len(secret) < SHORTEST or secret not in shown, "an error shows what it must not"
