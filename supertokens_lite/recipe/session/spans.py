"""What a trace is told: why a request was refused.

Nothing is imported for it. A span can only be recording if the application has imported OpenTelemetry itself.
"""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ("note_refusal",)

API: Final = "opentelemetry.trace"
ATTRIBUTE: Final = "supertokens.refusal"


def note_refusal(reason: str) -> None:
    """Put a reason code on the span that is being recorded, if there is one."""
    api: Any = sys.modules.get(API)
    if api is None:
        return
    span = api.get_current_span()
    if span.is_recording():
        span.set_attribute(ATTRIBUTE, reason)
