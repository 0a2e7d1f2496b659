"""Non-INVITE server transaction: figure 8 of §17.2.2, with RFC 4320 §4."""

from __future__ import annotations

from sip.message.messages import Response, response_to
from sip.transaction.key import RequestKey
from sip.transaction.server import ServerMachine, ServerState
from sip.transaction.users import Surroundings
from sip.transport.flow import Flow


class NonInviteServerMachine(ServerMachine):
    __slots__ = ()

    def __init__(self, layer: Surroundings, key: RequestKey, flow: Flow) -> None:
        super().__init__(layer, key, flow, ServerState.TRYING)

    def wait(self, now: float) -> None:
        """The core did not answer at once: see that the wait is neither silent for too long nor endless."""
        if self.state is ServerState.TRYING and self.timer is None:
            self.timer = self.layer.timers.start(self, "100", self.layer.intervals.before_trying, now)

    def request_received(self, now: float) -> None:
        match self.state:
            case ServerState.PROCEEDING | ServerState.COMPLETED:
                self.send_again()
            case _:
                pass  # Trying discards it

    def respond(self, response: Response, now: float) -> None:
        match self.state:
            case ServerState.TRYING | ServerState.PROCEEDING if response.status < 200:
                # RFC 4320 §4.1: no other provisional than 100, and that one not early on an unreliable transport
                if response.status == 100 and (self.flow.is_reliable or self.state is ServerState.PROCEEDING):
                    self.state = ServerState.PROCEEDING
                    self.send(response)
                    self.wait(now)
            case ServerState.TRYING | ServerState.PROCEEDING if response.status == 408:
                self._complete(None, now)  # RFC 4320 §4.2: it would come when the client has given up
            case ServerState.TRYING | ServerState.PROCEEDING:
                self._complete(response, now)
            case _:
                pass

    def ignore(self, now: float) -> None:
        if not self.is_answered:
            self._complete(None, now)

    def _complete(self, response: Response | None, now: float) -> None:
        self.state = ServerState.COMPLETED
        self.transaction = None
        self.response = b""
        if self.timer is not None:
            self.timer.cancel()
        if response is not None:
            self.send(response)
        if self.flow.is_reliable:
            self.end()  # Timer J is zero
        else:
            self.timer = self.layer.timers.start(self, "J", self.layer.intervals.longest, now)
            self.layer.server_answered(self)

    def timer_fired(self, name: str, now: float) -> None:
        match self.state, name:
            case ((ServerState.TRYING | ServerState.PROCEEDING), "100"):
                # RFC 4320 §4.1: now a 100 is due, as the client's Timer E has reached T2
                intervals = self.layer.intervals
                self.timer = self.layer.timers.start(self, "end", intervals.longest - intervals.before_trying, now)
                if self.state is ServerState.TRYING and self.transaction is not None and not self.flow.is_multicast:
                    self.state = ServerState.PROCEEDING
                    self.send(response_to(self.transaction.request, 100))
            case ((ServerState.TRYING | ServerState.PROCEEDING), "end"):
                self.end()  # RFC 4320 §4.2: too late for any final response
            case ServerState.COMPLETED, "J":
                self.end()
            case _:
                pass
