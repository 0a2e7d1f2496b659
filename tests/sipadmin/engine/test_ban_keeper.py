"""Bans between the guard and the database (threats 6 and 33)."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone

from sip.auth.authenticator import Failure
from sip.defence.bans import Ban
from sip.defence.guard import Guard
from sip.transport.flow import Flow
from sipadmin.engine.ban_keeper import BanKeeper, forget_old_bans
from sipadmin.models import ConfigChange
from sipadmin.security.bans import lift_ban, make_ban
from sipadmin.security.models import Ban as BanRow
from sipadmin.security.models import ConsolePresence

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).timestamp()
MALLORY = "198.51.100.66"


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """It is NOW, however long ago this module was read."""
    monkeypatch.setattr(timezone, "now", lambda: datetime.fromtimestamp(NOW, UTC))


class Later:
    """An executor, and a loop, that do things when told."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, *arguments):
        self.waiting.append((function, arguments))
        return Future()

    def run(self):
        waiting, self.waiting = self.waiting, []
        for function, arguments in waiting:
            function(*arguments)


class House:
    def __init__(self):
        self.events = []
        self.thread, self.loop = Later(), Later()
        self.keeper = BanKeeper(
            self.thread, lambda kind, key, build: self.events.append((kind, build())), self.loop.submit
        )
        self.guard = self.keeper.guard = Guard(self.keeper.banned, lambda now: NOW + now)

    def guess(self, at=NOW):
        for number in range(5):
            self.guard.failed(Failure(MALLORY, "example.org", str(number), False, True), at)

    def settle(self):
        self.thread.run()
        self.loop.run()

    def admits(self, source=MALLORY):
        return self.guard.admits(Flow("udp", ("192.0.2.1", 5060), (source, 5060)), 0.0)

    def told(self, number=-1):
        kind, facts = self.events[number]
        assert kind == "event"
        return facts["type"], facts["subject"], facts["data"]["reason"]


@pytest.fixture
def house(db):
    return House()


class TestDeciding:
    def test_a_ban_holds_at_once_and_is_written_down(self, house):
        house.guess()
        assert not house.admits()
        assert house.told() == ("ban.created", MALLORY, "5 x a user that does not exist within 10 minutes")
        assert not BanRow.objects.exists()
        house.settle()
        row = BanRow.objects.get()
        assert (row.source, row.made_by, row.score, len(row.evidence)) == (MALLORY, "", 20.0, 5)
        assert row.expires_at - row.created_at == timedelta(hours=1)
        assert ConfigChange.objects.filter(kind="ban").exists()  # for other engines

    @pytest.mark.threat(33)
    def test_it_survives_a_restart(self, house):
        house.guess()
        house.settle()
        after = House()
        after.keeper.load(NOW)
        assert not after.admits()
        after.keeper.sweep(NOW + 3600)
        assert after.told() == ("ban.removed", MALLORY, "The ban is over")
        after.guess(at=NOW + 3601)
        after.settle()
        longer = BanRow.objects.first()
        assert longer.expires_at - longer.created_at == timedelta(hours=2)

    def test_what_is_read_meanwhile_does_not_undo_it(self, house):
        install = house.keeper.read(NOW)
        house.guess()
        install()
        assert not house.admits()
        house.settle()
        house.keeper.read(NOW)()
        assert not house.admits()
        assert len(house.events) == 1

    def test_a_ban_that_cannot_be_written_holds_all_the_same(self, house, caplog):
        house.guess()
        with mock.patch.object(BanRow.objects, "bulk_create", side_effect=DatabaseError("disk full")):
            house.settle()
        assert "the ban of 198.51.100.66 is not stored" in caplog.text
        house.keeper.read(NOW)()
        assert not house.admits()


class TestReading:
    def test_bans_by_hand_and_their_undoing(self, house):
        row = make_ban("198.51.100.0/24", None, "", "ada")
        house.keeper.read(NOW)()
        assert not house.admits()
        assert house.events == []
        assert lift_ban(row, "ada")
        house.keeper.read(NOW)()
        assert house.admits()
        assert house.told() == ("ban.removed", "198.51.100.0/24", "The ban was lifted")

    def test_an_administrator_at_the_console(self, house, django_user_model):
        ada = django_user_model.objects.create_superuser("ada")
        ConsolePresence.objects.create(account=ada, address=MALLORY, seen_at=datetime.now(UTC))
        house.keeper.read(NOW)()
        house.guess()
        assert house.admits()
        assert house.events == []

    def test_what_was_lifted_is_not_held_against_anybody(self, house):
        house.guess()
        house.settle()
        assert lift_ban(BanRow.objects.get(), "ada")
        after = House()
        after.keeper.load(NOW)
        assert after.admits()
        after.guess(at=NOW + 10)
        after.settle()
        again = BanRow.objects.first()
        assert again.expires_at - again.created_at == timedelta(hours=1)


def test_old_bans_are_forgotten_once_they_are_over(db):
    long_ago = datetime.now(UTC) - timedelta(days=500)
    BanRow.objects.create(source="192.0.2.1", created_at=long_ago, expires_at=long_ago + timedelta(hours=1))
    BanRow.objects.create(source="192.0.2.2", created_at=long_ago)
    BanRow.objects.create(source="192.0.2.3", expires_at=datetime.now(UTC) - timedelta(hours=1))
    forget_old_bans(datetime.now(UTC))
    assert sorted(BanRow.objects.values_list("source", flat=True)) == ["192.0.2.2", "192.0.2.3"]


def test_facts_of_a_ban_are_those_of_the_guard():
    assert set(Ban._fields) == {"source", "created_at", "expires_at", "reason", "score", "evidence", "made_by"}
