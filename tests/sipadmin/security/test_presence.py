"""Where administrators use the console from: never banned by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sipadmin.accounts.tokens import issue_token
from sipadmin.models import ConfigChange
from sipadmin.security import presence
from sipadmin.security.models import ConsolePresence

pytestmark = pytest.mark.django_db
HERE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(autouse=True)
def nobody_noted():
    presence._noted.clear()


def changes():
    return ConfigChange.objects.filter(kind="ban").count()


def test_an_administrator_is_noted_once_in_a_while(admin_page, monkeypatch):
    for _ in range(3):
        admin_page.get("/", **HERE)
    assert presence.present() == {"203.0.113.9": "ada"}
    assert str(ConsolePresence.objects.get()) == "ada at 203.0.113.9"
    assert changes() == 1
    first = ConsolePresence.objects.get().seen_at
    monkeypatch.setattr(presence, "NOTE_INTERVAL", 0.0)
    admin_page.get("/", **HERE)
    assert ConsolePresence.objects.get().seen_at > first
    assert changes() == 1  # the engine knows him already


def test_logging_out_ends_it(admin_page):
    admin_page.get("/", **HERE)
    admin_page.post("/logout/", **HERE)
    assert presence.present() == {}
    assert changes() == 2


def test_so_does_time(admin_page):
    admin_page.get("/", **HERE)
    ConsolePresence.objects.update(seen_at=timezone.now() - presence.PRESENT - timedelta(seconds=1))
    assert presence.present() == {}


def test_operators_strangers_and_programs_are_not_noted(operator_page, administrator):
    operator_page.get("/", **HERE)
    Client().get("/login/", **HERE)
    _, text = issue_token("script", owner=administrator)
    Client().get("/api/v1/users/", HTTP_AUTHORIZATION=f"Bearer {text}", **HERE)
    assert not ConsolePresence.objects.exists()


def test_memory_is_bounded(admin_page, monkeypatch):
    monkeypatch.setattr(presence, "MOST_NOTED", 5)
    for number in range(20):
        admin_page.get("/", REMOTE_ADDR=f"203.0.113.{number}")
    assert len(presence._noted) <= 5
