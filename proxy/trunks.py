"""Who may use this server to reach other domains without being asked who he is: by certificate, or by address.

An address is only worth something where it cannot be forged: on a connection, or from this machine itself. Datagrams
count where whoever runs the server says that the network between lets no forged ones through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from sip.defence.sources import Network
from sip.transport.flow import Flow


class Trunks:
    """``networks`` are trusted on connections, ``datagram_networks`` by UDP too, ``names`` in certificates."""

    def __init__(
        self,
        networks: Iterable[Network] = (),
        datagram_networks: Iterable[Network] = (),
        names: Iterable[str] = (),
    ) -> None:
        self._by_datagram = tuple(datagram_networks)
        self._by_connection = (*networks, *self._by_datagram)
        self._names = frozenset(names)

    def has(self, flow: Flow) -> bool:
        """Whether what came by this flow is from one of them."""
        if self._names and flow.certified & self._names:
            return True
        if not self._by_connection:
            return False
        host = flow.remote[0].partition("%")[0]
        address = ip_address(host)
        is_sure = flow.is_reliable or address.is_loopback
        networks: Sequence[Network] = self._by_connection if is_sure else self._by_datagram
        return any(address in network for network in networks)
