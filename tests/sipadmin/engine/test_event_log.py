"""The event log: from announcements to rows."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError

from sipadmin.engine import event_log
from sipadmin.engine.event_log import EventLog, clear_old
from sipadmin.models import Event

pytestmark = pytest.mark.django_db

START = 1_700_000_000.0
BOB = "sip:bob@example.org"


class Log(EventLog):
    """A log that nobody starts: the test is its writer. ``passed`` is what went on to the bus."""

    def __init__(self):
        self.passed = []
        self.now = START
        super().__init__(lambda *announcement: self.passed.append(announcement), lambda: self.now)

    def registration(self, name="created", **facts):
        self.announce("binding", 1, lambda: {"type": f"registration.{name}", "aor": BOB, **facts})

    def call(self, key, state):
        self.announce("call", key, lambda: {"id": key, "callee": BOB, "state": state})

    def types(self):
        self.write_waiting()
        return list(Event.objects.order_by("id").values_list("type", flat=True))


@pytest.fixture
def log():
    return Log()


def test_it_works(log):
    log.registration(contact="sip:bob@192.0.2.1")
    assert log.waiting == len(log.passed) == 1
    log.write_waiting()
    event = Event.objects.get()
    assert (event.type, event.subject, event.data) == ("registration.created", BOB, {"contact": "sip:bob@192.0.2.1"})
    assert event.ts == datetime.fromtimestamp(START, UTC)
    assert (log.waiting, log.written, log.dropped, log.skipped) == (0, 1, 0, 0)


def test_a_call_over_several_batches(log):
    log.call(7, "trying")
    assert log.types() == ["call.started"]
    log.call(7, "ringing")
    log.call(7, "answered")
    log.call(8, "failed")
    assert log.types() == ["call.started", "call.answered", "call.started", "call.ended"]
    log.call(7, "answered")
    assert len(log.types()) == 4


def test_a_call_that_is_hung_up(log):
    facts = {"id": 7, "call_id": "a@b", "callee": BOB, "state": "answered", "ended_at": START - 60.0}
    log.announce("call", 7, lambda: facts)
    assert log.types() == ["call.started", "call.answered"]
    log.call_hung_up("another@b")
    log.call_hung_up("a@b")
    log.call_hung_up("a@b")  # the BYE that crossed it
    assert log.types() == ["call.started", "call.answered", "call.ended"]
    event = Event.objects.get(type="call.ended")
    assert event.subject == BOB
    assert (event.data["state"], event.data["hung_up_at"], event.data["duration"]) == ("ended", START, 60.0)


def test_states_of_old_calls_are_forgotten(log, monkeypatch):
    monkeypatch.setattr(event_log, "MOST_CALLS", 2)
    for key in range(4):
        log.call(key, "trying")
    log.write_waiting()
    assert list(log._calls) == [2, 3]


def test_nothing_after_all(log):
    log.announce("binding", 1, lambda: None)
    assert log.types() == []


def test_when_the_database_falls_behind_the_oldest_are_dropped(log, monkeypatch):
    monkeypatch.setattr(event_log, "MOST_WAITING", 2)
    for number in range(3):
        log.registration(number=number)
    log.write_waiting()
    assert [event.data["number"] for event in Event.objects.order_by("id")] == [1, 2]
    assert (log.dropped, len(log.passed)) == (1, 3)
    for _ in range(3):
        log.call_hung_up("a@b")
    assert (log.waiting, log.dropped) == (2, 2)


def test_what_is_frequent_is_thinned_out(log):
    for _ in range(event_log.MOST_OF_FREQUENT + 5):
        log.registration("refreshed")
        log.registration("created")
    assert log.types().count("registration.refreshed") == event_log.MOST_OF_FREQUENT
    assert Event.objects.filter(type="registration.created").count() == event_log.MOST_OF_FREQUENT + 5
    assert log.skipped == 5


def test_large_batches_are_written_in_parts(log, monkeypatch):
    monkeypatch.setattr(event_log, "MOST_AT_ONCE", 2)
    for _ in range(5):
        log.registration()
    assert len(log.types()) == 5


def test_a_bug_in_one_costs_only_that_one(log, caplog):
    log.announce("binding", 1, lambda: 1 // 0)
    log.registration()
    assert log.types() == ["registration.created"]
    assert "could not be described" in caplog.text


def test_a_database_that_is_gone(log, monkeypatch, caplog):
    def fail(rows):
        raise DatabaseError("disk full")

    monkeypatch.setattr(Event.objects, "bulk_create", fail)
    log.registration()
    log.write_waiting()
    assert (log.written, log.dropped) == (0, 1)
    assert "disk full" in caplog.text


class TestClearing:
    NOW = datetime.fromtimestamp(START, UTC)

    def event(self, type="call.ended", **age):
        return Event.objects.create(ts=self.NOW - timedelta(**age), type=type, subject=BOB)

    def test_by_age(self):
        kept = [self.event(days=29), self.event("registration.refreshed", days=1)]
        self.event(days=31)
        self.event("registration.refreshed", days=3)
        assert clear_old(self.NOW) == 2
        assert list(Event.objects.order_by("id")) == kept

    def test_by_number(self):
        rows = [self.event(days=1) for _ in range(5)]
        clear_old(self.NOW, rows=3)
        assert list(Event.objects.order_by("id")) == rows[2:]

    def test_a_part_at_a_time(self, monkeypatch):
        monkeypatch.setattr(event_log, "REMOVED_AT_ONCE", 2)
        for _ in range(3):
            self.event(days=31)
        assert [clear_old(self.NOW), clear_old(self.NOW)] == [2, 1]

    def test_failure_is_said(self, log, monkeypatch, caplog):
        def fail(now):
            raise DatabaseError("locked")

        monkeypatch.setattr(event_log, "clear_old", fail)
        log.clear()
        assert "locked" in caplog.text


@pytest.mark.django_db(transaction=True)
class TestRunning:
    async def test_written_while_it_runs_and_cleared(self, log, monkeypatch):
        monkeypatch.setattr(event_log, "WRITE_INTERVAL", 0.0)
        monkeypatch.setattr(event_log, "CLEAR_INTERVAL", 0.0)
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(log, "clear", lambda: loop.call_soon_threadsafe(done.set))
        log.registration()
        log.start()
        await done.wait()
        await log.stop()
        assert log.written == 1

    async def test_stop_writes_the_rest(self, log):
        log.start()
        log.registration()
        await log.stop()
        assert (log.waiting, log.written) == (0, 1)

    async def test_stop_without_start(self, log, caplog):
        caplog.set_level(logging.ERROR)
        await log.stop()
        assert caplog.text == ""
