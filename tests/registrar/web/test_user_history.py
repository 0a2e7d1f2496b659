"""What the page of a user tells of the past."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from sipadmin.models import Event
from sipadmin.provisioning import save_user
from tests.console import HOSTILE, attempt

pytestmark = pytest.mark.django_db


@pytest.fixture
def past(alice, bob):
    """Of bob; alice's is her own."""
    for type, data in (
        ("registration.created", {"user_agent": HOSTILE, "received_from": "192.0.2.1:5060"}),
        ("registration.refreshed", {"user_agent": "often"}),
        ("registration.expired", {"reason": "did not refresh in time"}),
        ("auth.failed", {"source": "udp:192.0.2.66:5060"}),
    ):
        Event.objects.create(ts=timezone.now(), type=type, subject=bob.aor, data=data)
    Event.objects.create(ts=timezone.now(), type="registration.created", subject=alice.aor, data={"user_agent": "hers"})
    attempt(1, user=bob, explanation="bob did not answer")
    attempt(2, caller=bob.aor, callee="sip:x@example.org", explanation="bob called")
    attempt(3, caller="sip:carol@example.org", explanation="not bob's")
    save_user(bob.domain, "bob", display_name="Robert")
    return bob


def test_it_works(admin_page, past):
    text = admin_page.get(reverse("user", args=[past.pk])).content.decode()
    for word in (
        "wrong password",
        "192.0.2.66",
        "did not refresh in time",
        "bob did not answer",
        "bob called",
        "Robert",
    ):
        assert word in text
    assert "Robert" in text
    for word in ("often", "hers", "not bob's", "<script>alert"):
        assert word not in text


def test_operators_do_not_see_who_changed_what(operator_page, past):
    text = operator_page.get(reverse("user", args=[past.pk])).content.decode()
    assert "bob did not answer" in text
    assert "user.changed" not in text


def test_nothing_yet(admin_page, alice):
    text = admin_page.get(reverse("user", args=[alice.pk])).content.decode()
    assert "Nothing yet" in text
