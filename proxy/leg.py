"""A branch on the wire: tries its next hops in order, each in a client transaction of its own (RFC 3263 §4.3)."""

from __future__ import annotations

from typing import Protocol

from proxy.core.branch import Branch
from proxy.core.effects import Effect
from proxy.core.response_context import ResponseContext
from proxy.events import CallRecord
from sip.message.messages import Response
from sip.transaction.client import ClientTransaction
from sip.transport.selection import NextHop


class Proxied(Protocol):
    """The request that the branch is one of (``proxy.proxied.ProxiedRequest``)."""

    context: ResponseContext
    record: CallRecord | None

    def find(self, branch: Branch, leg: Leg) -> None: ...
    def send(self, branch: Branch, next_hop: NextHop, leg: Leg) -> ClientTransaction: ...
    def learn(self, response: Response, next_hop: NextHop) -> None: ...
    def heard(self, branch: Branch, status: int, *, is_answer: bool) -> None: ...
    def perform(self, effects: list[Effect], now: float) -> None: ...
    def now(self) -> float: ...


class Leg:
    """One branch's way to its target."""

    __slots__ = ("_hops", "branch", "proxied", "transaction")

    def __init__(self, proxied: Proxied, branch: Branch) -> None:
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
        if response.status > 100:
            self.proxied.learn(response, transaction.next_hop)
            self.proxied.heard(self.branch, response.status, is_answer=True)
        self.proxied.perform(self.proxied.context.response_received(self.branch, response, now), now)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        if self._try_next():
            return
        if status == 503 and self.branch.target.is_flow_only and not self.branch.target.routes:
            status = 430
        self.proxied.heard(self.branch, status, is_answer=False)
        self._fail(status, now)

    def _fail(self, status: int, now: float) -> None:
        self.proxied.perform(self.proxied.context.failed(self.branch, status, now), now)
