"""Moments and ages as people read them."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ("show_age", "show_moment")


def show_moment(at_ms: int) -> str:
    """Give a moment to the minute, from milliseconds since the epoch."""
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def show_age(ms: int) -> str:
    """Give a time span in the one unit that tells most; none is negative."""
    minutes = max(0, ms) // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"
