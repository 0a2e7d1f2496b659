"""The real network and clock, behind the one interface that an imaginary one can stand in for (§18)."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from sip.transport.connections import Connections, Listening
from sip.transport.flow import SECURE, Flow, StreamChannel, bare_host, host_and_port
from sip.transport.framing import BrokenFraming
from sip.transport.listeners import WILDCARDS, ListenAddress, Listener
from sip.transport.multicast import MulticastSocket
from sip.transport.name_servers import NameServers
from sip.transport.records import Question, Record
from sip.transport.resolver import Resolver
from sip.transport.tls import BadCertificate, TlsContexts
from sip.transport.udp import UdpSocket
from sip.transport.websocket import MayComeFrom

logger = logging.getLogger(__name__)

CERTIFICATE_INTERVAL = 5.0  # seconds between looks whether a file of a certificate has changed
TICK_INTERVAL = 0.02  # seconds between looks at the timers: the shortest of them is T1, half a second
ANY_PORT_ATTEMPTS = 20  # to find a port free for both UDP and TCP, when any will do
MAX_KNOWN_ADDRESSES = 4_096  # and routes to them; strangers choose where answers are to go
ADDRESSES_KNOWN_INTERVAL = 30.0  # seconds until local addresses are looked at again: interfaces come and go


class Receiver(Protocol):
    """Who takes what arrives."""

    def receive(self, data: bytes, flow: Flow) -> None: ...

    def framing_broken(self, error: BrokenFraming, flow: Flow) -> None: ...

    def flow_closed(self, flow: Flow) -> None: ...

    def is_banned(self, host: str) -> bool:
        """Whether no connection is taken from a numeric host."""

    def undelivered(self, branch: str, method: str) -> None: ...


class Network(Protocol):
    """Sockets, names and the clock, as the endpoint uses them."""

    def bind(self, addresses: Sequence[ListenAddress], multicast: Sequence[str]) -> list[Listener]: ...

    async def start(self, receiver: Receiver) -> None: ...

    async def stop(self) -> None: ...

    @property
    def now(self) -> Callable[[], float]: ...

    @property
    def soon(self) -> Callable[[Callable[[], None]], object]: ...

    def wake_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back once at that time; replaces an earlier wish."""

    def stream_to(
        self, protocol: str, remote: tuple[str, int], local: tuple[str, int], name: str = ""
    ) -> StreamChannel | None: ...

    def route_from(self, host: str) -> str:
        """Local address that datagrams to a numeric host leave from, empty when there is no route."""

    def is_local_address(self, host: str) -> bool: ...

    def reload_certificates(self) -> None: ...

    def connection_counts(self) -> Mapping[str, int]: ...

    def look_up(self, question: Question, done: Callable[[Sequence[Record]], None]) -> None:
        """Call back with the records, [] when there are none: at once when known."""


class SocketNetwork:
    """Network of real sockets in the running loop. ``name_servers`` as in ``NameServers``; ``tls`` as far as there are
    TLS listeners; ``may_come_from`` judges the Origin of browsers."""

    def __init__(
        self,
        count: Counter[str],
        name_servers: Sequence[tuple[str, int]] = (),
        tls: TlsContexts | None = None,
        may_come_from: MayComeFrom = lambda origin: False,
    ) -> None:
        self._count = count
        self._udp: list[UdpSocket] = []
        self._multicast: list[MulticastSocket] = []
        self._listening: list[Listening] = []
        self._tls = tls
        self._certificate_look: asyncio.TimerHandle | None = None
        self._connections = Connections(count, tls, may_come_from)
        self._resolver = Resolver(count, NameServers(name_servers))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._ticked_at = 0.0
        self._routes: dict[str, str] = {}
        self._local: dict[str, bool] = {}
        self._known_until = 0.0
        self.soon: Callable[[Callable[[], None]], object] = self._too_early
        self.now: Callable[[], float] = time.monotonic

    @staticmethod
    def _too_early(callback: Callable[[], None]) -> None:
        raise RuntimeError("The endpoint is not started")

    # Start and stop

    def bind(self, addresses: Sequence[ListenAddress], multicast: Sequence[str]) -> list[Listener]:
        """Bind everything, or nothing and OSError. A UDP address is bound for TCP too (§18.2.1).

        BadCertificate when TLS is asked for and there is none.
        """
        listeners: list[Listener] = []
        addresses = [_numeric(address) for address in addresses]
        try:
            for address in addresses:
                if address.protocol == "udp":
                    listeners += self._bind_pair(address)
            for address in addresses:
                if address.protocol in SECURE and self._tls is None:
                    raise BadCertificate(f"{address.protocol} needs a certificate")
                if address.protocol != "udp" and not any(_is_same(address, listener) for listener in listeners):
                    listeners.append(self._bind_stream(address, address.protocol, address.port))
            for interface in multicast:
                self._join(interface, listeners)
        except BaseException:
            self._close()
            raise
        return listeners

    def _bind_pair(self, address: ListenAddress) -> list[Listener]:
        attempts = 1 if address.port else ANY_PORT_ATTEMPTS
        while True:
            attempts -= 1
            with _explaining("udp", address.host, address.port):
                datagrams = UdpSocket(address.host, address.port, self._count)
            try:
                stream = self._bind_stream(address, "tcp", datagrams.local[1])
            except OSError:
                datagrams.close()
                if not attempts:
                    raise
            else:
                self._udp.append(datagrams)
                return [_listener("udp", address, datagrams.local[1], datagrams), stream]

    def _bind_stream(self, address: ListenAddress, protocol: str, port: int) -> Listener:
        with _explaining(protocol, address.host, port):
            listening = _stream_socket(address.host, port)
        self._listening.append(Listening(protocol, listening))
        return _listener(protocol, address, listening.getsockname()[1])

    def _join(self, interface: str, listeners: list[Listener]) -> None:
        for listener in listeners:
            if isinstance(listener.channel, UdpSocket) and listener.host in (interface, "0.0.0.0"):
                with _explaining("multicast", interface, listener.port):
                    group = MulticastSocket(interface, listener.port, listener.channel, self._count)
                self._multicast.append(group)
                return
        raise OSError(f"Cannot listen for multicast on {interface}: no UDP listener there")

    async def start(self, receiver: Receiver) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self.now = loop.time
        self.soon = loop.call_soon
        undelivered = receiver.undelivered if isinstance(loop, asyncio.SelectorEventLoop) else None
        for datagrams in self._udp:
            datagrams.start(receiver.receive, undelivered)
            loop.add_reader(datagrams.fileno(), datagrams.read)
        for group in self._multicast:
            group.start(receiver.receive)
            loop.add_reader(group.fileno(), group.read)
        await self._connections.start(
            self._listening, receiver.receive, receiver.framing_broken, receiver.flow_closed, receiver.is_banned
        )
        self._look_at_certificates()

    async def stop(self) -> None:
        if self._loop is not None:
            if self._tick is not None:
                self._tick.cancel()
            if self._certificate_look is not None:
                self._certificate_look.cancel()
            for number in [*map(UdpSocket.fileno, self._udp), *map(MulticastSocket.fileno, self._multicast)]:
                self._loop.remove_reader(number)
            await self._connections.stop()
        self._resolver.stop()
        self._close()

    def _close(self) -> None:
        for opened in (self._udp, self._multicast):
            for one in opened:
                one.close()
        for listening in self._listening:
            listening.socket.close()
        self._udp.clear()
        self._multicast.clear()
        self._listening.clear()

    def connection_counts(self) -> Mapping[str, int]:
        return self._connections.counts()

    # Certificates

    def reload_certificates(self) -> None:
        """Take the files as they are now, for new connections. BadCertificate when they are no good: the old ones stay
        in use."""
        if self._tls is not None:
            self._tls.reload()
            logger.info("certificates read anew")

    def _look_at_certificates(self) -> None:
        if self._loop is None or self._tls is None:
            return
        if self._tls.have_changed():
            try:
                self.reload_certificates()
            except BadCertificate as error:
                # Perhaps half of two files is written: the other half is a change of its own.
                logger.error("the old certificates stay in use: %s", error)
        self._certificate_look = self._loop.call_later(CERTIFICATE_INTERVAL, self._look_at_certificates)

    # Clock

    def wake_at(self, when: float, callback: Callable[[], None]) -> None:
        assert self._loop is not None
        if self._tick is not None:
            self._tick.cancel()
        self._tick = self._loop.call_at(max(when, self._ticked_at + TICK_INTERVAL), self._ticked, callback)

    def _ticked(self, callback: Callable[[], None]) -> None:
        assert self._loop is not None
        self._ticked_at = self._loop.time()
        callback()

    # Names and addresses

    def stream_to(
        self, protocol: str, remote: tuple[str, int], local: tuple[str, int], name: str = ""
    ) -> StreamChannel | None:
        return self._connections.to(protocol, remote, local, name)

    def look_up(self, question: Question, done: Callable[[Sequence[Record]], None]) -> None:
        self._resolver.look_up(question, done)

    def _forget_old_addresses(self) -> None:
        now = self.now()
        if now > self._known_until or len(self._routes) + len(self._local) > MAX_KNOWN_ADDRESSES:
            self._known_until = now + ADDRESSES_KNOWN_INTERVAL
            self._routes.clear()
            self._local.clear()

    def route_from(self, host: str) -> str:
        self._forget_old_addresses()
        source = self._routes.get(host)
        if source is None:
            source = self._routes[host] = _route_from(host)
        return source

    def is_local_address(self, host: str) -> bool:
        self._forget_old_addresses()
        is_local = self._local.get(host)
        if is_local is None:
            is_local = self._local[host] = _is_local_address(host)
        return is_local


def _numeric(address: ListenAddress) -> ListenAddress:
    if address.host in WILDCARDS:
        return address._replace(host=address.host or "0.0.0.0")
    with _explaining(address.protocol, address.host, address.port):
        found = socket.getaddrinfo(bare_host(address.host), address.port, type=socket.SOCK_DGRAM)
    return address._replace(host=str(found[0][4][0]))


def _is_same(address: ListenAddress, listener: Listener) -> bool:
    # With port 0 the TCP listener that came with UDP on that host is the one meant.
    is_same_port = address.port in (0, listener.port)
    return listener.protocol == address.protocol == "tcp" and address.host == listener.host and is_same_port


def _listener(protocol: str, address: ListenAddress, port: int, channel: object = None) -> Listener:
    return Listener(protocol, address.host, port, address.advertised_host, address.advertised_port, channel)


def _stream_socket(host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if ":" in host:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen()
    except BaseException:
        opened.close()
        raise
    return opened


@contextmanager
def _explaining(what: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = host_and_port(host, port)
        raise OSError(error.errno, f"Cannot listen on {what} {where}: {error.strerror or error}") from error


def _route_from(host: str) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _is_local_address(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            return True
    except OSError:
        return False
