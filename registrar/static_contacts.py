"""Contacts that an administrator has set (§10.1): they never expire, and no REGISTER changes them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from registrar.models import StaticContact
from sip.location import FOR_EVER, Binding

_COLUMNS = ("id", "user_id", "contact", "q", "user_agent")


def read_static_contacts(rows: QuerySet[StaticContact]) -> dict[int, tuple[dict[str, Any], ...]]:
    """What there is of each user, by his id (blocking)."""
    found: dict[int, tuple[dict[str, Any], ...]] = {}
    for row in rows.order_by().values(*_COLUMNS).iterator(chunk_size=5000):
        found[row["user_id"]] = (*found.get(row["user_id"], ()), row)
    return found


def as_binding(aor: str, row: dict[str, Any]) -> Binding:
    """As look-ups give it, beside what is registered."""
    return Binding(aor=aor, expires_at=FOR_EVER, call_id="", cseq=0, **row)
