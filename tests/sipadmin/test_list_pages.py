"""The pages that list rows: how often they ask the database does not depend on how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from proxy.models import RoutingRule
from sipadmin.accounts.tokens import issue_token
from sipadmin.models import AuditEntry, Event
from sipadmin.provisioning import save_domain, save_user
from sipadmin.webhooks.hooks import seal
from sipadmin.webhooks.models import Webhook
from tests.console import attempt, bind, request_record

pytestmark = pytest.mark.django_db


def add_user(number: int) -> None:
    domain = save_domain("example.org").domain
    user = save_user(domain, f"user{number}", password="secret", policy="redirect")[0]
    user.aliases.create(domain=domain, name=f"47{number}")
    bind(user, number)


def add_domain(number: int) -> None:
    domain = save_domain(f"d{number}.example").domain
    domain.aliases.create(name=f"alias{number}.example")
    save_user(domain, "bob", password="secret")


def add_event(number: int) -> None:
    Event.objects.create(ts=timezone.now(), type="auth.failed", subject="sip:bob@example.org", data={"n": number})
    AuditEntry.objects.create(ts=timezone.now(), actor="ada", action="user.changed", subject=f"user{number}")


LISTS: list[tuple[str, Callable[[int], Any]]] = [
    ("/", lambda number: attempt(number, branches=2)),
    ("/registrations/", add_user),
    ("/calls/", lambda number: attempt(number, branches=3)),
    ("/users/", add_user),
    ("/domains/", add_domain),
    ("/routing/", lambda number: RoutingRule.objects.create(priority=number, action="reject", reject_code=480)),
    ("/routing/", add_user),
    ("/security/", add_event),
    ("/requests/", request_record),
    ("/search/?q=user", add_user),
    ("/system/accounts/", lambda number: get_user_model().objects.create_user(f"account{number}")),
    ("/tokens/", lambda number: issue_token(f"token{number}")),
    (
        "/system/webhooks/",
        lambda number: Webhook.objects.create(name=f"h{number}", url="https://example.org", sealed_secret=seal(b"x")),
    ),
    ("/system/audit/", add_event),
]


def queries(page: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert page.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(("address", "add"), LISTS)
def test_queries_do_not_grow_with_the_rows(admin_page, engine, address, add):
    for number in range(1, 4):
        add(number)
    queries(admin_page, address)  # the first of a process asks for what is kept a while
    few = queries(admin_page, address)
    for number in range(4, 24):
        add(number)
    assert queries(admin_page, address) == few
