"""The proxy and redirect server: from a request to a decision, and the decision done (§8.3, §16.3 to §16.6).

In the order of the sections: scheme, route preprocessing, then whose request it is: in a dialog, for the server itself,
for a user of ours, or for somebody elsewhere. Everything happens at once, within the datagram.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from proxy.admission import Admission, Networks
from proxy.caller import AuthenticatorFacts, CallerCheck
from proxy.checks import RequestChecks
from proxy.core.explain import Step, Steps, breadth_step
from proxy.core.facts import (
    INITIAL_BREADTH,
    DirectoryFacts,
    LocationFacts,
    PolicyFacts,
    Recipient,
    Refuse,
    Responsibility,
    Target,
)
from proxy.core.forwarding import copy_for, next_uri_for
from proxy.core.loops import LoopCheck
from proxy.core.own_requests import answer
from proxy.core.recursion import Recursion
from proxy.core.redirect import Redirect
from proxy.core.response_context import Follow
from proxy.core.routing import Routed, RouteProof, preprocess
from proxy.core.targets import REDIRECTING, Decision, Forward, TargetFinder, WayTo, way_to
from proxy.core.validation import breadth_of, check_max_forwards, check_scheme
from proxy.dialog_flows import DialogFlows
from proxy.events import CallRecord, Wall
from proxy.proxied import ProxiedRequest
from proxy.recorder import CallLog, wall_clock
from proxy.running import RunningRequests
from sip.endpoint import Endpoint
from sip.message.errors import BadMessage
from sip.message.fields import parse_expires
from sip.message.messages import Request, response_to
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.transport.selection import NextHop

RELAY_RING_TIME = 180.0  # seconds; how long phones of other servers may ring


class ProxyHandler:
    """``policies`` gives the snapshot in force. ``secret`` signs our Record-Route and marks our copies, so
    that loops are found; it should outlive a restart and be the same for all workers.

    ``wall`` turns the loop clock into seconds since the epoch; ``relay_from`` are networks that may use us to reach
    other domains without being asked who they are; ``supported`` are the server's option-tags; ``recursion_limit`` is
    how many contacts of 3xx responses are followed for one request (0: they go to the caller); ``way`` decides how a
    binding is reached. ``count`` counts what was dropped without an answer, and what loops and redirects came to.

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
        relay_from: Networks = (),
        supported: Sequence[str] = ("path",),
        recursion_limit: int = 0,
        way: WayTo = way_to,
    ) -> None:
        self.endpoint = endpoint
        self.recorder = recorder
        self.proof = RouteProof(secret)
        self.loops = LoopCheck(secret)
        self.running = RunningRequests()
        self.flows = DialogFlows()
        self.count: Counter[str] = Counter()
        self._checks = RequestChecks(self.count)
        own_ports = {port for one in endpoint.listeners for port in (one.port, one.advertised_port) if port}
        self.responsibility = Responsibility(directory, endpoint.is_own_address, own_ports)
        self.admission = Admission(
            CallerCheck(authenticator, directory), self.responsibility, relay_from, wall or wall_clock()
        )
        self._directory = directory
        self._location = location
        self._policies = policies
        self._supported = supported
        self._recursion_limit = recursion_limit
        self._way = way

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
        routed = self._preprocess(request, transaction.flow)
        is_own = self.responsibility.is_own(routed.uri)
        if request.to_tag:
            self._in_dialog(transaction, routed, is_own, now)
        elif not is_own:
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
            routed = self._preprocess(request, flow)
            if not self._is_on_its_way(routed) or check_max_forwards(request) is not None:
                self.count["ack_dropped"] += 1
                return
            self._forward_stateless(request, routed)
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
        routed = self._preprocess(request, cancel.flow)
        if self._is_on_its_way(routed) and check_max_forwards(request) is None:
            # §16.10: we know nothing of it, perhaps because of a restart. What is answered to it would find no
            # transaction here, so the caller gets our answer.
            self._forward_stateless(request, routed)
        cancel.respond_with(481)

    def request_finished(self, proxied: ProxiedRequest) -> None:
        """The last branch of a request has ended."""
        self.running.remove(proxied)

    # Whose request it is

    def _in_dialog(self, transaction: ServerTransaction, routed: Routed, is_own: bool, now: float) -> None:
        """A request with a To tag goes by its route and to nobody else (P27)."""
        if self._is_on_its_way(routed):
            refusal = self._checks.as_proxy(transaction.request)
            if refusal is not None:
                self._refuse(transaction, refusal, now)
            else:
                target = self._within_dialog(transaction.request, routed)
                self._proxy(transaction, routed, Forward([[target]], RELAY_RING_TIME), None, now)
        elif is_own and not routed.routes:
            reason = "Call/Transaction Does Not Exist"
            self._refuse(transaction, Refuse(481, reason, "This server has no such dialog: 481"), now)
        else:
            self._elsewhere(transaction, routed, now)

    def _within_dialog(self, request: Request, routed: Routed) -> Target:
        flow = None if routed.routes else self.flows.flow_for(request.call_id, routed.uri.text)
        return Target(routed.uri, flow=flow)

    def _to_user(self, transaction: ServerTransaction, routed: Routed, now: float) -> None:
        """A request for an address of ours: who asks, then what the recipient's policy says (§16.5)."""
        request = transaction.request
        recipient = self._recipient(routed.uri, now)
        if recipient is None:
            self._refuse(transaction, Refuse(404, "Not Found", "This server has no domain yet: 404"), now)
            return
        is_redirect = recipient.policy.policy.action in REDIRECTING
        earlier = self.running.spiral_of(request)
        loop_mark = self.loops.mark(request, routed.uri)
        # §8.3: a redirect server passes over what only proxies must understand.
        refusal = None if is_redirect else self._checks.before_forwarding(request, loop_mark)
        if refusal is None:
            # §22.1: a redirect server asks by 401, a proxy by 407 (R05).
            admitted = self.admission.to_user(
                transaction, "www" if is_redirect else "proxy", now, is_spiral=earlier is not None
            )
            refusal = admitted.refusal
            if refusal is not None:
                transaction.limit_copies()
            if refusal is not None and admitted.is_bare:
                transaction.respond_with(refusal.status, refusal.reason, refusal.fields)
                return
            if refusal is None and routed.routes and not (routed.is_proven or admitted.may_relay):
                refusal = Refuse(403, "Relaying denied", "A route to elsewhere is for users of this server: 403")
        steps: Steps = []
        decision: Decision
        if refusal is not None:
            decision = refusal
        else:
            finder = TargetFinder(
                lambda uri: self._recipient(uri, now),
                self.responsibility.is_own,
                now,
                steps,
                self._way,
                transaction.flow.remote[0],
            )
            decision = finder.decide(routed.uri, recipient)
            if is_redirect:
                decision = self._checks.redirected(request, recipient, decision, loop_mark)
        self._do(transaction, routed, decision, recipient, steps, now, loop_mark)

    def _elsewhere(self, transaction: ServerTransaction, routed: Routed, now: float) -> None:
        """A request for another domain (no open relay)."""
        request = transaction.request
        earlier = self.running.spiral_of(request)
        loop_mark = self.loops.mark(request, routed.uri)
        refusal = self._checks.before_forwarding(request, loop_mark)
        if refusal is None:
            admitted = self.admission.to_elsewhere(transaction, routed.uri, now, is_spiral=earlier is not None)
            refusal = admitted.refusal
            if refusal is not None:
                transaction.limit_copies()
            if refusal is not None and admitted.is_bare:
                transaction.respond_with(refusal.status, refusal.reason, refusal.fields)
                return
        decision: Decision = refusal or Forward([[Target(routed.uri)]], RELAY_RING_TIME)
        self._do(transaction, routed, decision, None, [], now, loop_mark)

    def _recipient(self, uri: Uri, now: float) -> Recipient | None:
        if uri.user is None:
            return None
        domain = self.responsibility.domain_of(uri)
        if domain is None:
            return None
        username = uri.username
        user = self._directory.user(domain, username)
        policy = self._policies().effective(user.id if user is not None else None, domain.id)
        if user is None:
            return Recipient(domain, None, printable(username), policy, ())
        bindings = self._location.lookup(user.aor, now) if user.enabled else ()
        return Recipient(domain, user, user.username, policy, bindings)

    # Parts of the decision

    def _preprocess(self, request: Request, flow: Flow) -> Routed:
        return preprocess(request, self.responsibility.is_own, self.proof, (flow.protocol, flow.local[1]))

    def _is_on_its_way(self, routed: Routed) -> bool:
        """Whether our own Record-Route sent it here, and it leads on to somebody else."""
        return routed.is_proven and (bool(routed.routes) or not self.responsibility.is_own(routed.uri))

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
        record = self._record(transaction, recipient, decision, steps, now)
        if isinstance(decision, Forward):
            self._proxy(transaction, routed, decision, record, now, loop_mark)
            return
        if isinstance(decision, Redirect):
            self.count["redirected"] += 1
        transaction.respond_with(decision.status, decision.reason, decision.fields)
        if record is not None:
            record.status, record.reason, record.ended_at = decision.status, decision.reason, now
            record.sentence = decision.sentence
            self.recorder.changed(record)

    def _refuse(self, transaction: ServerTransaction, refusal: Refuse, now: float) -> None:
        self._do(transaction, Routed(transaction.request.uri, []), refusal, None, [], now)

    def _proxy(
        self,
        transaction: ServerTransaction,
        routed: Routed,
        forward: Forward,
        record: CallRecord | None,
        now: float,
        loop_mark: str = "",
    ) -> None:
        request = transaction.request
        expires = None
        if transaction.is_invite and request.has("expires"):
            expires = float(parse_expires(request.first("expires"), 0)) or None
        breadth = breadth_of(request)
        if record is not None and (len(forward.groups) > 1 or len(forward.groups[0]) > 1 or breadth < INITIAL_BREADTH):
            count = sum(map(len, forward.groups))
            record.steps.append(breadth_step(breadth, max(map(len, forward.groups)), count))
        proxied = ProxiedRequest(
            self,
            transaction,
            routed,
            forward,
            own_realm=self.admission.own_realm(request),
            redirect_realm=self.admission.own_realm(request, "authorization") if forward.note else "",
            loop_mark=loop_mark,
            is_from_stranger=not self.admission.is_relay_source(transaction.flow),
            expires=expires,
            follow=self._follow(routed, forward),
            breadth=breadth,
            record=record,
        )
        self.running.add(proxied)
        proxied.start(now)

    def _follow(self, routed: Routed, forward: Forward) -> Follow | None:
        if not self._recursion_limit or forward.recipient is None:
            return None  # §16.5: no recursion where the Request-URI was not ours
        known = [target.uri for group in forward.groups for target in group]

        def may_follow(uri: Uri) -> bool:
            return not self.responsibility.is_own(uri)

        return Recursion(routed.uri, known, self._recursion_limit, may_follow).follow

    def _forward_stateless(self, request: Request, routed: Routed) -> None:
        target = self._within_dialog(request, routed)
        copy = copy_for(request, routed, target, self.admission.own_realm(request))

        def found(hops: list[NextHop]) -> None:
            if hops:
                self.endpoint.send_stateless(copy, hops[0])
            else:
                self.count["no_next_hop"] += 1

        if isinstance(target.flow, Flow):
            found([NextHop.on(target.flow)])
        else:
            # P29: a CANCEL without context goes where its INVITE went.
            self.endpoint.resolve(next_uri_for(routed, target), found, request.call_id)

    def _record(
        self, transaction: ServerTransaction, recipient: Recipient | None, decision: Decision, steps: Steps, now: float
    ) -> CallRecord | None:
        """The call attempt, for an INVITE outside a dialog."""
        request = transaction.request
        if not transaction.is_invite or request.to_tag:
            return None
        record = self.recorder.open(
            request.call_id, request.from_.uri_text, request.uri_text, transaction.flow.text, now
        )
        record.steps = steps
        if isinstance(decision, Forward):
            record.decision = "forward" if decision.recipient is None else "proxy"
            record.note = decision.note
        else:
            record.decision = "redirect" if isinstance(decision, Redirect) else "refuse"
            steps.append(Step(decision.sentence, "", "8.3" if isinstance(decision, Redirect) else "21"))
        if recipient is not None:
            record.name = recipient.name
            record.domain_id = recipient.domain.id
            record.user_id = recipient.user.id if recipient.user is not None else None
            record.policy = str(recipient.policy.policy)
            record.policy_origin = recipient.policy.origin_text
        return record
