"""The proxy and redirect server: from a request to a decision, and the decision done (§8.3, §16.3 to §16.6).

In the order of the sections: scheme, route preprocessing, then whose request it is: in a dialog, for the server itself,
for a user of ours, or for somebody elsewhere. Everything happens at once, within the datagram.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from proxy.admission import Admission, Admitted
from proxy.call_records import CallRecords
from proxy.caller import AuthenticatorFacts, CallerCheck, WrongPassword
from proxy.checks import RequestChecks
from proxy.core.admission_steps import elsewhere, recipient_steps
from proxy.core.explain import Step, Steps
from proxy.core.facts import (
    BindingFacts,
    DirectoryFacts,
    LocationFacts,
    PolicyFacts,
    Recipient,
    Refuse,
    Target,
)
from proxy.core.loops import LoopCheck
from proxy.core.own_requests import answer
from proxy.core.redirect import Redirect
from proxy.core.responsibility import Responsibility
from proxy.core.routing import Routed, RouteProof
from proxy.core.targets import Decision, Forward, TargetFinder
from proxy.core.validation import check_max_forwards, check_scheme
from proxy.core.ways import check_way
from proxy.core.wishes import REDIRECTING
from proxy.edge import EdgeFlows
from proxy.events import Wall
from proxy.forwarder import Forwarder
from proxy.instances import Instances
from proxy.own_methods import OwnMethod, outcome_for
from proxy.passage import Passage
from proxy.recipients import Recipients
from proxy.recorder import CallLog, wall_clock
from proxy.request_log import RequestLog
from proxy.running import RunningRequests
from proxy.sources import NoSourceWatch, SourceWatch
from proxy.trunks import Trunks
from sip.auth.authenticator import Kind
from sip.endpoint import Endpoint
from sip.gruu import Gruus
from sip.message.errors import BadMessage
from sip.message.messages import Request, response_to
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow

JOINING = ("registered", "created", "refreshed")  # what may bring a phone into a running call
RELAY_RING_TIME = 180.0  # seconds; how long phones of other servers may ring


class ProxyHandler:
    """``policies`` gives the snapshot in force. ``secret`` signs our Record-Route and marks our copies, so
    that loops are found; it should outlive a restart and be the same for all workers.

    ``wall`` turns the loop clock into seconds since the epoch; ``trunks`` may use us to reach other domains without
    being asked who they are; ``sources`` hears who is wanted and who asks for nobody; ``supported`` are the server's
    option-tags; ``own_methods`` are the methods this server has a part in; ``requests`` keeps what was refused;
    ``gruus`` opens the addresses of single phones (RFC 5627); ``wrong_password`` hears of failed log-ins. ``count``
    counts what was dropped without an answer, and what loops and redirects came to.

    The endpoint must be bound: its listeners tell which addresses are ours.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        directory: DirectoryFacts,
        location: LocationFacts,
        policies: Callable[[], PolicyFacts],
        authenticator: AuthenticatorFacts,
        recorder: CallLog,
        *,
        secret: bytes,
        wall: Wall | None = None,
        trunks: Trunks | None = None,
        sources: SourceWatch | None = None,
        supported: Sequence[str] = ("path",),
        own_methods: Mapping[str, OwnMethod] | None = None,
        requests: RequestLog | None = None,
        gruus: Gruus | None = None,
        wrong_password: WrongPassword = lambda domain, username, flow, request: None,
    ) -> None:
        self.endpoint = endpoint
        self.count: Counter[str] = Counter()
        self.own_methods = dict(own_methods or {})
        self.records = CallRecords(recorder, requests)
        proof = RouteProof(secret)
        self._loops = LoopCheck(secret)
        self._checks = RequestChecks(self.count)
        own_ports = {port for one in endpoint.listeners for port in (one.port, one.advertised_port) if port}
        self.responsibility = Responsibility(directory, endpoint.is_own_address, own_ports)
        wall = wall or wall_clock()
        caller = CallerCheck(authenticator, directory, wrong_password)
        self.admission = Admission(caller, self.responsibility, trunks or Trunks(), wall)
        self._instances = Instances(directory, location, self.responsibility, gruus, wall)
        self._recipients = Recipients(directory, location, policies, self.responsibility, self._instances)
        self._forwarder = Forwarder(
            endpoint,
            proof,
            self.records,
            self.responsibility,
            self.admission,
            self.count,
            self._instances,
        )
        dialogs = self._forwarder.dialogs
        self._passage = Passage(proof, self.responsibility, self._instances, dialogs, self.count)
        self.edge = EdgeFlows(endpoint, secret)
        self._sources: SourceWatch = sources or NoSourceWatch()
        self._supported = supported

    @property
    def recipients(self) -> Recipients:
        return self._recipients

    @property
    def forwarder(self) -> Forwarder:
        return self._forwarder

    @property
    def running(self) -> RunningRequests:
        return self._forwarder.running

    # From the dispatcher

    def request(self, transaction: ServerTransaction, now: float) -> None:
        """A new request that is not a REGISTER for a domain of ours. A BadMessage raised here is for its sender."""
        request = transaction.request
        if transaction.flow.is_multicast:
            transaction.ignore()  # the group is for registrations (§10.2.6)
            return
        refusal = check_scheme(request)
        if refusal is not None:
            self._refuse(transaction, refusal, now)
            return
        along = self.edge.flow_for(request, transaction.flow)
        routed = self._passage.preprocess(request, transaction.flow)
        if along is not None:
            self._along_flow(transaction, routed, along, now)
        elif self._passage.is_in_dialog(request, routed):
            self._in_dialog(transaction, routed, now)
        elif not self.responsibility.is_own(routed.uri):
            self._elsewhere(transaction, routed, now)
        elif request.method == "REGISTER":
            # The registrar was not asked, so no domain of ours was meant (§10.3 step 1).
            self._refuse(transaction, Refuse(404, "Not Found", "No domain of this server was named: 404"), now)
        elif routed.uri.user is None:
            is_merged = self.endpoint.is_merged(transaction)
            self._refuse(transaction, answer(request, is_merged=is_merged, supported=self._supported), now)
        else:
            self._to_user(transaction, routed, now)

    def ack(self, request: Request, flow: Flow, now: float) -> None:
        """An ACK to a 2xx: forwarded without a transaction, never answered (§16.11, X09)."""
        try:
            routed = self._passage.along(request, self._passage.preprocess(request, flow), flow)
            if not self._passage.is_on_its_way(routed) or check_max_forwards(request) is not None:
                self.count["ack_dropped"] += 1
                return
            self._sources.wanted(flow)
            self._forwarder.forward_stateless(request, routed)
        except BadMessage:
            self.count["ack_dropped"] += 1

    def cancel(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None:
        """A CANCEL, and the INVITE it is for unless there is none (§16.10)."""
        request = cancel.request
        if invite is not None:
            # §9.2: with the To tag of the answer to the INVITE.
            cancel.respond(response_to(request, 200, None, invite.to_tag))
            proxied = self.running.get(invite)
            if proxied is not None:
                proxied.cancel(now, ", ".join(request.lines("reason")))
            return
        routed = self._passage.preprocess(request, cancel.flow)
        if self._passage.is_on_its_way(routed) and check_max_forwards(request) is None:
            # §16.10: we know nothing of it, perhaps because of a restart. What is answered to it would find no
            # transaction here, so the caller gets our answer.
            self._forwarder.forward_stateless(request, routed)
        cancel.respond_with(481)

    # From the registrar

    def binding_changed(self, binding: BindingFacts, event: str) -> None:
        """A binding was stored, or taken out; ``event`` is a word of RFC 3680 §5.1."""
        if event in JOINING and len(self.running):
            self._forwarder.joined(binding, self.endpoint.now())

    # Whose request it is

    def _along_flow(self, transaction: ServerTransaction, routed: Routed, along: Flow | Refuse, now: float) -> None:
        """A request for a phone that registered elsewhere through us: on its flow or not at all (RFC 5626 §5.3)."""
        if isinstance(along, Refuse):
            self._refuse(transaction, along, now)
            return
        loop_mark = self._loops.mark(transaction.request, routed.uri)
        refusal = self._checks.before_forwarding(transaction.request, loop_mark)
        target = Target(routed.uri, flow=along, is_flow_only=True)
        decision: Decision = refusal or Forward([[target]], RELAY_RING_TIME)
        step = Step("Its Route names the flow of a phone that registered elsewhere through here", "R32", "RFC 5626 5.3")
        routed.routes.clear()
        self._do(transaction, routed, decision, None, [step], now, loop_mark)

    def _in_dialog(self, transaction: ServerTransaction, routed: Routed, now: float) -> None:
        """A request in a dialog goes by its route and to nobody else (P27)."""
        request = transaction.request
        if self._passage.leads_astray(request, routed):
            self._elsewhere(transaction, routed, now)
            return
        routed = self._passage.along(request, routed, transaction.flow)
        if self._passage.is_on_its_way(routed):
            self._sources.wanted(transaction.flow)
            refusal = self._checks.as_proxy(request)
            if refusal is not None:
                self._refuse(transaction, refusal, now)
            else:
                target = self._forwarder.within_dialog(request, routed)
                if target is None:
                    gone = "The phone that this dialog is with is not registered any more: 480"
                    self._refuse(transaction, Refuse(480, "Temporarily Unavailable", gone), now)
                    return
                self._forwarder.forward(transaction, routed, Forward([[target]], RELAY_RING_TIME), None, now)
        elif not routed.routes and self.responsibility.is_own(routed.uri):
            own = self.own_methods.get(request.method)
            if own is None or not own.in_dialog(transaction, now):
                reason = "Call/Transaction Does Not Exist"
                self._refuse(transaction, Refuse(481, reason, "This server has no such dialog: 481"), now)
        else:
            self._elsewhere(transaction, routed, now)

    def _to_user(self, transaction: ServerTransaction, routed: Routed, now: float) -> None:
        """A request for an address of ours: who asks, then what the recipient's policy says (§16.5)."""
        request = transaction.request
        recipient = self._recipients.find(transaction, routed.uri, now)
        if recipient is None:
            self._refuse(transaction, Refuse(404, "Not Found", "This server has no domain yet: 404"), now)
            return
        is_redirect = recipient.policy.policy.action in REDIRECTING
        earlier = self.running.spiral_of(request)
        loop_mark = self._loops.mark(request, routed.uri)
        steps: Steps = recipient_steps(recipient)
        # §8.3: a redirect server passes over what only proxies must understand.
        refusal = None if is_redirect else self._checks.before_forwarding(request, loop_mark)
        if refusal is None:
            # §22.1: a redirect server asks by 401, a proxy by 407 (R05).
            kind: Kind = "www" if is_redirect else "proxy"
            admitted = self.admission.to_recipient(transaction, recipient, kind, now, is_spiral=earlier is not None)
            if self._was_merely_asked(transaction, admitted):
                return
            refusal = admitted.refusal
            if admitted.step is not None:
                steps.append(admitted.step)
            if refusal is None and routed.routes and not (routed.is_proven or admitted.may_relay):
                refusal = Refuse(403, "Relaying denied", "A route to elsewhere is for users of this server: 403")
            elif refusal is None and routed.routes:
                refusal = check_way(routed, transaction.flow.remote[0])
        decision: Decision
        if refusal is not None:
            decision = refusal
        else:
            finder = TargetFinder(
                lambda uri: self._recipients.find(transaction, uri, self.endpoint.now()),
                self.responsibility.is_own,
                now,
                steps,
                transaction.flow.remote[0],
                is_call=transaction.is_invite,
            )
            decision = finder.decide(routed.uri, recipient)
            if isinstance(decision, Refuse) and not admitted.may_relay:
                transaction.limit_copies()
                if decision.status == 404:
                    self._sources.probed(transaction.flow, now)
            if is_redirect:
                decision = self._checks.redirected(request, recipient, decision, loop_mark)
            own = self.own_methods.get(request.method)
            if own is not None and own.to_user(transaction, recipient, decision, now):
                return
        self._do(transaction, routed, decision, recipient, steps, now, loop_mark)

    def _elsewhere(self, transaction: ServerTransaction, routed: Routed, now: float) -> None:
        """A request for another domain (no open relay)."""
        request = transaction.request
        earlier = self.running.spiral_of(request)
        loop_mark = self._loops.mark(request, routed.uri)
        steps: Steps = [elsewhere(routed.uri)]
        refusal = self._checks.before_forwarding(request, loop_mark)
        if refusal is None:
            admitted = self.admission.to_elsewhere(transaction, routed.uri, now, is_spiral=earlier is not None)
            if self._was_merely_asked(transaction, admitted):
                return
            refusal = admitted.refusal
            if admitted.step is not None:
                steps.append(admitted.step)
            if refusal is None:
                refusal = check_way(routed, transaction.flow.remote[0])
        if refusal is None and request.method == "REGISTER" and self.edge.note(request, transaction.flow):
            steps.append(Step("The phone's flow is kept, and named in our Path", "R32", "RFC 5626 5.1"))
        decision: Decision = refusal or Forward([[Target(routed.uri)]], RELAY_RING_TIME)
        self._do(transaction, routed, decision, None, steps, now, loop_mark)

    # Parts of the decision

    def _was_merely_asked(self, transaction: ServerTransaction, admitted: Admitted) -> bool:
        """Whether the caller was only asked who he is, which is answered here and is no call attempt."""
        refusal = admitted.refusal
        if refusal is None:
            return False
        transaction.limit_copies()
        if not admitted.is_bare:
            return False
        transaction.respond_with(refusal.status, refusal.reason, refusal.fields)
        return True

    # Doing it

    def _do(
        self,
        transaction: ServerTransaction,
        routed: Routed,
        decision: Decision,
        recipient: Recipient | None,
        steps: Steps,
        now: float,
        loop_mark: str = "",
    ) -> None:
        record = self.records.open(transaction, recipient, decision, steps, now)
        if isinstance(decision, Forward):
            own = self.own_methods.get(transaction.request.method)
            instead = partial(outcome_for, own, transaction, recipient) if own and recipient else None
            self._forwarder.forward(transaction, routed, decision, record, now, loop_mark, instead)
            return
        if isinstance(decision, Redirect):
            self.count["redirected"] += 1
        transaction.respond_with(decision.status, decision.reason, decision.fields)
        if record is not None:
            self.records.answered(record, decision, now)

    def _refuse(self, transaction: ServerTransaction, refusal: Refuse, now: float) -> None:
        transaction.limit_copies()
        self._do(transaction, Routed(transaction.request.uri, []), refusal, None, [], now)
