"""Whether a request is on its way along a route of ours, in a dialog that was let through, to its other side (P27)."""

from __future__ import annotations

from collections import Counter

from proxy.core.responsibility import Responsibility
from proxy.core.routing import Routed, RouteProof, preprocess
from proxy.instances import Instances
from proxy.known_dialogs import KnownDialogs
from sip.message.messages import Request
from sip.transport.flow import Flow


class Passage:
    """``count`` is the handler's."""

    __slots__ = ("_count", "_dialogs", "_instances", "_proof", "_responsibility")

    def __init__(
        self,
        proof: RouteProof,
        responsibility: Responsibility,
        instances: Instances,
        dialogs: KnownDialogs,
        count: Counter[str],
    ) -> None:
        self._proof = proof
        self._responsibility = responsibility
        self._instances = instances
        self._dialogs = dialogs
        self._count = count

    def preprocess(self, request: Request, flow: Flow) -> Routed:
        """§16.4. BadMessage for a malformed Request-URI or Route."""
        return preprocess(request, self._responsibility.is_own, self._proof, (flow.protocol, flow.local[1]))

    def is_on_its_way(self, routed: Routed) -> bool:
        """Whether our Record-Route sent it here and it leads on to somebody else; or one phone of ours is meant."""
        if not routed.routes and self._instances.is_own(routed.uri):
            return True  # RFC 5627 §5.1: that it leads to nobody else is all there is to prove
        return routed.is_proven and (bool(routed.routes) or not self._responsibility.is_own(routed.uri))

    def is_in_dialog(self, request: Request, routed: Routed) -> bool:
        """Phones of RFC 2543 may have no tags; our signed route tells their dialogs, too."""
        return bool(request.to_tag) or request.method == "BYE" or (routed.is_proven and self.is_on_its_way(routed))

    def along(self, request: Request, routed: Routed, flow: Flow) -> Routed:
        """The same, or the way on of a request that has lost its route and is from a side of a dialog that we know."""
        if routed.routes or routed.is_proven or self.is_on_its_way(routed):
            return routed
        is_own = self._responsibility.is_own(routed.uri)
        uri = self._dialogs.without_route(request, routed.uri, flow, is_own=is_own)
        if uri is None or self._responsibility.is_own(uri):
            return routed
        found = Routed(uri, [])
        found.is_changed, found.is_proven = routed.is_changed, True
        self._count["without_route"] += 1
        return found

    def leads_astray(self, request: Request, routed: Routed) -> bool:
        """Whether our route would carry it to somebody who is not in its dialog."""
        if not routed.is_proven or not self._dialogs.leads_astray(request, routed.uri, routed.routes):
            return False
        self._count["led_astray"] += 1
        return True
