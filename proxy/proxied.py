"""One proxied request: runs a response context against the endpoint (§16.6 to §16.10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from proxy.call_records import CallRecords
from proxy.core.branch import Branch
from proxy.core.effects import Answer, Cancel, Effect, Finished, SendUpstream, Silence, Start
from proxy.core.explain import Step, answered_step, cancelled_step, choice_step, late_step
from proxy.core.facts import INITIAL_BREADTH, BindingFacts
from proxy.core.forwarding import (
    DIALOG_METHODS,
    add_record_route,
    consume_credentials,
    copy_for,
    is_secured,
    next_uri_for,
    set_breadth,
)
from proxy.core.phones import is_dead
from proxy.core.response_context import NEVER, ResponseContext
from proxy.core.routing import Routed, RouteProof
from proxy.core.targets import Forward
from proxy.dialog_flows import DialogFlows
from proxy.events import CallRecord
from sip.endpoint import Endpoint
from sip.message.messages import Request, Response
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import Timer
from sip.transport.flow import Flow
from sip.transport.selection import NextHop

if TYPE_CHECKING:
    from proxy.running import RunningRequests


class Surroundings(Protocol):
    """What a proxied request needs around it."""

    endpoint: Endpoint
    proof: RouteProof
    flows: DialogFlows
    running: RunningRequests
    records: CallRecords

    def request_finished(self, proxied: ProxiedRequest) -> None: ...


class ProxiedRequest:
    """The request, its context, and a leg for each branch.

    ``own_realm`` is the realm whose credentials end here, ``redirect_realm`` where they were given to a redirect
    server, in Authorization. ``loop_mark`` goes into the branch of every copy (§16.6 step 8); ``breadth`` is shared
    among the copies (RFC 5393 §5.3.3). ``record`` is None for what is no call attempt. ``instead`` is told the status
    of a failure before it goes upstream, and True means that somebody else answers.
    """

    __slots__ = (
        "_armed_at",
        "_instead",
        "_proof",
        "_surroundings",
        "_timer",
        "context",
        "forward",
        "is_from_stranger",
        "legs",
        "loop_mark",
        "own_realm",
        "record",
        "redirect_realm",
        "routed",
        "transaction",
    )

    def __init__(
        self,
        surroundings: Surroundings,
        transaction: ServerTransaction,
        routed: Routed,
        forward: Forward,
        *,
        own_realm: str = "",
        redirect_realm: str = "",
        loop_mark: str = "",
        is_from_stranger: bool = False,
        expires: float | None = None,
        breadth: int = INITIAL_BREADTH,
        record: CallRecord | None = None,
        instead: Callable[[int, float], bool] | None = None,
    ) -> None:
        self._instead = instead
        self._surroundings = surroundings
        self.transaction = transaction
        self.routed = routed
        self.own_realm = own_realm
        self.redirect_realm = redirect_realm
        self.loop_mark = loop_mark
        self.is_from_stranger = is_from_stranger
        self.record = record
        self.legs: list[Leg] = []
        self.forward = forward
        self.context = ResponseContext(transaction.is_invite, forward, expires, breadth)
        if record is not None:
            record.context = self.context
        self._timer: Timer | None = None
        self._armed_at = NEVER
        request = transaction.request
        # NOTIFY only where the SUBSCRIBE was record-routed, too (RFC 6665 §4.3).
        needs_proof = request.method in DIALOG_METHODS or (request.method == "NOTIFY" and routed.is_proven)
        self._proof = surroundings.proof.make(request.call_id, request.from_tag) if needs_proof else ""
        if needs_proof:
            surroundings.flows.remember(request, transaction.flow)

    def start(self, now: float) -> None:
        self.perform(self.context.start(now), now)

    def cancel(self, now: float, reason: str) -> None:
        """The caller has sent CANCEL, with this Reason."""
        if self.record is not None and not self.context.final_status:
            self.record.steps.append(cancelled_step(now - self.record.started_at))
        self.perform(self.context.cancel_received(now, reason), now)

    def join(self, binding: BindingFacts, now: float) -> None:
        """A phone has registered for an address by which it may join."""
        for target in self.forward.late[binding.aor](binding):
            self.perform(self.context.join(target, now), now)

    def perform(self, effects: Sequence[Effect], now: float) -> None:
        """Do what the context decided, in its order."""
        if self.context.forward is not self.forward:
            self._goes_elsewhere(self.context.forward)
        if self._instead is not None:
            effects = [effect for effect in effects if not self._is_taken(effect, now)]
        for effect in effects:
            kind = type(effect)
            if kind is SendUpstream:
                self.transaction.respond(effect.response)  # type: ignore[union-attr]  # kind tells
            elif kind is Start:
                leg = Leg(self, effect.branch)  # type: ignore[union-attr]  # kind tells
                if self.record is not None and leg.branch.target.is_late:
                    self.record.steps.append(late_step(leg.branch.target))
                self.legs.append(leg)
                leg.start(now)
            elif isinstance(effect, Cancel):
                self.legs[effect.branch.position].cancel(effect.reason)
            elif isinstance(effect, Answer):
                self.transaction.respond_with(effect.status, effect.reason)
            elif isinstance(effect, Finished):
                self._finish()
        if self.record is not None:
            self._note(self.record, now)
        if self.context.deadline != self._armed_at:
            self._arm()

    def _goes_elsewhere(self, forward: Forward) -> None:
        """The recipient's arrangement for calls that fail is followed now."""
        before, self.forward = self.forward, forward
        self._surroundings.running.goes_elsewhere(self, before.late, forward.late)
        if self.record is not None:
            self.record.note = forward.note

    def _is_taken(self, effect: Effect, now: float) -> bool:
        """Whether a failure is not to go upstream, because somebody takes the request over. He hears of a 2xx too."""
        if isinstance(effect, SendUpstream):
            status = effect.response.status
        elif isinstance(effect, Answer):
            status = effect.status
        elif isinstance(effect, Silence):
            status = 408
        else:
            return False
        return status >= 200 and self._instead is not None and self._instead(status, now)

    def _finish(self) -> None:
        self._surroundings.request_finished(self)
        for branch in self.context.branches:
            if branch.cancel_reason is not None and not branch.is_cancel_sent:
                return  # given up, and to be cancelled should it wake up
        # Without circles nothing of this waits for the garbage collector. Late 2xx still come, by their leg.
        for leg in self.legs:
            leg.transaction = None
        self.legs = []

    def _note(self, record: CallRecord, now: float) -> None:
        context = self.context
        final = context.final_status
        if final:
            if not record.status:
                record.status = final
                record.ended_at = now
                record.reason = self._final_reason()
                record.steps.append(self._final_step())
        elif record.ringing_at is None and any(branch.status for branch in context.branches if branch.is_active):
            record.ringing_at = now
        self._surroundings.records.log.changed(record)

    def _final_reason(self) -> str:
        if self.context.best is not None:
            return self.context.best.reason
        return next((branch.reason for branch in self.context.branches if branch.state == "answered"), "")

    def _final_step(self) -> Step:
        context = self.context
        if context.best is None:
            return answered_step(context.branches)
        return choice_step(context.best, context.candidates, context.branches, is_cancelled=context.is_cancelled)

    def _arm(self) -> None:
        """See that the next deadline is noticed. A deadline that moved on is looked at when the old one comes."""
        deadline = self.context.deadline
        if deadline == NEVER:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._armed_at = NEVER
        elif self._timer is None or deadline < self._armed_at:
            if self._timer is not None:
                self._timer.cancel()
            self._armed_at = deadline
            self._timer = self._surroundings.endpoint.call_at(deadline, self._deadline_passed)

    def _deadline_passed(self) -> None:
        self._timer = None
        self._armed_at = NEVER
        now = self._surroundings.endpoint.now()
        if self.context.deadline <= now:
            self.perform(self.context.timer_fired(now), now)
        else:
            self._arm()

    def send(self, branch: Branch, next_hop: NextHop, leg: Leg) -> ClientTransaction:
        """Send the branch's copy to one next hop (§16.6 steps 8 to 10)."""
        return self._surroundings.endpoint.send_request(self.copy(branch, next_hop), next_hop, leg, self.loop_mark)

    def copy(self, branch: Branch, next_hop: NextHop) -> Request:
        copy = copy_for(
            self.transaction.request,
            self.routed,
            branch.target,
            self.own_realm,
            is_from_stranger=self.is_from_stranger,
        )
        set_breadth(copy, branch.breadth)
        if self.redirect_realm:
            consume_credentials(copy, self.redirect_realm, "Authorization")
        if self._proof:
            endpoint = self._surroundings.endpoint
            incoming, outgoing = endpoint.listener_of(self.transaction.flow), endpoint.listener_for(next_hop)
            is_sips = is_secured(copy)
            if is_sips and not incoming.is_secure:
                incoming = outgoing  # a SIPS URI of a listener without TLS would lead nowhere
            proof, key = self._proof, self._surroundings.proof
            uris = incoming.sip_uri(is_sips=is_sips), outgoing.sip_uri(is_sips=is_sips)
            add_record_route(copy, *uris, lambda address: key.sign(address, proof))
        return copy

    def find(self, branch: Branch, leg: Leg) -> None:
        """Find the next hops of a branch: its flow, else what its URI says (§16.6 step 7)."""
        target = branch.target
        flow = target.flow
        if isinstance(flow, Flow) and flow.is_open and flow.may_carry(target.uri.scheme) and not self.routed.routes:
            leg.found([NextHop.on(flow)])
            return
        if is_dead(target):
            self._surroundings.endpoint.soon(leg.flow_failed)  # after all branches of the group have begun
            return
        call_id = self.transaction.request.call_id
        self._surroundings.endpoint.resolve(next_uri_for(self.routed, target), leg.found, call_id)

    def remember(self, response: Response, flow: Flow) -> None:
        if self._proof:
            self._surroundings.flows.remember(response, flow)

    def now(self) -> float:
        return self._surroundings.endpoint.now()


class Leg:
    """A branch on the wire: tries its next hops in order, each in a client transaction of its own."""

    __slots__ = ("_hops", "branch", "proxied", "transaction")

    def __init__(self, proxied: ProxiedRequest, branch: Branch) -> None:
        self.proxied = proxied
        self.branch = branch
        self.transaction: ClientTransaction | None = None
        self._hops: list[NextHop] = []

    def start(self, now: float) -> None:
        self.proxied.find(self.branch, self)

    def found(self, hops: list[NextHop]) -> None:
        """The next hops are known, perhaps after a while."""
        self._hops = hops
        if self.proxied.record is not None:
            self.branch.hops = tuple([hop.text for hop in hops])
        if not self._try_next():
            # Cancelled before it was sent, or there is no way there.
            self._fail(487 if self.branch.cancel_reason is not None else 503, self.proxied.now())

    def flow_failed(self) -> None:
        """The only way there is gone (RFC 5626 §5.3)."""
        self._fail(430, self.proxied.now())

    def _try_next(self) -> bool:
        branch = self.branch
        while self._hops and branch.is_active and branch.cancel_reason is None:
            hop, *self._hops = self._hops
            try:
                self.transaction = self.proxied.send(branch, hop, self)
            except LookupError:
                continue  # we do not listen for that protocol
            branch.next_hop = hop.text
            return True
        return False

    def cancel(self, reason: str) -> None:
        if self.transaction is not None:
            self.transaction.cancel([("Reason", reason)] if reason else [])

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        response.remove_top_value("Via")  # §16.7 step 3
        if not response.has("via"):
            return  # it was meant for this server
        if response.status == 503 and self._try_next():
            return  # RFC 3263 §4.3
        if transaction.next_hop.flow is not None and 100 < response.status < 300:
            self.proxied.remember(response, transaction.next_hop.flow)
        self.proxied.perform(self.proxied.context.response_received(self.branch, response, now), now)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if self._try_next():
            return
        if status == 503 and self.branch.target.is_flow_only and not self.branch.target.routes:
            status = 430
        self._fail(status, now)

    def _fail(self, status: int, now: float) -> None:
        self.proxied.perform(self.proxied.context.failed(self.branch, status, now), now)
