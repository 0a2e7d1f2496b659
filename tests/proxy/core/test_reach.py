import pytest

from proxy.core.reach import Reach, reach_of, why_useless
from sip.transport.flow import Flow
from tests.proxy.core.people import a_binding

pytestmark = [pytest.mark.rfc("3261", "8.3"), pytest.mark.rule("D06")]

PUBLIC, LAN, LOOPBACK = "203.0.113.9", "192.168.1.9", "127.0.0.9"
LOCAL = ("192.0.2.1", 5060)


def why(contact, caller=PUBLIC, **facts):
    binding = a_binding(contact, **facts)
    return why_useless(binding, binding.uri, caller)


@pytest.mark.parametrize(
    ("reach", "hosts"),
    [
        (Reach.EVERYWHERE, "192.0.2.1 8.8.8.8 [2001:db8::1] 2a00::1 phone.example.org 172.32.0.1 100.128.0.1 11.0.0.1"),
        (Reach.EVERYWHERE, "localhost.example.org invalid.example 1.2.3"),
        (Reach.NEARBY, "10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255 169.254.1.1"),
        (Reach.NEARBY, "[fd00::1] [fc12::1] fe80::1 fe80::1%eth0 [fec0::1] ::ffff:10.0.0.1 phone.local tv.home.arpa"),
        (Reach.SAME_HOST, "127.0.0.1 127.9.9.9 [::1] ::1 ::ffff:127.0.0.1 localhost LOCALHOST. pc.localhost"),
        (Reach.NOWHERE, "0.0.0.0 [::] 224.0.1.75 [ff02::1] 255.255.255.255 df7jal23ls0d.invalid invalid X.INVALID."),
    ],
)
def test_from_where_a_host_can_be_reached(reach, hosts):
    assert {reach_of(host) for host in hosts.split()} == {reach}


class TestPrivateAddresses:
    """Judged by where the caller is."""

    @pytest.mark.parametrize("contact", ["sip:bob@10.0.0.5", "sip:bob@[fd00::5]:5062", "sip:bob@127.0.0.1:5062"])
    def test_a_public_caller_gets_none(self, contact):
        assert "private address" in why(contact)
        assert "private address" in why(contact, "2001:db8::9")

    @pytest.mark.parametrize("caller", [LAN, "fe80::1%eth0", "::ffff:10.0.0.1", LOOPBACK])
    def test_a_private_caller_gets_private_ones(self, caller):
        assert why("sip:bob@10.0.0.5", caller) == ""

    def test_only_the_same_host_gets_loopback(self):
        assert why("sip:bob@127.0.0.1:5062", LOOPBACK) == why("sip:bob@localhost", "::1") == ""
        assert why("sip:bob@127.0.0.1:5062", LAN)

    def test_an_maddr_is_where_it_goes(self):
        assert why("sip:bob@example.net;maddr=10.0.0.5")

    @pytest.mark.parametrize("caller", [PUBLIC, LAN, LOOPBACK])
    def test_public_ones_are_for_everybody(self, caller):
        assert why("sip:bob@192.0.2.20", caller) == why("sip:bob@phone.example.net", caller) == ""

    def test_a_caller_who_is_not_known_is_not_judged(self):
        assert why("sip:bob@10.0.0.5", "") == ""


class TestWaysOnlyThisServerHas:
    def test_an_invalid_host(self):
        assert "nowhere" in why("sip:bob@df7jal23ls0d.invalid", LOOPBACK)

    @pytest.mark.parametrize("transport", ["ws", "WSS"])
    def test_a_web_socket(self, transport):
        assert "WebSocket" in why(f"sip:bob@192.0.2.20;transport={transport}")

    def test_a_path(self):
        assert "Path" in why("sip:bob@192.0.2.20", path=("<sip:192.0.2.77;lr>",))
        assert "Path" in why("tel:+1555", path=("<sip:192.0.2.77;lr>",))

    def test_an_outbound_flow(self):
        assert "flow" in why("sip:bob@192.0.2.20", reg_id=1)

    @pytest.mark.parametrize("contact", ["sip:bob@192.0.2.20:40123", "sip:bob@10.0.0.5:5060", "sip:bob@[fd00::1]"])
    def test_the_far_end_of_a_connection(self, contact):
        flow = Flow("tcp", LOCAL, ("192.0.2.20", 40123))
        assert "connection" in why(f"{contact};transport=tcp", LOOPBACK, flow=flow)

    @pytest.mark.parametrize("contact", ["sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.20", "sip:bob@bob.example.net"])
    def test_but_not_a_listener_of_its_own(self, contact):
        assert why(f"{contact};transport=tcp", flow=Flow("tcp", LOCAL, ("192.0.2.20", 40123))) == ""

    def test_datagrams_reach_everybody(self):
        assert why("sip:bob@192.0.2.20:5060", flow=Flow("udp", LOCAL, ("192.0.2.20", 5060))) == ""


@pytest.mark.rule("R26")
def test_other_schemes_are_the_callers_business():
    assert why("tel:+15551234") == why("mailto:bob@example.org") == ""
