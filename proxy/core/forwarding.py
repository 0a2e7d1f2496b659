"""Request forwarding (§16.6): the copy for one target, steps 1 to 7. The endpoint does steps 8 to 10."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from proxy.core.facts import Target
from proxy.core.routing import Routed
from sip.message.address import Address
from sip.message.messages import Request
from sip.message.params import unquote
from sip.message.uri import Uri

INITIAL_MAX_FORWARDS = 70  # §16.6 step 3

# Methods that begin a dialog (§12.1, RFC 6665 §4.3, RFC 3515). NOTIFY is record-routed only where the SUBSCRIBE was.
DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})

# Assertions of identity that are worth something only between those who trust each other (RFC 3325 §5).
UNTRUSTED = ("p-asserted-identity", "remote-party-id")

_REALM = re.compile(r'[\s,]realm\s*=\s*("[^"\\]*(?:\\.[^"\\]*)*"|[^\s,]+)', re.IGNORECASE | re.DOTALL)


def next_uri_for(routed: Routed, target: Target) -> Uri:
    """The URI whose host is the next hop (§16.6 step 7)."""
    uri = target.uri.without_headers_and_method()
    routes = target.routes or routed.routes
    if not routes:
        return uri
    first = Address.parse(routes[0]).uri
    if uri.scheme == "sips" and first.scheme == "sip":
        return Uri.parse("sips" + first.text[3:])  # as if it were a SIPS URI
    return first


def copy_for(
    request: Request, routed: Routed, target: Target, own_realm: str = "", *, is_from_stranger: bool = False
) -> Request:
    """The copy of a request for one target (§16.6 steps 1 to 6, without Record-Route).

    ``own_realm`` is the realm whose credentials end here (§22.3). A stranger's word about who calls does not count
    (RFC 3325 §5), so it is not passed on.
    """
    copy = request.copy()
    copy.uri_text = target.uri.without_headers_and_method().text  # step 2
    max_forwards = request.first("max-forwards")  # step 3
    if max_forwards is None:
        copy.append("Max-Forwards", str(INITIAL_MAX_FORWARDS))
    else:
        copy.replace("Max-Forwards", str(int(max_forwards) - 1))
    for name in UNTRUSTED if is_from_stranger else ():
        copy.remove(name)
    if own_realm and copy.has("proxy-authorization"):
        consume_credentials(copy, own_realm)
    routes = [*target.routes, *routed.routes] if target.routes else routed.routes
    if routes:  # step 6
        first = Address.parse(routes[0]).uri
        if not first.has_lr:
            routes = [*routes[1:], f"<{copy.uri_text}>"]
            copy.uri_text = first.without_headers_and_method().text
            set_routes(copy, routes)
        elif routed.is_changed or target.routes:
            set_routes(copy, routes)
    elif routed.is_changed:
        copy.remove("Route")
    return copy


def set_breadth(copy: Request, breadth: int) -> None:
    """Say how far this copy may fork (RFC 5393 §5.3.3)."""
    if copy.has("max-breadth"):
        copy.replace("Max-Breadth", str(breadth))
    else:
        copy.append("Max-Breadth", str(breadth))


def set_routes(copy: Request, routes: Sequence[str]) -> None:
    """Make these the Route values, in the place of the old ones."""
    value = ", ".join(routes)
    if copy.has("route"):
        copy.replace("Route", value)
    else:
        _insert(copy, "Route", value)


def is_secured(copy: Request) -> bool:
    """Whether every hop from here on is secure: the Request-URI or the topmost Route is a SIPS URI (§16.6 step 4)."""
    if copy.uri_text[:5].lower() == "sips:":
        return True
    return copy.has("route") and Address.parse(copy.values("route")[0]).uri.scheme == "sips"


def add_record_route(copy: Request, incoming: str, outgoing: str, sign: Callable[[str], str]) -> None:
    """Put our Record-Route on top (§16.6 step 4).

    ``incoming`` and ``outgoing`` are the URIs in <> of the listeners on both sides, with lr, SIPS where the copy
    ``is_secured``. Where they differ, both go in, so that each side finds us on the network and transport that it can
    reach (RFC 5658 §3.2). ``sign`` adds the proof that the dialog is one of ours.
    """
    values = [incoming] if incoming == outgoing else [incoming, outgoing]
    for value in values:
        value = sign(value)
        if copy.has("record-route"):
            copy.add_top("Record-Route", value)
        else:
            _insert(copy, "Record-Route", value)


def _insert(copy: Request, name: str, value: str) -> None:
    # Below the last Via: §7.3.1 wants what proxies need near the top.
    names = copy.names
    index = len(names) - names[::-1].index("via") if "via" in names else 0
    names.insert(index, name.lower())
    copy.raw.insert(index, f"{name}: {value}")


def consume_credentials(copy: Request, realm: str, name: str = "Proxy-Authorization") -> None:
    """Remove the credentials for our realm and no others (§22.3)."""
    lines = copy.lines(name.lower())
    kept = [line for line in lines if not _is_for(line, realm)]
    if len(kept) == len(lines):
        return
    copy.remove(name)
    for line in reversed(kept):
        _insert(copy, name, line)


def _is_for(line: str, realm: str) -> bool:
    found = _REALM.search(line)
    return found is not None and unquote(found[1]) == realm
