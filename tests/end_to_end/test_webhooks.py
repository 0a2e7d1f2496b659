"""Webhooks of the running product: from a phone that registers to a signed message, over a restart."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

from tests.end_to_end.api_client import ApiClient
from tests.end_to_end.product import Product, wait_until
from tests.end_to_end.registrant import DOMAIN, Registrant
from tests.sipadmin.webhooks.receiver import Receiver, receiver


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Product]:
    """A product that may send webhooks to loopback."""
    running = Product(tmp_path / "data", SIPADMIN_WEBHOOK_NETWORKS="127.0.0.0/8")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_it_works(hooked, listening):
    api = ApiClient(hooked, "hooks")
    api("PUT", f"domains/{DOMAIN}/", {"auth_register": False})
    api("PUT", f"users/bob@{DOMAIN}/", {})
    made = api("POST", "webhooks/", {"name": "all", "url": listening.url, "types": ["registration.*"]}).body
    phones = Registrant(hooked.sip)
    phones.register("bob")
    assert listening.wait_for(1)
    headers, body, _ = listening.received[0]
    facts = standardwebhooks.Webhook(made["secret"]).verify(body, headers)
    assert facts["type"] == "registration.created"
    assert facts["data"]["subject"] == f"sip:bob@{DOMAIN}"

    # The receiver is down while a phone unregisters, and so is the web process for a while.
    listening.answers = [(503, {}), (204, {})]
    api("DELETE", f"users/bob@{DOMAIN}/")
    assert listening.wait_for(2)
    place = f"webhooks/{made['id']}/deliveries/?state=waiting"
    assert wait_until(lambda: len(api("GET", place).body["results"][0]["attempts"]) == 1)
    hooked.stop(signal.SIGTERM)
    hooked.start()
    assert listening.wait_for(3, 30.0)
    first, second = (json.loads(text) for _, text, _ in listening.received[1:3])
    assert first == second
    assert first["type"] == "registration.removed"
    assert listening.received[1][0]["webhook-id"] == listening.received[2][0]["webhook-id"]
    assert wait_until(lambda: api("GET", f"webhooks/{made['id']}/").body["waiting"] == 0)


def test_nobody_inside_unless_allowed(product, listening):
    api = ApiClient(product, "inside")
    made = api("POST", "webhooks/", {"name": "inside", "url": listening.url}).body
    api("POST", f"webhooks/{made['id']}/test/")
    place = f"webhooks/{made['id']}/deliveries/"
    assert wait_until(lambda: api("GET", place).body["results"][0]["attempts"])
    assert "not a public address" in api("GET", place).body["results"][0]["attempts"][0]["error"]
    assert not listening.received
    assert api("DELETE", f"webhooks/{made['id']}/").status == 204
