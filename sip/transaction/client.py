"""A client transaction as a core sees it, and what its two machines have in common (§17.1)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from sip.message.messages import Request, Response
from sip.transaction.timers import Timer
from sip.transaction.users import ClientUser, Surroundings
from sip.transport.selection import NextHop


class ClientState(Enum):
    """The states of figures 5 and 6, and Accepted of RFC 6026 §7.2."""

    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    COMPLETED = "Completed"
    ACCEPTED = "Accepted"
    TERMINATED = "Terminated"


class ClientTransaction:
    """A request on its way. ``request`` has our Via on top; ``user`` hears what comes back, None when nobody does."""

    __slots__ = (
        "branch",
        "data",
        "fallback",
        "interval",
        "is_from_here",
        "is_reliable",
        "layer",
        "next_hop",
        "request",
        "retransmission_timer",
        "sent_by",
        "state",
        "timer",
        "user",
    )

    def __init__(
        self,
        layer: Surroundings,
        request: Request,
        branch: str,
        sent_by: str,
        next_hop: NextHop,
        user: ClientUser | None,
        state: ClientState,
    ) -> None:
        self.layer = layer
        self.request = request
        self.branch = branch
        self.sent_by = sent_by
        self.next_hop = next_hop
        self.user = user
        self.state = state
        self.is_reliable = next_hop.protocol != "udp"
        self.is_from_here = request.names.count("via") == 1  # ours is the only one: not forwarded for anybody
        self.data = b""  # the request as sent, while it may have to be sent again
        self.fallback: NextHop | None = None  # by UDP after all, when the connection is refused (§18.1.1)
        self.interval = layer.intervals.t1
        self.timer: Timer | None = None
        self.retransmission_timer: Timer | None = None

    @property
    def is_answered(self) -> bool:
        """Whether a final response came, or the transaction has failed."""
        return self.state in (ClientState.COMPLETED, ClientState.ACCEPTED, ClientState.TERMINATED)

    def cancel(self, fields: Sequence[tuple[str, str]] = ()) -> None:
        """Cancel the request, with further header fields such as Reason. Only INVITE can be cancelled (§9.1)."""

    # Figures 5 and 6 differ in these.

    def start(self, now: float) -> None:
        raise NotImplementedError

    def response_received(self, response: Response, now: float) -> None:
        raise NotImplementedError

    def timer_fired(self, name: str, now: float) -> None:
        raise NotImplementedError

    def transport_failed(self, now: float) -> None:
        """The request could not be sent (§17.1.4)."""
        if not self.is_answered and not self.falls_back(now):
            self._fail(503, now)

    def flow_lost(self, now: float) -> None:
        """The only connection an answer could come by has ended, whatever was said on it before (§17.1.4)."""
        if not self.is_answered:
            self._fail(503, now)

    def falls_back(self, now: float) -> bool:
        """Start over by UDP if that is where the request would have gone but for its size (§18.1.1)."""
        if self.fallback is None or self.state not in (ClientState.CALLING, ClientState.TRYING):
            return False
        self.stop_timers()
        self.layer.fall_back(self, self.fallback, now)
        self.fallback = None
        self.start(now)
        return True

    def _fail(self, status: int, now: float) -> None:
        self.end()
        self.layer.client_failed(self, status, now)

    def stop_timers(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.retransmission_timer is not None:
            self.retransmission_timer.cancel()
            self.retransmission_timer = None

    def end(self) -> None:
        """Enter Terminated and report it to the layer, once."""
        if self.state is ClientState.TERMINATED:
            return
        self.state = ClientState.TERMINATED
        self.stop_timers()
        self.data = b""
        self.layer.client_ended(self)

    def __repr__(self) -> str:
        return f"<ClientTransaction {self.request.method} {self.state.value} to {self.next_hop.text}>"
