"""The demo's domain and users in the database: made with new passwords at each run, removable as a whole."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.db import transaction

from proxy.models import CallAttempt
from registrar.models import Domain, SipUser, ThirdPartyRule
from sipadmin.demo.cast import TAG, people
from sipadmin.provisioning import save_domain, save_user


class NotOurs(Exception):
    """A domain of that name is there and was not made by the demo."""


def fill(name: str, progress: Callable[[str], None] = lambda username: None) -> dict[str, str]:
    """Creates or renews domain ``name`` and its users; passwords by user name, which exist nowhere else."""
    existing = Domain.objects.filter(name=name.lower()).first()
    if existing is not None and not existing.description.startswith(TAG):
        raise NotOurs(f"domain {name} is not the demo's; choose another name with --domain")
    passwords: dict[str, str] = {}
    with transaction.atomic():
        description = f"{TAG}: made by manage.py demo, removed by manage.py demo --remove"
        domain = save_domain(name, description=description, enabled=True).domain
        for person in people(domain.name):
            password = passwords[person.username] = secrets.token_urlsafe(12)
            save_user(
                domain,
                person.username,
                password=password,
                display_name=f"{person.username.capitalize()} ({TAG}: {person.part})",
                enabled=True,
                policy=person.policy,
                ring_time=person.ring_time,
            )
            progress(person.username)
        users = SipUser.objects.filter(domain=domain)
        actor, target = users.get(username="assistant"), users.get(username="boss")
        ThirdPartyRule.objects.get_or_create(actor=actor, target=target)
    return passwords


def remove(name: str) -> int | None:
    """Removes the demo's domain with users, bindings and calls; the number of users, None when there is none."""
    domain = Domain.objects.filter(name=name.lower()).first()
    if domain is None:
        return None
    if not domain.description.startswith(TAG):
        raise NotOurs(f"domain {name} is not the demo's; it is left alone")
    count = domain.users.count()
    with transaction.atomic():
        CallAttempt.objects.filter(domain=domain).delete()
        domain.delete()
    return count
