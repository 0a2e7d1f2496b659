"""16.6 step 7: the way on of one copy; what registered with a flow is reached on a flow or not at all."""

import pytest

from proxy.core.facts import Target
from proxy.core.routing import Routed
from proxy.way_on import way_on
from sip.message.uri import Uri
from sip.transport.flow import Flow

pytestmark = pytest.mark.rfc("3261", "16.6")

ROUTE = "<sip:proxy.example;lr>"


class Channel:
    is_open = True


def a_flow(protocol="tcp", *, is_open=True):
    flow = Flow(protocol, ("192.0.2.1", 5060), ("192.0.2.20", 40000), Channel())
    flow.channel.is_open = is_open
    return flow


def a_way(uri="sip:bob@192.0.2.20", routes=(), target_routes=(), **facts):
    uri = Uri.parse(uri)
    way = way_on(Routed(uri, list(routes)), Target(uri, routes=target_routes, **facts))
    return way if way is None or isinstance(way, Flow) else way.text


def test_an_open_flow():
    flow = a_flow()
    assert a_way(flow=flow) is flow


def test_without_one_the_uri_tells():
    assert a_way() == a_way(flow=a_flow(is_open=False)) == "sip:bob@192.0.2.20"


def test_a_route_comes_first():
    assert a_way(routes=[ROUTE], flow=a_flow()) == "sip:proxy.example;lr"
    assert a_way(target_routes=[ROUTE]) == "sip:proxy.example;lr"


@pytest.mark.rule("R27")
@pytest.mark.rfc("3261", "26.2.2")
def test_a_sips_call_takes_no_insecure_flow():
    assert a_way("sips:bob@192.0.2.20", flow=a_flow()) == "sips:bob@192.0.2.20"
    secure = a_flow("tls")
    assert a_way("sips:bob@192.0.2.20", flow=secure) is secure


@pytest.mark.rule("R32")
@pytest.mark.rfc("5626", "5.3")
class TestNothingButAFlow:
    def test_open(self):
        flow = a_flow()
        assert a_way(flow=flow, is_flow_only=True) is flow

    @pytest.mark.parametrize("flow", [None, a_flow(is_open=False)])
    def test_gone(self, flow):
        assert a_way(flow=flow, is_flow_only=True) is None
        assert a_way(routes=[ROUTE], flow=flow, is_flow_only=True) is None

    def test_not_secure(self):
        assert a_way("sips:bob@192.0.2.20", flow=a_flow(), is_flow_only=True) is None

    def test_its_path_leads_to_the_flow(self):
        assert a_way(target_routes=[ROUTE], is_flow_only=True) == "sip:proxy.example;lr"
