import pytest

from proxy.dialog_flows import DialogFlows
from sip.transport.flow import Flow
from tests.proxy.core.messages import a_request

pytestmark = pytest.mark.rfc("3261", "18.2.2")


class Channel:
    is_open = True


def a_flow(protocol="tcp"):
    return Flow(protocol, ("192.0.2.1", 5060), ("192.0.2.10", 40000), Channel())


def an_invite(call_id="c", contact="<sip:alice@10.0.0.7;transport=tcp>"):
    return a_request("INVITE", "sip:bob@example.org", f"Contact: {contact}", call_id=call_id)


def test_a_connection_is_found_by_call_and_contact():
    flows, flow = DialogFlows(), a_flow()
    flows.remember(an_invite(), flow)
    assert flows.flow_for("c", "sip:alice@10.0.0.7;transport=tcp") is flow
    assert flows.flow_for("d", "sip:alice@10.0.0.7;transport=tcp") is None


def test_a_closed_one_is_forgotten():
    flows, flow = DialogFlows(), a_flow()
    flows.remember(an_invite(), flow)
    flow.channel.is_open = False
    assert flows.flow_for("c", "sip:alice@10.0.0.7;transport=tcp") is None
    assert len(flows) == 0


def test_nothing_is_kept_of_datagrams_nor_of_odd_contacts():
    flows = DialogFlows()
    flows.remember(an_invite(), a_flow("udp"))
    flows.remember(an_invite(contact="<sip:alice@>"), a_flow())
    flows.remember(a_request(), a_flow())
    assert len(flows) == 0


def test_the_number_is_bounded():
    flows = DialogFlows(most_kept=2)
    for call_id in "abc":
        flows.remember(an_invite(call_id), a_flow())
    assert flows.flow_for("a", "sip:alice@10.0.0.7;transport=tcp") is None
    assert len(flows) == 2
