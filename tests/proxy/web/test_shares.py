"""Links by which outsiders see one call."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.signing import Signer
from django.test import Client
from django.utils import timezone

from proxy.models import CallShare
from proxy.shares import find_shared, forget_expired, share
from tests.console import attempt, traced
from tests.proxy.ladder.calls import ALICE, BOB

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    return traced(attempt(1, source=f"udp:{ALICE}"))


@pytest.fixture
def link(admin_page, call):
    text = admin_page.post(f"/calls/{call.pk}/share/", {"days": 7}).content.decode()
    return re.search(r"http://testserver(/shared/[^/<]+/)", text)[1]


def test_it_works(link):
    response = Client().get(link)
    text = response.content.decode()
    assert text.count('<a class="message') == 12
    assert "caller@domain-1.example" in text
    for private in (ALICE, BOB, "alice", "example.org"):
        assert private not in text
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["txt", "svg", "json", "pcap"])
def test_exports_are_masked(link, kind):
    response = Client().get(f"{link}call.{kind}")
    assert response.status_code == 200
    assert b"alice" not in response.content.lower()
    assert b"192.0.2.10" not in response.content


def test_it_holds_for_the_chosen_time_and_is_kept_as_a_hash(link, call):
    row = CallShare.objects.get()
    assert timedelta(days=6.9) < row.expires_at - timezone.now() < timedelta(days=7.1)
    key = link.split("/")[2].partition(":")[0]
    assert key not in row.key_hash
    assert row.created_by == "ada"


def test_it_can_be_revoked(admin_page, link, call):
    assert "Revoke" in admin_page.get(f"/calls/{call.pk}/").content.decode()
    admin_page.post(f"/calls/{call.pk}/share/{CallShare.objects.get().pk}/revoke/")
    assert Client().get(link).status_code == 404
    assert Client().get(f"{link}call.txt").status_code == 404
    assert "Revoke" not in admin_page.get(f"/calls/{call.pk}/").content.decode()


def test_it_expires(link):
    CallShare.objects.update(expires_at=timezone.now())
    response = Client().get(link)
    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()


@pytest.mark.parametrize("change", [lambda token: token[:-1] + "x", lambda token: "x" + token, lambda token: "x" * 300])
def test_forged_links_do_not_reach_the_database(call, change, django_assert_num_queries):
    _, token = share(call, 1, "ada")
    forged = change(token)
    if forged != token:
        with django_assert_num_queries(0):
            assert find_shared(forged) is None
    assert find_shared(token) is not None


def test_a_signature_alone_opens_nothing(call):
    assert find_shared(Signer(salt="sipadmin.call-share").sign("guess")) is None
    assert find_shared(Signer(salt="other").sign("guess")) is None


def test_it_opens_one_call_only(link, call):
    other = attempt(2)
    assert Client().get(f"/calls/{other.pk}/").status_code == 302
    assert Client().get(f"/calls/{call.pk}/").status_code == 302


def test_operators_may_not(operator_page, call):
    assert operator_page.post(f"/calls/{call.pk}/share/", {"days": 7}).status_code == 403
    assert "Share with outsiders" not in operator_page.get(f"/calls/{call.pk}/").content.decode()


@pytest.mark.parametrize("days", ["", "2", "99999", "x"])
def test_refusals(admin_page, call, days):
    assert admin_page.post(f"/calls/{call.pk}/share/", {"days": days}).status_code == 422
    assert not CallShare.objects.exists()


def test_it_goes_with_its_call(link, call):
    call.delete()
    assert not CallShare.objects.exists()


def test_expired_ones_are_forgotten(link):
    assert forget_expired() == 0
    CallShare.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert forget_expired() == 1
