"""The requests that are being proxied, found by their server transaction or by a copy that came back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.proxied import ProxiedRequest
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction


class RunningRequests:
    """Holds each proxied request until its last branch has ended."""

    def __init__(self) -> None:
        self._by_transaction: dict[ServerTransaction, ProxiedRequest] = {}
        self._by_call: dict[tuple[str, int], list[ProxiedRequest]] = {}
        self._by_aor: dict[str, list[ProxiedRequest]] = {}

    def __len__(self) -> int:
        return len(self._by_transaction)

    def get(self, transaction: ServerTransaction) -> ProxiedRequest | None:
        return self._by_transaction.get(transaction)

    def add(self, proxied: ProxiedRequest) -> None:
        request = proxied.transaction.request
        self._by_transaction[proxied.transaction] = proxied
        self._by_call.setdefault((request.call_id, request.cseq.number), []).append(proxied)
        if proxied.transaction.is_invite:
            self._wait_for(proxied, proxied.forward.late)

    def goes_elsewhere(self, proxied: ProxiedRequest, before: Iterable[str], now: Iterable[str]) -> None:
        """Other people's phones ring now, so that only theirs may join."""
        self._wait_no_more(proxied, before)
        self._wait_for(proxied, now)

    def _wait_for(self, proxied: ProxiedRequest, late: Iterable[str]) -> None:
        for aor in late:
            self._by_aor.setdefault(aor, []).append(proxied)

    def _wait_no_more(self, proxied: ProxiedRequest, late: Iterable[str]) -> None:
        for aor in late:
            waiting = self._by_aor.get(aor)
            if waiting is not None and proxied in waiting:
                waiting.remove(proxied)
                if not waiting:
                    del self._by_aor[aor]

    def calling(self, aor: str) -> Sequence[ProxiedRequest]:
        """INVITEs that a phone of this address-of-record may join."""
        return tuple(self._by_aor.get(aor, ()))

    def remove(self, proxied: ProxiedRequest) -> None:
        if self._by_transaction.pop(proxied.transaction, None) is None:
            return
        request = proxied.transaction.request
        key = (request.call_id, request.cseq.number)
        same_call = self._by_call[key]
        same_call.remove(proxied)
        if not same_call:
            del self._by_call[key]
        if self._by_aor:
            self._wait_no_more(proxied, proxied.forward.late)

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
