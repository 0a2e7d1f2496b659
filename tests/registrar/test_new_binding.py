"""The binding that a Contact asks for."""

import pytest

from registrar.new_binding import LONGEST_USER_AGENT, Source, new_binding
from sip.location import AddressOfRecord
from sip.message.address import Address
from sip.transport.flow import Flow
from tests.registrar.test_core import AOR, NOW, a_request

pytestmark = pytest.mark.rfc("3261", "10.3")

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5062))


def made(contact, **fields):
    source = Source(FLOW, "sip:carol@example.org")
    return new_binding(a_request(**fields), Address.parse(contact), source, AddressOfRecord(AOR, user_id=7), NOW)


def test_it_works():
    binding = made('<sip:bob@10.0.0.9>;+sip.instance="<urn:uuid:1>";reg-id=2;methods="INVITE"', user_agent="Desk/1")
    assert (binding.user_id, binding.aor, binding.contact) == (7, AOR, "sip:bob@10.0.0.9")
    assert (binding.flow, binding.transport, binding.received_from) == (FLOW, "udp", "192.0.2.9:5062")
    assert (binding.instance_id, binding.reg_id, binding.methods) == ("<urn:uuid:1>", 2, "INVITE")
    assert (binding.user_agent, binding.registered_by) == ("Desk/1", "sip:carol@example.org")
    assert (binding.created_at, binding.refreshed_at) == (NOW, NOW)


def test_hostile_text_is_bounded():
    binding = made("<sip:bob@10.0.0.9>", user_agent="x" * 999)
    assert len(binding.user_agent) == LONGEST_USER_AGENT and binding.contact_parameters == ""


def test_whether_it_came_from_this_machine():
    assert not Source(FLOW).is_local
    assert Source(Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5062))).is_local
