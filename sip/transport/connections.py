"""The connections that are open or being opened, by their far end (§18)."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections import Counter
from collections.abc import Callable

from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming
from sip.transport.listeners import WILDCARDS
from sip.transport.tcp import TcpConnection

MAX_CONNECTIONS = 10_000
MAX_CONNECTIONS_PER_SOURCE = 1_000  # an office behind one address; far below the total, so that nobody takes it all
CONNECT_INTERVAL = 10.0  # seconds to open a connection: after that another next hop is worth more
SWEEP_INTERVAL = 5.0  # seconds between looks for idle and stuck connections
BACKLOG = 512


class Connections:
    """Accepts, opens, finds and ends connections.

    ``receive`` takes each message, ``broken`` a stream that makes no sense any more, ``closed`` the flow of each
    connection that was open and is no more, unless we are stopping.
    """

    def __init__(self, count: Counter[str]) -> None:
        self._count = count
        self._by_remote: dict[tuple[str, int], TcpConnection] = {}
        self._all: set[TcpConnection] = set()
        self._sources: Counter[str] = Counter()
        self._tokens = itertools.count(1)
        self._start = os.urandom(4).hex()  # so that tokens of another run are never ours
        self._opening: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._servers: list[asyncio.Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receive: Callable[[bytes, Flow], None] | None = None
        self._broken: Callable[[BrokenFraming, Flow], None] | None = None
        self._closed: Callable[[Flow], None] | None = None

    async def start(
        self,
        sockets: list[socket.socket],
        receive: Callable[[bytes, Flow], None],
        broken: Callable[[BrokenFraming, Flow], None],
        closed: Callable[[Flow], None],
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._receive = receive
        self._broken = broken
        self._closed = closed
        for listening in sockets:
            local = listening.getsockname()[:2]

            def accept(local: tuple[str, int] = local) -> TcpConnection:
                return TcpConnection(self, local)

            self._servers.append(await loop.create_server(accept, sock=listening, backlog=BACKLOG))
        self._sweep = loop.call_later(SWEEP_INTERVAL, self._look_for_stuck)

    async def stop(self) -> None:
        self._closed = None
        if self._sweep is not None:
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

    def __len__(self) -> int:
        return len(self._all)

    def to(self, remote: tuple[str, int], local: tuple[str, int]) -> TcpConnection | None:
        """Connection to ``remote``: one that is open, or a new one from the address of our listener ``local``.

        None when there are too many.
        """
        connection = self._by_remote.get(remote)
        if connection is not None and connection.is_open:
            return connection
        if len(self._all) >= MAX_CONNECTIONS:
            self._count["too_many_connections"] += 1
            return None
        assert self._loop is not None
        connection = TcpConnection(self, local, remote)
        self._all.add(connection)
        self._sources[remote[0]] += 1
        self._by_remote[remote] = connection
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    async def _open(self, connection: TcpConnection) -> None:
        assert self._loop is not None
        host = connection.local[0]
        source = None if host in WILDCARDS else (host, 0)  # so that it comes from the address in our Via
        try:
            opening = self._loop.create_connection(lambda: connection, *connection.remote, local_addr=source)
            await asyncio.wait_for(opening, CONNECT_INTERVAL)
        except (TimeoutError, OSError, asyncio.CancelledError):
            self._count["connect_failed"] += 1
            connection.connecting_failed()

    # For the connections

    def now(self) -> float:
        assert self._loop is not None
        return self._loop.time()

    def new_token(self) -> str:
        return f"{self._start}-{next(self._tokens)}"

    def opened(self, connection: TcpConnection) -> bool:
        host = connection.remote[0]
        if len(self._all) >= MAX_CONNECTIONS or self._sources[host] >= MAX_CONNECTIONS_PER_SOURCE:
            self._count["too_many_connections"] += 1
            return False
        self._all.add(connection)
        self._sources[host] += 1
        self._by_remote[connection.remote] = connection
        return True

    def closed(self, connection: TcpConnection) -> None:
        if connection not in self._all:
            return
        self._all.discard(connection)
        host = connection.remote[0]
        self._sources[host] -= 1
        if self._sources[host] <= 0:
            del self._sources[host]
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        if self._closed is not None and connection.was_open:
            self._closed(connection.flow)

    def received(self, data: bytes, flow: Flow) -> None:
        if self._receive is not None:
            self._receive(data, flow)

    def framing_broken(self, error: BrokenFraming, flow: Flow) -> None:
        if self._broken is not None:
            self._broken(error, flow)

    def _look_for_stuck(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for connection in [connection for connection in self._all if connection.deadline < now]:
            self._count["connection_timed_out"] += 1
            connection.abort()
        self._sweep = self._loop.call_later(SWEEP_INTERVAL, self._look_for_stuck)
