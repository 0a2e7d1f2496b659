"""Route information preprocessing (§16.4), and the proof in our Record-Route that a request is in a dialog of ours."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest, digest

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.limits import MAX_ROUTES
from sip.message.messages import Request
from sip.message.uri import Uri

PROOF = "proof"  # URI parameter of our Record-Route
_PROOF_BYTES = 9  # a guess is right once in 2**72


class RouteProof:
    """Signs Record-Route URIs for one dialog: Call-ID and the tag of who began it.

    Without it anybody could write our address into a Route, add a To tag and be relayed anywhere. ``secret`` should
    outlive a restart, or the calls of before it cannot be ended.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, call_id: str, tag: str) -> str:
        text = f"{call_id}\n{tag}".encode("utf-8", "surrogateescape")
        return digest(self._secret, text, "sha256")[:_PROOF_BYTES].hex()

    def holds(self, uri: Uri, request: Request) -> bool:
        """Whether the URI carries the proof for this request's dialog; either side may have begun it."""
        given = (uri.params.get(PROOF) or "").lower().encode("utf-8", "surrogateescape")
        if not given:
            return False
        call_id = request.call_id
        return any(
            compare_digest(given, self.make(call_id, tag).encode()) for tag in (request.from_tag, request.to_tag)
        )


class Routed:
    """A request's routing information after §16.4.

    ``uri`` is the Request-URI to go by, ``routes`` the Route values left; ``is_changed`` when the Route header field
    must be written anew. ``is_proven``: a route of ours said that this dialog goes through us.
    """

    __slots__ = ("is_changed", "is_proven", "routes", "uri")

    def __init__(self, uri: Uri, routes: list[str]) -> None:
        self.uri = uri
        self.routes = routes
        self.is_changed = False
        self.is_proven = False


def preprocess(
    request: Request,
    is_own: Callable[[Uri], bool],
    proof: RouteProof,
    received_on: tuple[str, int],
) -> Routed:
    """Routing information of a request as if every hop were a loose router (§16.4).

    ``received_on`` is protocol and port of our listener. Raises BadMessage for a malformed Request-URI or Route.
    """
    routes = request.values("route") if request.has("route") else []
    if len(routes) > MAX_ROUTES:
        raise BadMessage("Too many Route values", field="route")
    routed = Routed(request.uri, routes)
    uri = routed.uri
    if routes and uri.user is None and uri.has_lr and is_own(uri):
        # A strict router has put our Record-Route value into the Request-URI.
        routed.is_proven = proof.holds(uri, request)
        routed.is_changed = True
        uri = routed.uri = Address.parse(routes.pop()).uri
    if "maddr" in uri.params:
        routed.uri = _without_own_maddr(uri, is_own, received_on)
    # Of our own routes there are two when a dialog changes the transport here, and more after a spiral.
    while routes:
        first = Address.parse(routes[0]).uri
        if not is_own(first):
            break
        del routes[0]
        routed.is_changed = True
        routed.is_proven = routed.is_proven or proof.holds(first, request)
    return routed


def _without_own_maddr(uri: Uri, is_own: Callable[[Uri], bool], received_on: tuple[str, int]) -> Uri:
    protocol, port = received_on
    wanted_protocol = uri.transport or "udp"
    wanted_port = uri.port or 5060
    at = f"sip:{uri.params['maddr'] or ''}"
    try:
        is_ours = is_own(Uri.parse(at)) or is_own(Uri.parse(f"{at}:{wanted_port}"))
    except BadMessage:
        return uri
    if not is_ours or (wanted_protocol, wanted_port) != (protocol, port):
        return uri  # it is for another listener, or another server
    uri = uri.without_params("maddr", "transport")
    if uri.port not in (None, 5060):
        head, at_sign, tail = uri.text.rpartition("@")
        if not at_sign:
            head, at_sign, tail = uri.text.partition(":")
        uri = Uri.parse(head + at_sign + tail.replace(f":{uri.port}", "", 1))
    return uri
