"""A server transaction as a core sees it, and what its two machines have in common (§17.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from sip.message.errors import BadMessage
from sip.message.messages import Request, Response, response_to
from sip.message.wire import parse_message
from sip.transaction.key import RequestKey
from sip.transaction.timers import Timer
from sip.transaction.users import Surroundings
from sip.transport.flow import Flow

COPIES_TO_STRANGERS = 3  # repetitions of a refusal: lost four times in a row, it is the network that refuses


class ServerState(Enum):
    """The states of figures 7 and 8, and Accepted of RFC 6026 §7.1."""

    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    COMPLETED = "Completed"
    CONFIRMED = "Confirmed"
    ACCEPTED = "Accepted"
    TERMINATED = "Terminated"


class ServerTransaction:
    """A request and the way to answer it.

    ``to_tag`` is for the To of our own responses (§8.2.6.2). ``on_end`` is called once, when the transaction ends.
    """

    __slots__ = ("flow", "machine", "request", "to_tag")

    def __init__(self, request: Request, flow: Flow, to_tag: str, machine: ServerMachine) -> None:
        self.request = request
        self.flow = flow
        self.to_tag = to_tag
        self.machine = machine

    @property
    def is_invite(self) -> bool:
        return self.request.method == "INVITE"

    @property
    def is_answered(self) -> bool:
        """Whether a final response was given."""
        return self.machine.is_answered

    @property
    def on_end(self) -> Callable[[], None] | None:
        return self.machine.on_end

    @on_end.setter
    def on_end(self, callback: Callable[[], None] | None) -> None:
        self.machine.on_end = callback

    def respond(self, response: Response) -> None:
        """Send a complete response. What the state does not allow is dropped."""
        machine = self.machine
        machine.respond(response, machine.layer.now())

    def respond_with(self, status: int, reason: str | None = None, fields: Iterable[tuple[str, str]] = ()) -> Response:
        """Send a response of our own: the header fields of §8.2.6.2 with ``to_tag``, and ``fields``."""
        response = response_to(self.request, status, reason, "" if status == 100 else self.to_tag)
        for name, value in fields:
            response.append(name, value)
        self.respond(response)
        return response

    def limit_copies(self) -> None:
        """Repeat a refusal of an INVITE a few times only. For senders who have not shown that they are where the
        request says: eleven copies to a forged address would be an attack on who lives there."""
        self.machine.copies_left = COPIES_TO_STRANGERS

    def ignore(self) -> None:
        """Never answer: retransmissions are absorbed in silence (multicast, §18.2.2; banned sources)."""
        machine = self.machine
        machine.ignore(machine.layer.now())

    def __repr__(self) -> str:
        return f"<ServerTransaction {self.request.method} {self.machine.state.value}>"


class ServerMachine:
    """State and last response, without the request: after the answer that is all that has to stay.

    A retransmission may come for 64*T1, and a registrar has thousands of answered transactions at any time.
    """

    __slots__ = (
        "address",
        "copies_left",
        "flow",
        "key",
        "layer",
        "merge",
        "on_end",
        "response",
        "state",
        "timer",
        "transaction",
        "ttl",
    )

    def __init__(self, layer: Surroundings, key: RequestKey, flow: Flow, state: ServerState) -> None:
        self.layer = layer
        self.key = key
        self.flow = flow
        self.state = state
        self.transaction: ServerTransaction | None = None  # until answered
        self.response = b""  # the last one sent, for retransmissions
        self.timer: Timer | None = None
        self.copies_left: int | None = None  # that Timer G may send by itself; None: as many as there is time for
        self.on_end: Callable[[], None] | None = None
        self.address: tuple[str, int] = flow.remote  # where responses go
        self.ttl = 0  # of responses to a multicast group
        self.merge: tuple[str, str, int, str] | None = None

    @property
    def is_answered(self) -> bool:
        return self.state not in (ServerState.TRYING, ServerState.PROCEEDING)

    def send(self, response: Response) -> None:
        if self.flow.is_reliable:
            response.ensure_content_length()
        self.response = response.to_bytes()
        self.layer.send_response(self, self.response)

    def send_again(self) -> None:
        if self.response:
            self.layer.send_response(self, self.response)

    def response_tag(self) -> str:
        """To tag of the last response, empty when there is none."""
        try:
            return parse_message(self.response).to_tag if self.response else ""
        except BadMessage:
            return ""

    def end(self) -> None:
        """Enter Terminated and report it, once."""
        if self.state is ServerState.TERMINATED:
            return
        self.state = ServerState.TERMINATED
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.response = b""
        self.transaction = None
        self.layer.server_ended(self)

    # Figures 7 and 8 differ in these.

    def request_received(self, now: float) -> None:
        """The same request again (§17.2.3)."""
        raise NotImplementedError

    def respond(self, response: Response, now: float) -> None:
        """A response from the core."""
        raise NotImplementedError

    def ignore(self, now: float) -> None:
        """The core will not answer."""
        raise NotImplementedError

    def timer_fired(self, name: str, now: float) -> None:
        raise NotImplementedError
