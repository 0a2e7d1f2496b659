"""Live calls and one call in detail."""

from __future__ import annotations

import pytest

from tests.console import attempt

pytestmark = pytest.mark.django_db


def test_it_works(admin_page):
    attempt(1, branches=2)
    attempt(2, explanation="carol has no registered phone: 480", status=480, branches=0)
    text = admin_page.get("/calls/").content.decode()
    assert text.index("bob&#x27;s phone was busy") < text.index("carol has no registered phone: 480")
    assert "bob@192.0.2.1:5060" in text


def test_empty(admin_page):
    assert "No call yet" in admin_page.get("/calls/").content.decode()


def test_detail(operator_page):
    row = attempt(1, branches=2)
    text = operator_page.get(f"/calls/{row.pk}/").content.decode()
    assert "example.org is ours" in text
    assert "16.4" in text
    assert text.count("data-position=") == 2
    assert row.call_id in text


def test_a_phone_that_joined_late(admin_page):
    row = attempt(1, branches=2)
    assert "joined late" not in admin_page.get("/calls/").content.decode()
    row.branches.filter(position=1).update(joined_late=True)
    for page in ("/calls/", f"/calls/{row.pk}/"):
        assert admin_page.get(page).content.decode().count("joined late") == 1


def test_detail_of_a_call_without_branches(admin_page):
    row = attempt(1, branches=0, status=None, state="trying", explanation="", reason="")
    assert "not forwarded" in admin_page.get(f"/calls/{row.pk}/").content.decode()
