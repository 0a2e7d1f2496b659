"""Where we listen, and how we name ourselves in Via, Record-Route and Contact (§18.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sip.transport.flow import DEFAULT_PORTS, SECURE, Flow, bare_host, host_for_uri
from sip.transport.selection import is_numeric_host

WILDCARDS = frozenset({"0.0.0.0", "::", ""})
# As others are to reach us. transport=tls is out of use since RFC 3261, and in use with every phone.
_TRANSPORTS = {
    "udp": "",
    "tcp": ";transport=tcp",
    "tls": ";transport=tls",
    "ws": ";transport=ws",
    "wss": ";transport=ws",
}
MAX_KEPT_CHOICES = 4_096  # listeners chosen by destination, and by local address


class ListenAddress(NamedTuple):
    """A wish: protocol of ``flow.PROTOCOLS``, numeric host or wildcard, port (0: any). What to call ourselves to
    others, if that differs (behind a port forwarding)."""

    protocol: str
    host: str
    port: int
    advertised_host: str = ""
    advertised_port: int | None = None


class Listener:
    """An open listener. Of a wildcard listener there is one more for each local address in use (``at``)."""

    __slots__ = ("advertised_host", "advertised_port", "channel", "host", "port", "protocol", "sent_by")

    def __init__(
        self,
        protocol: str,
        host: str,
        port: int,
        advertised_host: str = "",
        advertised_port: int | None = None,
        channel: object = None,
    ) -> None:
        self.protocol = protocol
        self.host = host
        self.port = port
        self.advertised_host = advertised_host.lower()
        self.advertised_port = advertised_port
        self.channel = channel
        # §18.1.1: host and port as they stand in our Via
        self.sent_by = f"{host_for_uri(self.advertised_host or host)}:{advertised_port or port}"

    @property
    def is_wildcard(self) -> bool:
        return self.host in WILDCARDS

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    def at(self, host: str) -> Listener:
        """This listener seen at one local address."""
        return Listener(self.protocol, host, self.port, self.advertised_host, self.advertised_port, self.channel)

    @property
    def is_secure(self) -> bool:
        return self.protocol in SECURE

    def sip_uri(self, lr: bool = True, *, is_sips: bool = False) -> str:
        """``<sip:192.0.2.1:5060;lr>``, with ``;transport=tcp`` where it is not UDP.

        ``is_sips`` makes it a SIPS URI, for a secure listener: TLS is implied then (§26.2.2), and both kinds of
        WebSocket are ``ws`` in URIs (RFC 7118 §5.2).
        """
        transport = _TRANSPORTS[self.protocol]
        if is_sips and self.protocol == "tls":
            transport = ""
        return f"<{'sips' if is_sips else 'sip'}:{self.sent_by}{transport}{';lr' if lr else ''}>"

    def answers_to(self, host: str, port: int | None) -> bool:
        """Whether host (name or address, brackets allowed) and port are this listener's, bound or advertised.

        No port means the default port of the protocol (§18.1.1). A wildcard's addresses are the caller's to judge.
        """
        wanted = DEFAULT_PORTS.get(self.protocol, 5060) if port is None else port
        host = bare_host(host.lower())
        if self.advertised_host and host == bare_host(self.advertised_host):
            return wanted == (self.advertised_port or self.port)
        return host == self.host and wanted == self.port

    def __repr__(self) -> str:
        return f"Listener({self.protocol} {host_for_uri(self.host)}:{self.port})"


class Listeners:
    """All open listeners: which one a request leaves from, and which addresses are ours.

    ``route_from`` gives the local address on the way to a numeric host, ``is_local_address`` says whether a numeric
    host is an address of this machine.
    """

    __slots__ = ("_at", "_chosen", "_is_local_address", "_route_from", "all")

    def __init__(
        self, listeners: list[Listener], route_from: Callable[[str], str], is_local_address: Callable[[str], bool]
    ) -> None:
        self.all = listeners
        self._route_from = route_from
        self._is_local_address = is_local_address
        self._chosen: dict[tuple[str, str], Listener] = {}
        self._at: dict[tuple[str, tuple[str, int]], Listener] = {}

    def towards(self, protocol: str, host: str) -> Listener:
        """Listener that a request to a numeric host leaves from; LookupError when there is none of its kind."""
        key = (protocol, host)
        listener = self._chosen.get(key)
        if listener is None:
            if len(self._chosen) >= MAX_KEPT_CHOICES:
                self._chosen.clear()
            listener = self._chosen[key] = self._choose(protocol, host)
        return listener

    def _choose(self, protocol: str, host: str) -> Listener:
        is_ipv6 = ":" in host
        fitting = [one for one in self.all if one.protocol == protocol and one.is_ipv6 == is_ipv6]
        if not fitting:
            raise LookupError(f"No {protocol} listener for {host}")
        if len(fitting) == 1 and not fitting[0].is_wildcard:
            return fitting[0]
        source = self._route_from(host)
        for listener in fitting:
            if listener.host == source:
                return listener
        for listener in fitting:
            if listener.is_wildcard:
                return listener.at(source) if source else listener
        return fitting[0]

    def of(self, flow: Flow) -> Listener:
        """Listener that a flow came in by, seen at the local address of the flow."""
        key = (flow.protocol, flow.local)
        listener = self._at.get(key)
        if listener is None:
            if len(self._at) >= MAX_KEPT_CHOICES:
                self._at.clear()
            listener = self._at[key] = self._find(flow)
        return listener

    def _find(self, flow: Flow) -> Listener:
        host, port = flow.local
        same = [one for one in self.all if one.protocol == flow.protocol and one.port == port]
        for listener in same:
            if listener.host == host:
                return listener
        for listener in same:
            if listener.is_wildcard and listener.is_ipv6 == (":" in host):
                return listener.at(host)
        raise LookupError(f"No listener for {flow.text}")

    def are_at(self, host: str, port: int | None, protocol: str = "") -> bool:
        """Whether host and port are ours: bound, advertised, or a local address behind a wildcard (§18.1.2)."""
        host = bare_host(host.lower())
        for listener in self.all:
            if protocol and listener.protocol != protocol:
                continue
            if listener.answers_to(host, port):
                return True
            if (
                listener.is_wildcard
                and listener.port == (DEFAULT_PORTS.get(listener.protocol, 5060) if port is None else port)
                and is_numeric_host(host)
                and (":" in host) == listener.is_ipv6
                and self._is_local_address(host)
            ):
                return True
        return False
