"""Non-INVITE client transaction: figure 6 of §17.1.2.2."""

from __future__ import annotations

from sip.message.messages import Request, Response
from sip.transaction.client import ClientState, ClientTransaction
from sip.transaction.limits import STREAM_PATIENCE
from sip.transaction.users import ClientUser, Surroundings
from sip.transport.selection import NextHop


class NonInviteClientTransaction(ClientTransaction):
    __slots__ = ()

    def __init__(
        self,
        layer: Surroundings,
        request: Request,
        branch: str,
        sent_by: str,
        next_hop: NextHop,
        user: ClientUser | None,
    ) -> None:
        super().__init__(layer, request, branch, sent_by, next_hop, user, ClientState.TRYING)

    def start(self, now: float) -> None:
        timers = self.layer.timers
        self.timer = timers.start(self, "F", self.layer.intervals.longest, now)
        if not self.is_reliable:
            self.retransmission_timer = timers.start(self, "E", self.interval, now)
        elif self.fallback is not None:
            self.retransmission_timer = timers.start(self, "fallback", STREAM_PATIENCE, now)
        self.data = self.request.to_bytes()
        self.layer.transmit(self, self.data)

    def response_received(self, response: Response, now: float) -> None:
        match self.state:
            case ClientState.TRYING | ClientState.PROCEEDING if response.status < 200:
                self.state = ClientState.PROCEEDING
                self.layer.tell_response(self, response, now)
            case ClientState.TRYING | ClientState.PROCEEDING:
                self.state = ClientState.COMPLETED
                self.stop_timers()
                self.data = b""
                if not self.is_reliable:
                    self.timer = self.layer.timers.start(self, "K", self.layer.intervals.t4, now)
                self.layer.tell_response(self, response, now)
                self.user = None
                if self.is_reliable:
                    self.end()  # Timer K is zero
            case _:
                pass  # Completed absorbs retransmissions

    def timer_fired(self, name: str, now: float) -> None:
        intervals = self.layer.intervals
        match self.state, name:
            case ClientState.TRYING, "E":
                self.interval = min(2 * self.interval, intervals.t2)
                self.retransmission_timer = self.layer.timers.start(self, "E", self.interval, now)
                self.layer.transmit(self, self.data)
            case ClientState.PROCEEDING, "E":
                self.retransmission_timer = self.layer.timers.start(self, "E", intervals.t2, now)
                self.layer.transmit(self, self.data)
            case ClientState.TRYING, "fallback":
                self.falls_back(now)
            case ((ClientState.TRYING | ClientState.PROCEEDING), "F"):
                self._fail(408, now)
            case ClientState.COMPLETED, "K":
                self.end()
            case _:
                pass
