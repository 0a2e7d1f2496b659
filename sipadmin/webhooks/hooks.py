"""Webhooks and their secrets; messages into the queue."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sipadmin.event_types import TYPES
from sipadmin.models import Event
from sipadmin.webhooks.message import SECRET_BYTES, body_of
from sipadmin.webhooks.models import Delivery, Webhook

EVENTS_AT_ONCE = 500
MOST_WAITING = 20_000  # messages of one webhook; a receiver that is further behind gets a gap, and finds it by event_id
TEST_TYPE = "webhook.test"


class SecretLost(ValueError):
    """The secret was sealed with another SECRET_KEY; it has to be made anew."""


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def seal(key: bytes) -> bytes:
    return _sealers()[0].encrypt(key)


def open_secret(hook: Webhook) -> bytes:
    """The signing key; SecretLost when it cannot be read any more."""
    for sealer in _sealers():
        try:
            return sealer.decrypt(bytes(hook.sealed_secret))
        except InvalidToken:
            continue
    raise SecretLost("its secret cannot be read, because the secret key of this server changed; make a new secret")


def _sealers() -> list[Fernet]:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        Fernet(
            base64.urlsafe_b64encode(
                hashlib.blake2b(b"webhooks", key=hashlib.sha256(key.encode()).digest(), digest_size=32).digest()
            )
        )
        for key in keys
    ]


def matches(hook: Webhook, type: str, subject: str) -> bool:
    """Whether a webhook wants such an event."""
    if hook.types and not any(
        type == wanted or (wanted.endswith("*") and type.startswith(wanted[:-1])) for wanted in hook.types
    ):
        return False
    return not hook.domain or subject.rpartition("@")[2].lower() == hook.domain


def known_type(text: str) -> bool:
    return any(name == text or (text.endswith("*") and name.startswith(text[:-1])) for name in TYPES)


def newest_event() -> int:
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


def queue_events(hook: Webhook, now: datetime | None = None) -> int:
    """Queue the events since the last ones that this webhook wants; the number of events looked at."""
    now = now or timezone.now()
    events = list(Event.objects.filter(id__gt=hook.last_event_id).order_by("id")[:EVENTS_AT_ONCE])
    if not events:
        return 0
    with transaction.atomic():
        # Of two processes that see the same events one moves on, and queues them.
        moved = Webhook.objects.filter(pk=hook.pk, last_event_id=hook.last_event_id).update(last_event_id=events[-1].pk)
        if not moved:
            return 0
        wanted = [event for event in events if matches(hook, event.type, event.subject)]
        room = MOST_WAITING - Delivery.objects.filter(webhook=hook, state=Delivery.WAITING).count()
        Delivery.objects.bulk_create(
            Delivery(
                webhook=hook,
                message_id=f"evt_{event.pk}_{hook.pk}",
                event_id=event.pk,
                type=event.type,
                body=body_of(event.type, event.ts, event.subject, event.data, event.pk),
                next_attempt_at=now,
            )
            for event in wanted[: max(0, room)]
        )
    hook.last_event_id = events[-1].pk
    return len(events)


def queue_test(hook: Webhook, by: str) -> Delivery:
    """A message that says only that messages arrive."""
    now = timezone.now()
    return Delivery.objects.create(
        webhook=hook,
        message_id=f"test_{uuid4().hex}",
        type=TEST_TYPE,
        body=body_of(TEST_TYPE, now, "", {"sent_by": by}),
        next_attempt_at=now,
    )


def replay(deliveries: Iterable[Delivery]) -> int:
    """Send again what was delivered or given up, with the same identity; how many."""
    ids = [delivery.pk for delivery in deliveries]
    rows = Delivery.objects.filter(pk__in=ids).exclude(state=Delivery.WAITING)
    return rows.update(state=Delivery.WAITING, next_attempt_at=timezone.now(), finished_at=None, attempts=[])
