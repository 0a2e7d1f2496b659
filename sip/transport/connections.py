"""The connections that are open or being opened, by their far end (§18)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from sip.transport.connection import Connection
from sip.transport.flow import DIALLED, SECURE, Flow
from sip.transport.framing import BrokenFraming
from sip.transport.listeners import WILDCARDS
from sip.transport.stream import StreamConnection
from sip.transport.tls import HANDSHAKE_INTERVAL, TlsContexts, TlsHandshake
from sip.transport.websocket import MayComeFrom, WebSocketConnection

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 10_000  # phones that keep theirs open, on one process; each costs a file and its buffers
MAX_CONNECTIONS_PER_SOURCE = 1_000  # an office behind one address; far below the total, so that nobody takes it all
CONNECT_INTERVAL = 10.0  # seconds to open a connection: after that another next hop is worth more
SWEEP_INTERVAL = 5.0  # seconds between looks for idle and stuck connections
BACKLOG = 512  # connections of one instant, when all phones come back after an outage

# Protocol, far end, and of TLS the name in its certificate, which is what makes it the right far end (RFC 5923 §5).
Key = tuple[str, tuple[str, int], str]


class Listening(NamedTuple):
    """A bound socket and what is spoken on it."""

    protocol: str
    socket: socket.socket


class Connections:
    """Accepts, opens, finds and ends connections.

    ``receive`` takes each message, ``broken`` a stream that makes no sense any more, ``closed`` the flow of each
    connection that was open and is no more, unless we are stopping. ``is_banned`` tells hosts (numeric) from which no
    connection is taken.
    """

    def __init__(self, count: Counter[str], tls: TlsContexts | None, may_come_from: MayComeFrom) -> None:
        self._count = count
        self._tls = tls
        self._may_come_from = may_come_from
        self._by_key: dict[Key, Connection] = {}
        self._all: set[Connection] = set()
        self._sources: Counter[str] = Counter()
        self._number = 0  # of connections, those included that are not open yet
        self._tokens = itertools.count(1)
        self._start = os.urandom(4).hex()  # so that tokens of another run are never ours
        self._opening: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._servers: list[asyncio.Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.received: Callable[[bytes, Flow], None] = self._too_early
        self.framing_broken: Callable[[BrokenFraming, Flow], None] = self._too_early
        self._closed: Callable[[Flow], None] | None = None
        self._is_banned: Callable[[str], bool] = lambda host: False

    @staticmethod
    def _too_early(what: object, flow: Flow) -> None:
        raise RuntimeError("The connections are not started")

    async def start(
        self,
        listening: list[Listening],
        receive: Callable[[bytes, Flow], None],
        broken: Callable[[BrokenFraming, Flow], None],
        closed: Callable[[Flow], None],
        is_banned: Callable[[str], bool] = lambda host: False,
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self.received = receive
        self.framing_broken = broken
        self._closed = closed
        self._is_banned = is_banned
        for one in listening:
            local = one.socket.getsockname()[:2]

            def accept(protocol: str = one.protocol, local: tuple[str, int] = local) -> asyncio.Protocol:
                return self._accepted(protocol, local)

            self._servers.append(await loop.create_server(accept, sock=one.socket, backlog=BACKLOG))
        self._sweep = loop.call_later(SWEEP_INTERVAL, self._look_for_stuck)

    def _accepted(self, protocol: str, local: tuple[str, int]) -> asyncio.Protocol:
        connection: Connection
        if protocol in ("ws", "wss"):
            connection = WebSocketConnection(self, protocol, local, self._may_come_from)
        else:
            connection = StreamConnection(self, protocol, local)
        if protocol not in SECURE:
            return connection
        assert self._tls is not None
        return TlsHandshake(self._tls.accepting, connection, self._enter, self._handshake_failed, self._opening)

    async def stop(self) -> None:
        self._closed = None
        if self._sweep is None:
            return  # it never began
        self._sweep.cancel()
        for server in self._servers:
            server.close()
        for task in list(self._opening):
            task.cancel()
        for connection in list(self._all):
            connection.close()
        if self._opening:
            await asyncio.gather(*self._opening, return_exceptions=True)
        self._servers.clear()

    def counts(self) -> Counter[str]:
        """Connections that are open or being opened, by protocol."""
        return Counter(connection.protocol for connection in self._all)

    def to(self, protocol: str, remote: tuple[str, int], local: tuple[str, int], name: str = "") -> Connection | None:
        """Connection to ``remote``: one that is open, or a new one from the address of our listener ``local``.

        ``name`` is the host name that led there, empty for an address; of TLS the far end must prove to have it. None
        when there are too many, and for protocols that are not dialled.
        """
        if protocol not in DIALLED or (protocol == "tls" and self._tls is None):
            return None
        name = (name or remote[0]) if protocol == "tls" else ""
        key = (protocol, remote, name)
        open_one = self._by_key.get(key)
        if open_one is not None and open_one.is_open:
            return open_one
        if self._number >= MAX_CONNECTIONS:
            self._count["too_many_connections"] += 1
            return None
        assert self._loop is not None
        connection = StreamConnection(self, protocol, local, remote, name)
        self._number += 1
        self._sources[remote[0]] += 1
        self._all.add(connection)
        self._by_key[key] = connection
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    async def _open(self, connection: StreamConnection) -> None:
        assert self._loop is not None
        host = connection.local[0]
        source = None if host in WILDCARDS else (host, 0)  # so that it comes from the address in our Via
        context = self._tls.dialling if connection.protocol == "tls" and self._tls is not None else None
        try:
            opening = self._loop.create_connection(
                lambda: connection,
                *connection.remote,
                local_addr=source,
                ssl=context,
                server_hostname=connection.name if context is not None else None,
                ssl_handshake_timeout=HANDSHAKE_INTERVAL if context is not None else None,
            )
            await asyncio.wait_for(opening, CONNECT_INTERVAL)
        except ssl.SSLCertVerificationError as error:
            self._count["certificate_refused"] += 1
            logger.warning("Not connected to %s: its certificate is refused, %s", connection.name, error.verify_message)
            connection.connecting_failed()
        except (TimeoutError, OSError, ValueError, asyncio.CancelledError):
            # A ValueError is for a name that no certificate can have.
            self._count["connect_failed"] += 1
            connection.connecting_failed()

    def _enter(self, host: str) -> bool:
        """Count one more connection of a host, unless it has too many or shall have none."""
        if self._is_banned(host):
            self._count["banned_connection"] += 1
            return False
        if self._number >= MAX_CONNECTIONS or self._sources[host] >= MAX_CONNECTIONS_PER_SOURCE:
            self._count["too_many_connections"] += 1
            return False
        self._number += 1
        self._sources[host] += 1
        return True

    def _leave(self, host: str) -> None:
        self._number -= 1
        self._sources[host] -= 1
        if self._sources[host] <= 0:
            del self._sources[host]

    def _handshake_failed(self, host: str) -> None:
        self._count["tls_handshake_failed"] += 1
        self._leave(host)

    # For the connections

    def now(self) -> float:
        assert self._loop is not None
        return self._loop.time()

    def new_token(self) -> str:
        return f"{self._start}-{next(self._tokens)}"

    def counted(self, reason: str) -> None:
        self._count[reason] += 1

    def opened(self, connection: Connection) -> bool:
        if connection.protocol not in SECURE and not self._enter(connection.remote[0]):
            return False
        self._all.add(connection)
        if not connection.is_held:
            self._by_key[connection.protocol, connection.remote, ""] = connection
        return True

    def closed(self, connection: Connection) -> None:
        if connection not in self._all:
            return
        self._all.discard(connection)
        self._leave(connection.remote[0])
        name = connection.name if isinstance(connection, StreamConnection) else ""
        key = (connection.protocol, connection.remote, name)
        if self._by_key.get(key) is connection:
            del self._by_key[key]
        if self._closed is not None and connection.was_open:
            self._closed(connection.flow)

    def _look_for_stuck(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for connection in [connection for connection in self._all if connection.deadline < now]:
            if connection.overdue(now):
                self._count["connection_timed_out"] += 1
        self._sweep = self._loop.call_later(SWEEP_INTERVAL, self._look_for_stuck)
