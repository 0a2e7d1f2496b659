"""Listening on the SIP multicast group, per interface (§10.2.6, §18.1.1)."""

from __future__ import annotations

import socket
import sys
from collections import Counter

from sip.transport.flow import Flow
from sip.transport.received import SIP_GROUP
from sip.transport.udp import DATAGRAMS_PER_TURN, LARGEST_DATAGRAM, Receive, UdpSocket

_IP_MULTICAST_ALL = 49  # ip(7)


class MulticastSocket:
    """Datagrams sent to the group on one interface. Answers leave from the unicast socket of that interface."""

    def __init__(self, interface: str, port: int, unicast: UdpSocket, count: Counter[str]) -> None:
        """``interface`` is an IPv4 address of ours. OSError when the group cannot be joined there."""
        self._unicast = unicast
        self._count = count
        self.local = (interface, port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform == "linux":
                # Otherwise every membership of this host counts, whatever the interface.
                self.socket.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            self.socket.bind((SIP_GROUP, port))
            membership = socket.inet_aton(SIP_GROUP) + socket.inet_aton(interface)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except BaseException:
            self.socket.close()
            raise
        self._receive: Receive | None = None

    def start(self, receive: Receive) -> None:
        self._receive = receive

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def read(self) -> None:
        """Read what has arrived, up to a bound."""
        assert self._receive is not None
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data, address = self.socket.recvfrom(LARGEST_DATAGRAM)
            except OSError:
                return
            self._receive(data, Flow("udp", self.local, address[:2], self._unicast, is_multicast=True))
