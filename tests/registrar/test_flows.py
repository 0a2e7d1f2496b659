"""Flows of stored bindings."""

import pytest

from registrar.flows import StoredFlows
from sip.transport.listeners import Listener

UDP, WILD, WILD6 = object(), object(), object()
LISTENERS = [
    Listener("tcp", "192.0.2.1", 5060),
    Listener("udp", "192.0.2.1", 5060, channel=UDP),
    Listener("udp", "0.0.0.0", 5070, channel=WILD),
    Listener("udp", "::", 5070, channel=WILD6),
]


@pytest.mark.rfc("5626", "6")
class TestDatagrams:
    """A way of datagrams outlives the process."""

    def test_it_works(self):
        flows = StoredFlows(lambda: LISTENERS)
        flow = flows.datagrams("192.0.2.1:5060", "192.0.2.9:5062")
        assert flow.id == "udp:192.0.2.1:5060-192.0.2.9:5062"
        assert flow.channel is UDP
        assert flows.datagrams("192.0.2.1:5060", "192.0.2.10:5062").channel is UDP

    def test_by_a_listener_on_all_addresses(self):
        flows = StoredFlows(lambda: LISTENERS)
        assert flows.datagrams("198.51.100.1:5070", "192.0.2.9:5062").channel is WILD
        flow = flows.datagrams("[2001:db8::1]:5070", "[2001:db8::9]:5062")
        assert flow.channel is WILD6 and flow.remote == ("2001:db8::9", 5062)

    @pytest.mark.parametrize(
        ("local", "remote"),
        [
            ("192.0.2.1:5080", "192.0.2.9:5062"),
            ("192.0.2.2:5060", "192.0.2.9:5062"),
            ("", "192.0.2.9:5062"),
            ("192.0.2.1:5060", "192.0.2.9"),
        ],
    )
    def test_not_where_nobody_listens_or_nothing_is_known(self, local, remote):
        assert StoredFlows(lambda: LISTENERS).datagrams(local, remote) is None
