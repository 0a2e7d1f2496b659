"""Whether a caller can use a contact by himself, before he is redirected to it (§8.3, D06)."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from proxy.core.facts import BindingFacts
from sip.message.uri import Uri


class Reach(IntEnum):
    """From where a host can be reached."""

    EVERYWHERE = 0
    NEARBY = 1  # the same private network, or the same link
    SAME_HOST = 2
    NOWHERE = 3


_NEARBY = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",  # RFC 1918 §3
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # RFC 6598 §7
        "169.254.0.0/16",  # RFC 3927 §2.1
        "fc00::/7",  # RFC 4193 §3.1
        "fe80::/10",  # RFC 4291 §2.5.6
        "fec0::/10",
    )
]
_BROADCAST = ip_address("255.255.255.255")
# Names that mean nothing elsewhere: RFC 6761 §6.3 and §6.4, RFC 6762 §3, RFC 8375 §3.
_NAMES = (
    (".invalid", Reach.NOWHERE),
    (".localhost", Reach.SAME_HOST),
    (".local", Reach.NEARBY),
    (".home.arpa", Reach.NEARBY),
)

_WEB_SOCKETS = ("ws", "wss")


@lru_cache(maxsize=4096)
def reach_of(host: str) -> Reach:
    """From where a host (a name, or an address with or without brackets) can be reached, as far as its text tells."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        name = f".{host.rstrip('.').lower()}"
        return next((reach for end, reach in _NAMES if name.endswith(end)), Reach.EVERYWHERE)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        return Reach.NOWHERE
    if address.is_loopback:
        return Reach.SAME_HOST
    return Reach.NEARBY if any(address in network for network in _NEARBY) else Reach.EVERYWHERE


def why_useless(binding: BindingFacts, uri: Uri, caller: str) -> str:
    """Why this caller could do nothing with a contact, empty when he can. ``caller`` is the address his request came
    from, empty when it is not known."""
    if binding.path:
        return "can be reached only by its Path"
    if not uri.is_sip:
        return ""  # a telephone number, or a page: the caller knows what to do with it, or not
    if uri.transport in _WEB_SOCKETS:
        return "is a WebSocket, on which nobody can call but this server"
    host = uri.params.get("maddr") or uri.host
    reach = reach_of(host)
    if reach is Reach.NOWHERE:
        return "is an address that leads nowhere"
    if reach is not Reach.EVERYWHERE and caller and reach_of(caller) < reach:
        return "is a private address, which means nothing where the caller is"
    if binding.reg_id:
        return "can be reached only by the flow it registered on"  # RFC 5626 §5.3
    flow = binding.flow
    if flow is not None and flow.is_reliable and _is_only_on(flow.remote, host, uri.port):
        return "can be reached only by its connection to this server"
    return ""


def _is_only_on(remote: tuple[str, int], host: str, port: int | None) -> bool:
    """Whether a contact is but the far end of its connection: the port it dialled from, or an address behind NAT."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address != ip_address(remote[0].partition("%")[0]) or port == remote[1]
