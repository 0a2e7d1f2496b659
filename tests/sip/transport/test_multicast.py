"""The socket of the SIP group."""

from __future__ import annotations

import socket
import sys
from collections import Counter

import pytest

from sip.transport import multicast
from sip.transport.flow import Flow
from sip.transport.multicast import MulticastSocket
from sip.transport.received import SIP_GROUP
from sip.transport.udp import DATAGRAMS_PER_TURN, UdpSocket
from tests.sip.transport.test_network import datagram_socket


@pytest.mark.rule("R34")
@pytest.mark.rfc("3261", "10.2.6")
@pytest.mark.parametrize("platform", [sys.platform, "other"])
def test_what_comes_to_the_group(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(multicast.sys, "platform", platform)
    received: list[tuple[bytes, Flow]] = []
    unicast = UdpSocket("127.0.0.1", 0, Counter())
    group = MulticastSocket("127.0.0.1", unicast.local[1], unicast, Counter())
    group.start(lambda data, flow: received.append((data, flow)))
    with datagram_socket() as phone:
        phone.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for _ in range(DATAGRAMS_PER_TURN + 1):
            phone.sendto(b"x", (SIP_GROUP, unicast.local[1]))
        group.read()
        assert len(received) == DATAGRAMS_PER_TURN
        group.read()
        group.read()
    assert len(received) == DATAGRAMS_PER_TURN + 1
    flow = received[0][1]
    assert flow.is_multicast and flow.channel is unicast and flow.local == unicast.local
    assert group.fileno() > 0
    group.close()
    unicast.close()


def test_an_interface_that_is_none() -> None:
    with pytest.raises(OSError):
        MulticastSocket("203.0.113.1", 0, None, Counter())  # type: ignore[arg-type]  # it never gets that far
