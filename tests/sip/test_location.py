"""Address-of-record and binding: §6, §10."""

import pytest

from sip.location import FOR_EVER, AddressOfRecord, Binding, BindingChanges, MemoryLocation, instance_key

AOR = "sip:bob@example.org"


def binding(id, contact="sip:bob@192.0.2.9", *, expires_at=100.0, q=1.0, refreshed_at=0.0):
    return Binding(
        id=id, aor=AOR, contact=contact, expires_at=expires_at, q=q, refreshed_at=refreshed_at, call_id="1", cseq=1
    )


class TestAddressOfRecord:
    """10.3 step 8: current bindings."""

    def test_live_is_the_list_itself_while_nothing_has_expired(self):
        record = AddressOfRecord(AOR, [binding(1), binding(2)])
        assert record.live(99.9) is record.bindings

    @pytest.mark.rule("R29")
    def test_live_ends_at_the_very_moment(self):
        record = AddressOfRecord(AOR, [binding(1), binding(2, expires_at=200.0)])
        assert [one.id for one in record.live(100.0)] == [2]
        assert len(record.bindings) == 2


class TestBindingChanges:
    """10.3 step 7: all or nothing."""

    def test_applied_to_makes_a_new_list(self):
        old = [binding(1), binding(2), binding(3)]
        new = binding(2, expires_at=500.0)
        changes = BindingChanges(AOR, added=[binding(4)], updated=[new], removed=[old[0]])
        assert [one.id for one in changes.applied_to(old)] == [2, 3, 4]
        assert changes.applied_to(old)[0] is new
        assert [one.id for one in old] == [1, 2, 3]

    def test_empty_changes_are_false(self):
        assert not BindingChanges(AOR)
        assert BindingChanges(AOR, removed=[binding(1)])


class TestMemoryLocation:
    """16.5, 16.6: what the proxy is given."""

    def test_highest_q_first_then_the_one_heard_of_last(self):
        location = MemoryLocation(
            [binding(1, q=0.5), binding(2, q=1.0, refreshed_at=5.0), binding(3, q=1.0, refreshed_at=9.0)]
        )
        assert [one.id for one in location.lookup(AOR, 50.0)] == [3, 2, 1]

    @pytest.mark.rule("R29")
    def test_expired_are_invisible(self):
        assert MemoryLocation([binding(1)]).lookup(AOR, 100.0) == []

    def test_unknown(self):
        assert MemoryLocation().lookup(AOR, 0.0) == []

    def test_contact_as_a_uri(self):
        assert binding(1, "sip:bob@192.0.2.9;transport=tcp").uri.transport == "tcp"


class TestBinding:
    def test_what_it_is(self):
        one = binding(1)
        assert repr(one) == "<Binding sip:bob@example.org at sip:bob@192.0.2.9>" and not one.is_static
        assert one.uri.host == "192.0.2.9"
        assert binding(2, expires_at=FOR_EVER).is_static

    @pytest.mark.rule("R32")
    @pytest.mark.rfc("5626", "6")
    def test_an_instance_is_the_same_in_capitals_where_it_is_a_uuid(self):
        assert instance_key("<urn:uuid:AB-1>") == instance_key("<URN:UUID:ab-1>")
        assert instance_key("<urn:x:AB>") != instance_key("<urn:x:ab>")


def test_changes_that_only_add_leave_the_rest_as_it_is():
    before = [binding(1)]
    after = BindingChanges(AOR, added=[binding(2)]).applied_to(before)
    assert [one.id for one in after] == [1, 2] and len(before) == 1
