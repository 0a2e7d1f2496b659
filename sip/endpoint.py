"""The driver: sockets <-> transactions <-> cores; owns the only real timer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

from sip.message.errors import BadMessage
from sip.message.messages import Message, Request
from sip.message.uri import Uri
from sip.message.via import Via
from sip.message.wire import parse_message
from sip.tokens import Tokens
from sip.traffic import Traffic
from sip.transaction.client import ClientTransaction
from sip.transaction.failures import log_failure
from sip.transaction.layer import TransactionLayer
from sip.transaction.server import ServerTransaction
from sip.transaction.timers import Intervals, Timer, Timers
from sip.transaction.users import ClientUser, TransactionUser
from sip.transport.failed_targets import Observed
from sip.transport.flow import DatagramChannel, Flow, StreamChannel
from sip.transport.framing import BrokenFraming
from sip.transport.listeners import ListenAddress, Listener, Listeners
from sip.transport.network import Network, SocketNetwork
from sip.transport.next_hops import NextHops
from sip.transport.received import stamp
from sip.transport.selection import NextHop
from sip.transport.stun import stun_answer
from sip.transport.tls import TlsContexts
from sip.transport.websocket import MayComeFrom

Refused = Callable[[Request, Flow, int, str], None]


class Tap(Protocol):
    """Sees every message in the order in which this server saw and sent it. Must be quick, and must not raise.

    ``local`` and ``remote`` are (numeric host, port).
    """

    def received(self, message: Message, data: bytes, flow: Flow) -> None: ...

    def sent(self, data: bytes, protocol: str, local: tuple[str, int], remote: tuple[str, int]) -> None: ...


class Gate(Protocol):
    """Who says what is looked at (``sip.defence.guard.Guard``)."""

    def admits(self, flow: Flow, now: float) -> bool: ...

    def is_banned(self, flow: Flow) -> bool:
        """Whether more from there will not be looked at either."""

    def is_scanner(self, user_agent: str | None, flow: Flow, now: float) -> bool:
        """Whether a request comes from an attack program, by what it says of itself."""

    def wanted(self, flow: Flow) -> None:
        """It was a response to a request of ours."""

    def not_sip(self, flow: Flow, now: float) -> None: ...


class Endpoint:
    """Receives and sends SIP for one transaction user.

    ``multicast`` names the interfaces (IPv4 addresses of ours) on which the SIP group is joined, ``name_servers`` host
    and port of DNS servers (none: the system's), ``tls`` our certificates, where there are TLS listeners or servers to
    reach by TLS, ``may_come_from`` whether a browser page of that Origin may use our WebSockets. ``count`` counts what
    was dropped or refused, by reason. Order of use: ``bind`` (OSError), ``await start()``, ``await stop()``.
    """

    def __init__(
        self,
        listeners: Sequence[ListenAddress],
        user: TransactionUser,
        *,
        multicast: Sequence[str] = (),
        name_servers: Sequence[tuple[str, int]] = (),
        tls: TlsContexts | None = None,
        may_come_from: MayComeFrom = lambda origin: False,
        worker_id: int = 0,
        t1: float = 0.5,
        t2: float = 4.0,
        t4: float = 5.0,
        network: Network | None = None,
        token: Callable[[], str] | None = None,
    ) -> None:
        self.count: Counter[str] = Counter()
        self.traffic = Traffic()
        self.tap: Tap | None = None
        self.refused: Refused | None = None  # told of requests that are too malformed for any core
        self._addresses = listeners
        self._multicast = multicast
        self._network: Network = network or SocketNetwork(self.count, name_servers, tls, may_come_from)
        self._listeners = Listeners([], self._network.route_from, self._network.is_local_address)
        self._timers = Timers(self._wake)
        self._layer = TransactionLayer(
            user, self, self._timers, Intervals(t1, t2, t4), token or Tokens(), self.count, worker_id
        )
        self._secret = os.urandom(16)
        self._next_hops = NextHops(self._listeners, self._network.look_up, self.now)
        self._flow_watchers: list[Callable[[Flow], None]] = []
        self.gate: Gate | None = None  # asked before a message is parsed

    @property
    def transactions(self) -> int:
        """Transactions that exist."""
        return len(self._layer)

    @property
    def user(self) -> TransactionUser:
        """The core. May be set until ``start``."""
        return self._layer.user

    @user.setter
    def user(self, user: TransactionUser) -> None:
        self._layer.user = user

    def bind(self) -> None:
        """Bind all listeners, or none and raise OSError that says which and why."""
        self._listeners = Listeners(
            self._network.bind(self._addresses, self._multicast),
            self._network.route_from,
            self._network.is_local_address,
        )
        self._next_hops = NextHops(self._listeners, self._network.look_up, self.now)

    async def start(self) -> None:
        """Receive from now on."""
        await self._network.start(self)

    async def stop(self) -> None:
        """Close everything. Transactions end with it, unreported."""
        await self._network.stop()

    def reload_certificates(self) -> None:
        """Read the files of certificates anew; connections that stand are not touched. BadCertificate."""
        self._network.reload_certificates()

    # Clock

    def now(self) -> float:
        """Loop clock in seconds."""
        return self._network.now()

    def soon(self, callback: Callable[[], None]) -> None:
        self._network.soon(callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a time of the loop clock; ``cancel()`` of the result prevents it."""
        return self._timers.start_at(_Callback(callback), "", when)

    def _wake(self, when: float) -> None:
        self._network.wake_at(when, self._tick)

    def _tick(self) -> None:
        self._timers.fire(self._network.now())

    # In

    def receive(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one message of a stream. Never raises."""
        try:
            now = self._network.now()
            if self.gate is not None and not self.gate.admits(flow, now):
                if flow.is_reliable and self.gate.is_banned(flow):
                    _streams(flow.channel).close()
                return
            message = parse_message(data)
            if self.tap is not None:
                self.tap.received(message, data, flow)
            if isinstance(message, Request):
                if self.gate is not None and self.gate.is_scanner(message.first("user-agent"), flow, now):
                    return  # no answer tells it that there is a server
                self.traffic.request_received(message)
                self._layer.request_received(message, flow, now)
            else:
                self.traffic.response_received(message)
                is_ours = self._layer.response_received(message, now)
                if is_ours and self.gate is not None:
                    self.gate.wanted(flow)
        except BadMessage as error:
            self._bad_message(data, flow, error)
        except Exception as error:
            self.count["core_failed"] += 1
            log_failure(error, None)

    def _bad_message(self, data: bytes, flow: Flow, error: BadMessage) -> None:
        if not data.strip(b"\r\n\0 \t"):
            self.count["keep_alive"] += 1  # §7.5, and what phones behind NAT send
            return
        if error.message is None:
            self._not_sip(data, flow)
            return
        if self.tap is not None:
            self.tap.received(error.message, data, flow)
        if not isinstance(error.message, Request):
            self.count["bad_response"] += 1  # §18.3 and §16.7: nobody to tell
            return
        self.count["bad_message"] += 1
        self._refuse(error.message, flow, error.status, error.reason)

    def _not_sip(self, data: bytes, flow: Flow) -> None:
        answer = None if flow.is_reliable or flow.is_multicast else stun_answer(data, flow.remote)
        if answer is None:
            self.count["not_sip"] += 1
            if self.gate is not None:
                self.gate.not_sip(flow, self._network.now())
            return
        self.count["stun"] += 1  # RFC 5626 §4.4.2
        _datagrams(flow).send(answer, flow.remote, flow.local[0])

    def _refuse(self, request: Request, flow: Flow, status: int, reason: str) -> None:
        try:
            via = request.via
            stamp(request, via, flow)
            self._layer.answer_statelessly(request, via, flow, status, reason)
            if self.refused is not None:
                self.refused(request, flow, status, reason)
        except BadMessage:
            self.count["not_answerable"] += 1  # without a Via there is no way back

    def framing_broken(self, error: BrokenFraming, flow: Flow) -> None:
        """A stream that cannot be cut into messages any more; it is closed after the answer."""
        self.count["broken_stream"] += 1
        if self.gate is not None:
            self.gate.not_sip(flow, self._network.now())
            if not self.gate.admits(flow, self._network.now()):
                return
        if not error.head:
            return
        try:
            message = parse_message(error.head)
        except BadMessage as bad:
            if isinstance(bad.message, Request):
                self._refuse(bad.message, flow, bad.status if error.status == 400 else error.status, error.reason)
        else:
            if isinstance(message, Request):
                self._refuse(message, flow, error.status, error.reason)

    def flow_closed(self, flow: Flow) -> None:
        """A connection that was open has ended, whoever closed it."""
        self._layer.flow_closed(flow, self._network.now())
        for watcher in self._flow_watchers:
            try:
                watcher(flow)
            except Exception as error:
                self.count["core_failed"] += 1
                log_failure(error, None)

    def is_banned(self, host: str) -> bool:
        """Whether no connection is taken from a numeric host."""
        return self.gate is not None and self.gate.is_banned(Flow("tcp", ("", 0), (host, 0)))

    def when_flow_closes(self, watcher: Callable[[Flow], None]) -> None:
        """Call ``watcher`` with the flow of each connection that ends from now on, once, in the loop.

        ``flow.is_open`` is False by then, and ``flow.id`` is what a binding that came by it has noted: such a binding
        cannot be reached any more unless its URI says where (RFC 5626 §5.3, §6). Flows of datagrams never close, and
        ``stop()`` closes everything untold.
        """
        self._flow_watchers.append(watcher)

    def undelivered(self, branch: str, method: str) -> None:
        """The host or port a request went to is unreachable (§18.4)."""
        self._layer.transport_failed(branch, method, self._network.now())

    # Out

    def send_request(
        self, request: Request, next_hop: NextHop, user: ClientUser | None, branch_suffix: str = ""
    ) -> ClientTransaction:
        """Send a request in a client transaction, with our Via on top. ``request`` belongs to the transaction now.

        ``branch_suffix`` (token characters) ends the branch; a proxy finds its own requests by it (§16.6 step 8).
        Failures are told to ``user`` later, never before this returns.
        """
        if next_hop.has_others:
            user = Observed(self._next_hops.failed_targets, next_hop, user)
        return self._layer.send_request(request, next_hop, user, branch_suffix)

    def send_stateless(self, request: Request, next_hop: NextHop) -> None:
        """Send a request once, with our Via on top: ACK to a 2xx, CANCEL without context (§16.10, §16.11).

        The branch depends on the request only, so that a retransmission forwarded has the same.
        """
        self._layer.send_stateless(request, next_hop, self._stateless_branch(request))

    def _stateless_branch(self, request: Request) -> str:
        cseq = request.cseq.number
        text = f"{request.first('via')} {request.uri_text} {request.call_id} {request.from_tag} {request.to_tag} {cseq}"
        digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12, key=self._secret).hexdigest()
        return f"{self._layer.branch_start}s{digest}"

    def is_merged(self, transaction: ServerTransaction) -> bool:
        """Whether another copy of this request came first by another way (§8.2.2.2). Proxies must not ask (§16.3)."""
        return self._layer.is_merged(transaction)

    def send_to(self, next_hop: NextHop, data: bytes, failed: Callable[[], None] | None) -> bool:
        """Send bytes to a next hop; False when it failed at once."""
        is_sent = self._send_to(next_hop, data, failed)
        if not is_sent:
            return False
        self.traffic.was_sent(data)
        if self.tap is not None:
            flow = next_hop.flow
            local = flow.local if flow is not None else self._local_towards(next_hop)
            remote = flow.remote if flow is not None else (next_hop.host, next_hop.port)
            self.tap.sent(data, next_hop.protocol, local, remote)
        return True

    def _local_towards(self, next_hop: NextHop) -> tuple[str, int]:
        listener = self._listeners.towards(next_hop.protocol, next_hop.host)
        return listener.host, listener.port

    def _send_to(self, next_hop: NextHop, data: bytes, failed: Callable[[], None] | None) -> bool:
        protocol, host, port, flow, _, name = next_hop
        if flow is not None:
            if protocol == "udp":
                return _datagrams(flow).send(data, flow.remote, flow.local[0])
            connection = flow.channel
            return flow.is_open and _streams(connection).write(data, failed)
        try:
            listener = self._listeners.towards(protocol, host)
        except LookupError:
            return False
        if protocol == "udp":
            channel = _datagram_channel(listener.channel)
            return channel.send(data, (host, port), listener.host)
        stream = self._network.stream_to(protocol, (host, port), (listener.host, listener.port), name)
        return stream is not None and stream.write(data, failed)

    def send_back(self, flow: Flow, address: tuple[str, int], data: bytes, ttl: int) -> bool:
        """Send a response: on the socket or connection of the request, or a new connection (§18.2.2)."""
        if not flow.is_reliable:
            is_sent = _datagrams(flow).send(data, address, flow.local[0], ttl)
        elif flow.is_open:
            is_sent = _streams(flow.channel).write(data)
        else:
            stream = self._network.stream_to(flow.protocol, address, flow.local)
            is_sent = stream is not None and stream.write(data)
        if not is_sent:
            self.count["response_undelivered"] += 1  # RFC 6026 §8.8: the transaction stays as it is
            return False
        self.traffic.was_sent(data)
        if self.tap is not None:
            self.tap.sent(data, flow.protocol, flow.local, address)
        return True

    # Where

    def resolve(self, uri: Uri, done: Callable[[list[NextHop]], None], key: str = "") -> None:
        """Next hops of a URI in the order of trying them, [] when there is none (RFC 3263 §4).

        ``done`` is called at once for a numeric host, within 5 seconds for a name. Targets that failed lately come
        last. Servers of equal rights are drawn anew each time; with a ``key`` (a Call-ID, say) always the same way, as
        a proxy without state needs it.
        """
        self._next_hops.find(uri, done, key)

    @property
    def listeners(self) -> list[Listener]:
        """The open listeners, with their real ports."""
        return self._listeners.all

    def connection_counts(self) -> Mapping[str, int]:
        """Connections by protocol, those included that are being opened."""
        return self._network.connection_counts()

    def listener_for(self, next_hop: NextHop) -> Listener:
        """Listener that a request to this next hop leaves from; LookupError when there is none of its kind."""
        if next_hop.flow is not None:
            return self._listeners.of(next_hop.flow)
        return self._listeners.towards(next_hop.protocol, next_hop.host)

    def listener_of(self, flow: Flow) -> Listener:
        """Listener that a flow came in by, seen at the local address of the flow."""
        return self._listeners.of(flow)

    def is_own_address(self, host: str, port: int | None, protocol: str = "") -> bool:
        """Whether host and port are ours: a listener's, an advertised one, or, behind a wildcard, any local address.

        ``host`` may be a name or an address with or without brackets; no ``port`` means the protocol's default.
        """
        return self._listeners.are_at(host, port, protocol)

    def is_own_sent_by(self, via: Via) -> bool:
        """Whether we could have put this Via there (§18.1.2)."""
        return self._listeners.are_at(via.host, via.port)


def _datagrams(flow: Flow) -> DatagramChannel:
    return _datagram_channel(flow.channel)


def _datagram_channel(channel: object) -> DatagramChannel:
    return channel  # type: ignore[return-value]  # the flow's protocol tells its kind


def _streams(connection: object) -> StreamChannel:
    return connection  # type: ignore[return-value]  # the flow's protocol tells its kind


class _Callback:
    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def timer_fired(self, name: str, now: float) -> None:
        try:
            self._callback()
        except Exception as error:
            log_failure(error, None)
