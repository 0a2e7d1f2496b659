"""A flow: the two ends of a UDP exchange or a connection (§18, RFC 5626 §3.1)."""

from __future__ import annotations

from typing import Protocol

PROTOCOLS = ("udp", "tcp", "tls", "ws", "wss")
DIALLED = frozenset({"udp", "tcp", "tls"})  # a WebSocket client listens nowhere (RFC 7118 §5.4)
SECURE = frozenset({"tls", "wss"})  # what a sips URI may travel on (§26.2.2, RFC 7118 §5.2)
DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}  # §18.1.1, RFC 7118 §5


class DatagramChannel(Protocol):
    """A socket that sends datagrams."""

    def send(self, data: bytes, remote: tuple[str, int], source: str = "", ttl: int = 0) -> bool:
        """Send at once; False when it failed. ``source`` is the local address to send from, where there are several;
        ``ttl`` is for multicast destinations."""


class StreamChannel(Protocol):
    """A connection, open or being opened."""

    is_open: bool
    remote: tuple[str, int]
    token: str
    """Tells this connection from every other, of this process and of those before it."""

    def write(self, data: bytes, failed: object = None) -> bool:
        """Send or queue; False when the connection is closed. ``failed`` (a callable) is called if it breaks before the
        bytes were handed to the system."""

    def close(self) -> None:
        """Close after what is queued was sent."""


class Flow:
    """Where a message came from, and so where an answer goes.

    ``protocol`` is one of ``PROTOCOLS``; ``local`` and ``remote`` are (numeric host, port). ``channel`` is the socket
    or connection. ``certified`` are the DNS names in the certificate of the far end, where it showed one and it was
    verified. Two flows are equal when their ends are.
    """

    __slots__ = ("certified", "channel", "is_multicast", "is_reliable", "local", "protocol", "remote")

    def __init__(
        self,
        protocol: str,
        local: tuple[str, int],
        remote: tuple[str, int],
        channel: object = None,
        is_multicast: bool = False,
    ) -> None:
        self.protocol = protocol
        self.local = local
        self.remote = remote
        self.channel = channel
        self.is_multicast = is_multicast
        self.is_reliable = protocol != "udp"
        self.certified: frozenset[str] = frozenset()

    @property
    def connection(self) -> object | None:
        """The connection of a stream, None for datagrams."""
        return self.channel if self.is_reliable else None

    @property
    def is_secure(self) -> bool:
        """Whether what a sips URI names may travel on it."""
        return self.protocol in SECURE

    def may_carry(self, scheme: str) -> bool:
        """Whether a request to a URI of this scheme may go this way: sips is never downgraded (§26.2.2)."""
        return scheme != "sips" or self.is_secure

    @property
    def is_open(self) -> bool:
        """Whether something can be sent on this flow: always for datagrams."""
        return not self.is_reliable or bool(getattr(self.channel, "is_open", False))

    @property
    def id(self) -> str:
        """Names this flow in a stored binding, in printable ASCII: RFC 5626 §6 wants to know which flow it was.

        Equal ids are the same flow. Of datagrams it is both addresses, ``udp:192.0.2.1:5060-192.0.2.9:5062``, and
        means the same after a restart. Of a connection, ``tcp:192.0.2.9:41234/5f3ac1d2-17``, no other connection ever
        has it: once it is closed (``Endpoint.when_flow_closes``), or after a restart, the id leads nowhere.
        """
        if self.is_reliable:
            return f"{self.text}/{getattr(self.channel, 'token', '')}"
        return f"{self.protocol}:{host_and_port(*self.local)}-{host_and_port(*self.remote)}"

    @property
    def text(self) -> str:
        """``udp:192.0.2.9:5062``, ``tcp:[2001:db8::9]:5062``."""
        return f"{self.protocol}:{host_and_port(*self.remote)}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Flow)
            and self.remote == other.remote
            and self.local == other.local
            and self.protocol == other.protocol
            and self.connection is other.connection
        )

    def __hash__(self) -> int:
        return hash((self.protocol, self.local, self.remote))

    def __repr__(self) -> str:
        return f"Flow({self.text})"


def host_for_uri(host: str) -> str:
    """Numeric host as it stands in URIs and sent-by: IPv6 in brackets, without a zone (§25.1)."""
    return f"[{host.partition('%')[0]}]" if ":" in host and not host.startswith("[") else host


def host_and_port(host: str, port: int) -> str:
    return f"{host_for_uri(host)}:{port}"


def bare_host(host: str) -> str:
    """Host without the brackets of an IPv6 reference."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
