"""Trusted by address or by certificate (threat 31)."""

from ipaddress import ip_network

import pytest

from proxy.trunks import Trunks
from sip.transport.flow import Flow

NETWORK, LOOPBACK = ip_network("203.0.113.0/24"), ip_network("127.0.0.70/32")


def flow(source, protocol="udp"):
    return Flow(protocol, ("192.0.2.1", 5060), (source, 5060))


@pytest.mark.parametrize(
    ("source", "protocol", "is_trunk"),
    [
        ("203.0.113.7", "tcp", True),
        ("203.0.113.7", "tls", True),
        ("203.0.113.7", "udp", False),  # whoever can forge the address would be one
        ("203.0.114.7", "tcp", False),
        ("127.0.0.70", "udp", True),  # nobody outside can send as loopback
        ("127.0.0.71", "udp", False),
        ("2001:db8::5%eth0", "tcp", True),
        ("2001:db8::6", "tcp", False),
    ],
)
@pytest.mark.threat(31)
def test_an_address_counts_where_it_cannot_be_forged(source, protocol, is_trunk):
    trunks = Trunks([NETWORK, LOOPBACK, ip_network("2001:db8::5/128")])
    assert trunks.has(flow(source, protocol)) is is_trunk


def test_datagrams_count_where_they_are_said_to():
    trunks = Trunks([], [NETWORK])
    assert trunks.has(flow("203.0.113.7"))
    assert trunks.has(flow("203.0.113.7", "tcp"))
    assert not trunks.has(flow("203.0.114.7"))


def test_a_name_that_was_proven_counts_from_anywhere():
    trunks = Trunks(names=["trunk.example"])
    proven, other = flow("203.0.113.7", "tls"), flow("203.0.113.7", "tls")
    proven.certified = frozenset({"trunk.example", "www.trunk.example"})
    assert trunks.has(proven)
    assert not trunks.has(other)


def test_nobody():
    assert not Trunks().has(flow("127.0.0.1", "tcp"))
