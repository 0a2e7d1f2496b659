"""INVITE server transaction: figure 7 of §17.2.1 as RFC 6026 §7.1 redraws it."""

from __future__ import annotations

from sip.message.messages import Response
from sip.transaction.key import RequestKey
from sip.transaction.server import ServerMachine, ServerState
from sip.transaction.timers import Timer
from sip.transaction.users import Surroundings
from sip.transport.flow import Flow


class InviteServerMachine(ServerMachine):
    __slots__ = ("interval", "retransmission_timer")

    def __init__(self, layer: Surroundings, key: RequestKey, flow: Flow) -> None:
        super().__init__(layer, key, flow, ServerState.PROCEEDING)
        self.retransmission_timer: Timer | None = None
        self.interval = layer.intervals.t1  # of Timer G

    def request_received(self, now: float) -> None:
        match self.state:
            case ServerState.PROCEEDING | ServerState.COMPLETED:
                self.send_again()
            case _:
                pass  # Accepted and Confirmed absorb it

    def respond(self, response: Response, now: float) -> None:
        status = response.status
        match self.state:
            case ServerState.PROCEEDING if status < 200:
                self.send(response)
            case ServerState.PROCEEDING if status < 300:
                self.state = ServerState.ACCEPTED
                self.transaction = None
                # RFC 6026 §7.1: Timer L, on every transport
                self.timer = self.layer.timers.start(self, "L", self.layer.intervals.longest, now)
                self.send(response)
            case ServerState.PROCEEDING:
                self.state = ServerState.COMPLETED
                self.transaction = None
                timers = self.layer.timers
                self.timer = timers.start(self, "H", self.layer.intervals.longest, now)
                if not self.flow.is_reliable:
                    self.retransmission_timer = timers.start(self, "G", self.interval, now)
                self.send(response)
            case ServerState.ACCEPTED if 200 <= status < 300:
                self.send(response)  # another branch's 2xx, or the same again: repeating it is the core's business
            case _:
                pass

    def ignore(self, now: float) -> None:
        if not self.is_answered:
            # No figure knows silence: absorb what may still come as after an answer, without one.
            self.state = ServerState.CONFIRMED
            self.transaction = None
            self.response = b""
            self.timer = self.layer.timers.start(self, "I", self.layer.intervals.longest, now)

    def ack_received(self, now: float) -> bool:
        """An ACK to this INVITE; False when it is the core's, as after a 2xx (RFC 6026 §7.1)."""
        match self.state:
            case ServerState.COMPLETED:
                self.state = ServerState.CONFIRMED
                self.response = b""
                if self.retransmission_timer is not None:
                    self.retransmission_timer.cancel()
                    self.retransmission_timer = None
                if self.timer is not None:
                    self.timer.cancel()
                if self.flow.is_reliable:
                    self.end()  # Timer I is zero
                else:
                    self.timer = self.layer.timers.start(self, "I", self.layer.intervals.t4, now)
                return True
            case ServerState.ACCEPTED:
                return False
            case _:
                return True

    def timer_fired(self, name: str, now: float) -> None:
        match self.state, name:
            case ServerState.COMPLETED, "G":
                if self.copies_left is not None:
                    if self.copies_left <= 0:
                        return
                    self.copies_left -= 1
                self.send_again()
                self.interval = min(2 * self.interval, self.layer.intervals.t2)
                self.retransmission_timer = self.layer.timers.start(self, "G", self.interval, now)
            case (ServerState.COMPLETED, "H") | (ServerState.CONFIRMED, "I") | (ServerState.ACCEPTED, "L"):
                self.end()
            case _:
                pass

    def end(self) -> None:
        if self.retransmission_timer is not None:
            self.retransmission_timer.cancel()
            self.retransmission_timer = None
        super().end()
