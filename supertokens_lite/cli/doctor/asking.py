"""Asks a deployment the questions of a browser that has no session, and its core those of an SDK.

Nothing that is sent could sign anybody in or out: the only token is made up. `http.client` follows no redirect, hides
no header, and says what is wrong with a certificate.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from supertokens_lite._io.options import TransportOptions, make_ssl_context
from supertokens_lite._protocol.cookies import REFRESH_COOKIE
from supertokens_lite._protocol.cors import REQUEST_HEADERS
from supertokens_lite._protocol.paths import API_KEY_HEADER, API_VERSION, JWKS
from supertokens_lite._protocol.urls import CoreHost
from supertokens_lite.cli.doctor.facts import STRANGER, Answer, CoreFacts, Facts, Outcome, Unanswered
from supertokens_lite.types import Secret

__all__ = ("Asker", "gather")

TIMEOUT_S: Final = 10.0
LARGEST_BODY: Final = 1024 * 1024
AGENT: Final = "supertokens-lite doctor"
MADE_UP: Final = "made-up-by-supertokens-lite-doctor"


class Asker:
    """Sends requests, each on a connection of its own.

    Args:
        ca_file: certificates to trust instead of the usual ones, as a PEM file.

    Raises:
        OSError: the file holds no certificates.
    """

    def __init__(self, ca_file: str | None) -> None:
        self._context = make_ssl_context(TransportOptions(ca_file=ca_file), secure=True)

    def ask(self, method: str, origin: str, target: str, headers: Mapping[str, str]) -> Outcome:
        """Send one request; whatever goes wrong is part of the outcome."""
        try:
            return self._ask(method, origin, target, headers)
        except ssl.SSLCertVerificationError as error:
            return Unanswered(f"the certificate is not good: {error.verify_message}", about_tls=True)
        except ssl.SSLError as error:
            return Unanswered(f"no TLS there: {error.reason or error}", about_tls=True)
        except TimeoutError:
            return Unanswered(f"no answer within {TIMEOUT_S:g} s")
        except OSError as error:
            return Unanswered(f"can't connect: {error.strerror or error}")
        except (http.client.InvalidURL, ValueError):
            return Unanswered("no request can have this host or path")
        except http.client.HTTPException as error:
            return Unanswered(f"what answers does not speak HTTP ({type(error).__name__})")

    def _ask(self, method: str, origin: str, target: str, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=self._context)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        )
        try:
            connection.connect()
            sent_s = time.time()
            connection.request(method, target, headers={"user-agent": AGENT, **headers})
            response = connection.getresponse()
            came_s = time.time()
            seen = [(name.lower(), value) for name, value in response.getheaders()]
            return Answer(response.status, seen, response.read(LARGEST_BODY), sent_s, came_s)
        finally:
            connection.close()


def gather(
    asker: Asker,
    api: str,
    base_path: str,
    website: str | None,
    cores: Sequence[CoreHost] = (),
    api_key: Secret | None = None,
) -> Facts:
    """Ask everything there is to ask; of an API that can't be reached nothing more.

    Args:
        asker: sends.
        api: scheme and authority.
        base_path: below which the session endpoints are.
        website: scheme and authority of the website; None: it is not known.
        cores: the hosts of the session core.
        api_key: the key that the core asks for.
    """
    refresh = f"{base_path}/session/refresh"
    browser = {"rid": "session", **({"origin": website} if website is not None else {})}
    seen_cores = [_ask_core(asker, host, api_key) for host in cores]
    first = asker.ask("POST", api, refresh, {**browser, "content-length": "0"})
    if isinstance(first, Unanswered):
        return Facts(api, base_path, website, first, cores=seen_cores)
    tokens = {"authorization": f"Bearer {MADE_UP}", "cookie": f"{REFRESH_COOKIE}={MADE_UP}", "content-length": "0"}
    crosses = website is not None and website != api
    wishes = {
        "access-control-request-method": "POST",
        "access-control-request-headers": ",".join(sorted(("content-type", *REQUEST_HEADERS))),
    }
    return Facts(
        api,
        base_path,
        website,
        first,
        made_up=asker.ask("POST", api, refresh, {**browser, **tokens}),
        preflight=asker.ask("OPTIONS", api, refresh, {"origin": website or "", **wishes}) if crosses else None,
        stranger=asker.ask("OPTIONS", api, refresh, {"origin": STRANGER, **wishes}),
        keys=asker.ask("GET", api, f"{base_path}/jwt/jwks.json", browser),
        discovery=asker.ask("GET", api, f"{base_path}/.well-known/openid-configuration", browser),
        cores=seen_cores,
    )


def _ask_core(asker: Asker, host: CoreHost, api_key: Secret | None) -> CoreFacts:
    headers = {} if api_key is None else {API_KEY_HEADER: api_key.reveal()}
    versions = asker.ask("GET", host.origin, host.base_path + API_VERSION, headers)
    keys = asker.ask("GET", host.origin, host.base_path + JWKS, headers)
    return CoreFacts(host.origin + host.base_path, versions, keys)
