"""The examples' page in a real browser."""

from __future__ import annotations

import json
import re

from tests.browser.example import SAVE, SIGN_IN, run_chromium, serve_example
from tests.browser.test_browser import CHROMIUM

WALK = f"""
const seen = [];
const after = async (id, action) => {{
  $("said").textContent = "";
  $(id)[action]();
  await until(() => $("said").textContent);
  seen.push($("said").textContent);
}};
{SIGN_IN}
seen.push($("name").textContent, JSON.parse($("data").value));
{SAVE}
await fetch("/expire", {{ method: "POST" }});
await after("save", "requestSubmit");
$("data").value = "{{";
await after("save", "requestSubmit");
const payload = $("payload").textContent;
await after("refresh", "click");
seen.push($("data").value, $("payload").textContent !== payload);
await after("signout", "click");
seen.push($("login").hidden, $("session").hidden, document.cookie.includes("sFrontToken"));
document.title = JSON.stringify(seen);
"""


def test_a_visit_to_the_page() -> None:
    """Sign in, save, save with a token that has expired, save what is no JSON, refresh, sign out."""
    with serve_example(WALK) as address:
        shown = run_chromium(CHROMIUM, "--dump-dom", address)
    found = re.search(r"<title>(\[.*\])</title>", shown)
    assert found is not None, shown
    assert json.loads(found[1]) == [
        "anna",
        {"cart": ["apple"]},
        "Saved.",
        "Not saved: this is no JSON object.",
        "Refreshed: the session has new tokens.",
        "{",  # what was being written is still there
        True,
        "Signed out.",
        False,
        True,
        False,
    ]
