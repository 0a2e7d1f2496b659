"""The stored location service: decided, stored, rolled back, expired."""

import pytest

from registrar.clock import Clock
from registrar.location import StoredLocation
from sip.location import Binding, BindingChanges
from tests.registrar.people import a_directory

AOR = "sip:bob@example.org"
NOW = 1000.0


@pytest.fixture
def directory():
    return a_directory()


@pytest.fixture
def location(directory):
    return StoredLocation(directory, Clock(NOW, NOW + 1_700_000_000.0))


def binding(contact="sip:bob@192.0.2.9", expires_at=NOW + 60, id=0):
    return Binding(id=id, aor=AOR, user_id=1, contact=contact, expires_at=expires_at, call_id="1", cseq=1)


def add(location, *bindings):
    record = location.record(AOR, 1)
    changes = BindingChanges(AOR, added=list(bindings))
    location.apply(record, changes)
    return record, changes


def seen(location, now=NOW):
    return sorted(one.contact for one in location.lookup(AOR, now))


@pytest.mark.rfc("3261", "10.3")
class TestCommit:
    """10.3 step 7: visible if and only if stored."""

    @pytest.mark.rule("R17")
    def test_look_ups_see_what_is_stored_and_the_registrar_what_is_decided(self, location):
        record, changes = add(location, binding())
        assert seen(location) == []
        assert [one.contact for one in location.record(AOR, 1).bindings] == ["sip:bob@192.0.2.9"]
        location.commit(record, changes)
        assert seen(location) == ["sip:bob@192.0.2.9"]

    def test_ids_are_random_and_fit_52_bits(self, location):
        record, _ = add(location, *[binding(f"sip:bob@192.0.2.{host}") for host in range(20)])
        ids = {one.id for one in record.bindings}
        assert len(ids) == 20
        assert all(0 < one < 2**52 for one in ids)

    @pytest.mark.rule("R17")
    def test_roll_back_takes_with_it_what_was_decided_on_top(self, location):
        record, first = add(location, binding("sip:bob@192.0.2.1"))
        location.commit(record, first)
        _, second = add(location, binding("sip:bob@192.0.2.2"))
        _, third = add(location, binding("sip:bob@192.0.2.3"))
        location.roll_back(record, second)
        assert [one.contact for one in record.bindings] == ["sip:bob@192.0.2.1"]
        _, fourth = add(location, binding("sip:bob@192.0.2.4"))
        assert fourth.generation != third.generation == second.generation
        location.roll_back(record, third)
        location.commit(record, fourth)
        assert seen(location) == ["sip:bob@192.0.2.1", "sip:bob@192.0.2.4"]
        assert location.counts == {"records": 1, "bindings": 2}

    @pytest.mark.rule("R28")
    def test_commits_in_order(self, location):
        record, first = add(location, binding("sip:bob@192.0.2.1"))
        old = record.bindings[0]
        new = binding("sip:bob@192.0.2.1", NOW + 600, old.id)
        second = BindingChanges(AOR, updated=[new])
        location.apply(record, second)
        location.commit(record, first)
        assert location.lookup(AOR, NOW) == [old]
        location.commit(record, second)
        assert location.lookup(AOR, NOW) == [new]

    def test_roll_back_of_the_first_binding_leaves_nothing(self, location):
        record, changes = add(location, binding())
        location.roll_back(record, changes)
        assert location.counts == {"records": 0, "bindings": 0}

    def test_removing_the_last_binding_leaves_nothing(self, location):
        record, changes = add(location, binding())
        location.commit(record, changes)
        removal = BindingChanges(AOR, removed=record.bindings)
        location.apply(record, removal)
        assert seen(location) == ["sip:bob@192.0.2.9"]
        location.commit(record, removal)
        assert location.counts == {"records": 0, "bindings": 0}


class TestWhoIsSeen:
    """10.3, 16.5."""

    @pytest.mark.rule("R38")
    def test_disabled_users_and_domains_have_no_bindings(self, location, directory):
        record, changes = add(location, binding())
        location.commit(record, changes)
        user = directory.by_aor(AOR)
        user.enabled = False
        assert seen(location) == []
        user.enabled, user.domain.enabled = True, False
        assert seen(location) == []
        user.domain.enabled = True
        assert seen(location) == ["sip:bob@192.0.2.9"]

    @pytest.mark.rule("R38")
    def test_dropped_users_do_not_come_back_by_a_commit_in_flight(self, location):
        record, changes = add(location, binding())
        assert len(location.drop(AOR, 1)) == 1
        location.commit(record, changes)
        assert location.counts == {"records": 0, "bindings": 0}
        assert location.drop(AOR, 1) == []

    def test_find(self, location):
        record, changes = add(location, binding())
        location.commit(record, changes)
        wanted = record.bindings[0]
        assert location.find(wanted.id) == (record, wanted)
        assert location.find(wanted.id, AOR) == (record, wanted)
        assert location.find(1) is None


class TestExpiry:
    """10.3 step 8, 20.19."""

    @pytest.mark.rule("R29")
    def test_invisible_before_the_sweep_and_swept_once(self, location):
        record, changes = add(location, binding(expires_at=NOW + 60), binding("sip:bob@192.0.2.2", NOW + 120))
        location.commit(record, changes)
        assert len(seen(location, NOW + 60)) == 1
        assert location.expire(NOW + 59) == []
        assert [one.contact for one in location.expire(NOW + 61)] == ["sip:bob@192.0.2.9"]
        assert location.expire(NOW + 62) == []
        assert len(location.expire(NOW + 500)) == 1
        assert location.counts == {"records": 0, "bindings": 0}

    def test_a_refresh_puts_it_off(self, location):
        record, changes = add(location, binding(expires_at=NOW + 60))
        location.commit(record, changes)
        for minute in range(1, 50):
            refresh = BindingChanges(
                AOR, updated=[binding(expires_at=NOW + minute * 60 + 60, id=record.bindings[0].id)]
            )
            location.apply(record, refresh)
            location.commit(record, refresh)
            assert location.expire(NOW + minute * 60 + 30) == []
        assert sum(len(records) for records in location._due.values()) == 1
        assert len(location.expire(NOW + 100 * 60)) == 1

    def test_a_short_binding_beside_a_long_one(self, location):
        record, changes = add(location, binding(expires_at=NOW + 3600))
        location.commit(record, changes)
        for second in range(1, 30):
            record, changes = add(location, binding("sip:bob@192.0.2.2", NOW + second))
            location.commit(record, changes)
            assert len(location.expire(NOW + second + 1)) == 1
        assert sum(len(records) for records in location._due.values()) < 35
        assert len(location.expire(NOW + 3601)) == 1
        assert location._due == {}

    def test_it_is_bounded(self, location):
        for number in range(50):
            record = location.record(f"sip:u{number}@example.org", 1)
            changes = BindingChanges(record.aor, added=[binding(expires_at=NOW + number)])
            location.apply(record, changes)
            location.commit(record, changes)
        assert len(location.expire(NOW + 1000, most=20)) == 20
        assert len(location.expire(NOW + 1000, most=20)) == 20
        assert len(location.expire(NOW + 1000, most=20)) == 10

    def test_expiry_while_a_change_is_in_flight(self, location):
        record, first = add(location, binding(expires_at=NOW + 60))
        assert len(location.expire(NOW + 61)) == 1
        location.commit(record, first)
        assert location.counts == {"records": 0, "bindings": 0}
