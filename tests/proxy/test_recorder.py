"""Call attempts on their way to the console and the database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from proxy.events import CallRecord, call_facts, shown
from proxy.models import CallAttempt, CallBranch
from proxy.recorder import Recorder
from proxy.rows import end_what_was_running, remove_old
from registrar.models import Domain, SipUser
from tests.proxy.scene import BOB, CAROL, Scene

START = 1_700_000_000.0


class Recorded(Scene):
    """A scene whose calls go through a real recorder."""

    def __init__(self, **options):
        super().__init__()
        self.events = []
        self.recorder = self.handler.records.log = Recorder(
            lambda kind, key, build: self.events.append((kind, key, build())), lambda at: at - 1000.0 + START, **options
        )


@pytest.fixture
def scene():
    scene = Recorded()
    scene.register("bob", "sip:bob@192.0.2.20:5060", user_agent="desk")
    scene.register("bob", "sip:bob@192.0.2.30:5060", user_agent="mobile")
    return scene


def ids(scene, domain, user):
    for record in scene.recorder._waiting:
        record.domain_id, record.user_id = domain, user


class TestEvents:
    def test_each_change_is_announced_as_json(self, scene):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        scene.advance(3)
        scene.answer(call.at(BOB), 200)
        kinds = {(kind, key) for kind, key, _ in scene.events}
        assert len(kinds) == 1
        states = [facts["state"] for _, _, facts in scene.events]
        assert list(dict.fromkeys(states)) == ["trying", "ringing", "answered"]
        facts = json.loads(json.dumps(scene.events[-1][2]))
        assert facts["id"] == int(START * 1e6)
        assert (facts["status"], facts["started_at"], facts["ended_at"]) == (200, START, START + 3)
        assert [branch["state"] for branch in facts["branches"]] == ["answered", "trying"]
        assert [branch["user_agent"] for branch in facts["branches"]] == ["desk", "mobile"]
        assert facts["explanation"] == "2 phones rang, sip:bob@192.0.2.20:5060 (desk) answered (200)"
        assert facts["steps"][3]["text"] == "Policy of bob: proxy (server default)"

    def test_a_phone_that_joined_late_is_told_from_the_others(self, scene):
        scene.call("bob")
        scene.register("bob", "sip:bob@192.0.2.40:5060")
        assert [branch["joined_late"] for branch in scene.events[-1][2]["branches"]] == [False, False, True]

    def test_only_invites_outside_dialogs_are_call_attempts(self, scene):
        scene.send(method="MESSAGE", uri="sip:bob@example.org")
        scene.send(method="INVITE", uri="sip:bob@example.org", to="<sip:bob@example.org>;tag=x")
        assert scene.events == []

    def test_ids_grow_even_within_a_microsecond(self, scene):
        first, second = [scene.recorder.open("c", "a", "b", "s", 1000.0) for _ in range(2)]
        assert second.id == first.id + 1
        assert second.id < 2**53

    def test_text_from_the_wire_is_made_storable(self):
        assert shown("a\0b\udc80" + "x" * 1000) == "ab?" + "x" * 396
        assert shown("a\u202eb\x1b[1m") == "a\\u202eb\\x1b[1m"
        assert len(shown("\u202e" * 1000)) == 400
        record = CallRecord(1, "c\udcff", "sip:a\0", "sip:b", "udp:1.2.3.4:5", 0.0)
        json.dumps(call_facts(record, lambda at: at)).encode()


@pytest.mark.django_db
class TestRows:
    def test_a_running_call_is_written_and_later_overwritten(self, scene):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 180)
        ids(scene, None, None)
        scene.recorder.write_waiting()
        attempt = CallAttempt.objects.get()
        assert (attempt.state, attempt.status, attempt.ended_at) == ("ringing", None, None)
        scene.answer(call.at(BOB), 486)
        scene.answer(call.at(CAROL), 480)
        ids(scene, None, None)
        scene.recorder.write_waiting()
        attempt = CallAttempt.objects.get()
        assert (attempt.state, attempt.status, attempt.reason) == ("failed", 486, "Busy Here")
        assert attempt.started_at == datetime.fromtimestamp(START, UTC)
        assert attempt.steps[0]["section"] == "16.5"
        assert [(one.position, one.state, one.status, one.next_hop) for one in attempt.branches.all()] == [
            (0, "failed", 486, "udp:192.0.2.20:5060"),
            (1, "failed", 480, "udp:192.0.2.30:5060"),
        ]
        assert scene.recorder.written == 2

    def test_a_call_that_came_and_went_is_written_once(self, scene, django_assert_num_queries):
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200)
        ids(scene, None, None)
        assert scene.recorder.waiting == 1
        scene.recorder.write_waiting()
        assert scene.recorder.waiting == 0

    def test_owners_are_kept_and_may_be_gone(self, scene):
        domain = Domain.objects.create(name="example.org")
        user = SipUser.objects.create(domain=domain, username="bob")
        scene.call("bob")
        ids(scene, domain.pk, user.pk)
        scene.recorder.write_waiting()
        assert CallAttempt.objects.get().user == user

    def test_when_nobody_writes_the_oldest_are_dropped_and_counted(self):
        scene = Recorded(most_waiting=2)
        for _ in range(3):
            scene.call("nobody")
        assert (scene.recorder.waiting, scene.recorder.dropped) == (2, 1)

    def test_what_was_running_at_a_restart_is_closed(self):
        CallAttempt.objects.create(id=1, state="ringing", started_at=datetime.now(UTC))
        end_what_was_running("default")
        attempt = CallAttempt.objects.get()
        assert (attempt.state, attempt.explanation) == ("failed", "The server was restarted during this call attempt")

    def test_old_attempts_go_by_age_and_by_number(self):
        now = datetime.now(UTC)
        for number in range(6):
            attempt = CallAttempt.objects.create(id=number, state="failed", started_at=now - timedelta(days=number))
            CallBranch.objects.create(attempt=attempt, position=0, started_at=now)
        assert remove_old("default", days=5, attempts=100) == 1
        assert remove_old("default", days=400, attempts=2) == 3
        assert list(CallAttempt.objects.values_list("id", flat=True)) == [0, 1]
        assert CallBranch.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestThread:
    def test_a_vanished_owner_does_not_lose_the_call(self, scene):
        scene.call("bob")
        ids(scene, 4711, 4711)
        scene.recorder.write_waiting()
        assert CallAttempt.objects.get().user is None
        assert scene.recorder.dropped == 0

    def test_stop_writes_what_waits(self, scene):
        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            connection.inc_thread_sharing()
        try:
            scene.call("bob")
            ids(scene, None, None)
            scene.recorder.start()
            scene.recorder.stop()
        finally:
            if connection.vendor == "sqlite" and connection.is_in_memory_db():
                connection.dec_thread_sharing()
        assert CallAttempt.objects.count() == 1
