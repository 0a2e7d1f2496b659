"""Whom traffic counts against: an IPv4 address, or the network that an IPv6 host takes its addresses from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

HOST_PREFIX = (
    64  # bits of an IPv6 address that a provider gives; the other 64 are the host's to choose (RFC 4291 §2.5.4)
)
MAX_KEPT = 16_384  # sources judged before


@lru_cache(MAX_KEPT)
def source_of(host: str) -> str:
    """``192.0.2.9``, ``2001:db8:1:2::/64``; host is numeric, with or without a zone. The host itself when it is not."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not (address.is_loopback or address.is_link_local):
            return str(ip_network((address, HOST_PREFIX), strict=False))
    return str(address)


def parse_source(text: str) -> Network:
    """Network that a person names, ``192.0.2.9`` or ``192.0.2.0/24``; ValueError when it is none."""
    network = ip_network(text.strip(), strict=False)
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def source_text(network: Network) -> str:
    """As ``source_of`` writes it where the network is one source, else the network in CIDR form."""
    if network.prefixlen == network.max_prefixlen:
        return source_of(str(network.network_address))
    return str(network)


def is_loopback(source: str) -> bool:
    """Whether it is this machine itself: such a source cannot be forged from outside."""
    return source == "::1" or source.startswith("127.")


class SourceSet:
    """Networks that are asked for many times whether a source is in one of them."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self.networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def __contains__(self, source: object) -> bool:
        if not self.networks:
            return False
        known = self._known.get(str(source))
        if known is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            known = self._known[str(source)] = self._find(str(source))
        return known

    def _find(self, source: str) -> bool:
        try:
            wanted = ip_network(source)
        except ValueError:
            return False
        return any(is_within(wanted, network) or _is_host_of(network, wanted) for network in self.networks)


def _is_host_of(network: Network, source: Network) -> bool:
    # IPv6 hosts are told apart by their /64 only: to name one of them is to name its neighbours.
    return network.version == 6 and network.prefixlen > HOST_PREFIX and is_within(network, source)


def is_within(inner: Network, outer: Network) -> bool:
    """Whether all of ``inner`` is in ``outer``."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
