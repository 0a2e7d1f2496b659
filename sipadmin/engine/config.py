"""What the engine is told from outside: where to listen, where to join the multicast group, how to journal."""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from proxy.trunks import Trunks
from sip.defence.guard import RATE
from sip.transport.listeners import ListenAddress
from sip.transport.received import SIP_GROUP
from sip.transport.tls import TlsFiles
from sip.transport.websocket import MayComeFrom
from sipadmin.addresses import HostPort, SipAddress
from sipadmin.engine.certificates import tls_files
from sipadmin.engine.origins import OriginCheck
from sipadmin.environment import Network, Sipadmin

logger = logging.getLogger(__name__)


class EngineConfig(NamedTuple):
    """``multicast``: interface addresses that could join. ``journal``: durable or fast. Secrets: 32 bytes each.

    ``trunks``: who may reach other domains without a password. ``name_servers``: those to ask, none for the system's.
    ``tls``: our certificates, None without a listener that needs one. ``may_come_from`` judges the Origin of browsers.
    ``name_servers``: those to ask, none for the system's. ``trusted``: networks that are never slowed down or banned;
    ``rate``: messages a second that one of the others may send, 0 for any number.
    """

    listen: list[ListenAddress]
    multicast: list[str]
    journal: Literal["durable", "fast"]
    nonce_secret: bytes
    route_secret: bytes
    trunks: Trunks
    gruu_secret: bytes
    version: str
    name_servers: Sequence[tuple[str, int]] = ()
    tls: TlsFiles | None = None
    may_come_from: MayComeFrom = lambda origin: False
    trusted: Sequence[Network] = ()
    rate: float = RATE


def engine_config(own: Sipadmin, secret_key: str, version: str) -> EngineConfig:
    """Configuration from the product's settings. A host name becomes its first address; OSError when it has none.

    Makes our own certificate where one is needed; BadCertificate when it cannot be written.
    """
    return EngineConfig(
        [address for one in own.sip for address in listen_addresses(one, own.advertise)],
        joinable(own.multicast),
        "fast" if own.journal == "fast" else "durable",
        derive_secret(secret_key, "nonces"),
        derive_secret(secret_key, "routes"),
        Trunks(own.relay_from, own.relay_from_udp, own.relay_names),
        derive_secret(secret_key, "gruus"),
        version,
        own.dns,
        tls_files(own),
        OriginCheck(own),
        own.trusted,
        RATE if own.rate is None else own.rate,
    )


def listen_addresses(one: SipAddress, advertise: HostPort | None) -> list[ListenAddress]:
    """What to bind for one setting. ``advertise`` is the name of all that have none of their own, and for UDP and TCP
    the port as well: one port forwarding cannot stand for several kinds."""
    advertised = one.advertised or advertise
    host = advertised.host if advertised else ""
    port = advertised.port if advertised and (one.advertised or "tcp" in one.protocols) else None
    address = numeric_host(one.address.host), one.address.port
    return [ListenAddress(protocol, *address, host, port) for protocol in one.protocols]


def derive_secret(secret_key: str, purpose: str) -> bytes:
    """One secret a purpose: what one of them gives away says nothing about the others or the sessions."""
    return hashlib.blake2b(purpose.encode(), key=hashlib.sha256(secret_key.encode()).digest(), digest_size=32).digest()


def numeric_host(host: str) -> str:
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])


def joinable(interfaces: Iterable[str]) -> list[str]:
    """Those interfaces on which the kernel lets us join; the rest is a warning, for unicast works without."""
    found = []
    for interface in interfaces:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                membership = socket.inet_aton(SIP_GROUP) + socket.inet_aton(interface)
                probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError as error:
            logger.warning("no multicast registration on %s: %s", interface, error)
            continue
        found.append(interface)
    return found
