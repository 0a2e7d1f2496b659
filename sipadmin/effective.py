"""Which policy decides for many users or domains at once: one query for a whole list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from proxy.policy import EffectivePolicy, load_part
from registrar.models import Domain, SipUser


def effective_policies(owners: Sequence[Domain | SipUser]) -> list[EffectivePolicy]:
    """One for each owner, in order."""
    users = [owner.pk for owner in owners if isinstance(owner, SipUser)]
    domains = {owner.domain_id if isinstance(owner, SipUser) else owner.pk for owner in owners}
    snapshot = load_part(Q(domain__in=domains) | Q(user__in=users))
    return [
        snapshot.effective(owner.pk, owner.domain_id)
        if isinstance(owner, SipUser)
        else snapshot.effective(None, owner.pk)
        for owner in owners
    ]


def describe(found: EffectivePolicy) -> dict[str, Any]:
    """As the API shows it."""
    return {
        "policy": str(found.policy),
        "ring_time": found.ring_time,
        "origin": found.origin,
        "origin_name": found.origin_name,
    }


def place(found: EffectivePolicy) -> str:
    return "the server default" if found.origin == "server" else f"{found.origin} {found.origin_name}"


def sentence(found: EffectivePolicy) -> str:
    """Such as "redirect, from domain example.org"."""
    return f"{found.policy}, from {place(found)}"
