"""Bans as people make and undo them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sipadmin.environment import Sipadmin
from sipadmin.models import AuditEntry, ConfigChange
from sipadmin.provisioning import ProvisioningError
from sipadmin.security.bans import host_of, lift_ban, make_ban, users_behind, users_text
from sipadmin.security.models import Ban, ConsolePresence
from tests.console import bind

pytestmark = pytest.mark.django_db


def test_the_engine_is_told_and_the_trail_keeps_it():
    ban = make_ban(" 198.51.100.66 ", None, " guesses ", "ada")
    assert (ban.source, ban.reason, ban.made_by, ban.is_in_force) == ("198.51.100.66", "guesses", "ada", True)
    assert ConfigChange.objects.filter(kind="ban").count() == 1
    assert AuditEntry.objects.get(action="ban.created").subject == "198.51.100.66"
    assert lift_ban(ban, "oscar")
    assert ConfigChange.objects.filter(kind="ban").count() == 2
    assert (ban.is_in_force, ban.lifted_by) == (False, "oscar")
    assert not lift_ban(ban, "ada")
    assert Ban.objects.in_force().count() == 0


def test_a_ban_that_is_over_may_be_made_anew():
    make_ban("198.51.100.66", timezone.now() + timedelta(seconds=60), "", "ada")
    with pytest.raises(ProvisioningError, match="banned already"):
        make_ban("198.51.100.66", None, "", "ada")
    Ban.objects.update(expires_at=timezone.now())
    assert make_ban("198.51.100.66", None, "", "ada")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nobody", "neither an address nor a network"),
        ("198.51.100.66:5060", "neither an address nor a network"),
        ("0.0.0.0/0", "too much of the Internet"),
        ("::/0", "too much of the Internet"),
        ("192.0.2.7", "192.0.2.0/24 is trusted"),
        ("192.0.0.0/16", "192.0.2.0/24 is trusted"),
        ("203.0.113.9", "ada is logged in at this console from 203.0.113.9"),
        ("203.0.113.0/24", "ada is logged in at this console from 203.0.113.9"),
    ],
)
def test_what_may_not_be_banned(source, sentence, settings, administrator):
    settings.SIPADMIN = Sipadmin({"SIPADMIN_TRUSTED": "192.0.2.0/24"})
    ConsolePresence.objects.create(account=administrator, address="203.0.113.9", seen_at=timezone.now())
    with pytest.raises(ProvisioningError, match=sentence):
        make_ban(source, None, "", "ada")
    assert not Ban.objects.exists()


def test_a_ban_needs_a_future():
    with pytest.raises(ProvisioningError, match="has passed"):
        make_ban("198.51.100.66", timezone.now(), "", "ada")


def test_who_is_behind_an_address(alice, bob):
    bind(alice, 1, received_from="192.0.2.9:5060")
    bind(alice, 2, received_from="192.0.2.9:5062")
    bind(bob, 3, received_from="192.0.2.9:5064")
    bind(bob, 4, received_from="[2001:db8::9]:5060")
    bind(alice, 5, received_from="192.0.2.77:5060", expires_at=timezone.now())
    sources = ["192.0.2.9", "192.0.2.0/24", "2001:db8::/64", "2001:db8::/32", "192.0.2.77"]
    assert users_behind(sources) == dict(zip(sources, [2, 2, 1, 1, 0], strict=True))
    assert users_behind([]) == {}
    assert [users_text(count) for count in (0, 1, 2)] == [
        "no registered user", "1 registered user", "2 registered users",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "host"), [("192.0.2.9:5060", "192.0.2.9"), ("[2001:db8::9]:5060", "2001:db8::9"), ("", "")]
)
def test_host_of(text, host):
    assert host_of(text) == host


def test_names():
    assert str(Ban(source="192.0.2.9")) == "192.0.2.9"
