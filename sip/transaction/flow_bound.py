"""Client transactions whose answer can come by one connection only (RFC 7118 §5.4)."""

from __future__ import annotations

from sip.transaction.client import ClientTransaction
from sip.transport.flow import DIALLED, Flow


class FlowBound:
    """Which requests wait for an answer on a connection that its far end cannot open again for that purpose.

    A phone on TCP or TLS may still answer on a new connection (§18.2.2), a browser may not.
    """

    def __init__(self) -> None:
        self._by_flow: dict[str, set[ClientTransaction]] = {}

    def begin(self, transaction: ClientTransaction) -> None:
        flow = transaction.next_hop.flow
        if flow is not None and flow.protocol not in DIALLED:
            self._by_flow.setdefault(flow.id, set()).add(transaction)

    def end(self, transaction: ClientTransaction) -> None:
        flow = transaction.next_hop.flow
        if flow is None or flow.protocol in DIALLED:
            return
        waiting = self._by_flow.get(flow.id)
        if waiting is not None:
            waiting.discard(transaction)
            if not waiting:
                del self._by_flow[flow.id]

    def lost(self, flow: Flow) -> set[ClientTransaction]:
        """Those that wait in vain now."""
        return self._by_flow.pop(flow.id, set())

    def __len__(self) -> int:
        return len(self._by_flow)
