"""The list of users: filters, and what it asks of the database, with very many users too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from registrar.models import Domain, SipUser
from registrar.user_list import UserFilter
from sipadmin.models import Event
from sipadmin.provisioning import save_user
from sipadmin.static_contacts import add_static_contact
from tests.console import bind

pytestmark = pytest.mark.django_db
QUERIES = 10  # session and account, count, the page, its policies, last seen (2), domains
MANY = 20_000
TICK = 1000


def names(**query: str) -> list[str]:
    return sorted(UserFilter.read({"q": "", **query}).users().values_list("username", flat=True))


@pytest.fixture
def people(alice, bob):
    alice.aliases.create(domain=alice.domain, name="4711")
    save_user(bob.domain, "bob", policy="redirect", enabled=False)
    bind(alice)
    return alice, bob


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["alice", "bob"]),
        ({"q": "ALI"}, ["alice"]),
        ({"q": "sip:bob@example.org"}, ["bob"]),
        ({"q": "4711"}, ["alice"]),
        ({"q": "@"}, []),
        ({"domain": "example.org"}, ["alice", "bob"]),
        ({"domain": "nowhere.org"}, []),
        ({"state": "registered"}, ["alice"]),
        ({"state": "unregistered"}, ["bob"]),
        ({"state": "disabled"}, ["bob"]),
        ({"state": "enabled"}, ["alice"]),
        ({"state": "own-policy"}, ["bob"]),
        ({"state": "nonsense"}, ["alice", "bob"]),
    ],
)
def test_filters(people, query, expected):
    assert names(**query) == expected


def test_last_seen(admin_page, people):
    _, bob = people
    at = timezone.now() - timedelta(days=3)
    Event.objects.create(ts=at, type="registration.expired", subject=bob.aor)
    assert at.isoformat() in admin_page.get("/users/").content.decode()


def test_no_sign_of_life(admin_page, people):
    _, bob = people
    at = timezone.now() - timedelta(days=2)
    Event.objects.create(ts=at, type="registration.unreachable", subject=bob.aor)
    row = add_static_contact(bob, "sip:door@192.0.2.7", 1.0, "")
    text = admin_page.get("/users/").content.decode()
    assert at.isoformat() not in text and row.refreshed_at.isoformat() not in text


def test_queries_do_not_grow_with_the_list(admin_page, domain, django_assert_max_num_queries):
    for number in range(60):
        bind(save_user(domain, f"user{number}", password="x", policy="redirect")[0], number)
    with django_assert_max_num_queries(QUERIES):
        admin_page.get("/users/")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite tells how many steps it took")
@pytest.mark.parametrize(
    ("query", "steps"), [("", 12), ("?q=user0199", 42), ("?state=unregistered", 40), ("?domain=a.example&page=190", 6)]
)
def test_work_with_many_users(admin_page, django_assert_max_num_queries, query, steps):
    """``steps`` of SQLite's virtual machine a user, a tenth above what it takes: bench/user_list.py has the seconds."""
    domains = [Domain.objects.create(name=f"{letter}.example") for letter in "ab"]
    users = [SipUser(domain=domains[number % 2], username=f"user{number:06}") for number in range(MANY)]
    SipUser.objects.bulk_create(users, 5000)
    ticks = []
    with django_assert_max_num_queries(QUERIES):
        connection.connection.set_progress_handler(lambda: ticks.append(1), TICK)
        try:
            assert admin_page.get(f"/users/{query}").status_code == 200
        finally:
            connection.connection.set_progress_handler(None, 0)
    assert 0 < len(ticks) * TICK < steps * MANY
