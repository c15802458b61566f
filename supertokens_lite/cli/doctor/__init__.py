"""`supertokens-lite doctor URL`: looks at a deployment from outside, and says what to mend.

`asking` collects facts, `checks` and `cors` judge them; this module reads the options and shows the findings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from supertokens_lite._protocol.urls import CoreHost, NormalisedURLPath
from supertokens_lite.cli.doctor.asking import Asker, gather
from supertokens_lite.cli.doctor.checks import judge
from supertokens_lite.cli.doctor.facts import Facts, Finding, Verdict
from supertokens_lite.cli.setup import option, read_api_keys
from supertokens_lite.cli.tables import count_of, printable, show_table
from supertokens_lite.config import SupertokensConfig, parse_domain
from supertokens_lite.exceptions import ConfigurationError

__all__ = ("run",)

BASE_PATH: Final = "/auth"
COLOURS: Final[Mapping[Verdict, str]] = {"ok": "green", "warning": "yellow", "broken": "red", "not checked": "dim"}


def run(arguments: argparse.Namespace) -> int:
    """Look at a deployment; 1 if something is broken.

    Raises:
        ConfigurationError: an option can't work.
    """
    api = _read_origin("URL", arguments.url)
    website = None if arguments.website is None else _read_origin("--website", arguments.website)
    base_path = _read_path(arguments.base_path)
    cores = _read_core(arguments.core)
    keys = read_api_keys(option(arguments.api_key_file, "api_key_file")) if cores else []
    facts = gather(
        _build_asker(arguments.ca_file),
        api,
        base_path,
        website,
        cores,
        keys[0] if keys else None,
    )
    findings = judge(facts)
    if arguments.json:
        print(json.dumps(_describe(facts, findings), indent=2))
    else:
        _show(facts, findings)
    return 1 if any(each.verdict == "broken" for each in findings) else 0


def _read_origin(name: str, text: str) -> str:
    domain = parse_domain(text)
    origin = "" if domain is None else domain.get_as_string_dangerous()
    parts = urlsplit(text.strip() if "://" in text else "//" + text.strip())
    try:
        is_good = origin.startswith(("http:", "https:")) and (parts.port or 0) >= 0
    except ValueError:
        is_good = False
    if not is_good or "@" in origin or not origin.isascii():
        shown = text.rpartition("@")[2]  # what may be a password is not shown
        raise ConfigurationError(f"{name} is {shown!r} and must be like https://api.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(f"{name} has more than scheme and host; give the path with --base-path")
    return _without_default_port(origin)


def _without_default_port(origin: str) -> str:
    """Give an origin as browsers do, whose Origin header leaves out the usual port."""
    scheme = origin.partition(":")[0]
    return origin.removesuffix({"http": ":80", "https": ":443"}[scheme])


def _read_path(text: str | None) -> str:
    path = BASE_PATH if text is None else NormalisedURLPath(text).get_as_string_dangerous()
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ConfigurationError(f"--base-path is {path!r} and must be a path like /auth")
    return path


def _read_core(uri: str | None) -> Sequence[CoreHost]:
    if uri is None:
        return ()
    config = SupertokensConfig(uri)
    if config.database is not None:
        raise ConfigurationError("--core: a core in a process can't be asked from outside; leave it out")
    return config.hosts


def _build_asker(ca_file: str | None) -> Asker:
    try:
        return Asker(ca_file)
    except OSError as error:
        raise ConfigurationError(f"--ca-file: {ca_file!r} can't be used: {error.strerror or error}") from None


def _describe(facts: Facts, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "api": facts.api,
        "base_path": facts.base_path,
        "website": facts.website,
        "findings": [each._asdict() for each in findings],
    }


def _show(facts: Facts, findings: Sequence[Finding]) -> None:
    rows = [(each.check, each.verdict, _describe_finding(each)) for each in findings]
    title = f"{facts.api}{facts.base_path}"
    show_table(
        title, ("check", "verdict", "found, and what to do"), rows, colours=[COLOURS[each[1]] for each in findings]
    )
    print("\n" + _summarise([each.verdict for each in findings]))


def _describe_finding(finding: Finding) -> str:
    """Give a finding as sentences; what a server wrote into it can't move the cursor."""
    text = f"{finding.found}. {finding.mend[0].upper()}{finding.mend[1:]}." if finding.mend else finding.found
    return printable(text)


def _summarise(verdicts: Sequence[Verdict]) -> str:
    broken, warnings, unchecked = (verdicts.count(each) for each in ("broken", "warning", "not checked"))
    if not broken and not warnings and not unchecked:
        return "All is well."
    parts = [
        f"{broken} broken" if broken else "Nothing is broken",
        *([count_of(warnings, "warning")] if warnings else []),
        *([f"{unchecked} not checked"] if unchecked else []),
    ]
    return ", ".join(parts) + "."
