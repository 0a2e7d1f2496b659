"""Delivers: queues what happened, sends what is due, tries again, gives up, clears away.

It runs in a thread of the web process, where a slow receiver delays no phone, and keeps everything in the database:
after a restart it goes on. Of several web processes one takes each message, by moving its time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import random
from threading import Event as Flag
from threading import Thread

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from sipadmin.webhooks import target
from sipadmin.webhooks.hooks import EVENTS_AT_ONCE, SecretLost, open_secret, queue_events
from sipadmin.webhooks.message import delay_after, headers_of
from sipadmin.webhooks.models import Delivery, Webhook

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between looks
SENDERS = 8  # messages under way at once
DUE_AT_ONCE = 200
LEASE = timedelta(seconds=60)  # a message whose sender died is sent again after it
DELIVERED_KEPT = timedelta(days=3)
FAILED_KEPT = timedelta(days=30)
CLEARED_AT_ONCE = 2000
CLEAR_INTERVAL = timedelta(minutes=5)
GIVEN_UP_AFTER = timedelta(days=5)  # of nothing but failures a webhook is disabled

Send = Callable[[str, dict[str, str], str], target.Outcome]


class Worker:
    """``start`` and ``stop``; or ``work`` once, as tests do. ``send`` posts a message, ``chance`` spreads retries."""

    def __init__(self, send: Send | None = None, chance: Callable[[], float] = random) -> None:
        self._send = send or (
            lambda url, headers, body: target.send(url, headers, body, settings.SIPADMIN.webhook_networks)
        )
        self._chance = chance
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)
        self._cleared_at: datetime | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        has_failed = False
        with ThreadPoolExecutor(SENDERS, "webhook") as senders:
            while not self._stopping.wait(INTERVAL):
                try:
                    close_old_connections()
                    while self.work(timezone.now(), senders) and not self._stopping.is_set():
                        pass
                    has_failed = False
                except DatabaseError as error:
                    if not has_failed:
                        logger.warning("webhooks: %s", error)
                    has_failed = True
                except Exception:
                    logger.exception("webhooks")

    def work(self, now: datetime, senders: ThreadPoolExecutor | None = None) -> bool:
        """One round; whether there is likely more to do at once."""
        has_more = False
        for hook in Webhook.objects.filter(enabled=True):
            has_more |= queue_events(hook, now) == EVENTS_AT_ONCE
        due = self.claim(now)
        if senders is None:
            for delivery in due:
                self.deliver(delivery, now)
        else:
            list(senders.map(lambda delivery: self._deliver_in_thread(delivery, now), due))
        if self._cleared_at is None or now - self._cleared_at >= CLEAR_INTERVAL:
            self._cleared_at = now
            clear_old(now)
        return has_more or len(due) == DUE_AT_ONCE

    def claim(self, now: datetime) -> list[Delivery]:
        """What is due, and ours for as long as LEASE; one message of each webhook that fails, to see how it is."""
        rows = Delivery.objects.filter(state=Delivery.WAITING, next_attempt_at__lte=now, webhook__enabled=True)
        claimed: list[Delivery] = []
        failing: set[int] = set()
        for delivery in rows.select_related("webhook").order_by("next_attempt_at", "id")[:DUE_AT_ONCE]:
            if delivery.webhook.failing_since is not None:
                if delivery.webhook_id in failing:
                    continue
                failing.add(delivery.webhook_id)
            mine = Delivery.objects.filter(pk=delivery.pk, next_attempt_at=delivery.next_attempt_at)
            if mine.update(next_attempt_at=now + LEASE):
                claimed.append(delivery)
        return claimed

    def _deliver_in_thread(self, delivery: Delivery, now: datetime) -> None:
        close_old_connections()
        try:
            self.deliver(delivery, now)
        except Exception:
            logger.exception("webhook %s", delivery.webhook_id)
        finally:
            close_old_connections()

    def deliver(self, delivery: Delivery, now: datetime) -> None:
        """Send it once and note what came of it."""
        hook = delivery.webhook
        try:
            key = open_secret(hook)
        except SecretLost as error:
            disable(hook, str(error))
            return
        headers = headers_of(key, delivery.message_id, int(now.timestamp()), delivery.body)
        outcome = self._send(hook.url, headers, delivery.body)
        delivery.attempts.append(
            {"at": now.isoformat(), "status": outcome.status or None, "error": outcome.error, "ms": outcome.ms}
        )
        if outcome.is_delivered:
            delivery.state, delivery.finished_at, delivery.next_attempt_at = Delivery.DELIVERED, now, None
            Webhook.objects.filter(pk=hook.pk).exclude(failing_since=None).update(failing_since=None)
        else:
            self._failed(delivery, hook, outcome, now)
        delivery.save(update_fields=["attempts", "state", "finished_at", "next_attempt_at"])

    def _failed(self, delivery: Delivery, hook: Webhook, outcome: target.Outcome, now: datetime) -> None:
        Webhook.objects.filter(pk=hook.pk, failing_since=None).update(failing_since=now)
        delay = delay_after(len(delivery.attempts), self._chance(), outcome.retry_after)
        if outcome.status == 410:
            delay = None
            disable(hook, "It answered 410 Gone: it wants no more messages.")
        elif hook.failing_since is not None and now - hook.failing_since > GIVEN_UP_AFTER:
            disable(hook, f"Nothing could be delivered for {GIVEN_UP_AFTER.days} days: {outcome.error}")
        if delay is None:
            delivery.state, delivery.finished_at, delivery.next_attempt_at = Delivery.FAILED, now, None
        else:
            delivery.next_attempt_at = now + timedelta(seconds=delay)


def disable(hook: Webhook, reason: str) -> None:
    """By the server itself; an administrator enables it again."""
    row = Webhook.objects.filter(pk=hook.pk, enabled=True).first()
    if row is None:
        return
    row.enabled, row.disabled_reason, row.failing_since = False, reason[:300], None
    row.version += 1
    row.save()
    logger.warning("webhook %s disabled: %s", hook.name, reason)


def clear_old(now: datetime) -> int:
    """Remove a part of the log that is old enough."""
    count = 0
    for state, kept in ((Delivery.DELIVERED, DELIVERED_KEPT), (Delivery.FAILED, FAILED_KEPT)):
        rows = Delivery.objects.filter(state=state, finished_at__lt=now - kept).order_by("id")
        ids = list(rows.values_list("id", flat=True)[:CLEARED_AT_ONCE])
        for start in range(0, len(ids), 500):
            count += Delivery.objects.filter(pk__in=ids[start : start + 500]).delete()[0]
    return count
