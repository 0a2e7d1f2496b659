"""What the server transport writes into the top Via, and where a response goes (§18.2.1, §18.2.2, RFC 3581)."""

from __future__ import annotations

from sip.message.messages import Request
from sip.message.via import Via
from sip.transport.flow import DEFAULT_PORTS, Flow, bare_host

SIP_GROUP = "224.0.1.75"  # sip.mcast.net (§10.2.6)


def stamp(request: Request, via: Via, flow: Flow) -> None:
    """Write ``received`` and ``rport`` into the top Via of a request, which is ``via``.

    Values that the sender put there himself are overwritten or removed: they are ours to write.
    """
    host, port = flow.remote
    if "%" in host:
        host = host.partition("%")[0]
    params = via.params
    # RFC 3581 §4: with rport the source address is always written, with the source port.
    if "rport" in params:
        params["rport"] = str(port)
        params["received"] = host
    elif bare_host(via.host) != host:  # §18.2.1: a name, or another address
        params["received"] = host
    elif "received" in params:
        del params["received"]
    else:
        return
    request.replace_top_value("Via", str(via))


def response_address(via: Via, flow: Flow) -> tuple[str, int]:
    """Address for a response to a request with this (stamped) top Via: numeric host and port.

    The host is always the source of the request, so that no one can aim answers at somebody else; only the port may
    come from the Via. On streams it is where to connect when the connection is gone.
    """
    if answers_to_group(via, flow):
        return SIP_GROUP, via.port or DEFAULT_PORTS["udp"]
    host, port = flow.remote
    if not flow.is_reliable and "rport" in via.params:  # RFC 3581 §4
        return host, port
    return host, via.port or DEFAULT_PORTS.get(flow.protocol, 5060)


def answers_to_group(via: Via, flow: Flow) -> bool:
    """Whether the response goes to the multicast group: maddr of a request that came by it (§18.2.2).

    In any other request maddr is ignored: it would aim our answers at anybody.
    """
    return flow.is_multicast and via.params.get("maddr") == SIP_GROUP


def response_ttl(via: Via) -> int:
    """Time to live for a response to a multicast group, 1 when not given (§18.2.2)."""
    text = via.params.get("ttl") or ""
    return min(int(text), 255) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) > 0 else 1
