"""One request, rehearsed: the proxy as it is decides and forwards, and nothing leaves the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from proxy.core.explain import Step, Steps
from proxy.core.facts import DirectoryFacts, LocationFacts, PolicyFacts, Recipient, Refuse, Target
from proxy.core.forwarding import next_uri_for
from proxy.core.redirect import Redirect
from proxy.core.routing import Routed
from proxy.core.targets import Decision, Forward
from proxy.events import CallRecord, Wall, shown
from proxy.handler import ProxyHandler
from proxy.models import StoredMessage
from proxy.offline.core import Kept
from proxy.offline.handler import OfflineMessages
from proxy.offline.store import Done, MessageStore
from proxy.simulation.null_transport import NullEndpoint
from proxy.trunks import Trunks
from sip.auth.authenticator import AuthResult, Kind
from sip.endpoint import Endpoint
from sip.gruu import Gruus
from sip.message.errors import BadMessage
from sip.message.messages import Request, Response
from sip.message.params import is_token, printable
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow, host_and_port
from sip.transport.selection import NextHop

NOT_ROUTED = ("REGISTER", "ACK", "CANCEL")  # the registrar's, or of a request that was there before


class Question(NamedTuple):
    """Who asks for whom: URIs as text, a method, and where the request comes from (numeric host)."""

    caller: str
    callee: str
    method: str
    host: str
    port: int
    protocol: str


class Unanswerable(ValueError):
    """A question that no request can be made of; the text says what would be right."""


class Server(NamedTuple):
    """The running server, as far as a rehearsal looks at it; nothing of it is changed."""

    endpoint: Endpoint
    location: LocationFacts
    wall: Wall
    secret: bytes
    trunks: Trunks
    supported: Sequence[str]
    gruus: Gruus | None
    kept: Callable[[int, str], Kept]  # stored messages of a user, and of a sender


class _Proven:
    """Every user knows his password, for what is asked is where his calls go; who is none cannot prove it."""

    def check(
        self,
        request: Request,
        kind: Kind,
        realm: str,
        ha1_for: Callable[[str, str], str | None],
        now_wall: float,
        flow: Flow,
        offer: Sequence[str],
    ) -> AuthResult:
        username = request.from_.uri.username
        known = next((algorithm for algorithm in offer if ha1_for(username, algorithm)), "")
        return AuthResult("ok" if known else "wrong", username, known)

    def challenge_fields(self, *args: object, **more: object) -> list[tuple[str, str]]:
        return []


class _Log:
    """The call log of one call."""

    def open(self, call_id: str, caller: str, callee: str, source: str, now: float) -> CallRecord:
        return CallRecord(0, call_id, caller, callee, source, now)

    def changed(self, record: CallRecord) -> None: ...


class _Store:
    """A store of messages that keeps nothing, and says that it did."""

    def __init__(self, kept: Callable[[int, str], Kept]) -> None:
        self.kept = kept

    def new_id(self) -> int:
        return 1

    def submit(self, row: StoredMessage, done: Done) -> None:
        done(None)


class _Offline(OfflineMessages):
    """Storing, with a look at whom it was for."""

    recipient: Recipient | None = None

    def to_user(self, transaction: ServerTransaction, recipient: Recipient, decision: Decision, now: float) -> bool:
        self.recipient = recipient
        return super().to_user(transaction, recipient, decision, now)


class Rehearsal(ProxyHandler):
    """The proxy, with a look at what it decides."""

    decision: Decision | None = None
    recipient: Recipient | None = None
    routed: Routed | None = None
    told: Steps = []

    def _do(
        self,
        transaction: ServerTransaction,
        routed: Routed,
        decision: Decision,
        recipient: Recipient | None,
        steps: Steps,
        *args: Any,
        **more: Any,
    ) -> None:
        self.decision, self.recipient, self.routed, self.told = decision, recipient, routed, steps
        super()._do(transaction, routed, decision, recipient, steps, *args, **more)

    # The endpoint's user

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        self.request(transaction, now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None: ...

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None: ...


class _Nobody:
    """Stands in until the handler, which needs a bound endpoint, is there."""

    def request_received(self, transaction: ServerTransaction, now: float) -> None: ...

    def ack_received(self, request: Request, flow: Flow, now: float) -> None: ...

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None: ...


def rehearse(
    server: Server, directory: DirectoryFacts, policies: PolicyFacts, question: Question, at: float
) -> dict[str, Any]:
    """What would happen to this request at that time of the loop clock, as JSON-able facts. Unanswerable."""
    data = request_of(question)
    endpoint = NullEndpoint(server.endpoint, _Nobody(), at)
    handler = Rehearsal(
        endpoint,
        directory,
        server.location,
        lambda: policies,
        _Proven(),
        _Log(),
        secret=server.secret,
        wall=server.wall,
        trunks=server.trunks,
        supported=server.supported,
        gruus=server.gruus,
    )
    store = cast(MessageStore, _Store(server.kept))
    offline = _Offline(endpoint, handler.recipients, handler.responsibility, handler.forwarder, store, server.wall)
    handler.own_methods["MESSAGE"] = offline
    endpoint.user = handler
    try:
        flow = endpoint.flow_from(question.host, question.port, question.protocol)
    except LookupError as error:
        raise Unanswerable(f"{error}.") from None
    endpoint.receive(data, flow)
    endpoint.null.settle()
    return _facts(endpoint, handler, offline)


def request_of(question: Question) -> bytes:
    """The request as it would come, with the least that a phone sends. Unanswerable says what is wrong."""
    method = question.method
    if not is_token(method) or len(method) > 32:
        raise Unanswerable(f"{printable(method)} is no method; use INVITE, MESSAGE or another.")
    if method in NOT_ROUTED:
        raise Unanswerable(f"{method} is not routed by policy: ask for INVITE, MESSAGE or another.")
    for what, text in (("caller", question.caller), ("callee", question.callee)):
        try:
            uri = Uri.parse(text)
        except BadMessage as error:
            raise Unanswerable(f"The {what} is no URI: {error.reason}. Use sip:bob@example.org.") from None
        if not uri.is_sip:
            raise Unanswerable(f"The {what} is no SIP URI. Use sip:bob@example.org.")
    body = "Hello" if method == "MESSAGE" else ""
    sent_by = host_and_port(question.host, question.port)
    lines = [
        f"{method} {question.callee} SIP/2.0",
        f"Via: SIP/2.0/{question.protocol.upper()} {sent_by};branch=z9hG4bKsimulation",
        "Max-Forwards: 70",
        f"From: <{question.caller}>;tag=simulation",
        f"To: <{question.callee}>",
        "Call-ID: simulation",
        f"CSeq: 1 {method}",
        f"Contact: <sip:simulation@{sent_by}>",
        *(["Content-Type: text/plain"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def _facts(endpoint: NullEndpoint, handler: Rehearsal, offline: _Offline) -> dict[str, Any]:
    decision, recipient = handler.decision, handler.recipient or offline.recipient
    answer = _answer(endpoint)
    steps = list(handler.told)
    if decision is None and offline.count["stored"]:
        steps.append(Step("Nobody is there to take the message: it is stored", "P32", "RFC 3428 7"))
    elif isinstance(decision, Redirect | Refuse) and all(step.text != decision.sentence for step in steps):
        # The record of a call attempt has said so already.
        steps.append(Step(decision.sentence, "", "8.3" if isinstance(decision, Redirect) else "21"))
    targets = _targets(endpoint, handler, decision) if isinstance(decision, Forward) else []
    policy = recipient.policy if recipient is not None else None
    return {
        "decision": _word(decision, offline),
        "sentence": shown(_sentence(decision, answer, targets, recipient)),
        "policy": str(policy.policy) if policy is not None else "",
        "policy_origin": shown(policy.origin_text) if policy is not None else "",
        "ring_time": decision.ring_time if isinstance(decision, Forward) else None,
        "steps": [{"text": shown(step.text), "rule": step.rule, "section": step.section} for step in steps],
        "targets": targets,
        "answer": answer,
        "names_to_look_up": sorted(set(endpoint.null.asked)),
    }


def _word(decision: Decision | None, offline: _Offline) -> str:
    if decision is None:
        return "store" if offline.count["stored"] else "answer"
    if isinstance(decision, Forward):
        return "forward" if decision.recipient is None else "proxy"
    if isinstance(decision, Redirect):
        return "redirect"
    return "answer" if decision.status < 300 else "refuse"


def _sentence(
    decision: Decision | None, answer: dict[str, Any] | None, targets: list[dict[str, Any]], recipient: Recipient | None
) -> str:
    if isinstance(decision, Forward):
        if answer is not None:
            return f"None of the targets can be reached: {answer['status']} {answer['reason']}"
        first = [target for target in targets if target["group"] == 1]
        whose = f" of {recipient.name}" if recipient is not None else ""
        later = f", {len(targets) - len(first)} more after that" if len(first) < len(targets) else ""
        note = f". {decision.note}" if decision.note else ""
        return f"{len(first)} target{'' if len(first) == 1 else 's'}{whose} would be tried{later}{note}"
    if decision is not None:
        return decision.sentence
    if answer is None:
        return "Nothing would be answered"
    return f"The caller would get {answer['status']} {answer['reason']}"


def _answer(endpoint: NullEndpoint) -> dict[str, Any] | None:
    """The final response to the caller, None while phones would be tried."""
    for data in reversed(endpoint.responses):
        response = parse_message(data)
        if isinstance(response, Response) and response.status >= 200:
            contacts = response.lines("contact") if 300 <= response.status < 400 else []
            return {
                "status": response.status,
                "reason": shown(response.reason, 200),
                "contacts": [shown(contact) for contact in contacts],
            }
    return None


def _targets(endpoint: NullEndpoint, handler: Rehearsal, forward: Forward) -> list[dict[str, Any]]:
    return [
        {
            "group": number,
            "uri": shown(target.uri.text),
            "q": target.q,
            "user_agent": shown(target.user_agent),
            "next_hop": _next_hop(endpoint, handler, target),
            "reason": _reason(target, handler.recipient),
        }
        for number, group in enumerate(forward.groups, start=1)
        for target in group
    ]


def _next_hop(endpoint: NullEndpoint, handler: Rehearsal, target: Target) -> str:
    """Where its copy would go: protocol and address, empty when a name has to be looked up first."""
    routed = handler.routed
    flow = target.flow
    if isinstance(flow, Flow) and flow.is_open and not (routed and routed.routes):
        return NextHop.on(flow).text
    found: list[NextHop] = []
    endpoint.resolve(next_uri_for(routed or Routed(target.uri, []), target), found.extend)
    return found[0].text if found else ""


def _reason(target: Target, recipient: Recipient | None) -> str:
    rule = recipient.rule if recipient is not None else None
    if rule is not None and any(target.uri is one.uri for one in rule.targets):
        return f"target of rule {shown(rule.name)}"
    if not target.is_binding:
        return "forwarded to an address that is not of this server"
    if target.routes:
        return "registered; reached by its Path"
    flow = target.flow
    if isinstance(flow, Flow) and flow.is_open:
        return "registered; reached on the flow it keeps open"
    if target.is_flow_only:
        return "registered, but the flow it registered on is gone"
    return "registered; reached at its contact address"
