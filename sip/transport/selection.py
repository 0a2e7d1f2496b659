"""Where a request goes, as a function of its URI and the addresses of its host (RFC 3263 §4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sip.message.uri import Uri
from sip.transport.flow import DEFAULT_PORTS, Flow, bare_host, host_and_port


class NextHop(NamedTuple):
    """A destination: protocol, numeric host and port; or, with ``flow``, that flow and nothing else."""

    protocol: str
    host: str
    port: int
    flow: Flow | None = None

    @staticmethod
    def on(flow: Flow) -> NextHop:
        """The far end of a flow, reached by that flow."""
        return NextHop(flow.protocol, flow.remote[0], flow.remote[1], flow)

    @property
    def text(self) -> str:
        """``udp:192.0.2.9:5062``."""
        return f"{self.protocol}:{host_and_port(self.host, self.port)}"


class Destination(NamedTuple):
    """Protocol, host (name or numeric, without brackets) and port that a URI asks for."""

    protocol: str
    host: str
    port: int

    @property
    def is_numeric(self) -> bool:
        return is_numeric_host(self.host)


def destination(uri: Uri, protocols: frozenset[str] = frozenset({"udp", "tcp"})) -> Destination | None:
    """What a URI asks for; None when we cannot speak it: another scheme or a transport not in ``protocols``.

    RFC 3263 §4.1: without a transport parameter it is UDP for sip, TLS for sips.
    """
    if not uri.is_sip:
        return None
    protocol = uri.transport or "udp"
    if uri.scheme == "sips":  # §26.2.2: every hop by TLS
        protocol = {"": "tls", "tcp": "tls", "tls": "tls", "ws": "wss", "wss": "wss"}.get(uri.transport, "")
    if protocol not in protocols:
        return None
    host = bare_host(uri.params.get("maddr") or uri.host)  # RFC 3263 §4: maddr is the target when present
    return Destination(protocol, host, uri.port or DEFAULT_PORTS[protocol]) if host else None


def next_hops(wanted: Destination, addresses: Iterable[str]) -> list[NextHop]:
    """One next hop for each numeric address, in their order (RFC 3263 §4.2)."""
    return [NextHop(wanted.protocol, address, wanted.port) for address in addresses]


@lru_cache(4096)
def is_numeric_host(host: str) -> bool:
    """Whether host is an IPv4 or IPv6 address without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
