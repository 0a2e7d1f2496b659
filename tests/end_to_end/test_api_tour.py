"""docs/api.md, carried out: a reader who copies its commands ends where it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.end_to_end.api_client import ApiClient
from tests.end_to_end.product import ROOT, Product

SECTION = "Ten minutes: from a token to a provisioned domain"


def commands() -> list[str]:
    """The shell blocks of the section."""
    text = (ROOT / "docs/api.md").read_text()
    section = text.partition(f"## {SECTION}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_it_works(product: Product, tmp_path: Path) -> None:
    first, *others = commands()
    assert len(others) >= 6
    assert "createtoken" in first  # which is done here, on another port
    api = ApiClient(product, "tour")
    environment = {**os.environ, "SIPADMIN": product.http, "TOKEN": api.token, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail"], input="\n".join(others), text=True, capture_output=True, env=environment,
        cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""

    users = api("GET", "users/?domain=shop.example").body["results"]
    assert [(user["username"], user["enabled"]) for user in users] == [("bob", False), ("carol", True), ("dave", True)]
    assert users[1]["aliases"] == ["2001"]
    assert users[2]["policy"] == "redirect"
    assert api("GET", "domains/shop.example/").body["default_expires"] == 600
    changed = api("GET", "audit/?subject=bob@shop.example&action=user.changed").body["results"][0]
    assert (changed["reason"], changed["changes"]) == ("unpaid bill", {"enabled": [True, False]})
    links = re.findall(r'"url":"(http[^"]+/phone/[^"]+)"', done.stdout)
    assert len(links) == 2
    assert len(set(links)) == 1  # made once, though asked for twice
    assert "whsec_" in done.stdout
    webhook = api("GET", "webhooks/?q=crm").body["results"][0]
    assert api("DELETE", f"webhooks/{webhook['id']}/").status == 204
    assert api("DELETE", "domains/shop.example/").status == 204
