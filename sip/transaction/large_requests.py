"""Requests that may not fit a datagram go by TCP, except to those who refuse it (§18.1.1)."""

from __future__ import annotations

from sip.message.messages import Request
from sip.transaction.limits import MAX_DATAGRAM_REQUEST_BYTES, STREAM_REFUSED_INTERVAL
from sip.transaction.users import Transport
from sip.transport.failed_targets import FailedTargets
from sip.transport.selection import NextHop

VIA_BYTES = 100  # about what our own Via will add


class LargeRequests:
    """Decides by which protocol a request that would go by UDP goes, and remembers who will not have TCP."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._refusing = FailedTargets()

    def way(self, request: Request, next_hop: NextHop, now: float) -> tuple[NextHop, NextHop | None]:
        """Where the request goes, and where instead should that be refused."""
        if next_hop.protocol == "udp" and next_hop.flow is None and _is_large(request):
            stream = next_hop._replace(protocol="tcp")
            if self._may_stream(stream, now):
                return stream, next_hop
        return next_hop, None

    def _may_stream(self, next_hop: NextHop, now: float) -> bool:
        """Whether we can, and the target has not refused lately."""
        if self._refusing.has_failed(next_hop, now):
            return False
        try:
            self._transport.listener_for(next_hop)
        except LookupError:
            return False
        return True

    def refused(self, next_hop: NextHop, now: float) -> None:
        self._refusing.failed(next_hop, now, STREAM_REFUSED_INTERVAL)


def _is_large(request: Request) -> bool:
    size = sum(map(len, request.raw)) + 2 * len(request.raw) + len(request.start_line) + len(request.body)
    return size + VIA_BYTES > MAX_DATAGRAM_REQUEST_BYTES
