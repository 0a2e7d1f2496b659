"""Forwards requests: statefully with a response context (§16.6), or without a transaction (§16.11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from proxy.admission import Admission
from proxy.call_records import CallRecords
from proxy.core.explain import breadth_step
from proxy.core.facts import INITIAL_BREADTH, BindingFacts, Target
from proxy.core.forwarding import copy_for
from proxy.core.responsibility import Responsibility
from proxy.core.routing import Routed, RouteProof
from proxy.core.targets import Forward
from proxy.core.validation import breadth_of
from proxy.dialog_flows import DialogFlows
from proxy.events import CallRecord
from proxy.instances import Instances
from proxy.known_dialogs import KnownDialogs
from proxy.proxied import Heard, ProxiedRequest
from proxy.running import RunningRequests
from proxy.way_on import way_on
from sip.endpoint import Endpoint
from sip.message.fields import parse_expires
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.transport.selection import NextHop


class Forwarder:
    """What every proxied request has around it. ``count`` is the handler's."""

    def __init__(
        self,
        endpoint: Endpoint,
        proof: RouteProof,
        records: CallRecords,
        responsibility: Responsibility,
        admission: Admission,
        count: Counter[str],
        instances: Instances,
    ) -> None:
        self.endpoint = endpoint
        self.proof = proof
        self.running = RunningRequests()
        self.flows = DialogFlows()
        self.dialogs = KnownDialogs()
        self.records = records
        self._responsibility = responsibility
        self._admission = admission
        self._count = count
        self._instances = instances
        self.heard: Heard = lambda binding, status, is_answer: None  # told what calls show of the phones they go to

    def request_finished(self, proxied: ProxiedRequest) -> None:
        """The last branch of a request has ended."""
        self.running.remove(proxied)

    def joined(self, binding: BindingFacts, now: float) -> None:
        """A phone has registered: calls that ring for its user ring there, too."""
        for proxied in self.running.calling(binding.aor):
            proxied.join(binding, now)

    def within_dialog(self, request: Request, routed: Routed) -> Target | None:
        """The one target of a request in a dialog (§16.5); None when it is a phone of ours that is away."""
        if not routed.routes and self._instances.is_own(routed.uri):
            return self._instances.target(routed.uri, self.endpoint.now())
        flow = None if routed.routes else self.flows.flow_for(request.call_id, routed.uri.text)
        return Target(routed.uri, flow=flow)

    def forward(
        self,
        transaction: ServerTransaction,
        routed: Routed,
        forward: Forward,
        record: CallRecord | None,
        now: float,
        loop_mark: str = "",
        instead: Callable[[int, float], bool] | None = None,
    ) -> None:
        """Forward statefully. ``instead`` hears of the final response and may take the request when it failed
        (``own_methods.outcome_for``)."""
        request = transaction.request
        expires = None
        if transaction.is_invite and request.has("expires"):
            expires = float(parse_expires(request.first("expires"), 0)) or None
        breadth = breadth_of(request)
        if record is not None and (len(forward.groups) > 1 or len(forward.groups[0]) > 1 or breadth < INITIAL_BREADTH):
            count = sum(map(len, forward.groups))
            record.steps.append(breadth_step(breadth, max(map(len, forward.groups)), count))
        admission = self._admission
        proxied = ProxiedRequest(
            self,
            transaction,
            routed,
            forward,
            own_realm=admission.own_realm(request),
            redirect_realm=admission.own_realm(request, "authorization") if forward.is_instead else "",
            loop_mark=loop_mark,
            is_from_stranger=not admission.is_relay_source(transaction.flow),
            expires=expires,
            breadth=breadth,
            record=record,
            instead=instead,
        )
        self.running.add(proxied)
        proxied.start(now)

    def forward_stateless(self, request: Request, routed: Routed) -> None:
        """Forward an ACK or a CANCEL of which nothing is known here."""
        target = self.within_dialog(request, routed)
        if target is None:
            self._count["no_next_hop"] += 1
            return
        way = way_on(routed, target)
        copy = copy_for(request, routed, target, self._admission.own_realm(request))

        def found(hops: list[NextHop]) -> None:
            if hops:
                self.endpoint.send_stateless(copy, hops[0])
            else:
                self._count["no_next_hop"] += 1

        if isinstance(way, Flow):
            found([NextHop.on(way)])
        elif way is None:
            found([])
        else:
            # P29: a CANCEL without context goes where its INVITE went.
            self.endpoint.resolve(way, found, request.call_id)
