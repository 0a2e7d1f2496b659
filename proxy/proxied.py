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
    set_breadth,
)
from proxy.core.response_context import NEVER, ResponseContext
from proxy.core.routing import Routed, RouteProof
from proxy.core.targets import Forward
from proxy.dialog_flows import DialogFlows
from proxy.events import CallRecord
from proxy.known_dialogs import KnownDialogs
from proxy.leg import Leg
from proxy.way_on import way_on
from sip.endpoint import Endpoint
from sip.message.messages import Request, Response
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import Timer
from sip.transport.flow import Flow
from sip.transport.selection import NextHop

if TYPE_CHECKING:
    from proxy.running import RunningRequests


Heard = Callable[[BindingFacts, int, bool], None]


class Surroundings(Protocol):
    """What a proxied request needs around it."""

    endpoint: Endpoint
    proof: RouteProof
    flows: DialogFlows
    dialogs: KnownDialogs
    running: RunningRequests
    records: CallRecords
    heard: Heard

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
        if needs_proof or request.method == "UPDATE":  # target refresh (RFC 3311 §5)
            surroundings.dialogs.request(request, transaction.flow)

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
            self.record.name = forward.recipient.name if forward.recipient is not None else ""

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
        way = way_on(self.routed, branch.target)
        if isinstance(way, Flow):
            leg.found([NextHop.on(way)])
        elif way is None:
            self._surroundings.endpoint.soon(leg.flow_failed)  # after all branches of the group have begun
        else:
            self._surroundings.endpoint.resolve(way, leg.found, self.transaction.request.call_id)

    def learn(self, response: Response, next_hop: NextHop) -> None:
        """A response other than 100 has come from there."""
        if response.status >= 300 or not self._proof:
            return
        if response.status >= 200:
            self._surroundings.dialogs.response(response, next_hop)
        if next_hop.flow is not None:
            self._surroundings.flows.remember(response, next_hop.flow)

    def heard(self, branch: Branch, status: int, *, is_answer: bool) -> None:
        """Whether the phone of a branch is there: a response of it has come, or none will."""
        if branch.target.binding is not None:
            self._surroundings.heard(branch.target.binding, status, is_answer)

    def now(self) -> float:
        return self._surroundings.endpoint.now()
