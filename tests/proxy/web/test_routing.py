"""The server's default policy."""

from __future__ import annotations

import pytest

from proxy.models import DeliveryPolicy
from sipadmin.provisioning import own_policy, set_policy

pytestmark = pytest.mark.django_db


def test_it_works(admin_page, bob, engine):
    set_policy(bob, "redirect")
    assert "bob@example.org" in admin_page.get("/routing/").content.decode()
    page = admin_page.post("/routing/", {"policy_action": "proxy-sequential", "ring_time": "15"}, follow=True)
    assert own_policy(None) == ("proxy-sequential", 15)
    assert "Active now on the engine" in page.content.decode()


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"policy_action": "inherit"}, "not one of the available choices"),
        ({"policy_action": "refuse", "policy_argument": "99"}, "refuse needs a status code"),
        ({"policy_action": "proxy", "ring_time": "-1"}, "greater than or equal to 1"),
        ({}, "required"),
    ],
)
def test_refusals(admin_page, entered, sentence):
    response = admin_page.post("/routing/", entered)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not DeliveryPolicy.objects.exists()
