"""Where we listen, and how we name ourselves in Via, Record-Route and Contact (§18.1.1)."""

from __future__ import annotations

from typing import NamedTuple

from sip.transport.flow import DEFAULT_PORTS, bare_host, host_for_uri

WILDCARDS = frozenset({"0.0.0.0", "::", ""})


class ListenAddress(NamedTuple):
    """A wish: protocol "udp" or "tcp", numeric host or wildcard, port (0: any). What to call ourselves to others, if
    that differs (behind a port forwarding)."""

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

    def sip_uri(self, lr: bool = True) -> str:
        """``<sip:192.0.2.1:5060;lr>``, with ``;transport=tcp`` where it is not UDP."""
        transport = "" if self.protocol == "udp" else f";transport={self.protocol}"
        return f"<sip:{self.sent_by}{transport}{';lr' if lr else ''}>"

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
