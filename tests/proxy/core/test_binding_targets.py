import pytest

from proxy.core.binding_targets import to_binding
from sip.transport.flow import Flow
from tests.proxy.core.people import a_binding

pytestmark = pytest.mark.rfc("3261", "16.5")

DESK = "sip:bob@192.0.2.20"


class TestWay:
    """How a registered phone is reached."""

    class Channel:
        is_open = True

    def flow(self, protocol="tcp"):
        return Flow(protocol, ("192.0.2.1", 5060), ("192.0.2.20", 40000), self.Channel())

    def target(self, **facts):
        binding = a_binding(DESK, **facts)
        return to_binding(binding, binding.uri)

    def test_an_open_connection_is_used(self):
        flow = self.flow()
        assert self.target(flow=flow).flow is flow

    def test_a_closed_one_is_not(self):
        flow = self.flow()
        flow.channel.is_open = False
        assert self.target(flow=flow).flow is None

    def test_over_udp_the_contact_is_the_way(self):
        assert self.target(flow=self.flow("udp")).flow is None

    @pytest.mark.rfc("3327", "5.4")
    def test_a_path_is_the_way(self):
        target = self.target(flow=self.flow(), path=("<sip:edge.example.org;lr>",))
        assert (target.flow, target.routes) == (None, ("<sip:edge.example.org;lr>",))

    @pytest.mark.rfc("5626", "5.3")
    def test_the_flow_it_registered_on_over_udp(self):
        flow = self.flow("udp")
        target = self.target(flow=flow, is_outbound=True, reg_id=1, instance_id="<urn:uuid:1>")
        assert (target.flow, target.is_flow_only) == (flow, True)


def test_what_the_target_knows_of_its_phone():
    binding = a_binding(DESK, q=0.5, reg_id=1, instance_id="<urn:uuid:1>", user_agent="Desk/1")
    target = to_binding(binding, binding.uri)
    assert (target.uri.text, target.q, target.user_agent, target.is_binding) == (DESK, 0.5, "Desk/1", True)
    assert target.binding is binding
    assert target.phone
    assert not to_binding(a_binding(DESK), binding.uri).phone
