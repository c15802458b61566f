"""A server with threads for the applications that are WSGI."""

from __future__ import annotations

from typing import Any

from werkzeug.serving import make_server

from tests.browser.shop import Shop

__all__ = ("serve",)


def serve(shop: Shop, app: Any) -> None:
    """Serve an application until the process is ended."""
    host, port = shop.listening.getsockname()
    tls = (shop.certificate, shop.certificate) if shop.certificate else None
    server = make_server(host, port, app, threaded=True, ssl_context=tls, fd=shop.listening.fileno())
    server.serve_forever()
