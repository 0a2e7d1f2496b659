"""From an event to a delivered message, with failures, retries and restarts in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import standardwebhooks
from django.utils import timezone

from sipadmin.models import AuditEntry, Event
from sipadmin.webhooks import hooks, worker
from sipadmin.webhooks.hooks import newest_event, queue_events, queue_test, replay, seal
from sipadmin.webhooks.message import DELAYS, secret_text
from sipadmin.webhooks.models import Delivery, Webhook
from sipadmin.webhooks.target import Outcome
from sipadmin.webhooks.worker import Worker, clear_old

pytestmark = pytest.mark.django_db
KEY = b"k" * 32


class Scene:
    """A worker whose receiver is the test: ``outcomes`` of the next tries, the last one for all after."""

    def __init__(self):
        self.now = timezone.now()
        self.sent = []
        self.outcomes = [Outcome(200, "", 3)]
        self.worker = Worker(self.send, lambda: 0.5)

    def send(self, url, headers, body):
        self.sent.append((url, headers, body))
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def work(self, seconds=0):
        self.now += timedelta(seconds=seconds)
        return self.worker.work(self.now)

    def event(self, type="registration.created", subject="sip:bob@example.org"):
        return Event.objects.create(ts=self.now, type=type, subject=subject, data={"n": 1})


@pytest.fixture
def scene():
    return Scene()


def hook(name="billing", **more):
    return Webhook.objects.create(
        name=name, url="https://example.org/hook", sealed_secret=seal(KEY), last_event_id=newest_event(), **more
    )


class TestQueue:
    def test_what_happened_since(self, scene):
        scene.event()
        row = hook()
        event = scene.event()
        assert queue_events(row) == 1
        assert queue_events(row) == 0
        delivery = Delivery.objects.get()
        assert (delivery.event_id, delivery.message_id) == (event.pk, f"evt_{event.pk}_{row.pk}")

    @pytest.mark.parametrize(
        ("wish", "count"),
        [
            ({}, 3),
            ({"types": ["call.ended"]}, 1),
            ({"types": ["registration.*"]}, 2),
            ({"domain": "example.org"}, 2),
            ({"domain": "example.org", "types": ["call.*"]}, 0),
        ],
    )
    def test_what_is_wanted(self, scene, wish, count):
        row = hook(**wish)
        scene.event()
        scene.event("registration.expired")
        scene.event("call.ended", "sip:bob@example.net")
        queue_events(row)
        assert Delivery.objects.count() == count

    def test_two_processes_queue_it_once(self, scene):
        row = hook()
        scene.event()
        other = Webhook.objects.get()
        assert (queue_events(row), queue_events(other)) == (1, 0)
        assert Delivery.objects.count() == 1

    def test_who_is_far_behind_gets_a_gap(self, scene, monkeypatch):
        monkeypatch.setattr(hooks, "MOST_WAITING", 2)
        row = hook()
        for _ in range(4):
            scene.event()
        queue_events(row)
        assert Delivery.objects.count() == 2
        assert row.last_event_id == newest_event()

    def test_many_are_queued_in_parts(self, scene, monkeypatch):
        monkeypatch.setattr(hooks, "EVENTS_AT_ONCE", 2)
        monkeypatch.setattr(worker, "EVENTS_AT_ONCE", 2)
        hook()
        for _ in range(3):
            scene.event()
        assert scene.work() is True
        assert scene.work() is False
        assert len(scene.sent) == 3


class TestDelivery:
    def test_it_works(self, scene):
        hook()
        event = scene.event()
        scene.work()
        [(url, headers, body)] = scene.sent
        assert url == "https://example.org/hook"
        facts = standardwebhooks.Webhook(secret_text(KEY)).verify(body, headers)
        assert facts["data"] == {"event_id": event.pk, "subject": "sip:bob@example.org", "n": 1}
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.next_attempt_at) == ("delivered", None)
        assert delivery.attempts == [{"at": scene.now.isoformat(), "status": 200, "error": "", "ms": 3}]
        scene.work(3600)
        assert len(scene.sent) == 1

    def test_tries_again_with_the_same_identity_and_gives_up(self, scene):
        hook()
        scene.event()
        scene.outcomes = [Outcome(0, "ConnectionRefusedError", 1)]
        scene.work()
        for delay in DELAYS:
            scene.work(delay - 1)
            before = len(scene.sent)
            scene.work(1)
            assert len(scene.sent) == before + 1
            # Keeps a webhook from being given up by the clock alone: that has its own test.
            Webhook.objects.update(failing_since=scene.now)
        delivery = Delivery.objects.get()
        assert (delivery.state, len(delivery.attempts)) == ("failed", len(DELAYS) + 1)
        assert delivery.attempts[-1]["status"] is None
        assert len({headers["webhook-id"] for _, headers, _ in scene.sent}) == 1
        assert len({headers["webhook-timestamp"] for _, headers, _ in scene.sent}) == len(DELAYS) + 1
        scene.work(86400 * 2)
        assert len(scene.sent) == len(DELAYS) + 1

    def test_comes_back(self, scene):
        hook()
        scene.event()
        scene.outcomes = [Outcome(500, "answered 500", 1), Outcome(200, "", 1)]
        scene.work()
        assert Webhook.objects.get().failing_since == scene.now
        scene.work(5)
        assert Delivery.objects.get().state == "delivered"
        assert Webhook.objects.get().failing_since is None

    def test_the_receiver_says_when(self, scene):
        hook()
        scene.event()
        scene.outcomes = [Outcome(503, "answered 503", 1, 100.0)]
        scene.work()
        assert Delivery.objects.get().next_attempt_at == scene.now + timedelta(seconds=100)

    def test_while_it_fails_one_at_a_time(self, scene):
        hook()
        scene.outcomes = [Outcome(500, "answered 500", 1)]
        for _ in range(5):
            scene.event()
        scene.work()
        assert len(scene.sent) == 5  # nobody knew
        scene.work(5)
        assert len(scene.sent) == 6

    def test_gone_means_gone(self, scene):
        hook()
        scene.event()
        scene.outcomes = [Outcome(410, "answered 410", 1)]
        scene.work()
        row = Webhook.objects.get()
        assert not row.enabled
        assert "410" in row.disabled_reason
        assert Delivery.objects.get().state == "failed"
        scene.event()
        scene.work(86400)
        assert len(scene.sent) == 1
        assert AuditEntry.objects.filter(action="webhook.changed", subject="billing").exists()

    def test_five_days_of_failures_disable_it(self, scene):
        hook(failing_since=scene.now - timedelta(days=5, seconds=1))
        scene.event()
        scene.outcomes = [Outcome(500, "answered 500", 1)]
        scene.work()
        assert "5 days" in Webhook.objects.get().disabled_reason

    def test_a_secret_that_is_lost(self, scene, settings):
        hook()
        scene.event()
        settings.SECRET_KEY = "another one"
        scene.work()
        assert not scene.sent
        assert "make a new secret" in Webhook.objects.get().disabled_reason

    def test_a_secret_of_the_key_before(self, scene, settings):
        hook()
        scene.event()
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another one"
        scene.work()
        assert len(scene.sent) == 1

    def test_what_a_dead_process_had_taken_is_sent_by_another(self, scene):
        hook()
        scene.event()
        queue_events(Webhook.objects.get(), scene.now)
        assert len(scene.worker.claim(scene.now)) == 1  # and dies
        scene.work(59)
        assert not scene.sent
        scene.work(2)
        assert len(scene.sent) == 1

    def test_two_processes_send_it_once(self, scene, monkeypatch):
        hook()
        scene.event()
        queue_events(Webhook.objects.get(), scene.now)
        stale = list(Delivery.objects.select_related("webhook"))
        scene.worker.claim(scene.now)
        monkeypatch.setattr(worker, "DUE_AT_ONCE", 10)
        assert Delivery.objects.filter(pk=stale[0].pk, next_attempt_at=stale[0].next_attempt_at).count() == 0
        assert scene.worker.claim(scene.now) == []

    def test_a_disabled_one_keeps_its_messages(self, scene):
        row = hook()
        scene.event()
        queue_events(row, scene.now)
        Webhook.objects.update(enabled=False)
        scene.work(100)
        assert not scene.sent
        Webhook.objects.update(enabled=True)
        scene.work()
        assert len(scene.sent) == 1


def test_a_test_message(scene):
    row = hook(types=["call.ended"])
    queue_test(row, "ada")
    scene.work(1)
    facts = standardwebhooks.Webhook(secret_text(KEY)).verify(scene.sent[0][2], scene.sent[0][1])
    assert (facts["type"], facts["data"]["sent_by"]) == ("webhook.test", "ada")


def test_replay(scene):
    hook()
    scene.event()
    scene.work()
    assert replay(Delivery.objects.all()) == 1
    assert replay(Delivery.objects.all()) == 0  # waits already
    scene.work(1)
    first, second = (headers["webhook-id"] for _, headers, _ in scene.sent)
    assert first == second


def test_the_log_is_cleared(scene):
    row = hook()
    for state, days, stays in (
        ("delivered", 2, True), ("delivered", 4, False), ("failed", 29, True), ("failed", 31, False),
    ):  # fmt: skip
        Delivery.objects.create(
            webhook=row, message_id=str(stays), state=state, finished_at=scene.now - timedelta(days=days)
        )
    assert clear_old(scene.now) == 2
    assert {row.message_id for row in Delivery.objects.all()} == {"True"}


@pytest.mark.django_db(transaction=True)
class TestThread:
    def test_it_works(self, scene, monkeypatch):
        monkeypatch.setattr(worker, "INTERVAL", 0.01)
        from threading import Event as Flag

        done = Flag()

        def send(url, headers, body):
            done.set()
            return Outcome(200, "", 1)

        hook()
        scene.event()
        running = Worker(send)
        running.start()
        assert done.wait(10)
        running.stop()
        assert Delivery.objects.get().state == "delivered"

    def test_one_bug_stops_nobody(self, scene, caplog):
        def send(url, headers, body):
            raise RuntimeError("a bug")

        hook()
        scene.event()
        running = Worker(send)
        with ThreadPoolExecutor(1) as senders:
            running.work(timezone.now(), senders)
        assert "a bug" in caplog.text
