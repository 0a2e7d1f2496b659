"""Registrations that are flows."""

import pytest

from registrar.core import SUPPORTED, inspect_request
from registrar.outbound import is_direct, is_flow_assured
from sip.message.errors import BadMessage
from sip.transport.flow import Flow
from tests.registrar.test_core import DESK, MOBILE, NOW, Registrar, a_request, listed, refused

PHONE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
EDGE, OTHER_EDGE = "<sip:token@edge.example.org;lr;ob>", "<sip:p2.example.org;lr>"
DIRECT = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1"
THROUGH_EDGE = f"SIP/2.0/UDP edge.example.org;branch=z9hG4bK2, {DIRECT}"

pytestmark = [pytest.mark.rfc("5626", "6"), pytest.mark.rule("R32")]


def fields(result):
    return dict(result.fields(NOW))


@pytest.fixture
def registrar():
    return Registrar(flow_timer=120)


def flow(registrar, *contacts, **fields):
    """A REGISTER of a phone that does outbound, itself or through an edge proxy."""
    fields = {"supported": "path, outbound", "via": DIRECT, **fields}
    return registrar(*contacts, **fields)


class TestFlows:
    def test_it_works(self, registrar):
        result = flow(registrar, f"<{DESK};ob>;{PHONE};reg-id=1")
        [binding] = registrar.record.bindings
        assert binding.is_outbound and binding.flow is registrar.flow
        assert fields(result)["Require"] == "outbound"
        assert fields(result)["Flow-Timer"] == "120"

    def test_a_new_flow_takes_the_place_of_the_old_one_whatever_the_uri(self, registrar):
        flow(registrar, f"<{DESK};ob>;{PHONE};reg-id=1", call_id="before")
        registrar.flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 7777))
        flow(registrar, f"<{MOBILE};ob>;{PHONE};reg-id=1", call_id="after")
        [binding] = registrar.record.bindings
        assert binding.contact == f"{MOBILE};ob" and binding.flow is registrar.flow

    def test_two_flows_of_one_phone_are_two_bindings(self, registrar):
        flow(registrar, f"<{DESK};ob>;{PHONE};reg-id=1")
        assert len(listed(flow(registrar, f"<{DESK};ob>;{PHONE};reg-id=2", cseq=2))) == 2

    def test_required_is_as_good_as_supported(self, registrar):
        request = a_request(require="outbound")
        assert inspect_request(request) is None
        result = registrar(f"<{DESK}>;{PHONE};reg-id=1", require="outbound", via=DIRECT)
        assert fields(result)["Require"] == "outbound"

    def test_the_timer_is_the_phones_choice_where_the_domain_has_none(self):
        assert "Flow-Timer" not in fields(flow(Registrar(), f"<{DESK}>;{PHONE};reg-id=1"))


class TestNoFlow:
    """What is registered all the same, as by RFC 3261."""

    @pytest.mark.parametrize("contact", [f"<{DESK}>", f"<{DESK}>;{PHONE}", f"<{DESK}>;reg-id=1"])
    def test_without_instance_and_reg_id(self, registrar, contact):
        result = flow(registrar, contact)
        assert "Require" not in fields(result) and not registrar.record.bindings[0].is_outbound

    def test_where_the_phone_does_not_say_that_it_can(self, registrar):
        result = flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", supported="path")
        assert "Require" not in fields(result) and not registrar.record.bindings[0].is_outbound

    def test_where_the_domain_switched_it_off(self):
        registrar = Registrar(outbound=False)
        assert "Require" not in fields(flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", via=THROUGH_EDGE))
        assert refused(inspect_request(a_request(require="outbound"), "refuse", SUPPORTED - {"outbound"}), 420)

    def test_from_a_group(self, registrar):
        registrar.flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5062), is_multicast=True)
        assert "Require" not in fields(flow(registrar, f"<{DESK}>;{PHONE};reg-id=1"))

    def test_when_it_is_taken_back(self, registrar):
        flow(registrar, f"<{DESK}>;{PHONE};reg-id=1")
        result = flow(registrar, f"<{DESK}>;{PHONE};reg-id=1;expires=0", cseq=2, via=THROUGH_EDGE)
        assert listed(result) == [] and "Require" not in fields(result)


class TestFirstHop:
    """An edge proxy in between must say that it keeps flows, or none is promised."""

    def test_one_that_does(self, registrar):
        path = f"{OTHER_EDGE}, {EDGE}"
        result = flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", via=THROUGH_EDGE, path=path)
        assert fields(result)["Require"] == "outbound"
        assert "Flow-Timer" not in fields(result)  # that is between the edge proxy and the phone
        assert registrar.record.bindings[0].path == (OTHER_EDGE, EDGE)

    @pytest.mark.parametrize("path", [{}, {"path": OTHER_EDGE}, {"path": f"{EDGE}, {OTHER_EDGE}"}])
    def test_one_that_does_not_is_439(self, registrar, path):
        refused(flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", via=THROUGH_EDGE, **path), 439, "Outbound")
        assert registrar.contacts == []

    def test_one_that_does_not_is_no_matter_without_outbound(self, registrar):
        listed(flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", via=THROUGH_EDGE, supported="path"))
        assert registrar.contacts == [DESK]


class TestOneFlowARequest:
    def test_more_contacts_are_400(self, registrar):
        refused(flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", f"<{MOBILE}>"), 400, "reg-id")
        assert registrar.contacts == []

    def test_a_removal_beside_it_does_not_count(self, registrar):
        registrar(f"<{MOBILE}>")
        flow(registrar, f"<{DESK}>;{PHONE};reg-id=1", f"<{MOBILE}>;expires=0", cseq=2)
        assert registrar.contacts == [DESK]


class TestRequest:
    def test_what_it_says(self):
        assert is_direct(a_request(via=DIRECT))
        assert not is_direct(a_request(via=THROUGH_EDGE))
        assert is_flow_assured(a_request(via=THROUGH_EDGE), [EDGE])
        assert not is_flow_assured(a_request(via=THROUGH_EDGE), [])
        with pytest.raises(BadMessage):
            is_flow_assured(a_request(via=THROUGH_EDGE), ["<"])
