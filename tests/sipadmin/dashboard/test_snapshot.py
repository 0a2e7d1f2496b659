"""What the live pages start from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sipadmin.dashboard import snapshot
from sipadmin.models import Event
from sipadmin.security.models import Ban
from sipadmin.templatetags.console import is_behind_nat, lookup, ring_time
from tests.console import attempt, bind

pytestmark = pytest.mark.django_db


def test_fast_facts_are_those_of_the_model(alice):
    """Two readings, one shape."""
    row = bind(alice, instance_id="<urn:uuid:1>")
    assert snapshot.live_bindings() == [snapshot.binding_facts(row)]


def test_success_leaves_challenges_and_running_calls_out(engine):
    attempt(1, state="answered", status=200)
    attempt(2, state="redirected", status=302)
    attempt(3, state="failed", status=486)
    attempt(4, state="failed", status=407)
    attempt(5, state="ringing", status=None)
    found = snapshot.figures()
    assert (found["success"], found["calls_last_hour"], found["calls_in_progress"]) == ("67 %", 4, 1)


def test_no_call_no_success(engine):
    assert snapshot.figures()["success"] == "–"


def test_the_engine_knows_how_many_are_registered(monkeypatch):
    monkeypatch.setattr(
        snapshot,
        "engine_command",
        lambda name, timeout: {"counts": {"records": 7, "bindings": 9}, "traffic": {"at": 1}},
    )
    found = snapshot.figures()
    assert (found["registered"], found["contacts"], found["traffic"]) == (7, 9, {"at": 1})


def test_and_the_database_without_it(alice):
    bind(alice, 1)
    bind(alice, 2)
    found = snapshot.figures()
    assert (found["registered"], found["contacts"], found["traffic"]) == (1, 2, None)


def test_last_failures():
    attempt(1, state="failed", status=401)
    attempt(2, state="failed", status=404)
    attempt(3, state="answered", status=200)
    assert [call["status"] for call in snapshot.last_failures(6)] == [404]


def test_security():
    now = timezone.now()
    for age in (1, 30):
        Event.objects.create(ts=now - timedelta(hours=age), type="auth.failed", subject="sip:a@b")
    Ban.objects.create(source="192.0.2.9")
    Ban.objects.create(source="192.0.2.8", lifted_at=now)
    assert snapshot.security() == {"failures": 1, "bans": 1}


def test_flapping():
    now = timezone.now()
    for subject, number in (("sip:busy@b", snapshot.MANY_CHANGES), ("sip:calm@b", snapshot.MANY_CHANGES - 1)):
        for _ in range(number):
            Event.objects.create(ts=now, type="registration.created", subject=subject)
        Event.objects.create(ts=now, type="registration.refreshed", subject=subject)
    assert snapshot.flapping() == {"sip:busy@b": snapshot.MANY_CHANGES}


def test_no_history_without_the_engine():
    assert snapshot.traffic_history()["samples"] == []


@pytest.mark.parametrize(
    ("contact", "source", "expected"),
    [
        ("sip:bob@192.0.2.1:5060", "192.0.2.1:5060", False),
        ("sip:bob@192.0.2.1;transport=tcp", "192.0.2.1:41000", False),
        ("sip:bob@10.0.0.1:5060", "192.0.2.1:5060", True),
        ("sip:bob@[2001:db8::1]:5060", "[2001:db8::1]:5060", False),
        ("sip:bob@10.0.0.1", "", False),
        ("", "192.0.2.1:5060", False),
    ],
)
def test_behind_nat(contact, source, expected):
    assert is_behind_nat({"contact": contact, "received_from": source}) is expected


def test_behind_nat_of_nothing():
    assert is_behind_nat(None) is False


def test_ring_time():
    assert ring_time({"ringing_at": 10.0, "ended_at": 14.25}) == "4.2 s"
    assert ring_time({"ringing_at": 10.0, "ended_at": 40.6}) == "31 s"
    assert ring_time({"ringing_at": 10.0, "ended_at": None}) == ring_time(None) == ""


def test_lookup():
    assert lookup({"a": 1}, "a") == 1
    assert lookup(None, "a") is None
