"""Where a caller may have his request sent: never to a group, and to this machine only from it (threats 13 and 14)."""

from __future__ import annotations

from proxy.core.facts import Refuse
from proxy.core.reach import Reach, reach_of
from proxy.core.routing import Routed
from sip.message.address import Address
from sip.message.params import printable
from sip.message.uri import Uri


def check_way(routed: Routed, caller: str) -> Refuse | None:
    """A refusal when the next hop that the caller has chosen is one that only he could want; ``caller`` is his host.

    Without this, whoever may relay could send datagrams to the services of this machine, which trust it.
    """
    uri = Address.parse(routed.routes[0]).uri if routed.routes else routed.uri
    problem = way_problem(uri, caller)
    return Refuse(403, "No Such Way", f"{problem}: 403") if problem else None


def way_problem(uri: Uri, caller: str) -> str:
    """Why nothing is sent there, "" when it may be."""
    for host in (uri.host, uri.params.get("maddr") or ""):
        reach = reach_of(host) if host else Reach.EVERYWHERE
        if reach is Reach.NOWHERE:
            return f"{printable(host, 60)} is no address of a host"
        if reach is Reach.SAME_HOST and reach_of(caller) is not Reach.SAME_HOST:
            return f"{printable(host, 60)} is this server's own machine, and the caller is not on it"
    return ""
