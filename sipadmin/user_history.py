"""What happened to one user: registrations and failed logins, calls, changes. Read for the page of that user."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from proxy.models import CallAttempt
from registrar.models import SipUser
from sipadmin.dashboard import snapshot
from sipadmin.models import AuditEntry, Event

MOST_EVENTS = 30
MOST_CALLS = 10
MOST_CHANGES = 10
# Event type -> (word, class of the state); refreshes are left out: they are what is expected.
WORDS = {
    "registration.created": ("registered", "answered"),
    "registration.moved": ("moved", "redirected"),
    "registration.replaced": ("replaced", "cancelled"),
    "registration.removed": ("removed", "cancelled"),
    "registration.expired": ("expired", "failed"),
    "auth.failed": ("wrong password", "failed"),
}


def timeline(user: SipUser) -> list[dict[str, Any]]:
    """{"at", "word", "state", "device", "source", "reason"}, newest first."""
    events = Event.objects.filter(subject=user.aor, type__in=WORDS).order_by("-id")[:MOST_EVENTS]
    return [
        {
            "at": event.ts,
            "word": WORDS[event.type][0],
            "state": WORDS[event.type][1],
            "device": str(event.data.get("user_agent") or ""),
            "source": str(event.data.get("received_from") or event.data.get("source") or ""),
            "reason": str(event.data.get("reason") or ""),
        }
        for event in events
    ]


def calls(user: SipUser) -> list[dict[str, Any]]:
    """The last call attempts from and to the user."""
    found = CallAttempt.objects.filter(Q(user=user) | Q(caller=user.aor)).exclude(status__in=snapshot.CHALLENGES)
    attempts = found.prefetch_related("branches").order_by("-started_at", "-id")
    return [snapshot.call_facts(attempt) for attempt in attempts[:MOST_CALLS]]


def changes(user: SipUser) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject=str(user)).order_by("-id")[:MOST_CHANGES])


def history(user: SipUser, *, with_changes: bool) -> dict[str, Any]:
    """For the template. The changes are the administrators' own business."""
    return {
        "timeline": timeline(user),
        "calls": calls(user),
        "changes": changes(user) if with_changes else [],
        "is_flapping": user.aor in snapshot.flapping(),
    }
