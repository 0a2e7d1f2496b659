"""The requests that are being proxied, found by their server transaction or by a copy that came back."""

from __future__ import annotations

from proxy.proxied import ProxiedRequest
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction


class RunningRequests:
    """Holds each proxied request until its last branch has ended."""

    def __init__(self) -> None:
        self._by_transaction: dict[ServerTransaction, ProxiedRequest] = {}
        self._by_call: dict[tuple[str, int], list[ProxiedRequest]] = {}

    def __len__(self) -> int:
        return len(self._by_transaction)

    def get(self, transaction: ServerTransaction) -> ProxiedRequest | None:
        return self._by_transaction.get(transaction)

    def add(self, proxied: ProxiedRequest) -> None:
        request = proxied.transaction.request
        self._by_transaction[proxied.transaction] = proxied
        self._by_call.setdefault((request.call_id, request.cseq.number), []).append(proxied)

    def remove(self, proxied: ProxiedRequest) -> None:
        if self._by_transaction.pop(proxied.transaction, None) is None:
            return
        request = proxied.transaction.request
        key = (request.call_id, request.cseq.number)
        same_call = self._by_call[key]
        same_call.remove(proxied)
        if not same_call:
            del self._by_call[key]

    def spiral_of(self, request: Request) -> ProxiedRequest | None:
        """The request of which this one is a copy that came back (§16.3 step 4), known by our own branch in its Via.

        Nobody who has not seen the copy can know the branch. BadMessage when a Via is malformed.
        """
        if request.names.count("via") < 2 and "," not in (request.first("via") or ""):
            return None
        same_call = self._by_call.get((request.call_id, request.cseq.number))
        if not same_call:
            return None
        branches = {via.branch for via in request.vias[1:]}
        for proxied in reversed(same_call):
            for leg in proxied.legs:
                if leg.transaction is not None and leg.transaction.branch in branches:
                    return proxied
        return None
