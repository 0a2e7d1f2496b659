"""One request, rehearsed: the proxy as it is decides and forwards, and nothing leaves the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from proxy.core.explain import Steps
from proxy.core.facts import DirectoryFacts, LocationFacts, PolicyFacts, Recipient
from proxy.core.routing import Routed
from proxy.core.targets import Decision
from proxy.events import CallRecord, Wall
from proxy.handler import ProxyHandler
from proxy.models import StoredMessage
from proxy.offline.core import Kept
from proxy.offline.handler import OfflineMessages
from proxy.offline.store import Done, MessageStore
from proxy.simulation.findings import Seen, findings
from proxy.simulation.null_transport import NullEndpoint
from proxy.simulation.question import Question, Unanswerable, request_of
from proxy.trunks import Trunks
from sip.auth.authenticator import AuthResult, Kind
from sip.endpoint import Endpoint
from sip.gruu import Gruus
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


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
    recipient = handler.recipient or offline.recipient
    is_stored = offline.count["stored"] > 0
    return findings(endpoint, Seen(handler.decision, recipient, handler.routed, handler.told, is_stored))
