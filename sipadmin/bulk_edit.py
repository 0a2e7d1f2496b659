"""One change for many users at once, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from proxy.choices import INHERIT
from registrar.models import Domain, SipUser
from sipadmin.provisioning import own_policies
from sipadmin.user_import import import_rows

MOST_UNDONE = 5000  # users whose values before fit into a session
CHANGES = ("enabled", "policy")

Undo = dict[str, Any]


def change_users(users: QuerySet[SipUser], cells: Mapping[str, str]) -> tuple[int, Undo | None]:
    """Set ``cells`` (texts by column of user_table) for all; how many differ now, and what takes it back.

    ImportRefused: nothing changed. No way back for more than MOST_UNDONE users.
    """
    with transaction.atomic():
        found = list(users.select_related("domain").order_by("domain_id", "username"))
        undo = {"rows": before(found, cells)} if len(found) <= MOST_UNDONE else None
        count = write({one.domain: [] for one in found}, found, cells)
    return count, undo


def write(rows: dict[Domain, list[dict[str, str]]], users: Sequence[SipUser], cells: Mapping[str, str]) -> int:
    for user in users:
        rows[user.domain].append({"user": user.username, **cells})
    return sum(import_rows(domain, part).updated for domain, part in rows.items())


def before(users: Sequence[SipUser], cells: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """By domain's primary key: the cells as they are."""
    policies = own_policies(SipUser.objects.filter(pk__in=[user.pk for user in users])) if "policy" in cells else {}
    rows: dict[str, list[dict[str, str]]] = {}
    for user in users:
        old = {"user": user.username}
        if "enabled" in cells:
            old["enabled"] = "on" if user.enabled else "off"
        if "policy" in cells:
            policy, ring_time = policies.get(user.pk, (INHERIT, None))
            old |= {"policy": policy, "ring_time": str(ring_time or "")}
        rows.setdefault(str(user.domain_id), []).append(old)
    return rows


def take_back(undo: Undo) -> int:
    """Give users back what they had; users who are gone are left out. How many changed."""
    count = 0
    with transaction.atomic():
        for domain in Domain.objects.filter(pk__in=undo["rows"]):
            rows = undo["rows"][str(domain.pk)]
            names = {row["user"] for row in rows}
            there = set(SipUser.objects.filter(domain=domain).values_list("username", flat=True)) & names
            count += import_rows(domain, [row for row in rows if row["user"] in there]).updated
    return count
