"""Which policy decides for many users or domains at once: a constant number of queries for a whole list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from proxy.choices import INHERIT
from proxy.models import DeliveryPolicy
from registrar.models import Domain, SipUser


class EffectivePolicy(NamedTuple):
    policy: str
    ring_time: float
    origin: str
    origin_name: str


def effective_policies(owners: Sequence[Domain | SipUser]) -> list[EffectivePolicy]:
    """One for each owner, in order."""
    users = [owner.pk for owner in owners if isinstance(owner, SipUser)]
    domains = {owner.domain_id if isinstance(owner, SipUser) else owner.pk for owner in owners}
    rows = DeliveryPolicy.objects.filter(Q(is_server=True) | Q(domain__in=domains) | Q(user__in=users))
    by_place = {(row.domain_id, row.user_id): row for row in rows}
    found = []
    for owner in owners:
        domain = owner.domain if isinstance(owner, SipUser) else owner
        places = [("domain", domain.name, by_place.get((domain.pk, None))), ("server", "", by_place.get((None, None)))]
        if isinstance(owner, SipUser):
            places.insert(0, ("user", str(owner), by_place.get((None, owner.pk))))
        policy, origin, origin_name = "proxy", "server", ""
        for place, name, row in places:
            if row is not None and row.policy != INHERIT:
                policy, origin, origin_name = row.policy, place, name
                break
        ring_time = next((row.ring_time for *_, row in places if row is not None and row.ring_time), 30)
        found.append(EffectivePolicy(policy, float(ring_time), origin, origin_name))
    return found


def describe(found: EffectivePolicy) -> dict[str, Any]:
    """As the API shows it."""
    return {
        "policy": str(found.policy),
        "ring_time": found.ring_time,
        "origin": found.origin,
        "origin_name": found.origin_name,
    }


def sentence(found: EffectivePolicy) -> str:
    """Such as "redirect, from domain example.org"."""
    place = "the server default" if found.origin == "server" else f"{found.origin} {found.origin_name}"
    return f"{found.policy}, from {place}"
