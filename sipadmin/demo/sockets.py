"""Where a test phone's messages leave and arrive: one UDP socket, or TCP connections and a listener (§18)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

# A message and the way back to where it came from.
Reply = Callable[[bytes], None]
Received = Callable[[bytes, Reply], None]
HostPort = tuple[str, int]


class Wire(Protocol):
    """One protocol of a phone. ``send`` never raises: what does not arrive is the timers' business."""

    protocol: str
    host: str
    port: int

    async def open(self) -> None: ...
    def send(self, data: bytes, to: HostPort) -> None: ...
    async def close(self) -> None: ...


def is_multicast(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_multicast
    except ValueError:
        return False


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self.received = received
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: tuple[Any, ...]) -> None:
        if data.strip():
            self.received(data, lambda answer: self.transport.sendto(answer, source))


class UdpWire:
    """One socket for both directions, as phones do (RFC 3581). Port 0 picks a free one."""

    protocol = "udp"

    def __init__(self, host: str, port: int, received: Received, group: str = "") -> None:
        self.host, self.port = host, port
        self._received = received
        self._group = group
        self._endpoints: list[asyncio.DatagramTransport] = []

    async def open(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        unicast = socket.socket(family, socket.SOCK_DGRAM)
        unicast.bind((self.host, self.port))
        self.port = unicast.getsockname()[1]
        sockets = [unicast]
        if self._group:
            unicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.host))
            sockets.append(self._group_socket())
        loop = asyncio.get_running_loop()
        for bound in sockets:
            bound.setblocking(False)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._received), sock=bound)
            self._endpoints.append(transport)

    def _group_socket(self) -> socket.socket:
        # §18.2.2: the answer to a multicast request goes to the group, at the port of our Via.
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self._group, self.port))
        membership = struct.pack("4s4s", socket.inet_aton(self._group), socket.inet_aton(self.host))
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        return listening

    def send(self, data: bytes, to: HostPort) -> None:
        if self._endpoints:
            self._endpoints[0].sendto(data, to)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            endpoint.close()
        self._endpoints.clear()


class TcpWire:
    """Connections by remote address, opened as needed, and a listener for the server's own (§18.1.1)."""

    protocol = "tcp"

    def __init__(self, host: str, port: int, received: Received) -> None:
        self.host, self.port = host, port
        self._received = received
        self._listener: asyncio.Server | None = None
        self._connections: dict[HostPort, asyncio.Task[asyncio.StreamWriter | None]] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._listener = await asyncio.start_server(self._accepted, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def send(self, data: bytes, to: HostPort) -> None:
        connection = self._connections.get(to)
        if connection is None or (connection.done() and self._is_gone(connection)):
            connection = asyncio.ensure_future(self._connect(to))
            self._connections[to] = connection
        connection.add_done_callback(lambda done: self._write(done, data))

    @staticmethod
    def _is_gone(connection: asyncio.Task[asyncio.StreamWriter | None]) -> bool:
        writer = None if connection.cancelled() else connection.result()
        return writer is None or writer.is_closing()

    @staticmethod
    def _write(connection: asyncio.Task[asyncio.StreamWriter | None], data: bytes) -> None:
        writer = None if connection.cancelled() else connection.result()
        if writer is not None and not writer.is_closing():
            writer.write(data)

    async def _connect(self, to: HostPort) -> asyncio.StreamWriter | None:
        try:
            reader, writer = await asyncio.open_connection(*to)
        except OSError:
            return None
        self._serve(reader, writer)
        return writer

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serve(reader, writer)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.ensure_future(self._read(reader, writer))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _content_length(head)
                body = await reader.readexactly(length) if length else b""
                if head.strip():  # §7.5: empty lines before a message keep the connection alive
                    self._received(head.lstrip(b"\r\n") + body, writer.write)
        self._writers.discard(writer)
        writer.close()

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in [*self._readers, *self._connections.values()]:
            task.cancel()
        for writer in self._writers:
            writer.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            return int(value)
    return 0
