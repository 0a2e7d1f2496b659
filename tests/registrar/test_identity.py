"""Which binding a contact is, through the registrar core (RFC 5626 §6, §10.3 step 7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.identity import device_of, instance_key
from registrar.limits import Limits
from registrar.outcome import Registered
from sip.message.address import Address
from tests.registrar.test_core import AOR, DESK, MOBILE, NOW, Registrar, listed, refused

PHONE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
OTHER = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000000000001>"'
CAFE = "sip:bob@198.51.100.7:49152"


@pytest.fixture
def registrar():
    return Registrar()


@pytest.mark.rule("R32")
@pytest.mark.rfc("5626", "6")
class TestInstanceAndRegId:
    """The pair is the binding, whatever the URI."""

    def test_it_works(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1", call_id="at home")
        result = registrar(f"<{CAFE}>;{PHONE};reg-id=1", call_id="in the cafe", now=NOW + 9)
        assert listed(result, NOW + 9) == [f"<{CAFE}>;{PHONE};reg-id=1;expires=3600"]
        changes = result.changes
        assert [len(part) for part in (changes.added, changes.updated, changes.removed)] == [0, 1, 0]
        assert (changes.updated[0].id, changes.updated[0].created_at) == (1, NOW)
        assert result.reasons == {1: f"The phone came back at another address; before it was {DESK}"}

    def test_a_refresh_from_the_same_address_needs_no_reason(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        assert registrar(f"<{DESK}>;{PHONE};reg-id=1", cseq=2).reasons == {}

    def test_two_flows_of_one_phone_may_have_one_uri(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        registrar(f"<{DESK}>;{PHONE};reg-id=2", cseq=2)
        assert [(binding.id, binding.reg_id) for binding in registrar.record.bindings] == [(1, 1), (2, 2)]
        registrar(f"<{CAFE}>;{PHONE};reg-id=2", cseq=3)
        assert registrar.contacts == [DESK, CAFE]

    def test_another_phone_with_the_same_reg_id_is_another_binding(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1", call_id="desk")
        registrar(f"<{MOBILE}>;{OTHER};reg-id=1", call_id="mobile")
        assert registrar.contacts == [DESK, MOBILE]

    def test_an_address_that_another_phone_had_before(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1", call_id="desk")
        registrar(f"<{DESK}>;{OTHER};reg-id=1", call_id="mobile")
        assert len(registrar.contacts) == 2

    def test_capitals_in_a_uuid(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        registrar(f"<{CAFE}>;{PHONE.replace('AABBCC', 'aabbcc')};reg-id=1", cseq=2)
        assert registrar.contacts == [CAFE]
        assert instance_key("<urn:uuid:AB>") == instance_key("<URN:UUID:ab>")
        assert instance_key("<urn:imei:AB>") != instance_key("<urn:imei:ab>")

    def test_removal_is_by_the_pair_too(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        assert listed(registrar(f"<{CAFE}>;{PHONE};reg-id=1;expires=0", cseq=2)) == []

    def test_a_phone_that_learns_the_pair_keeps_its_binding(self, registrar):
        registrar(f"<{DESK}>")
        registrar(f"<{DESK}>;{PHONE};reg-id=1", cseq=2)
        assert [binding.id for binding in registrar.record.bindings] == [1]

    def test_a_phone_that_forgets_the_pair_keeps_its_binding(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        registrar(f"<{DESK}>", cseq=2)
        assert [(binding.id, binding.reg_id) for binding in registrar.record.bindings] == [(1, 0)]

    def test_a_plain_contact_is_the_plain_binding_first(self, registrar):
        registrar(f"<{DESK};a=1>;{PHONE};reg-id=1", call_id="one")
        registrar(f"<{MOBILE}>", call_id="two")
        registrar(f"<{MOBILE}>;{PHONE};reg-id=1", call_id="one", cseq=2)
        assert registrar.contacts == [MOBILE, MOBILE]
        registrar(f"<{MOBILE}>;expires=0", call_id="two", cseq=2)
        assert [binding.reg_id for binding in registrar.record.bindings] == [1]

    @pytest.mark.rule("R18")
    def test_cseq_holds_for_the_pair(self, registrar):
        registrar(f"<{DESK}>;{PHONE};reg-id=1", cseq=6)
        refused(registrar(f"<{CAFE}>;{PHONE};reg-id=1", cseq=6), 500, "CSeq")
        refused(registrar(f"<{CAFE}>;{PHONE};reg-id=1;expires=0", cseq=5), 500, "CSeq")
        assert registrar.contacts == [DESK]

    @pytest.mark.rule("R17")
    @pytest.mark.parametrize("contact", ["sip:bob@224.0.1.75", "sip:bob@192.0.2.1:5060", AOR])
    def test_the_new_address_is_judged_like_any_other(self, registrar, contact):
        registrar(f"<{DESK}>;{PHONE};reg-id=1")
        refused(registrar(f"<{contact}>;{PHONE};reg-id=1", cseq=2), 403, "Contact")
        assert registrar.contacts == [DESK]

    def test_so_are_new_parameters(self, registrar):
        registrar(f"<{DESK}>")
        refused(registrar(f"<{DESK}>;x={'b' * 2100}", cseq=2), 400, "too long")

    def test_of_one_pair_twice_in_a_request_the_last_counts(self, registrar):
        result = registrar(f"<{DESK}>;{PHONE};reg-id=1, <{CAFE}>;{PHONE};reg-id=1")
        assert registrar.contacts == [CAFE]
        assert result.reasons == {}

    @pytest.mark.parametrize(
        ("parameters", "device"),
        [
            ("", ("", 0)),
            (";reg-id=1", ("", 0)),
            (";+sip.instance;reg-id=1", ("", 0)),
            (';+sip.instance="<urn:x:1>"', ("<urn:x:1>", 0)),
            (';+sip.instance="<urn:x:1>";reg-id', ("<urn:x:1>", 0)),
            (';+sip.instance="<urn:x:1>";reg-id=0', ("<urn:x:1>", 0)),
            (';+sip.instance="<urn:x:1>";reg-id=-1', ("<urn:x:1>", 0)),
            (';+sip.instance="<urn:x:1>";reg-id=2147483647', ("<urn:x:1>", 2147483647)),
            (';+sip.instance="<urn:x:1>";reg-id=2147483648', ("<urn:x:1>", 0)),
            (';+sip.instance="<urn:x:1>";reg-id=12345678901', ("<urn:x:1>", 0)),
        ],
    )
    def test_what_a_contact_says(self, parameters, device):
        assert device_of(Address.parse(f"<{DESK}>{parameters}")) == device


@pytest.mark.rule("R32")
@pytest.mark.rfc("5626", "6")
class TestInstanceAlone:
    """Compared by URI, unless the domain wants one contact of each device."""

    @pytest.fixture
    def strict(self):
        return Registrar(one_contact_per_device=True)

    def test_a_device_may_have_many_contacts(self, registrar):
        registrar(f"<{DESK}>;{PHONE}")
        registrar(f"<{CAFE}>;{PHONE}", cseq=2)
        assert registrar.contacts == [DESK, CAFE]

    def test_one_contact_per_device(self, strict):
        strict(f"<{DESK}>;{PHONE}, <{MOBILE}>;{OTHER}")
        result = strict(f"<{CAFE}>;{PHONE}", call_id="rebooted", now=NOW + 5)
        assert strict.contacts == [CAFE, MOBILE]
        changes = result.changes
        assert [len(part) for part in (changes.added, changes.updated, changes.removed)] == [0, 1, 0]
        assert (changes.updated[0].id, changes.updated[0].created_at) == (1, NOW)
        assert result.reasons == {1: f"The phone came back at another address; before it was {DESK}"}

    def test_what_has_piled_up_goes(self, strict):
        strict.limits.one_contact_per_device = False
        for second, contact in enumerate([DESK, CAFE, MOBILE]):
            strict(f"<{contact}>;{PHONE}", cseq=second + 1, now=NOW + second)
        strict.limits.one_contact_per_device = True
        result = strict(f"<sip:bob@192.0.2.11>;{PHONE}", cseq=9, now=NOW + 9)
        assert [(binding.id, binding.contact) for binding in strict.record.bindings] == [(3, "sip:bob@192.0.2.11")]
        assert [binding.id for binding in result.changes.removed] == [1, 2]
        sentence = "Replaced by sip:bob@192.0.2.11: the same device came back at another address"
        assert (result.reasons[1], result.reasons[2]) == (sentence, sentence)

    def test_a_refresh_leaves_the_others_too(self, strict):
        strict.limits.one_contact_per_device = False
        strict(f"<{DESK}>;{PHONE}, <{CAFE}>;{PHONE}")
        strict.limits.one_contact_per_device = True
        strict(f"<{DESK}>;{PHONE}", cseq=2)
        assert strict.contacts == [DESK]

    def test_contacts_of_one_request_stay_together(self, strict):
        strict(f"<{DESK}>;{PHONE}, <{MOBILE}>;{PHONE}")
        strict(f"<{DESK}>;{PHONE}, <{MOBILE}>;{PHONE}", cseq=2)
        assert strict.contacts == [DESK, MOBILE]
        result = strict(f"<{DESK}>;{PHONE}, <{CAFE}>;{PHONE}", cseq=3)
        assert strict.contacts == [DESK, CAFE]
        assert [binding.id for binding in result.changes.updated] == [1, 2]

    def test_flows_phones_without_a_name_and_removals_are_not_touched(self, strict):
        strict(f"<{DESK}>;{PHONE};reg-id=1, <{MOBILE}>")
        strict(f"<{CAFE}>;{PHONE}", cseq=2)
        assert strict.contacts == [DESK, MOBILE, CAFE]
        strict(f"<sip:bob@192.0.2.12>;{PHONE};reg-id=2, <sip:bob@192.0.2.11>;{PHONE};expires=0", cseq=3)
        assert CAFE in strict.contacts

    def test_it_makes_room_at_the_limit(self):
        strict = Registrar(one_contact_per_device=True, max_contacts=1)
        strict(f"<{DESK}>;{PHONE}")
        assert len(listed(strict(f"<{CAFE}>;{PHONE}", cseq=2))) == 1

    @pytest.mark.rule("R18")
    def test_a_request_that_was_overtaken_fails(self, strict):
        strict(f"<{CAFE}>;{PHONE}", cseq=6)
        refused(strict(f"<{DESK}>;{PHONE}", cseq=5), 500, "CSeq")
        assert strict.contacts == [CAFE]


contact = st.builds(
    "<{}>{}{}{}".format,
    st.sampled_from([DESK, MOBILE, CAFE, f"{DESK};a=1", f"{DESK};a=2"]),
    st.sampled_from(["", f";{PHONE}", f";{PHONE}", f";{OTHER}"]),
    st.sampled_from(["", "", ";reg-id=1", ";reg-id=2"]),
    st.sampled_from(["", "", ";expires=0", ";expires=20"]),
)
step = st.tuples(st.lists(contact, min_size=1, max_size=2), st.sampled_from(["a", "a", "b"]), st.integers(1, 4))
limits = st.builds(
    Limits,
    max_contacts=st.integers(1, 4),
    contact_limit=st.sampled_from(["refuse", "replace-oldest"]),
    one_contact_per_device=st.booleans(),
)


@pytest.mark.rule("R17")
@pytest.mark.rule("R18")
@pytest.mark.rule("R32")
@pytest.mark.rfc("3261", "10.3")
class TestAnySequence:
    """What holds after every REGISTER, whatever came before."""

    @settings(max_examples=500, deadline=None)
    @given(limits, st.lists(step, max_size=8))
    def test_invariants(self, limits, steps):
        registrar = Registrar()
        registrar.limits = limits
        now = NOW
        for contacts, call_id, cseq in steps:
            now += 1
            before = registrar.record.bindings
            kept = list(before)
            result = registrar(*contacts, call_id=call_id, cseq=cseq, now=now)
            assert before == kept
            if not isinstance(result, Registered):
                assert registrar.record.bindings is before
                continue
            after = registrar.record.bindings
            changes = result.changes
            lists = [[binding.id for binding in part] for part in (changes.added, changes.updated, changes.removed)]
            assert len({*lists[0], *lists[1], *lists[2]}) == sum(map(len, lists))
            assert {*lists[1], *lists[2]} <= {binding.id for binding in before}
            assert set(map(id, after)) == set(map(id, result.current))
            assert result.reasons.keys() <= {*lists[1], *lists[2]}
            pairs = [(instance_key(one.instance_id), one.reg_id) for one in after if one.reg_id]
            assert len(set(pairs)) == len(pairs)
            for binding in before:
                if binding.call_id == call_id and binding.cseq >= cseq:
                    assert any(one is binding for one in after)
            assert len(after) <= limits.max_contacts or not changes.added
            if limits.one_contact_per_device:
                named = [one for one in after if one.instance_id and not one.reg_id]
                here = {one.instance_id for one in named if one.refreshed_at == now}
                assert all(one.refreshed_at == now for one in named if one.instance_id in here)
