"""The transaction layer: all machines behind one door (§17)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b

from sip.message.errors import BadMessage
from sip.message.messages import Message, Request, Response, response_to
from sip.message.methods import METHODS
from sip.message.via import MAGIC_COOKIE, Via
from sip.transaction.client import ClientTransaction
from sip.transaction.failures import log_failure
from sip.transaction.flow_bound import FlowBound
from sip.transaction.invite_client import InviteClientTransaction, cancel_of
from sip.transaction.invite_server import InviteServerMachine
from sip.transaction.key import RequestKey, is_rfc2543, key_of_cancelled, merge_key, request_key
from sip.transaction.large_requests import LargeRequests
from sip.transaction.limits import (
    MAX_ANSWERED_TRANSACTIONS,
    MAX_CLIENT_TRANSACTIONS,
    MAX_LIVE_SERVER_TRANSACTIONS,
)
from sip.transaction.non_invite_client import NonInviteClientTransaction
from sip.transaction.non_invite_server import NonInviteServerMachine
from sip.transaction.server import ServerMachine, ServerTransaction
from sip.transaction.timers import Intervals, Timers
from sip.transaction.users import ClientUser, TransactionUser, Transport
from sip.transport.flow import Flow
from sip.transport.received import answers_to_group, response_address, response_ttl, stamp
from sip.transport.selection import NextHop

# Methods other than INVITE that a CANCEL may name by its branch: it is answered and has no effect (§9.2).
_NEVER_CANCELLED = METHODS - {"INVITE", "ACK", "CANCEL"}

_IDENTIFYING = frozenset(("via", "from", "to", "call-id", "cseq"))  # what a retransmission repeats


# Counters of requests by method and of final answers by class. What strangers invent does not make new ones.
_REQUESTS = {method: f"request_{method}" for method in METHODS}
_ANSWERS = {str(number).encode(): f"answer_{number}xx" for number in range(2, 7)}


class TransactionLayer:
    """``token`` makes random text for tags and branches, ``worker_id`` stands in every branch."""

    def __init__(
        self,
        user: TransactionUser,
        transport: Transport,
        timers: Timers,
        intervals: Intervals,
        token: Callable[[], str],
        count: Counter[str],
        worker_id: int = 0,
    ) -> None:
        self.user = user
        self.timers = timers
        self.intervals = intervals
        self.now = transport.now
        self.count = count
        self.branch_start = f"{MAGIC_COOKIE}{worker_id}-"
        self._stateless_tag = f"{token()}-"  # begins the To tag of answers without transaction
        self._transport = transport
        self._token = token
        self._servers: dict[RequestKey, ServerMachine] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._flow_bound = FlowBound()
        self._large_requests = LargeRequests(transport)
        self._answered: deque[ServerMachine] = deque()
        self._first: dict[tuple[str, str, int, str], ServerMachine] = {}

    def __len__(self) -> int:
        """Transactions that exist."""
        return len(self._servers) + len(self._clients)

    # Requests in

    def request_received(self, request: Request, flow: Flow, now: float) -> None:
        """A well-formed request from the network."""
        via = request.via
        key = request_key(request, via)
        machine = self._servers.get(key)
        method = request.method
        if method == "ACK":
            self._ack_received(request, via, flow, machine, now)
            return
        if machine is not None:
            machine.request_received(now)
            return
        stamp(request, via, flow)
        if len(self._servers) - len(self._answered) >= MAX_LIVE_SERVER_TRANSACTIONS:
            self.count["too_many_transactions"] += 1
            self.answer_statelessly(request, via, flow, 503)
            return
        if method == "INVITE":
            machine = InviteServerMachine(self, key, flow)
        else:
            machine = NonInviteServerMachine(self, key, flow)
        machine.address = response_address(via, flow)
        if answers_to_group(via, flow):
            machine.ttl = response_ttl(via)
        self._servers[key] = machine
        self.count[_REQUESTS.get(method, "request_other")] += 1
        if not request.to_tag:
            machine.merge = merge_key(request)
            self._first.setdefault(machine.merge, machine)
        transaction = machine.transaction = ServerTransaction(request, flow, self._token(), machine)
        try:
            if method == "INVITE":
                if not flow.is_multicast:
                    machine.send(response_to(request, 100))  # §17.2.1: at once, whatever the core takes
                self.user.request_received(transaction, now)
            elif method == "CANCEL":
                self._cancel_received(transaction, via, now)
            else:
                self.user.request_received(transaction, now)
        except Exception as error:
            self._core_failed(error, transaction)
        if isinstance(machine, NonInviteServerMachine):
            machine.wait(now)

    def _ack_received(self, request: Request, via: Via, flow: Flow, machine: ServerMachine | None, now: float) -> None:
        if isinstance(machine, InviteServerMachine):
            # §17.2.3: of a sender without magic cookie the To tag tells which response is acknowledged.
            is_other = is_rfc2543(machine.key) and machine.response and machine.response_tag() != request.to_tag
            if not is_other and machine.ack_received(now):
                return
        elif request.to_tag.startswith(self._stateless_tag):
            return  # to an answer of ours without transaction (§8.2.7)
        stamp(request, via, flow)
        try:
            self.user.ack_received(request, flow, now)
        except Exception as error:
            self._log_failure(error, request)

    def _cancel_received(self, cancel: ServerTransaction, via: Via, now: float) -> None:
        invite = self._servers.get(key_of_cancelled(cancel.request, via))
        if invite is not None and invite.transaction is not None:
            self.user.cancel_received(cancel, invite.transaction, now)
        elif invite is not None or any(
            key_of_cancelled(cancel.request, via, method) in self._servers for method in _NEVER_CANCELLED
        ):
            # §9.2: too late, or not an INVITE: 200 and no effect. The To tag should be that of the other response.
            cancel.to_tag = (invite.response_tag() if invite is not None else "") or cancel.to_tag
            cancel.respond_with(200)
        else:
            self.user.cancel_received(cancel, None, now)

    def is_merged(self, transaction: ServerTransaction) -> bool:
        """Whether another copy of this request came first, by another way (§8.2.2.2). Not for proxies (§16.3)."""
        merge = transaction.machine.merge
        return merge is not None and self._first.get(merge, transaction.machine) is not transaction.machine

    def answer_statelessly(
        self, request: Request, via: Via, flow: Flow, status: int, reason: str | None = None
    ) -> None:
        """Answer without a transaction (§8.2.7). Silent for ACK, and on multicast, where errors would flood."""
        if request.method == "ACK" or flow.is_multicast:
            return
        response = response_to(request, status, reason, self._tag_without_state(request))
        if flow.is_reliable:
            response.ensure_content_length()
        self._transport.send_back(flow, response_address(via, flow), response.to_bytes(), 0)

    def _tag_without_state(self, request: Request) -> str:
        """The same To tag each time the same request comes (§8.2.7)."""
        text = "\n".join(line for name, line in zip(request.names, request.raw, strict=True) if name in _IDENTIFYING)
        digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=self._stateless_tag.encode()[:64])
        return self._stateless_tag + digest.hexdigest()

    # Requests out

    def send_request(
        self, request: Request, next_hop: NextHop, user: ClientUser | None, branch_suffix: str = ""
    ) -> ClientTransaction:
        """Put our Via on top of a request and send it in a client transaction."""
        branch = self.branch_start + self._token() + branch_suffix
        next_hop, fallback = self._large_requests.way(request, next_hop, self.now())
        sent_by = self._add_via(request, next_hop, branch)
        return self._start_client(request, branch, sent_by, next_hop, user, fallback)

    def send_stateless(self, request: Request, next_hop: NextHop, branch: str) -> None:
        """Put our Via on top of a request and send it once: ACK to a 2xx, CANCEL without context (§16.10, §16.11)."""
        if self._add_via(request, next_hop, branch):
            self._transport.send_to(next_hop, request.to_bytes(), None)

    def _add_via(self, request: Request, next_hop: NextHop, branch: str) -> str:
        try:
            sent_by = self._transport.listener_for(next_hop).sent_by
        except LookupError:
            self.count["no_listener"] += 1
            return ""
        if next_hop.protocol != "udp":
            request.ensure_content_length()
        request.add_top("Via", f"SIP/2.0/{next_hop.protocol.upper()} {sent_by};branch={branch}")
        return sent_by

    def _start_client(
        self,
        request: Request,
        branch: str,
        sent_by: str,
        next_hop: NextHop,
        user: ClientUser | None,
        fallback: NextHop | None = None,
    ) -> ClientTransaction:
        kind = InviteClientTransaction if request.method == "INVITE" else NonInviteClientTransaction
        transaction = kind(self, request, branch, sent_by, next_hop, user)
        transaction.fallback = fallback
        if len(self._clients) >= MAX_CLIENT_TRANSACTIONS or not sent_by:
            if sent_by:
                self.count["too_many_transactions"] += 1
            self._transport.soon(lambda: transaction.transport_failed(self.now()))
            return transaction
        self._clients[branch, request.method] = transaction
        self._flow_bound.begin(transaction)
        transaction.start(self.now())
        return transaction

    def response_received(self, response: Response, now: float) -> bool:
        """A well-formed response from the network; False when it answers nothing of ours."""
        via = response.via
        transaction = self._clients.get((via.params.get("branch") or "", response.cseq.method))
        if transaction is None:
            # RFC 6026 §7.2: a response without transaction goes nowhere
            self.count["stray_response" if self._transport.is_own_sent_by(via) else "foreign_response"] += 1
        elif via.sent_by != transaction.sent_by and not self._transport.is_own_sent_by(via):
            self.count["foreign_response"] += 1  # §18.1.2
        elif transaction.is_from_here and len(response.values("via")) > 1:
            self.count["foreign_response"] += 1  # §8.1.3.3: there is nobody behind us for whom it could be
        else:
            transaction.response_received(response, now)
            return True
        return False

    def transport_failed(self, branch: str, method: str, now: float) -> None:
        """The network reported that a request could not be delivered (§18.4)."""
        transaction = self._clients.get((branch, method))
        if transaction is not None:
            transaction.transport_failed(now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A connection has ended: what could be answered on it alone has failed."""
        for transaction in self._flow_bound.lost(flow):
            transaction.flow_lost(now)

    # For the machines

    def send_response(self, machine: ServerMachine, data: bytes) -> None:
        self._transport.send_back(machine.flow, machine.address, data, machine.ttl)

    def server_answered(self, machine: ServerMachine) -> None:
        self._answered.append(machine)
        self.count[_ANSWERS.get(machine.response[8:9], "answer_none")] += 1
        if len(self._answered) > MAX_ANSWERED_TRANSACTIONS:
            self._answered[0].end()

    def server_ended(self, machine: ServerMachine) -> None:
        del self._servers[machine.key]
        # Timer J ends answered transactions in the order of their answers.
        if self._answered and self._answered[0] is machine:
            self._answered.popleft()
        if machine.merge is not None and self._first.get(machine.merge) is machine:
            del self._first[machine.merge]
        on_end, machine.on_end = machine.on_end, None
        if on_end is not None:
            try:
                on_end()
            except Exception as error:
                self._log_failure(error, None)

    def transmit(self, transaction: ClientTransaction, data: bytes) -> None:
        next_hop = transaction.next_hop

        def failed() -> None:
            if transaction.next_hop is next_hop:  # and not on to UDP meanwhile
                transaction.transport_failed(self.now())

        is_reliable = transaction.is_reliable
        if not self._transport.send_to(next_hop, data, failed if is_reliable else None):
            self._transport.soon(failed)

    def fall_back(self, transaction: ClientTransaction, next_hop: NextHop, now: float) -> None:
        """Turn a transaction from TCP to UDP, with its Via (§18.1.1); nothing of it has been answered."""
        self.count["large_request_by_udp"] += 1
        self._large_requests.refused(transaction.next_hop, now)
        transaction.next_hop = next_hop
        transaction.is_reliable = False
        request = transaction.request
        request.remove_top_value("Via")
        transaction.sent_by = self._add_via(request, next_hop, transaction.branch)

    def send_cancel(self, invite: ClientTransaction) -> None:
        fields = invite.cancel_fields if isinstance(invite, InviteClientTransaction) else ()
        cancel = cancel_of(invite.request, fields)
        # §9.1: same Via, same destination
        self._start_client(cancel, invite.branch, invite.sent_by, invite.next_hop, None)

    def client_ended(self, transaction: ClientTransaction) -> None:
        self._clients.pop((transaction.branch, transaction.request.method), None)
        self._flow_bound.end(transaction)

    def tell_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if transaction.user is not None:
            try:
                transaction.user.response_received(transaction, response, now)
            except Exception as error:
                self._log_failure(error, response)

    def client_failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        user, transaction.user = transaction.user, None
        if user is not None:
            try:
                user.failed(transaction, status, now)
            except Exception as error:
                self._log_failure(error, transaction.request)

    # When a core fails

    def _core_failed(self, error: Exception, transaction: ServerTransaction) -> None:
        request = transaction.request
        if isinstance(error, BadMessage):
            # The core looked at a header field that nobody had looked at before.
            self.count["bad_message"] += 1
            status, reason = error.status, error.reason
        else:
            self._log_failure(error, request)
            status, reason = 500, ""
        if not transaction.flow.is_multicast and not transaction.is_answered:
            transaction.respond_with(status, reason or None)

    def _log_failure(self, error: Exception, message: Message | None) -> None:
        if isinstance(error, BadMessage):
            self.count["bad_message"] += 1  # the peer's mistake in a header field that only the core looks at
            return
        self.count["core_failed"] += 1
        log_failure(error, message)
