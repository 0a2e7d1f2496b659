"""An endpoint that sends nothing: bound to no socket, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sip.endpoint import Endpoint
from sip.transaction.users import TransactionUser
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress, Listener
from sip.transport.network import Receiver
from sip.transport.records import Question, Record
from sip.transport.selection import NextHop

MOST_ROUNDS = 20  # of what was put off to after the present event; a chain longer than that is a bug


class NullNetwork:
    """Listeners like those of a real endpoint, without their sockets. Names are never looked up, nothing is timed."""

    def __init__(self, real: Endpoint, at: float) -> None:
        self._real = real
        self._at = at
        self._soon: list[Callable[[], None]] = []
        self.asked: list[str] = []  # names that would have been looked up

    def bind(self, addresses: Sequence[ListenAddress], multicast: Sequence[str]) -> list[Listener]:
        return [
            Listener(one.protocol, one.host, one.port, one.advertised_host, one.advertised_port)
            for one in self._real.listeners
        ]

    async def start(self, receiver: Receiver) -> None: ...

    async def stop(self) -> None: ...

    @property
    def now(self) -> Callable[[], float]:
        return lambda: self._at

    @property
    def soon(self) -> Callable[[Callable[[], None]], object]:
        return self._soon.append

    def settle(self) -> None:
        """Run what was put off to after the present event."""
        for _ in range(MOST_ROUNDS):
            waiting, self._soon[:] = list(self._soon), []
            for callback in waiting:
                callback()

    def wake_at(self, when: float, callback: Callable[[], None]) -> None: ...

    def stream_to(self, protocol: str, remote: tuple[str, int], local: tuple[str, int], name: str = "") -> None:
        return None

    def route_from(self, host: str) -> str:
        return ""

    def is_local_address(self, host: str) -> bool:
        return any(self._real.is_own_address(host, one.port, one.protocol) for one in self._real.listeners)

    def reload_certificates(self) -> None: ...

    def connection_counts(self) -> Mapping[str, int]:
        return {}

    def look_up(self, question: Question, done: Callable[[Sequence[Record]], None]) -> None:
        """Never calls back: the branch waits for DNS for as long as the simulation lasts."""
        self.asked.append(question.name)


class NullEndpoint(Endpoint):
    """Takes requests and keeps what it would have sent: ``requests`` with their next hops, ``responses``.

    Flows of bindings are those of the running server, so both ways out are closed here, before any channel is touched.
    """

    def __init__(self, real: Endpoint, user: TransactionUser, at: float) -> None:
        self.null = NullNetwork(real, at)
        super().__init__((), user, network=self.null)
        self.requests: list[tuple[NextHop, bytes]] = []
        self.responses: list[bytes] = []
        self.bind()

    def send_to(self, next_hop: NextHop, data: bytes, failed: Callable[[], None] | None) -> bool:
        self.requests.append((next_hop, data))
        return True

    def send_back(self, flow: Flow, address: tuple[str, int], data: bytes, ttl: int) -> bool:
        self.responses.append(data)
        return True

    def flow_from(self, host: str, port: int, protocol: str) -> Flow:
        """Where a request from there would come in; LookupError when we do not listen for that."""
        for one in self.listeners:
            if one.protocol == protocol and one.is_ipv6 == (":" in host):
                local = one.host if not one.is_wildcard else "::1" if one.is_ipv6 else "127.0.0.1"
                return Flow(protocol, (local, one.port), (host, port))
        raise LookupError(f"This server does not listen for {protocol} from {host}")
