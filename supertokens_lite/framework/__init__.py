"""Requests and responses as the SDK sees them, whatever framework they are of."""

from __future__ import annotations

from supertokens_lite._protocol.messages import BaseRequest, BaseResponse, PlainRequest

__all__ = ("BaseRequest", "BaseResponse", "PlainRequest")
