"""Who talks to whom: cores above the layer, machines inside it, the transport below it (§17, figure 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sip.message.messages import Request, Response
from sip.message.via import Via
from sip.transaction.timers import Intervals, Timers
from sip.transport.flow import Flow
from sip.transport.listeners import Listener
from sip.transport.selection import NextHop

if TYPE_CHECKING:
    from sip.transaction.client import ClientTransaction
    from sip.transaction.server import ServerMachine, ServerTransaction


class TransactionUser(Protocol):
    """A core. ``now`` is in seconds of the loop clock."""

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        """A new request, except ACK and CANCEL. Retransmissions never arrive here."""

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        """An ACK that belongs to no transaction: the one to a 2xx (§13.2.2.4)."""

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None:
        """A CANCEL and the INVITE it is for, None when there is no such transaction (§9.2). To be answered here."""


class ClientUser(Protocol):
    """Who sent a request."""

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Each provisional response, the final one, and for INVITE every 2xx; our Via is still on top."""

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        """No final response will come: 408 after the time-out, 503 when it could not be sent (§17.1.4, §8.1.3.1)."""


class Surroundings(Protocol):
    """What a machine needs of the layer."""

    timers: Timers
    intervals: Intervals

    def now(self) -> float: ...

    def send_response(self, machine: ServerMachine, data: bytes) -> None: ...

    def server_answered(self, machine: ServerMachine) -> None: ...

    def server_ended(self, machine: ServerMachine) -> None: ...

    def transmit(self, transaction: ClientTransaction, data: bytes) -> None: ...

    def fall_back(self, transaction: ClientTransaction, next_hop: NextHop, now: float) -> None: ...

    def send_cancel(self, invite: ClientTransaction) -> None: ...

    def tell_response(self, transaction: ClientTransaction, response: Response, now: float) -> None: ...

    def client_ended(self, transaction: ClientTransaction) -> None: ...

    def client_failed(self, transaction: ClientTransaction, status: int, now: float) -> None: ...


class Transport(Protocol):
    """What the layer needs below it."""

    def now(self) -> float: ...

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back after the present event, so that nobody is told of a failure before his own call has returned."""

    def listener_for(self, next_hop: NextHop) -> Listener:
        """LookupError when we do not listen for that protocol and address family."""

    def send_to(self, next_hop: NextHop, data: bytes, failed: Callable[[], None] | None) -> bool:
        """False when it failed at once; ``failed`` is called when it fails later."""

    def send_back(self, flow: Flow, address: tuple[str, int], data: bytes, ttl: int) -> bool: ...

    def is_own_sent_by(self, via: Via) -> bool: ...
