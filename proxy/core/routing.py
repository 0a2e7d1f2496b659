"""Route information preprocessing (§16.4), and the proof in our Record-Route that a request is in a dialog of ours."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.limits import MAX_ROUTES
from sip.message.messages import Request
from sip.message.uri import Uri

PROOF = "proof"  # URI parameter of our Record-Route
MAX_HEADS = 64  # listeners, as sip and as sips
_PROOF_BYTES = 9  # a guess is right once in 2**72


class RouteProof:
    """Signs Record-Route URIs for one dialog: Call-ID and the tag of who began it.

    Without it anybody could write our address into a Route, add a To tag and be relayed anywhere. ``secret`` should
    outlive a restart, or the calls of before it cannot be ended.
    """

    __slots__ = ("_heads", "_key")

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32).digest()
        self._heads: set[str] = set()  # what came before the proof in values of ours

    def make(self, call_id: str, tag: str) -> str:
        """Hex digits; keyed BLAKE2 is a MAC by itself and takes half the time of HMAC (RFC 7693 §1)."""
        text = f"{call_id}\n{tag}".encode("utf-8", "surrogateescape")
        return blake2b(text, digest_size=_PROOF_BYTES, key=self._key).hexdigest()

    def sign(self, address: str, proof: str) -> str:
        """Record-Route value of a listener's ``<sip:...;lr>``."""
        head = address[:-1]
        if head not in self._heads and len(self._heads) < MAX_HEADS:
            self._heads.add(head)
        return f"{head};{PROOF}={proof}>"

    def holds(self, uri: Uri, request: Request) -> bool:
        """Whether the URI carries the proof for this request's dialog; either side may have begun it."""
        return self._is_for(uri.params.get(PROOF) or "", request)

    def is_own(self, route: str, request: Request) -> bool:
        """Whether a Route value is one of ours, to the letter, with a proof that holds. False decides nothing: an own
        address may come back in another spelling. It spares parsing a URI that no cache has seen."""
        head, _, tail = route.rpartition(f";{PROOF}=")
        return head in self._heads and tail[-1:] == ">" and self._is_for(tail[:-1], request)

    def _is_for(self, given: str, request: Request) -> bool:
        if len(given) != 2 * _PROOF_BYTES or not given.isascii():
            return False
        given = given.lower()
        call_id = request.call_id
        return compare_digest(given, self.make(call_id, request.from_tag)) or compare_digest(
            given, self.make(call_id, request.to_tag)
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
        if proof.is_own(routes[0], request):
            del routes[0]
            routed.is_changed = routed.is_proven = True
            continue
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
