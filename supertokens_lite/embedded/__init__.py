"""A session core in a box, on SQLite.

`EmbeddedCore` answers the requests of the core's protocol (CDI 3.1, 4.0 and 5.0 to 5.6) with a plain function: no
socket, no event loop, and no thread before one is needed. The same function serves the SDK in process and other
processes over HTTP. It shares the paths of the protocol with the SDK and none of its parsing, or a misreading that
both shared would hide.
"""

from __future__ import annotations

from supertokens_lite.embedded.app import EmbeddedCore, Write

__all__ = ("EmbeddedCore", "Write")
