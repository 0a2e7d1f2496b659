"""Contacts that never expire, from the database to a look-up."""

import pytest

from registrar.clock import Clock
from registrar.directory import Directory
from registrar.location import StoredLocation
from registrar.models import Binding, StaticContact
from registrar.rows import RowWriter
from sipadmin.models import AuditEntry, ConfigChange
from sipadmin.provisioning import ProvisioningError, save_domain, save_user
from sipadmin.static_contacts import MOST, add_static_contact
from tests.console import bind

pytestmark = [pytest.mark.django_db, pytest.mark.rfc("3261", "10.1")]
AOR = "sip:bob@example.org"
DOOR = "sip:door@192.0.2.7"


@pytest.fixture
def bob():
    return save_user(save_domain("example.org").domain, "bob", password="x")[0]


def errors(*args):
    with pytest.raises(ProvisioningError) as refused:
        add_static_contact(*args)
    return list(refused.value.errors)


class Memory:
    """Directory and location as the engine loads them."""

    def __init__(self):
        self.directory = Directory()
        self.directory.load()
        self.location = StoredLocation(self.directory, Clock(1000.0, 1_700_000_000.0))
        self.location.load()

    def contacts(self, now=1e9):
        return [(one.contact, one.q) for one in self.location.lookup(AOR, now)]


class TestAdding:
    def test_the_engine_is_told(self, bob):
        ConfigChange.objects.all().delete()
        add_static_contact(bob, f" {DOOR} ", 0.25, "Door")
        assert list(ConfigChange.objects.values_list("kind", "object_id")) == [("user", bob.pk)]
        row = StaticContact.objects.get()
        assert (row.contact, row.q, row.user_agent) == (DOOR, 0.25, "Door")

    def test_the_audit_trail_has_it(self, bob):
        AuditEntry.objects.all().delete()
        add_static_contact(bob, DOOR)
        [entry] = AuditEntry.objects.all()
        assert (entry.action, entry.subject) == ("user.changed", "bob@example.org")
        assert entry.changes["static_contacts"] == [[], [DOOR]]

    @pytest.mark.parametrize("contact", ["", "door", "<sip:a@b>", "sip:", "sip:a@b:0", "sip:a@224.0.1.75", AOR])
    def test_what_no_phone_could_register_is_refused(self, bob, contact):
        assert errors(bob, contact) == ["contact"]

    def test_any_scheme_may_be_redirected_to(self, bob):
        add_static_contact(bob, "tel:+15550100")

    def test_twice_or_too_many(self, bob):
        add_static_contact(bob, DOOR)
        assert errors(bob, "sip:door@192.0.2.7;line=1") == ["contact"]
        for number in range(MOST - 1):
            add_static_contact(bob, f"sip:door{number}@192.0.2.7")
        assert errors(bob, "sip:last@192.0.2.7") == ["contact"]
        assert errors(bob, "sip:x@192.0.2.8", 2.0) == ["q"]


class TestLookingUp:
    def test_it_never_expires_and_is_sorted_by_q(self, bob):
        add_static_contact(bob, DOOR, 0.5)
        add_static_contact(bob, "sip:gate@192.0.2.8", 0.75)
        assert Memory().contacts() == [("sip:gate@192.0.2.8", 0.75), (DOOR, 0.5)]

    def test_beside_what_is_registered(self, bob):
        add_static_contact(bob, DOOR, 0.5)
        bind(bob)
        memory = Memory()
        assert [contact for contact, _ in memory.contacts(1000.0)] == ["sip:bob@192.0.2.1:5060", DOOR]
        assert memory.location.counts == {"records": 1, "bindings": 1}

    @pytest.mark.rule("R38")
    def test_not_of_a_user_who_is_disabled(self, bob):
        add_static_contact(bob, DOOR)
        save_user(bob.domain, "bob", enabled=False)
        assert Memory().contacts() == []

    def test_it_comes_and_goes_with_a_notice(self, bob):
        memory = Memory()
        row = add_static_contact(bob, DOOR)
        memory.directory.read("user", bob.pk)()
        assert memory.contacts() == [(DOOR, 1.0)]
        row.delete()
        memory.directory.read("user", bob.pk)()
        assert memory.contacts() == []

    def test_a_domain_brings_it(self, bob):
        add_static_contact(bob, DOOR)
        directory = Directory()
        directory.read("domain", bob.domain_id)()
        assert [one.contact for one in directory.by_aor(AOR).static_contacts] == [DOOR]


class TestNothingElseTouchesIt:
    def test_housekeeping_leaves_it(self, bob):
        from datetime import UTC, datetime

        from django.db import connection

        add_static_contact(bob, DOOR)
        clock = Clock(1000.0, 1_700_000_000.0)
        assert RowWriter(connection, clock).delete_expired(datetime(2200, 1, 1, tzinfo=UTC)) == 0
        assert StaticContact.objects.count() == 1

    def test_it_is_not_registered(self, bob):
        add_static_contact(bob, DOOR)
        assert not Binding.objects.live().exists()
        assert Binding.objects.reachable().count() == 1
