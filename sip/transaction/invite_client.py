"""INVITE client transaction: figure 5 of §17.1.1.2 as RFC 6026 §7.2 redraws it, and CANCEL (§9.1)."""

from __future__ import annotations

from collections.abc import Sequence

from sip.message.messages import Request, Response, new_request
from sip.transaction.client import ClientState, ClientTransaction
from sip.transaction.limits import STREAM_PATIENCE
from sip.transaction.users import ClientUser, Surroundings
from sip.transport.selection import NextHop


class InviteClientTransaction(ClientTransaction):
    __slots__ = ("cancel_fields", "is_cancelled")

    def __init__(
        self,
        layer: Surroundings,
        request: Request,
        branch: str,
        sent_by: str,
        next_hop: NextHop,
        user: ClientUser | None,
    ) -> None:
        super().__init__(layer, request, branch, sent_by, next_hop, user, ClientState.CALLING)
        self.is_cancelled = False
        self.cancel_fields: Sequence[tuple[str, str]] = ()

    def start(self, now: float) -> None:
        timers = self.layer.timers
        self.timer = timers.start(self, "B", self.layer.intervals.longest, now)
        if not self.is_reliable:
            self.retransmission_timer = timers.start(self, "A", self.interval, now)
        elif self.fallback is not None:
            self.retransmission_timer = timers.start(self, "fallback", STREAM_PATIENCE, now)
        self.data = self.request.to_bytes()
        self.layer.transmit(self, self.data)

    def cancel(self, fields: Sequence[tuple[str, str]] = ()) -> None:
        """Send a CANCEL as soon as §9.1 allows: after the first provisional response, at most once, never after a
        final one."""
        if self.is_cancelled or self.is_answered:
            return
        self.is_cancelled = True
        self.cancel_fields = fields
        if self.state is ClientState.PROCEEDING:
            self._send_cancel(self.layer.now())

    def _send_cancel(self, now: float) -> None:
        # §9.1: without a final response in 64*T1 after the CANCEL the transaction counts as cancelled.
        self.timer = self.layer.timers.start(self, "cancelled", self.layer.intervals.longest, now)
        self.layer.send_cancel(self)

    def response_received(self, response: Response, now: float) -> None:
        status = response.status
        match self.state:
            case ClientState.CALLING | ClientState.PROCEEDING if status < 200:
                if self.state is ClientState.CALLING:
                    self.state = ClientState.PROCEEDING
                    self.stop_timers()
                    self.data = b""
                    if self.is_cancelled:
                        self._send_cancel(now)
                self.layer.tell_response(self, response, now)
            case ClientState.CALLING | ClientState.PROCEEDING if status < 300:
                self.state = ClientState.ACCEPTED
                self.stop_timers()
                # RFC 6026 §7.2: Timer M, so that the 2xx of other branches still find their way
                self.timer = self.layer.timers.start(self, "M", self.layer.intervals.longest, now)
                self.data = b""
                self.layer.tell_response(self, response, now)
            case ClientState.CALLING | ClientState.PROCEEDING:
                self.state = ClientState.COMPLETED
                self.stop_timers()
                self.data = ack_to(self.request, response).to_bytes()
                self.layer.transmit(self, self.data)
                if not self.is_reliable:
                    self.timer = self.layer.timers.start(self, "D", self.layer.intervals.timer_d, now)
                self.layer.tell_response(self, response, now)
                self.user = None
                if self.is_reliable:
                    self.end()  # Timer D is zero
            case ClientState.COMPLETED if status >= 300:
                self.layer.transmit(self, self.data)
            case ClientState.ACCEPTED if 200 <= status < 300:
                self.layer.tell_response(self, response, now)
            case _:
                pass

    def timer_fired(self, name: str, now: float) -> None:
        match self.state, name:
            case ClientState.CALLING, "A":
                self.interval *= 2
                self.retransmission_timer = self.layer.timers.start(self, "A", self.interval, now)
                self.layer.transmit(self, self.data)
            case ClientState.CALLING, "fallback":
                self.falls_back(now)
            case (ClientState.CALLING, "B") | (ClientState.PROCEEDING, "cancelled"):
                self._fail(408, now)
            case (ClientState.COMPLETED, "D") | (ClientState.ACCEPTED, "M"):
                self.end()
            case _:
                pass

    def transport_failed(self, now: float) -> None:
        # Figure 5 knows the error in Calling only: after a provisional response the request has arrived.
        if self.state is ClientState.CALLING and not self.falls_back(now):
            self._fail(503, now)

    def end(self) -> None:
        super().end()
        self.cancel_fields = ()


def ack_to(invite: Request, response: Response) -> Request:
    """ACK to a non-2xx final response, hop by hop (§17.1.1.3)."""
    return _same_hop(invite, "ACK", response.first("to") or "")


def cancel_of(invite: Request, fields: Sequence[tuple[str, str]] = ()) -> Request:
    """CANCEL of a request as it was sent, with further header fields (§9.1)."""
    return _same_hop(invite, "CANCEL", invite.first("to") or "", fields)


def _same_hop(invite: Request, method: str, to: str, fields: Sequence[tuple[str, str]] = ()) -> Request:
    request = new_request(
        method,
        invite.uri_text,
        from_=invite.first("from") or "",
        to=to,
        call_id=invite.call_id,
        cseq=invite.cseq.number,
        fields=[*(("Route", route) for route in invite.lines("route")), *fields],
    )
    request.add_top("Via", str(invite.via))
    return request
