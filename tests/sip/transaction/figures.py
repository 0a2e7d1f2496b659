"""Surroundings of one machine, so that it can be held next to its figure: what it does is written down in words."""

from __future__ import annotations

from sip.message.messages import Request, Response, response_to
from sip.message.wire import parse_message
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerMachine
from sip.transaction.timers import Intervals, Timers
from sip.transport.flow import Flow
from sip.transport.selection import NextHop
from tests.sip.imaginary import ALICE, BOB, SERVER, request_text

UDP_FLOW = Flow("udp", SERVER, ALICE)
TCP_FLOW = Flow("tcp", SERVER, ALICE)
UDP_HOP = NextHop("udp", *BOB)
TCP_HOP = NextHop("tcp", *BOB)


def request(method: str) -> Request:
    parsed = parse_message(request_text(method))
    assert isinstance(parsed, Request)
    return parsed


def response(status: int, method: str) -> Response:
    return response_to(request(method), status, None, "bob")


class Surroundings:
    """``done`` lists what the machine did: "send 180", "send INVITE", "tell 200", "fail 408", "cancel", "end"."""

    def __init__(self) -> None:
        self.timers = Timers(lambda when: None)
        self.intervals = Intervals()
        self.time = 0.0
        self.done: list[str] = []

    def now(self) -> float:
        return self.time

    def advance(self, seconds: float) -> list[tuple[float, str]]:
        """Let timers fire at their times; what was done, and when."""
        end = self.time + seconds
        happened = []
        while self.timers.next_due() <= end:
            self.time = self.timers.next_due()
            before = len(self.done)
            self.timers.fire(self.time)
            happened += [(self.time, what) for what in self.done[before:]]
        self.time = end
        return happened

    def take(self) -> list[str]:
        done, self.done = self.done, []
        return done

    def _sent(self, data: bytes) -> None:
        message = parse_message(data)
        self.done.append(f"send {message.method if isinstance(message, Request) else message.status}")

    def send_response(self, machine: ServerMachine, data: bytes) -> None:
        self._sent(data)

    def server_answered(self, machine: ServerMachine) -> None:
        pass

    def server_ended(self, machine: ServerMachine) -> None:
        self.done.append("end")

    def transmit(self, transaction: ClientTransaction, data: bytes) -> None:
        self._sent(data)

    def fall_back(self, transaction: ClientTransaction, next_hop: NextHop, now: float) -> None:
        self.done.append("fall back")
        transaction.next_hop, transaction.is_reliable = next_hop, False

    def send_cancel(self, invite: ClientTransaction) -> None:
        self.done.append("cancel")

    def tell_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.done.append(f"tell {response.status}")

    def client_ended(self, transaction: ClientTransaction) -> None:
        self.done.append("end")

    def client_failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.done.append(f"fail {status}")
