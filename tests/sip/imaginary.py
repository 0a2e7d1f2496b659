"""An endpoint without sockets: real transactions, a clock that tests move, and a wire that tests watch.

    endpoint = ImaginaryEndpoint(core)                   # listens on udp and tcp 192.0.2.1:5060
    endpoint.deliver(text, ALICE)                        # a datagram from ("192.0.2.10", 5060)
    endpoint.advance(0.5)                                # timers fire in order
    endpoint.sent[-1].message, endpoint.sent[-1].remote  # what went out, and where to
    endpoint.take()                                      # the messages sent since the last take

For whole exchanges between several endpoints, with loss, duplication and delay, see ``ImaginaryWire``.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from sip.endpoint import Endpoint
from sip.message.messages import Request, Response
from sip.message.wire import parse_message
from sip.transaction.users import TransactionUser
from sip.transport.flow import DIALLED, Flow
from sip.transport.listeners import ListenAddress, Listener
from sip.transport.network import Receiver
from sip.transport.records import Kind, Question, Record
from sip.transport.selection import is_numeric_host

Address = tuple[str, int]
SERVER: Address = ("192.0.2.1", 5060)
ALICE: Address = ("192.0.2.10", 5060)
BOB: Address = ("192.0.2.20", 5060)
CAROL: Address = ("192.0.2.30", 5060)
MALLORY: Address = ("198.51.100.66", 6666)


class Sent:
    """Something that left an endpoint. ``source`` and ``remote`` are addresses, ``flow`` is set for connections."""

    def __init__(self, at: float, data: bytes, protocol: str, source: Address, remote: Address, ttl: int = 0) -> None:
        self.at = at
        self.data = data
        self.protocol = protocol
        self.source = source
        self.remote = remote
        self.ttl = ttl
        self.connection: ImaginaryConnection | None = None

    @property
    def message(self) -> Request | Response:
        return parse_message(self.data)

    @property
    def status(self) -> int:
        """Status code, 0 for a request."""
        message = self.message
        return message.status if isinstance(message, Response) else 0

    @property
    def method(self) -> str:
        """Method of a request; of a response the method it answers."""
        return self.message.cseq.method

    def __repr__(self) -> str:
        return f"\n--- {self.at:.3f} {self.protocol} to {self.remote[0]}:{self.remote[1]}\n{self.data.decode()}"


class ImaginaryClock:
    """Time that passes only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.time = now
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._soon: list[Callable[[], None]] = []

    def at(self, when: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when, self.time), next(self._order), callback))

    def soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def settle(self) -> None:
        """Run what was put off to after the present event."""
        while self._soon:
            waiting, self._soon = self._soon, []
            for callback in waiting:
                callback()

    def advance(self, seconds: float) -> None:
        """Let time pass; everything due meanwhile happens in order."""
        self.settle()
        end = self.time + seconds
        while self._events and self._events[0][0] <= end + 1e-9:
            when, _, callback = heapq.heappop(self._events)
            self.time = max(self.time, when)
            callback()
            self.settle()
        self.time = end


class ImaginaryChannel:
    """A UDP socket. ``is_broken`` makes every send fail."""

    def __init__(self, network: ImaginaryNetwork, local: Address) -> None:
        self.network = network
        self.local = local
        self.is_broken = False

    def send(self, data: bytes, remote: Address, source: str = "", ttl: int = 0) -> bool:
        if self.is_broken:
            return False
        self.network.carry(
            Sent(self.network.clock.time, data, "udp", (source or self.local[0], self.local[1]), remote, ttl)
        )
        return True


class ImaginaryConnection:
    """A connection. ``close()`` ends it; ``refuse()`` breaks one being opened."""

    def __init__(
        self, network: ImaginaryNetwork, protocol: str, local: Address, remote: Address, is_accepted: bool
    ) -> None:
        self.network = network
        self.local = local
        self.remote = remote
        self.is_accepted = is_accepted
        self.is_open = True
        self.token = f"imaginary-{next(network.tokens)}"
        self.flow = Flow(protocol, local, remote, self)
        self._failed: list[Callable[[], None]] = []

    def write(self, data: bytes, failed: object = None) -> bool:
        if not self.is_open:
            return False
        if callable(failed):
            self._failed.append(failed)
        sent = Sent(self.network.clock.time, data, self.flow.protocol, self.local, self.remote)
        sent.connection = self
        self.network.carry(sent)
        return True

    def close(self) -> None:
        self.is_open = False
        if self.network.receiver is not None:
            self.network.receiver.flow_closed(self.flow)

    def refuse(self) -> None:
        self.is_open = False
        failed, self._failed = self._failed, []
        for callback in failed:
            self.network.clock.soon(callback)


class ImaginaryNetwork:
    """Stands in for sip.transport.network.SocketNetwork. ``names`` have addresses, ``records`` are NAPTR and SRV."""

    def __init__(self, clock: ImaginaryClock | None = None) -> None:
        self.clock = clock or ImaginaryClock()
        self.sent: list[Sent] = []
        self.names: dict[str, list[str]] = {}
        self.records: dict[Question, list[Record]] = {}
        self.own_addresses: set[str] = {"192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"}
        self.connections: dict[Address, ImaginaryConnection] = {}  # by the far end, whatever the protocol
        self.dialled_names: list[str] = []
        self.refuses_connections = False
        self.wire: Callable[[Sent], None] | None = None
        self.receiver: Receiver | None = None
        self.tokens = itertools.count(1)
        self._wish = 0

    def carry(self, sent: Sent) -> None:
        self.sent.append(sent)
        if self.wire is not None:
            self.wire(sent)

    def bind(self, addresses: Sequence[ListenAddress], multicast: Sequence[str]) -> list[Listener]:
        listeners = []
        for address in addresses:
            local = (address.host, address.port)
            channel = ImaginaryChannel(self, local) if address.protocol == "udp" else None
            names = (address.advertised_host, address.advertised_port)
            listeners.append(Listener(address.protocol, *local, *names, channel))
            if address.protocol == "udp":
                listeners.append(Listener("tcp", *local, *names))
        return listeners

    async def start(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def stop(self) -> None:
        pass

    def now(self) -> float:
        return self.clock.time

    def soon(self, callback: Callable[[], None]) -> None:
        self.clock.soon(callback)

    def wake_at(self, when: float, callback: Callable[[], None]) -> None:
        self._wish += 1
        wish = self._wish
        self.clock.at(when, lambda: callback() if wish == self._wish else None)

    def stream_to(self, protocol: str, remote: Address, local: Address, name: str = "") -> ImaginaryConnection | None:
        if protocol not in DIALLED:
            return None
        connection = self.connections.get(remote)
        if connection is None or not connection.is_open or connection.flow.protocol != protocol:
            connection = ImaginaryConnection(self, protocol, local, remote, is_accepted=False)
            self.connections[remote] = connection
            self.dialled_names.append(name)
            if self.refuses_connections:
                self.clock.soon(connection.refuse)
        return connection

    def route_from(self, host: str) -> str:
        if host in ("127.0.0.1", "::1"):
            return host
        return "2001:db8::1" if ":" in host else "192.0.2.1"

    def is_local_address(self, host: str) -> bool:
        return host in self.own_addresses

    def reload_certificates(self) -> None:
        pass

    def connection_counts(self) -> dict[str, int]:
        return Counter(one.flow.protocol for one in self.connections.values() if one.is_open)

    def look_up(self, question: Question, done: Callable[[Sequence[Record]], None]) -> None:
        known: Sequence[Record] = self.records.get(question, [])
        if question.kind is Kind.ADDRESS:
            known = self.names.get(question.name, [])
        self.clock.soon(lambda: done(known))


class ImaginaryEndpoint(Endpoint):
    """The real Endpoint on an imaginary network, bound and started. Tokens are t1, t2, ..."""

    def __init__(
        self,
        user: TransactionUser,
        listeners: Sequence[ListenAddress] = (ListenAddress("udp", *SERVER),),
        *,
        clock: ImaginaryClock | None = None,
        name: str = "t",
        worker_id: int = 0,
    ) -> None:
        self.network = ImaginaryNetwork(clock)
        self.clock = self.network.clock
        tokens = itertools.count(1)
        super().__init__(
            listeners, user, network=self.network, token=lambda: f"{name}{next(tokens)}", worker_id=worker_id
        )
        self.bind()
        self.network.receiver = self
        self._taken = 0

    @property
    def sent(self) -> list[Sent]:
        """All that went out, oldest first."""
        return self.network.sent

    def take(self) -> list[Sent]:
        """What went out since the last call."""
        taken = self.sent[self._taken :]
        self._taken = len(self.sent)
        return taken

    def flow(self, source: Address = ALICE, protocol: str = "udp", *, is_multicast: bool = False) -> Flow:
        """Flow from a source to the first listener of its kind; a connection stays the same until closed."""
        listener = next(one for one in self.listeners if one.protocol == protocol and one.is_ipv6 == (":" in source[0]))
        host = self.network.route_from(source[0]) if listener.is_wildcard else listener.host
        local = (host, listener.port)
        if protocol == "udp":
            return Flow("udp", local, source, listener.channel, is_multicast)
        connection = self.network.connections.get(source)
        if connection is None or not connection.is_open:
            connection = ImaginaryConnection(self.network, protocol, local, source, is_accepted=True)
            self.network.connections[source] = connection
        return connection.flow

    def deliver(
        self,
        message: bytes | str | Request | Response,
        source: Address = ALICE,
        protocol: str = "udp",
        *,
        is_multicast: bool = False,
    ) -> Flow:
        """A message arrives. Text may have plain newlines; they become CRLF."""
        if isinstance(message, str):
            message = wire_text(message)
        data = message if isinstance(message, bytes) else message.to_bytes()
        flow = self.flow(source, protocol, is_multicast=is_multicast)
        self.receive(data, flow)
        self.clock.settle()
        return flow

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def stop_now(self) -> None:
        asyncio.run(self.stop())


class ImaginaryWire:
    """Carries datagrams between endpoints by their address. Deterministic for a seed.

    ``loss`` and ``duplication`` are probabilities, ``delay`` the least and largest seconds on the way: when they
    differ, datagrams overtake each other. ``lost`` and ``carried`` count.
    """

    def __init__(
        self,
        clock: ImaginaryClock,
        *,
        loss: float = 0.0,
        duplication: float = 0.0,
        delay: tuple[float, float] = (0.01, 0.01),
        seed: int = 1,
    ) -> None:
        self.clock = clock
        self.loss = loss
        self.duplication = duplication
        self.delay = delay
        self.lost = 0
        self.carried = 0
        self._random = Random(seed)
        self._endpoints: dict[Address, ImaginaryEndpoint] = {}

    def join(self, endpoint: ImaginaryEndpoint) -> None:
        for listener in endpoint.listeners:
            self._endpoints[listener.host, listener.port] = endpoint
        endpoint.network.wire = self.carry

    def carry(self, sent: Sent) -> None:
        target = self._endpoints.get(sent.remote)
        if target is None or self._random.random() < self.loss:
            self.lost += 1
            return
        copies = 2 if self._random.random() < self.duplication else 1
        for _ in range(copies):
            self.carried += 1
            arrives = self.clock.time + self._random.uniform(*self.delay)
            self.clock.at(arrives, lambda: target.receive(sent.data, target.flow(sent.source)))


def wire_text(text: str) -> bytes:
    """Bytes of a message written with plain newlines and perhaps indented; an empty line ends the header fields."""
    lines = [line.strip() for line in text.strip().splitlines()]
    head, _, body = "\r\n".join(lines).partition("\r\n\r\n")
    return f"{head}\r\n\r\n{body}".encode()


def request_text(
    method: str = "OPTIONS",
    uri: str = "sip:bob@example.org",
    *,
    source: Address = ALICE,
    branch: str = "z9hG4bKalice1",
    protocol: str = "UDP",
    via: str = "",
    from_: str = "Alice <sip:alice@example.org>;tag=alice",
    to: str = "<sip:bob@example.org>",
    call_id: str = "call-1@alice",
    cseq: int = 1,
    fields: Sequence[str] = (),
    body: str = "",
) -> bytes:
    """Bytes of a request as a phone at ``source`` sends it; ``fields`` are further lines such as "Contact: <...>"."""
    host = f"[{source[0]}]" if ":" in source[0] and is_numeric_host(source[0]) else source[0]
    lines = [
        f"{method} {uri} SIP/2.0",
        via or f"Via: SIP/2.0/{protocol} {host}:{source[1]};branch={branch}",
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *fields,
        f"Content-Length: {len(body.encode())}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def response_text(request: Request | bytes, status: int, *, to_tag: str = "bob", fields: Sequence[str] = ()) -> bytes:
    """Bytes of the answer that a phone gives to a request it received."""
    from sip.message.messages import response_to

    received = parse_message(request) if isinstance(request, bytes) else request
    assert isinstance(received, Request)
    response = response_to(received, status, None, "" if status == 100 else to_tag)
    for field in fields:
        name, _, value = field.partition(":")
        response.append(name, value.strip())
    return response.to_bytes()
