"""Connections by their far end: which is used again, which is opened, and how many there may be."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sip.transport import connections
from sip.transport.connections import Connections, Listening
from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming
from sip.transport.network import _stream_socket
from sip.transport.stream import StreamConnection
from sip.transport.tls import TlsContexts
from tests.sip.imaginary import request_text
from tests.sip.transport.certificates import loopback_tls
from tests.sip.transport.test_network import PATIENCE

MESSAGE = request_text(protocol="TCP")
Address = tuple[str, int]


class Server:
    """Listens on loopback for each of some protocols; what it is told arrives in queues."""

    def __init__(self, tls: TlsContexts | None = None) -> None:
        self.count: Counter[str] = Counter()
        self.connections = Connections(self.count, tls, lambda origin: True)
        self.received: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.broken: asyncio.Queue[BrokenFraming] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.banned: set[str] = set()
        self.addresses: dict[str, Address] = {}
        self._sockets: list[socket.socket] = []

    async def start(self, *protocols: str) -> Server:
        listening = [Listening(protocol, _stream_socket("127.0.0.1", 0)) for protocol in protocols]
        self._sockets = [one.socket for one in listening]
        self.addresses = {one.protocol: one.socket.getsockname() for one in listening}
        await self.connections.start(
            listening,
            lambda data, flow: self.received.put_nowait((data, flow)),
            lambda error, flow: self.broken.put_nowait(error),
            self.closed.put_nowait,
            lambda host: host in self.banned,
        )
        return self

    async def stop(self) -> None:
        await self.connections.stop()
        for one in self._sockets:
            one.close()


async def within(work: asyncio.Queue[object] | asyncio.Event) -> object:
    return await asyncio.wait_for(work.get() if isinstance(work, asyncio.Queue) else work.wait(), PATIENCE)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[Server]]:
    tls = loopback_tls(tmp_path)
    found = [await Server(tls).start("tcp", "tls", "ws", "wss"), await Server(tls).start("tcp", "tls")]
    yield found
    for server in found:
        await server.stop()


@pytest.mark.rfc("3261", "18.1.1")
@pytest.mark.parametrize("protocol", ["tcp", "tls"])
async def test_one_that_is_open_is_used_again(servers: list[Server], protocol: str) -> None:
    bob, alice = servers
    there, here = bob.addresses[protocol], ("127.0.0.1", 5060)
    for _ in range(2):
        connection = alice.connections.to(protocol, there, here)
        assert connection is not None and connection.write(MESSAGE)
        data, _ = await asyncio.wait_for(bob.received.get(), PATIENCE)
        assert data == MESSAGE
    assert alice.connections.counts() == bob.connections.counts() == {protocol: 1}
    # By another name it may be another server, whose certificate is to be seen.
    other = alice.connections.to(protocol, there, here, "bob.example")
    assert (other is connection) is (protocol == "tcp")
    connection.close()
    flow = await asyncio.wait_for(alice.closed.get(), PATIENCE)
    assert flow is connection.flow
    assert alice.connections.to(protocol, there, here) is not connection


@pytest.mark.rule("X13")
async def test_one_that_was_accepted_leads_to_its_far_end_unless_it_proves_nothing(servers: list[Server]) -> None:
    bob, alice = servers
    for protocol, is_used in (("tcp", True), ("tls", False)):
        dialled = alice.connections.to(protocol, bob.addresses[protocol], ("0.0.0.0", 5060))
        assert dialled is not None and dialled.write(MESSAGE)
        _, flow = await asyncio.wait_for(bob.received.get(), PATIENCE)
        assert (bob.connections.to(protocol, flow.remote, flow.local) is flow.channel) is is_used


def test_nothing_can_be_received_before_the_start() -> None:
    with pytest.raises(RuntimeError):
        Connections(Counter(), None, lambda origin: True).received(b"", None)  # type: ignore[arg-type]


async def test_stopping_before_the_start() -> None:
    await Connections(Counter(), None, lambda origin: True).stop()


@pytest.mark.rule("X16")
def test_what_is_never_dialled() -> None:
    without_tls = Connections(Counter(), None, lambda origin: True)
    for protocol in ("ws", "wss", "tls", "sctp"):
        assert without_tls.to(protocol, ("127.0.0.1", 9), ("127.0.0.1", 5060)) is None


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
async def test_nobody_listens_there(servers: list[Server], protocol: str) -> None:
    alice = servers[1]
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        remote = dead.getsockname()
    failed = asyncio.Event()
    connection = alice.connections.to(protocol, remote, ("127.0.0.1", 5060))
    assert connection is not None and connection.write(MESSAGE, failed.set)
    await within(failed)
    assert alice.count == {"connect_failed": 1} and alice.connections.counts() == {} and alice.closed.empty()


async def test_a_broken_stream_is_told_and_its_end_too(servers: list[Server]) -> None:
    bob = servers[0]
    _, writer = await asyncio.open_connection(*bob.addresses["tcp"])
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert isinstance(await within(bob.broken), BrokenFraming)  # type: ignore[arg-type]
    await within(bob.closed)  # type: ignore[arg-type]
    writer.close()


@pytest.mark.threat(20)
async def test_limits(servers: list[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    bob, alice = servers
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SOURCE", 2)
    phones = [await asyncio.open_connection(*bob.addresses[protocol]) for protocol in ("tcp", "tls", "ws")]
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(phones[2][0].readexactly(1), PATIENCE)
    assert bob.count == {"too_many_connections": 1}
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    assert bob.connections.to("tcp", alice.addresses["tcp"], ("127.0.0.1", 5060)) is None
    assert bob.count["too_many_connections"] == 2
    for _, writer in phones:
        writer.close()
    await within(bob.closed)  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE):
        while not bob.count["tls_handshake_failed"]:
            await asyncio.sleep(0.005)
    assert bob.connections._number == 0 and not bob.connections._sources


@pytest.mark.threat(6)
@pytest.mark.parametrize("protocol", ["tcp", "tls", "ws", "wss"])
async def test_a_banned_source_has_no_connection(servers: list[Server], protocol: str) -> None:
    bob = servers[0]
    bob.banned.add("127.0.0.1")
    reader, writer = await asyncio.open_connection(*bob.addresses[protocol])
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), PATIENCE)
    assert bob.count == {"banned_connection": 1} and bob.connections._number == 0
    writer.close()


async def test_a_certificate_that_is_refused_is_said(servers: list[Server], caplog: pytest.LogCaptureFixture) -> None:
    bob, alice = servers
    failed = asyncio.Event()
    connection = alice.connections.to("tls", bob.addresses["tls"], ("127.0.0.1", 5060), "other.example")
    assert connection is not None and connection.write(MESSAGE, failed.set)
    await within(failed)
    assert alice.count == {"certificate_refused": 1} and "Not connected to other.example" in caplog.text


async def test_the_sweep_asks_those_that_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_INTERVAL", 0.01)
    asked: asyncio.Queue[object] = asyncio.Queue()
    server = await Server().start("tcp")
    reader, writer = await asyncio.open_connection(*server.addresses["tcp"])
    writer.write(MESSAGE)
    _, flow = await asyncio.wait_for(server.received.get(), PATIENCE)
    connection = flow.channel
    assert isinstance(connection, StreamConnection)
    connection.overdue = lambda now: asked.put_nowait(now)  # type: ignore[method-assign,assignment,func-returns-value]
    connection.deadline = 0.0
    await within(asked)
    assert server.count == {}
    del connection.overdue
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), PATIENCE)
    assert server.count == {"connection_timed_out": 1}
    writer.close()
    await server.stop()


async def test_stopping_while_one_is_being_opened(servers: list[Server]) -> None:
    bob, alice = servers
    failed: list[int] = []
    connection = alice.connections.to("tls", bob.addresses["tls"], ("127.0.0.1", 5060))
    assert connection is not None and connection.write(MESSAGE, lambda: failed.append(1))
    await asyncio.sleep(0)
    await alice.connections.stop()
    assert failed == [1] and not connection.is_open and alice.closed.empty()
